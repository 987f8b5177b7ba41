"""A folder as `identify --tracks` leaves it, made of real faces, with every kind of card."""

import csv
import json
from pathlib import Path

import numpy as np
from PIL import Image

FIELDS = (
    *("image", "status", "face", "left", "top", "right", "bottom", "score", "width", "height"),
    *("upscaler", "scale", "identity", "distance", "threshold", "accepted", "fp_rate", "fpir"),
    *("frames", "reason", "dropped", "track", "seconds", "time", "degradation", "spread", "error"),
)
_COMMON = {"width": 64, "height": 64, "upscaler": "gflmser", "scale": 4}


def _face(image: str, number: int, side: float, **values: object) -> dict[str, object]:
    left = 8.0 + number
    edges = {"left": left, "top": 10.0, "right": left + side, "bottom": 10.0 + side}
    return {"image": image, "status": "many", "face": number, **edges, **_COMMON, **values}


ROWS: list[dict[str, object]] = [
    _face(
        *("cam/a.png", 0, 22.0),
        **{"score": 0.91, "fp_rate": 0.002, "identity": "Ann Lee", "distance": 0.41},
        **{"threshold": 0.5, "accepted": True, "fpir": 0.01, "frames": 4, "track": "1"},
        **{"seconds": 0.0, "degradation": "clean", "spread": 2.5},
    ),
    _face(
        *("cam/a.png", 1, 9.0),
        **{"score": 0.55, "fp_rate": 0.01, "identity": "Bo <b>Kim</b>", "distance": 0.7},
        **{
            "reason": "the face is too small",
            "track": "2",
            "seconds": 0.0,
            "degradation": "noisy",
            "spread": 9.25,
        },
    ),
    _face(
        *("cam/b.png", 0, 18.0),
        **{"score": 0.8, "fp_rate": 0.005, "identity": "Ann Lee", "distance": 0.44},
        **{"threshold": 0.5, "accepted": True, "fpir": 0.01, "frames": 4, "track": "1"},
        **{"seconds": 0.2, "degradation": "clean", "spread": 1.0},
    ),
    _face("cam/b.png", 1, 12.0, score=0.2, dropped="the score stands for 20 % false positives"),
    {"image": "cam/c.png", "status": "none", **_COMMON},
    {"image": "cam/d.png", "status": "error", "error": "not an image <script>alert(1)</script>"},
]


def make_run_folder(directory: Path, samples: Path, *, copies: int = 1) -> Path:
    """Write tables, summary and faces/ into `directory`; `copies` repeats the rows."""
    rows = [
        {**row, "image": f"{number:04d}/{row['image']}" if copies > 1 else row["image"]}
        for number in range(copies)
        for row in ROWS
    ]
    directory.mkdir(parents=True, exist_ok=True)
    with (directory / "detections.csv").open("w", newline="", encoding="utf-8") as file:
        writer = csv.DictWriter(file, FIELDS)
        writer.writeheader()
        writer.writerows(rows)
    summary = {"settings": {"detector": "hog", "upscale_below": 128}, "interrupted": False}
    (directory / "summary.json").write_text(json.dumps(summary), encoding="utf-8")
    whole = Image.open(samples / "obama.jpg").convert("RGB").crop((150, 60, 350, 260))
    for row in rows:
        if row.get("face") is not None:
            side = round(2.3 * float(str(row["right"])) - 2.3 * float(str(row["left"])))
            _write_faces(directory / "faces", row, whole, side)
    return directory


def _write_faces(folder: Path, row: dict[str, object], whole: Image.Image, side: int) -> None:
    stem = folder / str(row["image"]).removesuffix(".png")
    stem.parent.mkdir(parents=True, exist_ok=True)
    native = whole.resize((side, side), Image.Resampling.BICUBIC)
    restored = native.resize((4 * side, 4 * side), Image.Resampling.BICUBIC)
    native.save(f"{stem}-{row['face']}-native.png")
    restored.save(f"{stem}-{row['face']}-restored.png")
    if row["face"] == 0:
        shades = np.asarray(restored.convert("L"))
        Image.fromarray(shades).save(f"{stem}-{row['face']}-spread.png")
