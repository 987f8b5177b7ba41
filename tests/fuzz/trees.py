"""Folders with everything in them that a file system allows."""

import os
import random
import unicodedata
from contextlib import suppress
from pathlib import Path, PurePosixPath
from typing import Final

from tests.fuzz import mutate, seeds

_STEMS: Final = (
    *("a", "A", "x", "X", "-rf", "=1+1", "+x", "@x", "..", "...", "a b", "a\nb", "a\rb", "a\tb"),
    *("\x1b]0;x\x07", "\x7f", "é", "e\u0301", "\u202eb", "%s", "'", '"', "$(x)", ";", "a#2", "._x"),
    *(
        ".part-00",
        "x.png",
        "long" * 50,
        "\udce9",
        "лицо",
        "😀",
        "<b>",
        "a,b",
        "|",
        "con",
        "nul",
        "*?",
    ),
)
_SUFFIXES: Final = (".png", ".PNG", ".jpg", ".jpeg", ".gif", ".mp4", ".txt", "", ".csv", ".png.jpg")


def one_tree(rng: random.Random, folder: Path) -> object:
    """A folder of up to forty odd entries: each image has a row, names cannot hurt or collide."""
    from data.images.files import suffix_of
    from data.safe_text import printable
    from pipeline.inputs.sources import Listing
    from pipeline.inputs.walk import SUFFIXES

    root = folder / "in"
    root.mkdir()
    made = [root]
    for _ in range(rng.randrange(1, 40)):
        with suppress(OSError, ValueError):
            _entry(rng, made)
    out = folder / "out"
    sources = list(Listing((str(root),), excluded=out).unopened())
    keys = [source.key for source in sources]
    outputs = [unicodedata.normalize("NFC", source.output.casefold()) for source in sources]
    assert len(set(keys)) == len(keys), "two images with one key"
    assert len(set(outputs)) == len(outputs), "two images with one output"
    assert all(printable(key) == key and not key.startswith(("=", "+", "-", "@")) for key in keys)
    parents = {str(parent) for name in outputs for parent in PurePosixPath(name).parents}
    assert not parents & set(outputs), "an output is the folder of another"
    assert not any(".." in PurePosixPath(name).parts or name.startswith("/") for name in outputs)
    assert all(len(part.encode()) <= 255 for name in outputs for part in name.split("/"))
    there = {
        path
        for path in root.rglob("*")
        if suffix_of(path.name) in SUFFIXES
        and (path.is_symlink() or path.is_file())
        and not path.is_dir()
        and not path.name.startswith(".part-")
    }
    assert there <= {source.path for source in sources}, "an image has no row"
    return len(sources)


def _entry(rng: random.Random, folders: list[Path]) -> None:
    parent = rng.choice(folders)
    path = parent / f"{rng.choice(_STEMS)}{rng.choice(_SUFFIXES)}"
    if os.path.lexists(path):  # a pipe of before would be waited for
        return
    kind = rng.randrange(10)
    if kind < 3:
        path.mkdir()
        folders.append(path)
    elif kind == 3:
        os.mkfifo(path)
    elif kind == 4:
        path.symlink_to(rng.choice((parent, Path("/dev/zero"), path, Path("nowhere"))))
    else:
        path.write_bytes(mutate.bytes_of(rng, seeds.images()["png"]))
