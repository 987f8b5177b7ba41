"""Faces of one person linked over the frames of a video: linking, fusing, the table of tracks."""
