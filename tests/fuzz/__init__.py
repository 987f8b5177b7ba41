"""Hostile input by the thousand: seeded, in this process, and every defect with what made it."""
