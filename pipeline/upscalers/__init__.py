"""Upscalers by name or file: interpolation, networks, oracles."""
