"""The training loop of any recipe: phases, sampling, checkpoints, logs."""
