"""Dataset readers, sample pictures and shipped weights."""
