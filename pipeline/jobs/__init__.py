"""What one command does to one image."""
