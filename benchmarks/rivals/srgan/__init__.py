"""SRGAN and SRResNet, Ledig et al. 2017."""
