"""The application: images in, found faces and an honest table out."""
