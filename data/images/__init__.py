"""Images on disk as contiguous uint8 RGB arrays, `(H, W, 3)`."""
