"""Developers' tools: each is run by `python -m benchmarks.tools.NAME`."""
