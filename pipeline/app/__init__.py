"""The local app: drop images and a gallery into a page on this machine, get a run folder."""
