"""Write the changes of a tuning into the package, at 8 bits.

    python -m benchmarks.tools.ship_embedder ../runs/embedder/embedder.safetensors --note "..."

Cohorts and rules belong to the network: `make_cohorts` and `calibrate identity` come next.
"""

from __future__ import annotations

from pathlib import Path

import click

from pipeline.identity.embedders.tuned_file import load_changes, save_changes
from pipeline.identity.embedding import SHIPPED


def ship(file: Path, out: Path, *, note: str) -> None:
    """Write the changes of `file` to `out` at 8 bits; raises `ModelError` for a broken file."""
    save_changes(load_changes(file), out, note=note, eight_bits=True)


@click.command()
@click.argument("file", type=click.Path(path_type=Path, exists=True, dir_okay=False))
@click.option("--note", required=True, help="How they were trained, on what.")
@click.option("--out", default=SHIPPED, type=click.Path(path_type=Path, dir_okay=False))
def command(file: Path, note: str, out: Path) -> None:
    """Write the changes in FILE to --out."""
    ship(file, out, note=note)
    click.echo(f"{out}: {out.stat().st_size} bytes")


if __name__ == "__main__":
    command()
