"""Measures methods on sets of images."""
