"""One reader per annotation format; `pipeline.truth` is the way in."""
