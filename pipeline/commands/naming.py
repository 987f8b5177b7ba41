"""Options that say by which rules a gallery names a face."""

from __future__ import annotations

import functools
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from pipeline.commands import options as opt

if TYPE_CHECKING:
    from pipeline.identity.identifier import Identifier

_options = opt.combine(
    click.option(
        "--fpir",
        type=click.Choice(["0.01", "0.05"]),
        default="0.01",
        show_default=True,
        help="Share of strangers that may be given a name.",
    ),
    click.option(
        "--thresholds",
        type=opt.FILE,
        help="Table of `calibrate identity`; default: the shipped one.",
    ),
    opt.embedder,
    click.option(
        "--accept-poor", is_flag=True, help="Trust gallery images that are small or blurred."
    ),
    click.option(
        "--no-cache", is_flag=True, help="Embed the gallery anew: neither read nor keep its faces."
    ),
)


@dataclass(frozen=True, slots=True)
class Naming:
    """The options of `naming`, as `load_identifier` takes them."""

    fpir: float
    thresholds: Path | None
    accept_poor: bool
    embedder: str
    cached: bool

    def identifier(self, gallery: Path, upscaler: str, *, quiet: bool) -> Identifier:
        """The people of `gallery` and the rules for probes by `upscaler`; see `load_identifier`."""
        from pipeline.jobs.detect_to_folder import load_identifier

        return load_identifier(
            gallery,
            upscaler,
            fpir=self.fpir,
            table=self.thresholds,
            accept_poor=self.accept_poor,
            embedder=self.embedder,
            quiet=quiet,
            cached=self.cached,
        )


def naming(function: Callable[..., int]) -> Callable[..., int]:
    """Options of a command that names faces, handed on as one `naming: Naming`."""

    @functools.wraps(function)
    def command(
        fpir: str,
        thresholds: Path | None,
        accept_poor: bool,
        embedder: str,
        no_cache: bool,
        **values: Any,  # noqa: ANN401 - what the command itself takes
    ) -> int:
        rules = Naming(float(fpir), thresholds, accept_poor, embedder, not no_cache)
        return function(naming=rules, **values)

    return _options(command)
