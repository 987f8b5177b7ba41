"""Where images come from: files, folders, globs, stdin, a CSV manifest, video frames."""

import glob
import os
import sys
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Final

from data.errors import ImageError, UsageError
from data.images.files import suffix_of
from data.images.video import all_frames, count_frames, is_video, read_frames, video_stamp
from data.regular_files import TEXT_BYTES, Stamp, stamp_of
from data.safe_text import printable, safe_path
from pipeline.inputs.clock import Clock, clock_of
from pipeline.inputs.manifest import read_manifest
from pipeline.inputs.naming import Namer
from pipeline.inputs.source import Source, cut_region
from pipeline.inputs.walk import SUFFIXES, walk

__all__ = ["Listing", "Source", "cut_region"]

MANIFEST_SUFFIX: Final = ".csv"
MISSING: Final = "no such file or folder"


@dataclass(frozen=True)
class Listing:
    """The images that INPUT... names, in a fixed order; can be walked again and again.

    `excluded` is a folder that is not searched: the output folder, when it lies in an input.
    `listed` is a CSV whose `image` column is relative to the one INPUT folder.
    """

    inputs: tuple[str, ...]
    every: int = 25
    excluded: Path | None = None
    listed: Path | None = None
    limit: int | None = None
    piped: tuple[str, ...] | None = None
    """The paths of stdin where an input is `-`; None: they are read when they are walked."""
    clock: Clock | None = None
    """When each video starts; None: as its file says, if it does."""

    def __iter__(self) -> Iterator[Source]:
        """Yield the sources with unique keys and output names."""
        return self._named(frames=True)

    def unopened(self) -> Iterator[Source]:
        """Yield the same sources without opening a file: a video is one source, its frames none."""
        return self._named(frames=False)

    def _named(self, *, frames: bool) -> Iterator[Source]:
        for index, source in enumerate(Namer(self.excluded).named(self._found(frames=frames))):
            if self.limit is not None and index >= self.limit:
                return
            yield source

    def manifests(self) -> tuple[Path, ...]:
        """The CSV files that name images."""
        paths = [
            Path(text) for text in self.inputs if suffix_of(Path(text).name) == MANIFEST_SUFFIX
        ]
        return (*paths, *([self.listed] if self.listed is not None else []))

    def identities(self) -> dict[str, str]:
        """Who is on the images, by key, where a manifest says so."""
        if not self.manifests():
            return {}
        return {s.key: s.identity for s in self.unopened() if s.identity is not None}

    def describe(self) -> dict[str, object]:
        """What the images of a run depend on, JSON-ready: a run is resumed only with the same."""
        return {
            "INPUT": [
                text if text == "-" else printable(str(Path(text).absolute()))
                for text in self.inputs
            ],
            "every": self.every,
            **({"start_time": self.clock.at(0)} if self.clock else {}),
            "manifests": {
                printable(str(path.absolute())): _hash(path) for path in self.manifests()
            },
        }

    def wanted(self) -> str:
        """Say what was looked for, for the error when nothing is found."""
        return f"looked for {' '.join(sorted(SUFFIXES))} and CSV manifests"

    def frames_left_out(self) -> dict[str, str]:
        """For each video of which frames are left out, how many are searched, in words."""
        words: dict[str, str] = {}
        for source in self.unopened():
            if self.every > 1 and source.problem is None and is_video(source.path):
                frames = all_frames(source.path)
                searched = -(-frames // self.every)
                if frames > searched:
                    words[source.key] = (
                        f"{searched} of {frames} frames are searched (--every {self.every}); "
                        "--every 1 takes all"
                    )
        return words

    def total(self) -> int | None:
        """Count the images without opening them; None when the paths come from stdin."""
        if "-" in self.inputs and self.piped is None:
            return None
        count = 0
        for source in self._found(frames=False):
            of_frames = source.problem is None and is_video(source.path)
            count += count_frames(source.path, self.every) if of_frames else 1
            if self.limit is not None and count >= self.limit:
                break
        return count if self.limit is None else min(count, self.limit)

    def _found(self, *, frames: bool) -> Iterator[Source]:
        if self.listed is not None:
            yield from read_manifest(self.listed, self._root(), _manifest_key)
            return
        inputs = self._paths()
        base = _common_base(self.inputs)
        for text in inputs:
            for source in self._sources_of(text, base):
                if frames and source.problem is None and is_video(source.path):
                    yield from self._frames(source)
                else:
                    yield source

    def _paths(self) -> Iterator[str]:
        if "-" not in self.inputs:
            return iter(self.inputs)
        return stdin_paths() if self.piped is None else iter(self.piped)

    def _root(self) -> Path:
        root = Path(self.inputs[0])
        if len(self.inputs) != 1 or not root.is_dir():
            raise UsageError("--list needs exactly one INPUT folder that its paths are relative to")
        return root

    def _sources_of(self, text: str, base: Path | None) -> Iterator[Source]:
        path = Path(text)
        if not text or "\0" in text:
            yield Source("(no name)", Path(), problem="an empty or impossible file name")
        elif _is_dir(path):
            # Every file lies below the folder: one prefix is cut off, not a path taken apart each.
            prefix = "" if base is None else _key(path, base)
            for found in walk(path, self.excluded):
                below = found.path[len(str(path)) :].lstrip("/")
                key = _safe("/".join(filter(None, (prefix, below))) or str(path))
                yield Source(key, Path(found.path), problem=found.problem)
        elif suffix_of(path.name) == MANIFEST_SUFFIX and os.path.lexists(path):
            yield from read_manifest(path, path.parent, _manifest_key)
        elif os.path.lexists(path):
            yield Source(_key(path, path.parent if base is None else base), path)
        elif glob.has_magic(text):
            yield from self._expand(text, base)
        else:
            yield Source(_key(path, base), path, problem=MISSING)

    def _expand(self, pattern: str, base: Path | None) -> Iterator[Source]:
        root = base or Path(*_still_parts(pattern))
        for name in sorted(glob.iglob(pattern, recursive=True)):
            if not Path(name).is_dir():
                yield Source(_key(Path(name), root), Path(name))

    def _frames(self, video: Source) -> Iterator[Source]:
        try:
            stamped = replace(video, stamp=video_stamp(video.path))
            clock = self.clock or clock_of(video.path)
            for frame in read_frames(video.path, self.every):
                yield replace(
                    stamped,
                    key=f"{video.key}/{frame.number:06d}.png",
                    pixels=frame.rgb,
                    seconds=frame.seconds,
                    time=clock.at(frame.seconds) if clock else None,
                )
        except ImageError as error:
            yield replace(video, problem=str(error))


def stdin_paths() -> Iterator[str]:
    """The paths of stdin, one a line."""
    return (line for raw in sys.stdin if (line := raw.rstrip("\r\n")))


def _is_dir(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:
        return False


def _hash(path: Path) -> str:
    try:
        found: Stamp = stamp_of(path, limit=TEXT_BYTES)
    except OSError:
        return "unreadable"
    return found.sha256


def _still_parts(pattern: str) -> tuple[str, ...]:
    """Leading folders of a glob that hold no wildcard."""
    parts = Path(pattern).parts[:-1]
    magic = next((i for i, part in enumerate(parts) if glob.has_magic(part)), len(parts))
    return parts[:magic]


def _common_base(inputs: Sequence[str]) -> Path | None:
    """Folder that the keys of several inputs are relative to; None for a single input."""
    if len(inputs) < 2:
        return None
    return Path(os.path.commonpath([_folder_of(text).absolute() for text in inputs]))


def _folder_of(text: str) -> Path:
    if _is_dir(Path(text)):
        return Path(text)
    return Path(text).parent if os.path.lexists(text) else Path(*_still_parts(text))


def _key(path: Path, base: Path | None) -> str:
    """POSIX path of `path` seen from `base`, without `..`, fit for tables."""
    shown = path
    if base is not None and path.absolute().is_relative_to(base.absolute()):
        shown = path.absolute().relative_to(base.absolute())
    parts = [part for part in shown.parts if part not in ("..", ".", shown.anchor)]
    return _safe("/".join(parts))


def _manifest_key(path: Path) -> str:
    return _key(path, None)


def _safe(text: str) -> str:
    """A name as tables show it: odd bytes escaped, and no spreadsheet takes it for a formula."""
    return safe_path(printable(text))
