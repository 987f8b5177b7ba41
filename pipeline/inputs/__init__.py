"""Where images come from: files, folders, globs, stdin, manifests, video."""
