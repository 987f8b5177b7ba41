"""A small compare folder, as `compare` writes it: real faces of the samples, boxes made up."""

import json
import math
from pathlib import Path

import numpy as np
import pandas as pd
from PIL import Image

from data.boxes import Box, iou
from pipeline.evaluation.summary import as_rows, summarise
from pipeline.metrics.image_quality import lr_consistency, psnr_rgb, psnr_y, ssim_y

METHODS = {
    "bilinear": Image.Resampling.BILINEAR,
    "bicubic": Image.Resampling.BICUBIC,
    "bicubic-hr32": Image.Resampling.BICUBIC,
}
ORACLE = "bicubic-hr32"
TRUTH = Box(16, 14, 50, 52)
_FACES = {"obama.jpg": (165, 20), "biden.jpg": (170, 30), "biden2.jpg": (160, 40)}
_SIDE = 200


def make_compare_folder(directory: Path, samples: Path, images: int = 6) -> Path:
    """Write rows.parquet, summary.json and the images.

    Image i is a crop of a sample, moved by i pixels. Its face is found i px aside (so that the
    IoU falls with i); bilinear misses every third; the last image has no ground truth.
    """
    rows = []
    for i in range(images):
        name, (x, y) = list(_FACES.items())[i % len(_FACES)]
        with Image.open(samples / name) as opened:
            crop = opened.convert("RGB").crop((x + i, y, x + i + _SIDE, y + _SIDE))
        rows += _rows(directory, f"people/{i:03d} <b>&.jpg", crop, i, truth=i < images - 1)
    frame = pd.DataFrame(rows)
    frame.to_parquet(directory / "rows.parquet")
    summaries = summarise(frame, seed=0, images_per_s={"bilinear": 900.0, "bicubic": 812.5})
    protocol = {
        "seed": 3,
        "detector": "hog",
        "passes": 2,
        "upscalers": ["bilinear", "<script>alert(1)</script>"],
        "libraries": {"numpy": np.__version__},
        "yunet_model": None,
    }
    content = {"protocol": protocol, "rows": as_rows(summaries)}
    (directory / "summary.json").write_text(json.dumps(content, allow_nan=False))
    return directory


def _rows(
    directory: Path, key: str, crop: Image.Image, i: int, *, truth: bool
) -> list[dict[str, object]]:
    hr = crop.resize((64, 64), Image.Resampling.BICUBIC)
    lr = hr.resize((16, 16), Image.Resampling.BICUBIC)
    output = key.replace(".jpg", ".png")
    views = {"lr": lr, "hr": hr}
    for method, resampling in METHODS.items():
        small = hr.resize((32, 32), resampling) if method == ORACLE else lr
        views[method] = small.resize((64, 64), resampling)
    for view, image in views.items():
        file = directory / "pictures" / view / output
        file.parent.mkdir(parents=True, exist_ok=True)
        image.save(file)
    return [_row(key, output, method, views, i, truth=truth) for method in ("hr", *METHODS)]


def _row(
    key: str, output: str, method: str, views: dict[str, Image.Image], i: int, *, truth: bool
) -> dict[str, object]:
    sr, hr, lr = (np.asarray(views[view]) for view in (method, "hr", "lr"))
    missed = method == "bilinear" and i % 3 == 2
    box = None if missed else TRUTH.shifted(0 if method == "hr" else i, 0)
    overlap = iou(box, TRUTH) if box is not None else 0.0
    scored = method != "hr"
    row: dict[str, object] = {
        "image": key,
        "method": method,
        "oracle": method == ORACLE,
        "truth": truth,
        "found": box is not None,
        "accurate": truth and overlap >= 0.5,
        "iou": overlap if truth else math.nan,
        "psnr_rgb": psnr_rgb(sr, hr) if scored else math.nan,
        "psnr_y": psnr_y(sr, hr) if scored else math.nan,
        "ssim": ssim_y(sr, hr) if scored else math.nan,
        "lr_consistency": lr_consistency(sr, lr) if scored else math.nan,
        "face_px": TRUTH.width + i if truth else math.nan,
        "output": output,
        "error": "",
    }
    for prefix, drawn in (("", box), ("truth_", TRUTH if truth else None)):
        for edge in ("left", "top", "right", "bottom"):
            row[prefix + edge] = getattr(drawn, edge) if drawn is not None else math.nan
    return row
