"""Where pictures come from: files, folders, globs, stdin, a CSV manifest, video frames."""

import csv
import glob
import hashlib
import os
import sys
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from pathlib import Path, PurePosixPath
from typing import Final

from data.boxes import Box
from data.errors import ImageError, TruthError, UsageError
from data.images.files import IMAGE_SUFFIXES, MIN_SIDE, load_rgb
from data.images.rgb import RGB
from data.images.video import VIDEO_SUFFIXES, count_frames, read_frames

MANIFEST_SUFFIX: Final = ".csv"
_BOX_COLUMNS: Final = ("left", "top", "right", "bottom")
_LONGEST_NAME: Final = 200
_SUFFIXES: Final = IMAGE_SUFFIXES | VIDEO_SUFFIXES


@dataclass(frozen=True, slots=True)
class Source:
    """One picture to work on.

    `key` names it in every table: its path relative to the INPUT, unique in the run. `output`
    is the relative PNG path of what is made from it. `region` is the part of the picture that a
    manifest asks for. A `problem` found before the picture was opened becomes its error row.
    """

    key: str
    path: Path
    output: str = ""
    region: Box | None = None
    identity: str | None = None
    pixels: RGB | None = field(default=None, compare=False)
    problem: str | None = None

    def load(self) -> RGB:
        """Return the picture, `(H, W, 3)` uint8; raises ImageError."""
        if self.problem is not None:
            raise ImageError(self.problem)
        return self.pixels if self.pixels is not None else load_rgb(self.path)


def cut_region(rgb: RGB, region: Box | None) -> RGB:
    """Cut the manifest's region out of a picture; raises ImageError when it lies outside."""
    if region is None:
        return rgb
    height, width = rgb.shape[:2]
    left, top, right, bottom = (
        round(edge) for edge in (region.left, region.top, region.right, region.bottom)
    )
    if left < 0 or top < 0 or right > width or bottom > height:
        raise ImageError(
            f"box ({left}, {top}, {right}, {bottom}) reaches outside the {width}x{height} picture"
        )
    if min(right - left, bottom - top) < MIN_SIDE:
        raise ImageError(f"box ({left}, {top}, {right}, {bottom}) is too small")
    return rgb[top:bottom, left:right].copy()


@dataclass(frozen=True)
class Listing:
    """The pictures that INPUT... names, in a fixed order; can be walked again and again.

    `excluded` is a folder that is not searched: the output folder, when it lies in an input.
    `listed` is a CSV whose `image` column is relative to the one INPUT folder.
    """

    inputs: tuple[str, ...]
    every: int = 25
    excluded: Path | None = None
    listed: Path | None = None
    limit: int | None = None

    def __iter__(self) -> Iterator[Source]:
        """Yield the sources with unique keys and output names."""
        for index, source in enumerate(_unique(self._found(frames=True))):
            if self.limit is not None and index >= self.limit:
                return
            yield source

    def wanted(self) -> str:
        """Say what was looked for, for the error when nothing is found."""
        return f"looked for {' '.join(sorted(_SUFFIXES))} and CSV manifests"

    def total(self) -> int | None:
        """Count the pictures without opening them; None when the paths come from stdin."""
        if "-" in self.inputs:
            return None
        count = 0
        for source in self._found(frames=False):
            is_video = source.problem is None and source.path.suffix.lower() in VIDEO_SUFFIXES
            count += count_frames(source.path, self.every) if is_video else 1
        return count if self.limit is None else min(count, self.limit)

    def _found(self, *, frames: bool) -> Iterator[Source]:
        if self.listed is not None:
            yield from _read_manifest(self.listed, self._root())
            return
        inputs = _stdin_paths() if "-" in self.inputs else self.inputs
        base = _common_base(self.inputs)
        for text in inputs:
            for source in self._sources_of(text, base):
                if frames and source.problem is None and _is_video(source.path):
                    yield from self._frames(source)
                else:
                    yield source

    def _root(self) -> Path:
        root = Path(self.inputs[0])
        if len(self.inputs) != 1 or not root.is_dir():
            raise UsageError("--list needs exactly one INPUT folder that its paths are relative to")
        return root

    def _sources_of(self, text: str, base: Path | None) -> Iterator[Source]:
        path = Path(text)
        if path.is_dir():
            # Every file lies below the folder: one prefix is cut off, not a path taken apart each.
            prefix = "" if base is None else _key(path, base)
            for file in _walk(path, self.excluded, frozenset()):
                below = file[len(str(path)) :].lstrip("/")
                yield Source(_printable("/".join(filter(None, (prefix, below)))), Path(file))
        elif path.suffix.lower() == MANIFEST_SUFFIX and path.exists():
            yield from _read_manifest(path, path.parent)
        elif path.exists() or path.is_symlink():
            yield Source(_key(path, path.parent if base is None else base), path)
        elif glob.has_magic(text):
            yield from self._expand(text, base)
        else:
            yield Source(_key(path, base), path, problem="no such file or folder")

    def _expand(self, pattern: str, base: Path | None) -> Iterator[Source]:
        root = base or Path(*_still_parts(pattern))
        for name in sorted(glob.iglob(pattern, recursive=True)):
            if Path(name).is_file():
                yield Source(_key(Path(name), root), Path(name))

    def _frames(self, video: Source) -> Iterator[Source]:
        try:
            for number, pixels in read_frames(video.path, self.every):
                yield replace(video, key=f"{video.key}/{number:06d}.png", pixels=pixels)
        except ImageError as error:
            yield replace(video, problem=str(error))


def _is_video(path: Path) -> bool:
    return path.suffix.lower() in VIDEO_SUFFIXES


def _stdin_paths() -> Iterator[str]:
    return (line for raw in sys.stdin if (line := raw.rstrip("\r\n")))


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
    if Path(text).is_dir():
        return Path(text)
    return Path(text).parent if Path(text).exists() else Path(*_still_parts(text))


def _key(path: Path, base: Path | None) -> str:
    """POSIX path of `path` seen from `base`, without `..` and printable as UTF-8."""
    shown = path
    if base is not None and path.absolute().is_relative_to(base.absolute()):
        shown = path.absolute().relative_to(base.absolute())
    parts = [part for part in shown.parts if part not in ("..", ".", shown.anchor)]
    return _printable("/".join(parts))


def _printable(text: str) -> str:
    """A file name that is not UTF-8 keeps its odd bytes as escapes."""
    return os.fsencode(text).decode("utf-8", "backslashreplace")


def _walk(folder: Path, excluded: Path | None, ancestors: frozenset[Path]) -> Iterator[str]:
    """Yield the pictures and videos below `folder`, sorted; symbolic link loops end the descent."""
    real = folder.resolve()
    if real in ancestors or (excluded is not None and real == excluded.resolve()):
        return
    try:
        with os.scandir(folder) as found:
            entries = sorted(found, key=lambda entry: entry.name)
    except OSError as error:
        raise UsageError(f"cannot list {folder}: {error.strerror or error}") from error
    for entry in entries:
        if _is_folder(entry):
            yield from _walk(Path(entry.path), excluded, ancestors | {real})
        elif os.path.splitext(entry.name)[1].lower() in _SUFFIXES:
            yield entry.path


def _is_folder(entry: os.DirEntry[str]) -> bool:
    try:
        return entry.is_dir()
    except OSError:  # a link to itself: it becomes an error row when it is opened
        return False


def _read_manifest(path: Path, root: Path) -> Iterator[Source]:
    """Yield the rows of `image[,left,top,right,bottom][,identity]`; raises TruthError."""
    try:
        with path.open(newline="", encoding="utf-8-sig") as file:
            reader = csv.DictReader(file)
            if "image" not in (reader.fieldnames or ()):
                raise TruthError(f"{path} has no column `image`")
            for row in reader:
                yield _manifest_row(row, root)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise TruthError(f"{path} cannot be read as CSV: {error}") from error


def _manifest_row(row: dict[str, str | None], root: Path) -> Source:
    name = row["image"] or ""
    path = root / name
    source = Source(
        _key(Path(name), None) or "(no name)", path, identity=row.get("identity") or None
    )
    if not name:
        return replace(source, problem="the manifest's row names no image")
    edges = [(row.get(column) or "").strip() for column in _BOX_COLUMNS]
    if not any(edges):
        return source
    try:
        left, top, right, bottom = (float(edge) for edge in edges)
        return replace(source, region=Box(left, top, right, bottom))
    except ValueError:
        return replace(source, problem=f"the manifest's box is not valid: {', '.join(edges)}")


def _unique(sources: Iterable[Source]) -> Iterator[Source]:
    """Give every source a key and an output name of its own."""
    keys: set[int] = set()
    outputs: set[int] = set()
    for source in sources:
        key = _first_free(_numbered(source.key), keys)
        plain = PurePosixPath(key).with_suffix(".png")
        output = _first_free((_short(n) for n in _candidates(str(plain), key)), outputs)
        yield replace(source, key=key, output=output)


def _numbered(name: str) -> Iterator[str]:
    yield name
    for number in range(2, sys.maxsize):
        yield f"{name}#{number}"


def _candidates(plain: str, key: str) -> Iterator[str]:
    yield plain
    for name in _numbered(key):
        yield f"{name}.png"


def _first_free(names: Iterable[str], taken: set[int]) -> str:
    # Lower case: some file systems take A.png and a.png for the same file.
    name = next(name for name in names if hash(name.lower()) not in taken)
    taken.add(hash(name.lower()))
    return name


def _short(name: str) -> str:
    """Cut file and folder names that could pass a file system's limit of 255 bytes."""
    return "/".join(_short_part(part) for part in name.split("/"))


def _short_part(part: str) -> str:
    content = part.encode()
    if len(content) <= _LONGEST_NAME:
        return part
    digest = hashlib.sha256(content).hexdigest()[:12]
    head = content[: _LONGEST_NAME - 20].decode("utf-8", "ignore")
    return f"{head}-{digest}{PurePosixPath(part).suffix[-5:]}"
