"""A network run on any number of images of any size."""
