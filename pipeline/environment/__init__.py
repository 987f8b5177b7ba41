"""Where a run happens: devices, model files, provenance, progress."""
