"""Counts and means over a frame small enough to be worked out by hand."""

import json
import math

import pandas as pd
import pytest

from pipeline.evaluation.summary import METRICS, MethodSummary, as_rows, summarise
from pipeline.metrics.image_quality import PSNR_CAP

NAN = math.nan


def frame() -> pd.DataFrame:
    """Five images: a good hit, a loose hit, a miss, one without truth, one with an error."""
    columns = ("image", "truth", "found", "iou", "psnr_rgb", "error")
    bicubic = [
        ("a", True, True, 0.9, 20.0, ""),
        ("b", True, True, 0.3, 22.0, ""),
        ("c", True, False, 0.0, 24.0, ""),
        ("d", False, True, NAN, 26.0, ""),
        ("e", True, False, NAN, NAN, "the network ran out of memory"),
    ]
    rows = pd.DataFrame(bicubic, columns=columns).assign(method="bicubic", oracle=False)
    other = rows.assign(method="gflmser-hr", oracle=True, found=True, iou=1.0, error="")
    hr = rows.assign(method="hr", found=[True, True, True, False, True], iou=1.0, psnr_rgb=NAN)
    hr["error"] = ""
    all_rows = pd.concat([rows, other, hr], ignore_index=True)
    all_rows["accurate"] = all_rows["iou"] >= 0.5
    all_rows["psnr_y"] = all_rows["psnr_rgb"] + 1.5
    all_rows["ssim"] = 0.5
    all_rows["lr_consistency"] = 40.0
    return all_rows


def one(rows: pd.DataFrame) -> MethodSummary:
    return summarise(rows, seed=0, images_per_s={})[0]


def test_counts_and_means_worked_out_by_hand() -> None:
    found = one(frame())
    assert (found.method, found.oracle) == ("bicubic", False)
    assert (found.n, found.n_images, found.n_excluded, found.n_errors) == (4, 5, 1, 1)
    want = {
        "hr_found": 4 / 5,
        "found": 2 / 4,
        "accuracy": 1 / 4,
        "iou_all": (0.9 + 0.3) / 4,
        "iou_hit": (0.9 + 0.3) / 2,
        "psnr_rgb": 23.0,
        "psnr_y": 24.5,
        "ssim": 0.5,
        "lr_consistency": 40.0,
    }
    assert found.means == pytest.approx(want)


def test_methods_keep_their_order_and_hr_is_no_row() -> None:
    summaries = summarise(frame(), seed=0, images_per_s={"bicubic": 812.5})
    assert [s.method for s in summaries] == ["bicubic", "gflmser-hr"]
    assert [s.oracle for s in summaries] == [False, True]
    assert [s.images_per_s for s in summaries] == [812.5, None]


def test_intervals_hold_the_mean_and_depend_on_the_seed_alone() -> None:
    found = one(frame())
    for name in METRICS:
        assert found.intervals[name].lo <= found.means[name] <= found.intervals[name].hi
    assert one(frame().sample(frac=1, random_state=1).sort_values("method")) == found


def test_an_image_restored_perfectly_does_not_make_the_mean_infinite() -> None:
    rows = frame()
    rows.loc[0, "psnr_rgb"] = math.inf
    assert one(rows).means["psnr_rgb"] == pytest.approx((PSNR_CAP + 22 + 24 + 26) / 4)


def test_without_any_ground_truth_the_figures_are_missing_not_zero() -> None:
    rows = frame().assign(truth=False, iou=NAN)
    found = one(rows)
    assert (found.n, found.n_excluded) == (0, 5)
    assert math.isnan(found.means["accuracy"])
    row = found.as_row()
    assert row["accuracy"] is row["accuracy_lo"] is row["iou_hit"] is None
    assert row["psnr_rgb"] == pytest.approx(23.0)


def test_without_hr_rows_hr_found_is_missing() -> None:
    rows = frame()
    assert one(rows[rows["method"] != "hr"]).as_row()["hr_found"] is None


def test_rows_are_strict_json_with_the_columns_of_the_contract() -> None:
    pairs = {"bicubic": {"tar_at_far_1e-2": 0.4, "verification_accuracy": NAN}}
    rows = as_rows(
        summarise(frame().assign(truth=False), seed=0, images_per_s={}, verification=pairs)
    )
    text = json.dumps(rows, allow_nan=False)
    bicubic, oracle = json.loads(text)
    assert list(bicubic) == list(oracle)
    assert bicubic["tar_at_far_1e-2"] == 0.4
    assert bicubic["verification_accuracy"] is oracle["tar_at_far_1e-2"] is None
    contract = {"method", "oracle", "n", "images_per_s", "n_images", "n_excluded", "n_errors"}
    assert contract | set(METRICS) <= set(bicubic)
    assert {f"{m}_{end}" for m in METRICS for end in ("lo", "hi")} <= set(bicubic)
