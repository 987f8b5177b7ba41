"""Sound inputs of every kind, small, made from the sample images: what is damaged afterwards."""

import functools
import io
import random
from collections.abc import Mapping
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Final

import numpy as np
from PIL import Image

from tests.fuzz import mutate

SAMPLES: Final = Path(__file__).resolve().parents[2] / "data" / "samples"

MANIFESTS: Final = (
    "image,left,top,right,bottom,identity\na.png,0,0,30,30,Ann\nb.jpg,,,,,\na.png,2,2,20,20,Bob\n",
    "image\na.png\nb.jpg\nsub/c.png\n",
    "image;identity\na.png;Ann\nb.jpg;Bob\n",
    "Image\tleft\ttop\tright\tbottom\na.png\t1\t1\t20\t20\n",
)
ANNOTATIONS: Final[Mapping[str, str]] = {
    "csv": "image,left,top,right,bottom,class,width,height\n"
    "a.png,1,2,30,40,face,64,64\nb.png,,,,,,64,64\n",
    "dlib": "<?xml version='1.0'?>\n<dataset><images><image file='a.png' width='64' height='64'>"
    "<box top='2' left='1' width='20' height='30' ignore='0'><label>face</label></box></image>"
    "<image file='b.png'/></images></dataset>\n",
    "voc": "<annotation><filename>a.png</filename><size><width>64</width><height>64</height>"
    "<depth>3</depth></size><object><name>face</name><difficult>0</difficult><bndbox><xmin>1</xmin>"
    "<ymin>2</ymin><xmax>30</xmax><ymax>40</ymax></bndbox></object></annotation>\n",
    "coco": '{"images":[{"id":1,"file_name":"a.png","width":64,"height":64}],'
    '"annotations":[{"id":1,"image_id":1,"bbox":[1,2,20,30],"category_id":1,"iscrowd":0}],'
    '"categories":[{"id":1,"name":"face"}]}\n',
    "wider": "a/a.jpg\n1\n1 2 20 30 0 0 0 0 0 0\na/b.jpg\n0\n0 0 0 0 0 0 0 0 0 0\n",
}
PREDICTIONS: Final = (
    "image,status,face,left,top,right,bottom,score,width,height,error\n"
    "a.png,one,0,1.0,2.0,20.0,30.0,0.5,64,64,\nb.png,none,,,,,,,64,64,\n"
    "c.png,error,,,,,,,,,damaged image\n"
)
CONFIG: Final = """name = "tiny"
seed = 3
[network]
groups = 1
blocks = 1
source = "upsampled"
[network.widths]
r64 = 4
r32 = 4
r16 = 8
[data]
validation = ""
camera = 0.3
[[data.sources]]
path = "cache"
weight = 1.0
crop = [0.7, 1.0]
[training]
batch = 4
clip = 1.0
ema = 0.9
schedule = "cosine"
[training.l2h]
rate = 0.001
betas = [0.9, 0.999]
[[training.phases]]
name = "restore"
length = 3
trains = ["l2h"]
hr_pixel = 1.0
"""


@functools.cache
def face() -> Image.Image:
    """A real face, 24x24."""
    with Image.open(SAMPLES / "obama.jpg") as opened:
        return opened.convert("RGB").crop((150, 40, 350, 240)).resize((24, 24))


@functools.cache
def images() -> Mapping[str, bytes]:
    """The face in every format that is read, with 16 bits, a palette, several frames."""
    made: dict[str, bytes] = {}
    wanted = {
        **{s: face() for s in ("jpg", "png", "gif", "webp", "bmp", "tif", "jp2", "tga", "ppm")},
        "la.png": face().convert("LA"),
        "p.png": face().convert("P"),
        "cmyk.jpg": face().convert("CMYK"),
        "16.png": Image.fromarray(np.asarray(face().convert("L")).astype(np.uint16) * 257),
        "f.tif": face().convert("F"),
    }
    for name, image in wanted.items():
        made[name] = _encoded(image, name.rpartition(".")[2])
    for suffix in ("gif", "webp", "png", "tif"):
        made[f"many.{suffix}"] = _encoded(
            face(), suffix, save_all=True, append_images=[face().rotate(90)]
        )
    exif = Image.Exif()
    exif[0x0112] = 6
    made["turned.jpg"] = _encoded(face(), "jpg", exif=exif.tobytes())
    return made


def _encoded(image: Image.Image, suffix: str, **options: object) -> bytes:
    names = {"jpg": "JPEG", "tif": "TIFF", "jp2": "JPEG2000"}
    file = io.BytesIO()
    image.save(file, names.get(suffix, suffix.upper()), **options)  # type: ignore[arg-type]
    return file.getvalue()


@functools.cache
def weights() -> bytes:
    """A GFLmser of a few channels in its file."""
    from gflmser.config import NetworkConfig, Widths
    from gflmser.load import card_of
    from gflmser.network import GFLmser
    from gflmser.weights import save_weights

    config = NetworkConfig(widths=Widths(r64=2, r32=2, r16=4, r8=4, r4=4), groups=1, blocks=1)
    with TemporaryDirectory() as folder:
        card = card_of("tiny", config)
        return save_weights(GFLmser(config), card, Path(folder)).read_bytes()


@functools.cache
def state() -> bytes:
    """A small state dict as torch saves it."""
    import torch

    file = io.BytesIO()
    torch.save(
        {"conv_first.weight": torch.zeros(4, 3, 3, 3), "conv_last.bias": torch.zeros(3)}, file
    )
    return file.getvalue()


def spoil(rng: random.Random, table: dict[str, object]) -> None:
    """Put a hostile value into a table of JSON, at any depth."""
    if not table:
        return
    key = rng.choice(sorted(table))
    inner = table[key]
    if isinstance(inner, list) and inner and isinstance(inner[0], dict) and rng.random() < 0.7:
        spoil(rng, rng.choice([one for one in inner if isinstance(one, dict)]))
        return
    if isinstance(inner, dict) and inner and rng.random() < 0.7:
        spoil(rng, inner)
        return
    numbers = (None, True, -1, 0, 10**9, 10**30, 1.5)
    table[key] = rng.choice((*numbers, "x", [], {}, [1], {"a": 1}, rng.choice(mutate.WORDS)))
