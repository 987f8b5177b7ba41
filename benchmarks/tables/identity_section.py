"""The identity section of table 4: figures of `benchmarks.measuring.identity` as a table."""

from __future__ import annotations

from typing import Final

from benchmarks.context import Bench
from benchmarks.measuring.identity import FARS, IdentityRows, identity_rows, least_impostors
from benchmarks.protocols import IDENTITY
from benchmarks.tables.columns import columns
from benchmarks.tables.document import Section

_COLUMNS: Final = columns("tar_at_far_1e-2", "tar_at_far_1e-3", "verification_accuracy", "rank1")


def identity_section(bench: Bench) -> tuple[Section, str]:
    """The section, with the hash of its data; raises MissingDataError where the pairs are not."""
    measured = identity_rows(bench)
    title = f"identity: {measured.pairs} pairs, crop {IDENTITY.crop:g}"
    return Section(title, measured.rows, _COLUMNS, _note(measured)), measured.digest


def _note(measured: IdentityRows) -> str:
    # HR itself is the bound of the others: it stands with the oracles, and is never the best.
    first = measured.rows[0]
    impostors = first["impostors"]
    assert isinstance(impostors, int)
    return (
        f"SR of a against HR of b, dlib's embeddings at the face's place on HR; row hr: HR against "
        f"HR, the best that can be reached. TAR: of the same pairs, at the distance that accepts "
        f"1 % or 0.1 % of {impostors} comparisons of SR with HR of another person, all "
        f"against all; its interval is of the pairs, that distance kept. Rank-1: "
        f"{first['rank1_probes']} probes in a gallery of {first['rank1_gallery']} people. "
        f"{_unmeasured(impostors)}"
    ).strip()


def _unmeasured(impostors: int) -> str:
    """Which rates have no figure, and why; empty where all have."""
    lacking = [far for far in FARS.values() if impostors < least_impostors(far)]
    needs = ", ".join(f"{100 * far:g} % needs {least_impostors(far)}" for far in lacking)
    return f"Not measured, for want of comparisons: FAR {needs}." if lacking else ""
