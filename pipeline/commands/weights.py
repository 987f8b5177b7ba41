"""`sr-pipeline weights list|verify|import`."""

from pathlib import Path

import click

from pipeline.commands.types import NamedPath


@click.group("weights", short_help="List, verify and import weights.")
def command() -> None:
    """The weights that ship with sr-pipeline, and yours.

    \b
    Example:
      sr-pipeline weights list
    """


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The whole cards as JSON.")
def list_(as_json: bool) -> int:
    """Print name, skip source, size of training and validation PSNR of every shipped weight.

    \b
    Example:
      sr-pipeline weights list --json
    """
    import json

    from benchmarks.rivals.weights import list_rivals
    from gflmser.schema import dump
    from gflmser.weights import list_weights

    cards, rivals = list_weights(), list_rivals()
    if as_json:
        whole = [{**dump(c), "oracle": c.oracle} for c in cards]
        whole += [{**dump(c), "oracle": False} for c in rivals]
        click.echo(json.dumps(whole, indent=2))
        return 0 if whole else 2
    for card in cards:
        kind = "ORACLE: needs the ground truth" if card.oracle else "deployable"
        figures = [
            f"{key.split('/')[0]} {value:.2f} dB"
            for key, value in card.metrics.items()
            if key.endswith("/psnr_rgb")
        ]
        minutes = card.total_wall_seconds / 60
        click.echo(
            f"{card.name}  {kind}  skips {card.source}  "
            f"{card.total_steps} steps in {minutes:.0f} min  {'  '.join(figures)}"
        )
    for rival in rivals:
        minutes = rival.total_wall_seconds / 60
        click.echo(
            f"{rival.name}  rival ({rival.method})  {rival.total_steps} steps in {minutes:.0f} min"
        )
    return 0 if cards or rivals else 2


@command.command("verify")
@click.argument("names", nargs=-1)
@click.option("--json", "as_json", is_flag=True, help="The problems of each, as JSON.")
def verify(names: tuple[str, ...], as_json: bool) -> int:
    """Check hash, card and tensors of NAMES (names or files), else of all shipped weights.

    \b
    Example:
      sr-pipeline weights verify gflmser
    """
    import json

    from benchmarks.rivals.weights import list_rivals, rival_file, verify_rival
    from gflmser.weights import list_weights, verify_weights

    shipped = [*(card.name for card in list_weights()), *(card.name for card in list_rivals())]
    found = {}
    for name in names or shipped:
        file = rival_file(name)
        found[name] = verify_weights(name) if file is None else verify_rival(file)
        if not as_json:
            click.echo(f"{name}: {'; '.join(found[name]) or 'ok'}")
    if as_json:
        click.echo(json.dumps(found, indent=2))
    return 1 if any(found.values()) else 0


@command.command("import")
@click.argument("file", type=NamedPath(exists=True, dir_okay=False, path_type=Path))
@click.option(
    "--origin",
    required=True,
    type=click.Choice(["bulat", "srgan-leftthomas", "srgan-brade31919", "cyclegan-junyanz"]),
    help="Whose file it is: jingyang2017's model.pkl, a netG of leftthomas (scale 4), the "
    "variables of brade31919's TensorFlow checkpoint saved by name as .npz, or junyanz's "
    "latest_net_G.pth.",
)
@click.option("--out", required=True, type=NamedPath(file_okay=False, path_type=Path))
@click.option("--name", help="What it will be called; else the origin.")
def import_(file: Path, origin: str, out: Path, name: str | None) -> None:
    """Turn a public weight file of a rival into ours; the result is a file for --upscaler.

    Nothing in FILE is run, and every tensor must have the name and shape of its layout.

    \b
    Example:
      sr-pipeline weights import latest_net_G.pth --origin cyclegan-junyanz --out weights/
    """
    from typing import cast

    from benchmarks.rivals.import_weights import Origin, import_weights

    click.echo(import_weights(file, cast(Origin, origin), out, name=name))
