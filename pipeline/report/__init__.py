"""Tables, plots, pages and drawings of a finished run."""
