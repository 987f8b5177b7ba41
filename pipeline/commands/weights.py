"""`sr-pipeline weights list|verify`."""

import click


@click.group("weights", short_help="List and verify weights.")
def command() -> None:
    """The weights that ship with sr-pipeline, and yours."""


@command.command("list")
@click.option("--json", "as_json", is_flag=True, help="The whole cards as JSON.")
def list_(as_json: bool) -> int:
    """Print name, skip source, size of training and validation PSNR of every shipped weight."""
    import json

    from gflmser.toml_schema import dump
    from gflmser.weights import list_weights

    cards = list_weights()
    if as_json:
        click.echo(json.dumps([{**dump(c), "oracle": c.oracle} for c in cards], indent=2))
        return 0 if cards else 2
    for card in cards:
        kind = "ORACLE: needs the ground truth" if card.oracle else "deployable"
        figures = [
            f"{key.split('/')[0]} {value:.2f} dB"
            for key, value in card.metrics.items()
            if key.endswith("/psnr_rgb")
        ]
        minutes = card.wall_seconds / 60
        click.echo(
            f"{card.name}  {kind}  skips {card.source}  "
            f"{card.steps} steps in {minutes:.0f} min  {'  '.join(figures)}"
        )
    return 0 if cards else 2


@command.command("verify")
@click.argument("names", nargs=-1)
def verify(names: tuple[str, ...]) -> int:
    """Check hash, card and tensors of NAMES (names or files), else of all shipped weights."""
    from gflmser.weights import list_weights, verify_weights

    failed = False
    for name in names or tuple(card.name for card in list_weights()):
        problems = verify_weights(name)
        failed = failed or bool(problems)
        click.echo(f"{name}: {'ok' if not problems else '; '.join(problems)}")
    return 1 if failed else 0
