"""Dataset readers, sample images and shipped weights."""
