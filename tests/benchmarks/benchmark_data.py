"""A small --data folder in the layout of the shared one, made of the samples."""

import csv
from pathlib import Path

import torch
from PIL import Image

from gflmser.cards import Record
from gflmser.config import NetworkConfig, Widths
from gflmser.load import card_of
from gflmser.network import GFLmser
from gflmser.weights import save_weights

_SIDE = 250
WIDTHS = Widths(r64=4, r32=4, r16=4, r8=4, r4=4)


def make_data(root: Path, samples: Path) -> Path:
    """Three people with three images each, two scenes, four real low-resolution faces."""
    boxes = _boxes(samples / "faces.csv")
    for person, name in (
        ("Barack_Obama", "obama.jpg"),
        ("Joe_Biden", "biden.jpg"),
        ("Joe_Other", "biden2.jpg"),
    ):
        with Image.open(samples / name) as opened:
            whole = opened.convert("RGB")
        for number in range(3):
            path = root / "lfw" / person / f"{person}_{number + 1:04d}.png"
            path.parent.mkdir(parents=True, exist_ok=True)
            _framed(whole, boxes[name], number).save(path)
    _write(root / "splits" / "lfw-test.csv", ("image", "identity"), _listed(root))
    pairs = [
        ("Barack_Obama", 1, "Barack_Obama", 2, 1),
        ("Barack_Obama", 2, "Joe_Biden", 1, 0),
        ("Joe_Biden", 2, "Joe_Biden", 3, 1),
        ("Joe_Biden", 3, "Barack_Obama", 3, 0),
    ]
    rows = [(_key(a, i), _key(b, j), same) for a, i, b, j, same in pairs]
    _write(root / "splits" / "lfw-test-pairs.csv", ("a", "b", "same"), rows)
    _scenes(root / "bsds100", samples)
    _real(root / "wider_lr16", samples)
    _crowd(root / "crowd_voc", samples)
    return root


def make_weights(
    folder: Path,
    name: str,
    seed: int,
    *,
    gate: str = "correlation",
    steps: int = 0,
    cpu_seconds: float = 0.0,
) -> Path:
    """A tiny random GFLmser."""
    torch.manual_seed(seed)
    config = NetworkConfig(
        WIDTHS, groups=1, blocks=1, bicubic_residual=True, source="internal", gate=gate
    )
    model = GFLmser(config)
    with torch.no_grad():
        for parameter in model.parameters():  # a new one is bicubic: its last layer is zero
            parameter.add_(torch.randn_like(parameter) * 0.02)
    record = Record(
        training={"training": {"batch": 4}},
        steps=steps,
        wall_seconds=90.0,
        cpu_seconds=cpu_seconds,
    )
    return save_weights(model, card_of(name, config, record), folder)


def _boxes(path: Path) -> dict[str, tuple[float, ...]]:
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    edges = ("left", "top", "right", "bottom")
    return {row["image"]: tuple(float(row[edge]) for edge in edges) for row in rows}


def _framed(whole: Image.Image, box: tuple[float, ...], number: int) -> Image.Image:
    """The face as LFW frames it: 0.45 of the side; each number a little aside."""
    left, top, right, bottom = box
    x, y, half = (left + right) / 2 + 3 * number, (top + bottom) / 2, 0.69 * (right - left)
    part = (round(x - half), round(y - half), round(x + half), round(y + half))
    return whole.crop(part).resize((_SIDE, _SIDE), Image.Resampling.BICUBIC)


def _scenes(folder: Path, samples: Path) -> None:
    folder.mkdir(parents=True)
    for name in ("solvay16.png", "obama.jpg"):
        with Image.open(samples / name) as opened:
            opened.convert("RGB").resize((201, 134)).save(folder / f"{Path(name).stem}.png")


def _real(folder: Path, samples: Path) -> None:
    """Faces of 16x16 without HR, as in the shared set; the last one is not usable."""
    (folder / "lr16").mkdir(parents=True)
    with Image.open(samples / "solvay16.png") as opened:
        scene = opened.convert("RGB")
    rows = []
    for i in range(7):
        name = f"lr16/{i:05d}.png"
        x, y = 60 + 50 * i, 200 - 8 * i
        scene.crop((x, y, x + 32, y + 32)).resize((16, 16)).save(folder / name)
        rows.append((name, 90.0, 30.0, 0.9, int(i < 6)))
    names = ("file", "mean_luma", "std_luma", "inverse_rmse", "usable")
    _write(folder / "images.csv", names, rows)


def _crowd(folder: Path, samples: Path) -> None:
    """A scene with five bare faces, one too large to count, and one behind a mask."""
    (folder / "images").mkdir(parents=True)
    (folder / "annotations").mkdir()
    with Image.open(samples / "solvay16.png") as opened:
        opened.convert("RGB").save(folder / "images" / "crowd.png")
        width, height = opened.size
    objects = [("without_mask", 40 + 30 * i, 16 if i else 30) for i in range(5)]
    objects.append(("with_mask", 200, 16))
    faces = "".join(
        f"<object><name>{name}</name><bndbox><xmin>{x}</xmin><ymin>50</ymin>"
        f"<xmax>{x + 14}</xmax><ymax>{50 + tall}</ymax></bndbox></object>"
        for name, x, tall in objects
    )
    size = f"<size><width>{width}</width><height>{height}</height></size>"
    text = f"<annotation><filename>crowd.png</filename>{size}{faces}</annotation>"
    (folder / "annotations" / "crowd.xml").write_text(text)


def _key(person: str, number: int) -> str:
    return f"{person}/{person}_{number:04d}.png"


def _listed(root: Path) -> list[tuple[str, str]]:
    files = sorted((root / "lfw").rglob("*.png"))
    return [(p.relative_to(root / "lfw").as_posix(), p.parent.name) for p in files]


def _write(path: Path, names: tuple[str, ...], rows: list[tuple[object, ...]]) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    with path.open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow(names)
        writer.writerows(rows)
