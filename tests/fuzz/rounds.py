"""Rounds of seeded inputs over all targets, and what came of them."""

import gc
import random
import shutil
import tempfile
from collections import Counter
from collections.abc import Collection
from dataclasses import dataclass, field
from pathlib import Path

from tests.fuzz.judge import judged
from tests.fuzz.targets import TARGETS


@dataclass
class Counts:
    """How many inputs of each kind were taken, refused, or are defects."""

    verdicts: dict[str, Counter[str]] = field(default_factory=dict)
    defects: list[dict[str, str]] = field(default_factory=list)

    @property
    def inputs(self) -> int:
        """All inputs so far."""
        return sum(counter.total() for counter in self.verdicts.values())

    def as_json(self) -> dict[str, object]:
        """The counts by kind, and the first twenty defects with their tracebacks."""
        kinds = {name: dict(sorted(counter.items())) for name, counter in self.verdicts.items()}
        return {
            "inputs": self.inputs,
            "defects": len(self.defects),
            "kinds": kinds,
            "first": self.defects[:20],
        }


def fuzz(counts: Counts, seed: int, inputs: int, kinds: Collection[str] = tuple(TARGETS)) -> None:
    """Add a round of `inputs` inputs, shared out over all targets, to `counts`; `kinds` are run."""
    whole = sum(weight for _, weight in TARGETS.values())
    for name, (target, weight) in TARGETS.items():
        if name not in kinds:
            continue
        counter = counts.verdicts.setdefault(name, Counter())
        for number in range(max(1, inputs * weight // whole)):
            place = f"{seed}:{name}:{number}"
            folder = Path(tempfile.mkdtemp(prefix="sr-fuzz-"))
            try:
                verdict, why = judged(lambda: target(random.Random(place), folder))  # noqa: B023
            finally:
                shutil.rmtree(folder, ignore_errors=True)
            counter[verdict] += 1
            if verdict == "defect":
                counts.defects.append({"input": place, "why": why})
    gc.collect()
