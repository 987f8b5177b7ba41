"""Bulat et al. 2018: High-to-Low and Low-to-High GANs."""
