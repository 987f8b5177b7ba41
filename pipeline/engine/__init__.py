"""Runs any job over any listing, resumably."""
