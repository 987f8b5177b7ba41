"""Faces of gallery images kept in the user's cache folder, so that each is embedded once.

An entry is named by the SHA-256 of the image file and of all that makes an entry of it: embedder,
detector, libraries and code. It holds its own hash. A damaged or foreign entry is not read.
Embeddings are biometric data: the folder is readable by its user only.
"""

from __future__ import annotations

import base64
import functools
import hashlib
import json
import platform
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any, Final

import numpy as np

from data.atomic import cache_folder, make_folder, whole_file
from data.boxes import Box
from data.errors import OutputError
from data.regular_files import open_regular
from pipeline.environment.provenance import library_versions
from pipeline.evidence.hashes import file_sha256
from pipeline.evidence.models import models_of
from pipeline.identity.alignment import Points
from pipeline.identity.embedders.loading import DLIB, find_embedder
from pipeline.identity.embedding import Embedding
from pipeline.identity.gate import Checked

__all__ = ["GalleryCache", "KnownFace"]

_LARGEST: Final = 1 << 26
_CODE: Final = (
    *("identity/gallery.py", "identity/gallery_cache.py", "identity/gate.py"),
    *("identity/quality.py", "identity/embedding.py", "identity/alignment.py"),
    *("identity/dlib_in_torch.py", "identity/dlib_weights.py", "identity/faces_of_people.py"),
    *("identity/views.py", "identity/labelled.py", "detection/centerface.py", "detection/hog.py"),
    *("detection/passes.py", "../data/images/files.py"),
)
"""Files below `pipeline` that decide what an entry holds."""


@dataclass(frozen=True, slots=True, eq=False)
class KnownFace:
    """The largest face of a gallery image: its embedding, what the gate saw, and where it is.

    `box` and `landmarks` are in pixels of the image.
    """

    embedding: Embedding
    checked: Checked
    box: Box
    landmarks: Points | None


@dataclass(frozen=True, slots=True)
class GalleryCache:
    """Entries in `folder` that were made as `recipe` says."""

    folder: Path
    recipe: str

    @classmethod
    def of_user(cls, embedder: str = DLIB) -> GalleryCache:
        """The cache in the user's cache folder, for the models and code that run now."""
        other = "" if embedder == DLIB else find_embedder(embedder).fingerprint
        return cls(cache_folder() / "gallery", _recipe() + other)

    def find_face(self, image_sha256: str) -> KnownFace | None:
        """The face of the image file with that hash; None where it is not known."""
        content = self._read(image_sha256)
        try:
            marks = content["landmarks"]
            return KnownFace(
                _numbers(content["embedding"], 1)[0],
                Checked(**content["checked"]),
                Box(**content["box"]),
                None if marks is None else tuple((float(x), float(y)) for x, y in marks),
            )
        except (ValueError, TypeError, KeyError):
            return None

    def keep_face(self, image_sha256: str, face: KnownFace) -> None:
        """Write the entry of an image; a folder that cannot be written to is no error."""
        self._write(
            image_sha256,
            {
                "embedding": _text(face.embedding),
                "checked": asdict(face.checked),
                "box": asdict(face.box),
                "landmarks": face.landmarks,
            },
        )

    def find_rows(self, key: str, count: int) -> Embedding | None:
        """`count` embeddings that were kept under `key`; None where none were."""
        try:
            return _numbers(self._read(key)["rows"], count)
        except (ValueError, TypeError, KeyError):
            return None

    def keep_rows(self, key: str, rows: Embedding) -> None:
        """Keep embeddings `(n, 128)` under `key`, which says all that they depend on."""
        self._write(key, {"rows": _text(rows)})

    def _read(self, key: str) -> dict[str, Any]:
        """The content of an entry; empty where it is not there, damaged, or another's."""
        try:
            with open_regular(self._file(key), limit=_LARGEST) as file:
                entry = json.loads(file.read())
            content = entry["content"]
            whole = entry["sha256"] == _digest(content) and content["name"] == self._name(key)
        except (OSError, ValueError, TypeError, KeyError):
            return {}
        return dict(content) if whole else {}

    def _write(self, key: str, values: dict[str, Any]) -> None:
        content = {"name": self._name(key), **values}
        with suppress(OutputError, OSError):
            make_folder(self.folder)
            self.folder.chmod(0o700)
            with whole_file(self._file(key)) as temporary:
                temporary.chmod(0o600)
                text = json.dumps({"content": content, "sha256": _digest(content)})
                temporary.write_text(text, encoding="utf-8")

    def _name(self, key: str) -> str:
        return hashlib.sha256(f"{key}\n{self.recipe}".encode()).hexdigest()

    def _file(self, key: str) -> Path:
        return self.folder / f"{self._name(key)}.json"


def _text(embeddings: Embedding) -> str:
    return base64.b64encode(embeddings.astype("<f4").tobytes()).decode()


def _numbers(text: str, count: int) -> Embedding:
    """Read back `count` embeddings; raises ValueError for anything else."""
    numbers = np.frombuffer(base64.b64decode(text), "<f4").reshape(count, -1)
    if not np.isfinite(numbers).all():
        raise ValueError("not a number")
    return numbers.astype(np.float32)


def _digest(content: Any) -> str:  # noqa: ANN401 - whatever JSON holds
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()


@functools.cache
def _recipe() -> str:
    """What an entry depends on beside its image, as JSON."""
    found = models_of({"identify": True, "detector": "centerface"})
    models = [one for one in found if one.role in ("embedder", "detector")]
    folder = Path(__file__).resolve().parents[1]
    return json.dumps(
        {
            "models": {one.path.name: file_sha256(one.path) for one in models},
            "libraries": library_versions(),
            "machine": platform.machine(),
            "code": {name: file_sha256(folder / name) for name in _CODE},
        },
        sort_keys=True,
    )
