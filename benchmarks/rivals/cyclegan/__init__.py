"""CycleGAN, Zhu et al. 2017."""
