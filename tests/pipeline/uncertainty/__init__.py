"""Tests of pipeline.uncertainty."""
