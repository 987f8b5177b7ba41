"""The kinds of input: each makes one from a seed and gives it to the code that reads it."""

import json
import random
import struct
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Final

from tests.fuzz import mutate, seeds
from tests.fuzz.options import one_command
from tests.fuzz.reports import one_report
from tests.fuzz.trees import one_tree

Target = Callable[[random.Random, Path], object]


def one_image(rng: random.Random, folder: Path) -> object:
    """A damaged image: at least 4x4x3 comes out, or an ImageError."""
    from data.images.files import load_image

    name, content = rng.choice(sorted(seeds.images().items()))
    path = folder / name
    path.write_bytes(mutate.bytes_of(rng, content))
    image = load_image(path)
    assert image.rgb.ndim == 3 and image.rgb.shape[2] == 3 and min(image.rgb.shape[:2]) >= 4
    assert image.rgb.dtype == "uint8"
    return image.note


def one_manifest(rng: random.Random, folder: Path) -> object:
    """A damaged manifest: every row has a key and an output of its own."""
    from data.safe_text import printable
    from pipeline.inputs.sources import Listing

    path = folder / "list.csv"
    path.write_bytes(mutate.text_of(rng, rng.choice(seeds.MANIFESTS)))
    sources = list(Listing((str(path),)))
    assert len({source.key for source in sources}) == len(sources)
    assert len({source.output.lower() for source in sources}) == len(sources)
    assert all(printable(source.key) == source.key for source in sources)
    assert not any(".." in Path(source.output).parts for source in sources)
    return len(sources)


def one_annotation(rng: random.Random, folder: Path) -> object:
    """A damaged ground truth, of a given format or one that is guessed."""
    from data.annotations.annotations import read_truth

    kind, text = rng.choice(sorted(seeds.ANNOTATIONS.items()))
    path = folder / "truth"
    path.write_bytes(mutate.text_of(rng, text))
    return read_truth(path, format=kind if rng.random() < 0.5 else None)  # type: ignore[arg-type]


def one_prediction(rng: random.Random, folder: Path) -> object:
    """A damaged detections.csv."""
    from pipeline.evaluation.predictions import read_predictions

    path = folder / "detections.csv"
    path.write_bytes(mutate.text_of(rng, seeds.PREDICTIONS))
    return read_predictions(path)


def one_weight(rng: random.Random, folder: Path) -> object:
    """A damaged weight file: its bytes, its card, or a pickle."""
    from gflmser.load import build_gflmser
    from gflmser.weights import load_weights, verify_weights
    from pipeline.upscalers.inference.state_dicts import read_state

    kind = rng.randrange(4)
    if kind == 0:
        path = folder / "x.pth"
        path.write_bytes(mutate.bytes_of(rng, seeds.state()))
        return read_state(path)
    path = folder / "tiny.safetensors"
    whole = seeds.weights()
    path.write_bytes(mutate.bytes_of(rng, whole) if kind == 1 else _with_card(rng, whole))
    if kind == 2:
        return verify_weights(path, build_gflmser)
    return load_weights(path, build_gflmser)[1].name


def _with_card(rng: random.Random, content: bytes) -> bytes:
    """The file with hostile values in the card inside."""
    (length,) = struct.unpack("<Q", content[:8])
    header = json.loads(content[8 : 8 + length])
    card = json.loads(header["__metadata__"]["card"])
    for _ in range(rng.choice((1, 1, 3))):
        seeds.spoil(rng, card)
    text = json.dumps(card)
    if rng.random() < 0.2:
        text = text.replace(":", rng.choice((":[", ":" + "[" * 2000, ": NaN,", "")), 1)
    header["__metadata__"]["card"] = text
    head = json.dumps(header).encode()
    return struct.pack("<Q", len(head)) + head + content[8 + length :]


def one_config(rng: random.Random, folder: Path) -> object:
    """A damaged training TOML, with a damaged --set."""
    from gflmser.config import Config
    from gflmser.names import checked_name
    from gflmser.schema import load

    path = folder / "x.toml"
    path.write_bytes(mutate.text_of(rng, seeds.CONFIG))
    keys = ("name", "seed", "network.blocks", "training.batch", "data.camera", "training.l2h.rate")
    settings = (
        [f"{mutate.pick(rng, keys)}={rng.choice(mutate.WORDS)}"] if rng.random() < 0.5 else []
    )
    config = load(Config, path, settings)
    assert checked_name(config.name)
    return config


def one_gallery(rng: random.Random, folder: Path) -> object:
    """A gallery of damaged and faceless images in oddly named folders."""
    from pipeline.identity.gallery import Gallery

    for _ in range(rng.randrange(3)):
        name = rng.choice(("Ann", "=cmd", "\x1b[2J", "a\nb", "..x", "\udcff\udcfe", "Ann "))
        person = folder / name
        person.mkdir(exist_ok=True)
        kind, content = rng.choice(sorted(seeds.images().items()))
        (person / f"x.{kind}").write_bytes(mutate.bytes_of(rng, content))
    return Gallery.from_folder(folder).people


def one_journal(rng: random.Random, folder: Path) -> object:
    """A results folder whose journal is damaged."""
    from pipeline.engine.journal import Entry, Journal, Start

    with Journal(folder, {"a": 1}) as journal:
        for number in range(5):
            journal.add(Entry(f"{number}.png", number, [{"image": f"{number}.png"}]))
        journal.finish()
    path = folder / "journal.sqlite"
    for name in ("-wal", "-shm"):
        Path(f"{path}{name}").unlink(missing_ok=True)
    path.write_bytes(mutate.bytes_of(rng, path.read_bytes()))
    start = Start(resume=rng.random() < 0.5, overwrite=False)
    with Journal(folder, {"a": 1}, start=start) as journal:
        return len(list(journal.rows()))


TARGETS: Final[Mapping[str, tuple[Target, int]]] = {
    "images": (one_image, 30),
    "manifests": (one_manifest, 14),
    "annotations": (one_annotation, 20),
    "predictions": (one_prediction, 5),
    "weights": (one_weight, 6),
    "configurations": (one_config, 12),
    "galleries": (one_gallery, 2),
    "folders": (one_tree, 4),
    "journals": (one_journal, 2),
    "options": (one_command, 5),
    "reports": (one_report, 2),
}
"""Name -> what makes and gives one, and its share of the inputs."""
