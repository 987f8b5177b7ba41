"""Names of files, weights, trainings: no control character, no formula, no way out of a folder."""

import csv
import json
import os
import struct
import subprocess
from pathlib import Path

import click
import pytest
from PIL import Image

from data.errors import SrPipelineError
from data.safe_text import printable
from gflmser.cards import WeightsError
from gflmser.config import Config, NetworkConfig, Widths
from gflmser.load import build_gflmser, card_of
from gflmser.network import GFLmser
from gflmser.schema import ConfigError, load
from gflmser.weights import load_weights, save_weights, verify_weights
from pipeline.engine.tables import column_types, parquet_of_csv, write_csv
from pipeline.inputs.sources import Listing
from pipeline.jobs.face_rows import FaceRow
from tests.hostile.conftest import Run

ODD = (
    "cr\rname.jpg",
    "err\nFAKE: 0 errors.jpg",
    "\x1b]0;owned\x07.jpg",
    "=1+1.jpg",
    "+x.jpg",
    "-rf.jpg",
    "@x.jpg",
    "\u202egpj.exe.jpg",
    "..jpg",
    "...jpg",
    "x" * 251 + ".jpg",
)


@pytest.fixture
def odd_folder(face: Image.Image, tmp_path: Path) -> Path:
    folder = tmp_path / "odd"
    folder.mkdir()
    for name in ODD:
        face.save(folder / name, "JPEG")
    (folder / os.fsdecode(b"caf\xe9.jpg")).write_bytes((folder / "@x.jpg").read_bytes())
    return folder


def test_every_odd_name_has_a_row_and_an_image(run: Run, odd_folder: Path, tmp_path: Path) -> None:
    out = tmp_path / "out"
    done = run("degrade", odd_folder, "--out", out, "--quiet", "--workers", 0)
    assert done.exit_code == 0
    assert printable(done.stdout, keep="\n") == done.stdout
    text = (out / "pictures.csv").read_bytes().decode()
    assert printable(text, keep="\n") == text
    rows = list(csv.DictReader(text.splitlines()))
    assert len(rows) == len(ODD) + 1
    assert not any(cell.startswith(("=", "+", "-", "@")) for row in rows for cell in row.values())
    assert all((out / "lr" / row["output"]).is_file() for row in rows)


def test_a_table_with_odd_cells_becomes_parquet(tmp_path: Path) -> None:
    import pyarrow.parquet as pq

    rows = [{"image": "a\rb.jpg", "status": "none", "identity": "=cmd|' /C calc'!A0", "error": ""}]
    columns = column_types(FaceRow)
    write_csv(rows, columns, tmp_path / "t.csv")
    parquet_of_csv(tmp_path / "t.csv", columns, tmp_path / "t.parquet")
    table = pq.read_table(tmp_path / "t.parquet").to_pylist()
    assert table[0]["image"] == "a\\rb.jpg"
    assert table[0]["identity"] == "'=cmd|' /C calc'!A0"


def test_names_that_differ_in_case_keep_their_own_keys(face: Image.Image, tmp_path: Path) -> None:
    names = ["IMG_1.JPG", "IMG_1.jpg", "img_1.jpg"]
    for name in names:
        face.save(tmp_path / name, "JPEG")
    sources = list(Listing((str(tmp_path),)))
    assert [source.key for source in sources] == names
    assert len({source.output.lower() for source in sources}) == 3


def test_an_image_named_twice_has_its_plain_path_beside_the_key(
    run: Run, photos: Path, tmp_path: Path
) -> None:
    (photos / "list.csv").write_text("image\na.png\na.png\n")
    out = tmp_path / "out"
    words = ("degrade", photos / "list.csv", "--out", out, "--quiet", "--workers", 0)
    assert run(*words).exit_code == 0
    rows = list(csv.DictReader((out / "pictures.csv").open(encoding="utf-8")))
    assert [row["image"] for row in rows] == ["a.png", "a.png#2"]
    assert {row["path"] for row in rows} == {str(photos / "a.png")}


def test_an_image_beside_a_folder_of_its_output_name(
    run: Run, photos: Path, face: Image.Image
) -> None:
    face.save(photos / "x.jpg")
    (photos / "x.png").mkdir()
    face.save(photos / "x.png" / "y.png")
    out = photos.parent / "out"
    done = run("degrade", photos, "--out", out, "--quiet", "--workers", 0)
    assert done.exit_code == 0
    assert len(list((out / "lr").rglob("*.png"))) >= 5


def test_a_path_as_long_as_the_system_allows(run: Run, face: Image.Image, tmp_path: Path) -> None:
    deep = tmp_path / "in"
    while len(str(deep)) < 3_700:
        deep /= "d" * 100
    deep.mkdir(parents=True)
    face.save(deep / "x.png")
    out = tmp_path / ("o" * 200) / ("o" * 200)
    done = run("degrade", tmp_path / "in", "--out", out, "--quiet", "--workers", 0)
    assert done.exit_code == 0
    assert len(list((out / "lr" / "long").glob("*.png"))) == 1


def test_nested_folders_without_end_are_no_recursion(tmp_path: Path) -> None:
    here = Path.cwd()
    try:
        os.chdir(tmp_path)
        for _ in range(2_200):
            Path("d").mkdir()
            os.chdir("d")
        os.chdir(here)
        sources = list(Listing((str(tmp_path),)))
    finally:  # nothing else, pytest neither, could remove them
        subprocess.run(["rm", "-rf", str(tmp_path / "d")], check=True)
        os.chdir(here)
    assert len(sources) == 1
    assert "cannot be listed" in str(sources[0].problem)


def test_a_manifest_that_names_one_image_often_is_not_quadratic(tmp_path: Path) -> None:
    (tmp_path / "list.csv").write_text("image\n" + "a.png\n" * 20_000)
    sources = list(Listing((str(tmp_path / "list.csv"),)).unopened())
    assert sources[-1].key == "a.png#20000"


NARROW = NetworkConfig(widths=Widths(r64=2, r32=2, r16=4, r8=4, r4=4), groups=1, blocks=1)


def weights_with(folder: Path, **card: object) -> Path:
    """A small weight file, its card changed."""
    path = save_weights(GFLmser(NARROW), card_of("tiny", NARROW), folder)
    content = path.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    inner = json.loads(header["__metadata__"]["card"]) | card
    header["__metadata__"]["card"] = json.dumps(inner)
    head = json.dumps(header).encode()
    path.write_bytes(struct.pack("<Q", len(head)) + head + content[8 + length :])
    return path


@pytest.mark.parametrize(
    "name", ["../../ESCAPED", "/tmp/x", "", "a\nb", 5, None, "..", "<img src=x>", "x" * 65, "-x"]
)
def test_a_weight_card_names_no_path(run: Run, photos: Path, name: object) -> None:
    file = weights_with(photos.parent / "w", name=name)
    with pytest.raises(WeightsError, match=r"name|card"):
        load_weights(file, build_gflmser)
    out = photos.parent / "deep" / "out"
    assert run("compare", photos, "--out", out, "--upscalers", file, "--quiet").exit_code == 2
    assert not list(photos.parent.glob("ESCAPED*"))


@pytest.mark.parametrize(
    "card",
    [
        {"network": {"blocks": 10**9}},
        {"network": {"widths": {"r64": 10**7}}},
        {"network": {"groups": 64, "blocks": 64, "widths": {"r64": 2048}}},
        {"steps": "x"},
        {"earlier": [5]},
        {"metrics": {"psnr": "x"}},
        {"limits": 5},
    ],
    ids=["blocks", "width", "parameters", "steps", "earlier", "metrics", "limits"],
)
def test_a_card_of_nonsense_or_of_a_giant_is_refused_at_once(
    tmp_path: Path, card: dict[str, object]
) -> None:
    assert verify_weights(weights_with(tmp_path, **card), build_gflmser) != []


def test_a_card_nested_without_end_does_not_stop_verify(run: Run, tmp_path: Path) -> None:
    bad = weights_with(tmp_path)
    content = bad.read_bytes()
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    header["__metadata__"]["card"] = "[" * 100_000
    head = json.dumps(header).encode()
    bad.write_bytes(struct.pack("<Q", len(head)) + head + content[8 + length :])
    done = run("weights", "verify", bad, "gflmser")
    assert done.exit_code == 1
    assert "nested too deeply" in done.stdout
    assert "gflmser: ok" in done.stdout


@pytest.mark.parametrize("name", ["../../evil", "/tmp/evil", "", "a/b", "a\\nb"])
def test_a_training_names_no_path(tmp_path: Path, name: str) -> None:
    (tmp_path / "x.toml").write_text(f'name = "{name}"\n')
    with pytest.raises(ConfigError, match="the name"):
        load(Config, tmp_path / "x.toml")


@pytest.mark.parametrize(
    "setting",
    [
        "seed=-1",
        f"seed={10**22}",
        "training.batch=100000000",
        "training.h2l.rate=-1",
        "training.h2l.rate=nan",
        "network.widths.r16=0",
        "network.widths.r16=-8",
        "network.blocks=1000000000",
        "data.camera=nan",
        "training.clip=inf",
    ],
)
def test_a_training_of_nonsense_is_refused(tmp_path: Path, setting: str) -> None:
    (tmp_path / "x.toml").write_text('name = "x"\n')
    with pytest.raises(ConfigError):
        load(Config, tmp_path / "x.toml", [setting])


def test_a_configuration_nested_without_end_is_refused(tmp_path: Path) -> None:
    (tmp_path / "x.toml").write_text("a=" + "[" * 5_000)
    with pytest.raises(ConfigError, match="nested too deeply"):
        load(Config, tmp_path / "x.toml")


def test_an_import_under_a_path_is_refused(run: Run, tmp_path: Path) -> None:
    (tmp_path / "x.pth").write_bytes(b"PK")
    words = ("--origin", "bulat", "--out", tmp_path / "w", "--name", "../evil")
    assert run("weights", "import", tmp_path / "x.pth", *words).exit_code == 2


@pytest.mark.parametrize("option", ["--gallery", "--out"])
def test_a_name_that_no_file_system_takes_is_wrong_usage(
    run: Run, photos: Path, option: str
) -> None:
    words = {"--gallery": str(photos), "--out": str(photos.parent / "o"), option: "[" * 5000}
    done = run("identify", photos, *(word for pair in words.items() for word in pair))
    assert isinstance(done.exception, click.BadParameter)
    assert "File name too long" in str(done.exception)


@pytest.mark.parametrize("name", ["[" * 5000, "[" * 5000 + ".safetensors"])
def test_an_upscaler_of_such_a_name_is_unknown(run: Run, photos: Path, name: str) -> None:
    for command in ("upscale", "compare", "detect"):
        option = "--upscalers" if command == "compare" else "--upscaler"
        done = run(command, photos, "--out", photos.parent / "o", option, name)
        assert isinstance(done.exception, SrPipelineError)
