"""Evidence of a run: hashes of what went in and came out, each step, and the replay."""
