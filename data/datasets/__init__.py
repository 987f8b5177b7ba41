"""Readers of public datasets, one file a dataset."""
