"""Cache of benchmark results, keyed by weights, data, protocol, version and library versions."""

from __future__ import annotations

import hashlib
import io
import json
import threading
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Final

import numpy as np
from numpy.typing import NDArray

from data.atomic import whole_file
from pipeline.environment.provenance import library_versions

Parts = Mapping[str, object]
"""What a result depends on, JSON-ready."""


class Cache:
    """A folder of results, each in a file called by the hash of its parts.

    The versions of the libraries are parts of every result. Each measuring function adds a
    `VERSION` of its own, raised when its figures change; `tests/benchmarks/test_golden.py` holds
    figures and versions together. `computed` and `reused` count what this run did.
    """

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.computed = 0
        self.reused = 0
        self._counting: Final = threading.Lock()
        self._always: Final = {"libraries": library_versions()}

    def json(self, parts: Parts, compute: Callable[[], Any]) -> Any:  # noqa: ANN401
        """The JSON value of these parts; computed and kept where there is none."""
        found = self.find(parts)
        return self.put(parts, compute()) if found is None else found

    def find(self, parts: Parts) -> Any | None:  # noqa: ANN401
        """The JSON value of these parts, or None."""
        path = self._path(parts, ".json")
        try:
            value = json.loads(path.read_text(encoding="utf-8"))
        except (OSError, ValueError):
            return None
        self._count(computed=False)
        return value

    def put(self, parts: Parts, value: Any) -> Any:  # noqa: ANN401
        """Keep a JSON value; returns it as it will be read again."""
        text = json.dumps(value, ensure_ascii=False)
        with whole_file(self._path(parts, ".json")) as temporary:
            temporary.write_text(text, encoding="utf-8")
        self._count(computed=True)
        return json.loads(text)

    def array(
        self, parts: Parts, compute: Callable[[], NDArray[np.float64]]
    ) -> NDArray[np.float64]:
        """The array of these parts; computed and kept where there is none."""

        def saved() -> bytes:
            file = io.BytesIO()
            np.save(file, compute())
            return file.getvalue()

        kept = self.bytes(parts, ".npy", saved)
        return np.asarray(np.load(io.BytesIO(kept), allow_pickle=False), np.float64)

    def bytes(self, parts: Parts, suffix: str, compute: Callable[[], bytes]) -> bytes:
        """The content of a file of these parts; computed and kept where there is none."""
        path = self._path(parts, suffix)
        if path.is_file():
            self._count(computed=False)
            return path.read_bytes()
        content = compute()
        with whole_file(path) as temporary:
            temporary.write_bytes(content)
        self._count(computed=True)
        return content

    def _count(self, *, computed: bool) -> None:
        """Methods are measured by several threads."""
        with self._counting:
            self.computed += computed
            self.reused += not computed

    def _path(self, parts: Parts, suffix: str) -> Path:
        digest = digest_of({**self._always, **parts})
        return self.folder / digest[:2] / f"{digest}{suffix}"


def digest_of(parts: Parts) -> str:
    """SHA-256 of JSON-ready parts, whatever their order."""
    return hashlib.sha256(json.dumps(parts, sort_keys=True).encode()).hexdigest()
