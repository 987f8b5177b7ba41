"""The trainings behind a card: what each was, without saying the same configuration twice."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any


def earlier_trainings(
    earlier: Sequence[Mapping[str, Any]], training: Mapping[str, Any]
) -> tuple[dict[str, Any], ...]:
    """`earlier`, oldest first, with each configuration as what it `differs` in from the next.

    The last one is compared with `training`, the configuration that the card has whole; entries
    that are compared already stay as they are. `undone` gives the configurations back.

    >>> earlier_trainings([{"steps": 5, "training": {"seed": 1, "ema": 0.9}}], {"seed": 2})
    ({'steps': 5, 'differs': {'seed': 1, 'ema': 0.9}},)
    """
    made: list[dict[str, Any]] = []
    after = training
    for one in reversed(earlier):
        entry = {key: value for key, value in one.items() if key != "training"}
        if "training" in one:
            own = without_network(one["training"])
            entry["differs"] = differences(own, after)
        else:
            own = undone(one.get("differs", {}), after)
        made.append(entry)
        after = own
    return tuple(reversed(made))


def differences(config: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """What must be laid over `other` to have `config`; None for what `config` does not have."""
    made: dict[str, Any] = {key: None for key in other if key not in config}
    for key, value in config.items():
        below = other.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            if inner := differences(value, below):
                made[key] = inner
        elif key not in other or value != below:
            made[key] = value
    return made


def undone(differs: Mapping[str, Any], other: Mapping[str, Any]) -> dict[str, Any]:
    """`differences` laid over `other`: the configuration that they were made from."""
    made = {key: value for key, value in other.items() if differs.get(key, ...) is not None}
    for key, value in differs.items():
        below = made.get(key)
        if isinstance(value, Mapping) and isinstance(below, Mapping):
            made[key] = undone(value, below)
        elif value is not None:
            made[key] = value
    return made


def without_network(training: Mapping[str, Any]) -> dict[str, Any]:
    """A configuration without its network, which stands on the card itself."""
    return {key: value for key, value in training.items() if key != "network"}
