"""The methods that the paper compares with, each as networks, losses and a recipe for the loop."""
