"""Figures of quality, their intervals and their significance."""
