"""Face detectors, one file a detector."""
