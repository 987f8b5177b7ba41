"""Hostile words for every option of every command: usage errors, never a traceback."""

import random
from pathlib import Path

import click
from click.testing import CliRunner

from pipeline.cli import cli
from tests.fuzz import mutate

_COMMANDS = ("detect", "degrade", "upscale", "compare", "identify", "evaluate", "report", "train")
_FLAGS = ("--resume", "--overwrite", "--quick", "--json", "--quiet")


def one_command(rng: random.Random, folder: Path) -> object:
    """A command with a few options of hostile values, over inputs that do not exist."""
    name = rng.choice(_COMMANDS)
    command = cli.get_command(click.Context(cli), name)
    assert command is not None
    words = [name]
    for parameter in command.params:
        if isinstance(parameter, click.Option):
            words += _option(rng, parameter, folder)
        elif parameter.name != "help":
            words.append(rng.choice(("nosuch", "nosuch.png", "", "-", str(folder / "gone"))))
    words = [word.replace("\0", "") if rng.random() < 0.9 else word for word in words]
    result = CliRunner().invoke(cli, words, standalone_mode=False, input="")
    if result.exception is not None:
        raise result.exception
    return result.exit_code


def _option(rng: random.Random, option: click.Option, folder: Path) -> list[str]:
    if option.name in ("help", "compiled", "engine", "device"):
        return []
    if option.is_flag:
        return [option.opts[0]] if option.opts[0] in _FLAGS and rng.random() < 0.2 else []
    if option.name == "out":
        return ["--out", rng.choice((str(folder / "out"), str(folder / "o\x1b"), ""))]
    if not option.required and rng.random() > 0.2:
        return []
    return [f"{option.opts[0]}={rng.choice(mutate.WORDS)}"]
