"""Columns that the tables have beyond those of `compare`."""

from __future__ import annotations

from typing import Final

from pipeline.report.tables import COLUMNS, Column

_OWN: Final = (
    Column("fid", "FID", 1, "Fréchet distance, Inception features", lowest=True),
    Column("kid", "KID", 4, "kernel distance, Inception features", lowest=True),
    Column("fd_dlib", "fd_dlib", 4, "Fréchet distance, dlib face features", lowest=True),
    Column("kd_dlib", "kd_dlib", 4, "kernel distance, dlib face features", lowest=True),
    Column("n_images", "images", 0, "images that were restored", ranked=False),
    Column("n_excluded", "no truth", 0, "images without ground truth, excluded", ranked=False),
    Column("n_found", "found", 0, "images with a face found", ranked=False),
    Column("n_missed", "missed", 0, "images with ground truth, nothing found", ranked=False),
    Column("trained_on", "Trained on", 0, "kind of images", ranked=False),
    Column("images_seen", "Images seen", 0, "images shown in training", ranked=False),
    Column("minutes", "Min.", 0, "minutes of training, wall time", ranked=False),
    Column("cpu_minutes", "CPU min.", 0, "minutes of training, all cores", ranked=False),
    Column("rank1", "Rank-1", 3, "share of probes whose nearest HR is the right person"),
    Column("published_psnr", "PSNR (paper)", 2, "published, channel not said", ranked=False),
    Column("published_div2k", "PSNR (paper, DIV2K)", 2, "published, on DIV2K", ranked=False),
    Column("published_fid", "FID (paper)", 2, "published", ranked=False),
    Column("published_iou", "IoU (paper)", 3, "published", ranked=False),
    Column("published_accuracy", "Accuracy (paper)", 3, "published; means found", ranked=False),
    *(
        Column(key, title, digits, "Table 2", ranked=False)
        for key, title, digits in (
            ("figure", "Figure", 0),
            ("sample", "Sample", 0),
            ("n_values", "n", 0),
            ("mean_a", "Mean A", 4),
            ("variance_a", "Var. A", 4),
            ("mean_b", "Mean B", 4),
            ("variance_b", "Var. B", 4),
            ("difference", "A − B", 4),
            ("t", "t", 2),
            ("published_t", "t (paper)", 2),
            ("t_p", "p (t-test)", -3),
            ("published_p", "p (paper)", -3),
            ("rank_sum_p", "p (rank sum)", -3),
            ("t_paired_p", "p (paired t)", -3),
            ("signed_rank_p", "p (signed rank)", -3),
        )
    ),
)
_BY_KEY: Final = {column.key: column for column in (*COLUMNS, *_OWN)}


def columns(*keys: str) -> tuple[Column, ...]:
    """The columns with these keys, in this order."""
    return tuple(_BY_KEY[key] for key in keys)
