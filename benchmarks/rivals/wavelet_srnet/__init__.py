"""Wavelet-SRNet, Huang et al. 2017."""
