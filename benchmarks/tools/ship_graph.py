"""Make `pipeline/upscalers/inference/gflmser.onnx`: the graph of the shipped network, no weights.

    python -m benchmarks.tools.ship_graph

It has to be made again when the network's code or the configuration of `gflmser` changes.
"""

from __future__ import annotations

import click

from data.atomic import whole_file
from gflmser.onnx_export import graph_without_weights
from pipeline.cli import main as run
from pipeline.upscalers.inference.onnx_passes import GRAPH


@click.command()
@click.option("--name", default="gflmser", show_default=True, help="Weights of that network.")
def main(name: str) -> None:
    """Write the graph of NAME's network in place of the shipped one."""
    graph = graph_without_weights(name)
    with whole_file(GRAPH) as temporary:
        temporary.write_bytes(graph)
    click.echo(f"{GRAPH}: {len(graph):,} bytes")


if __name__ == "__main__":
    run(main)
