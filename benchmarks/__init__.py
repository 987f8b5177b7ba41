"""Regenerates the tables of the paper and the speed figures."""
