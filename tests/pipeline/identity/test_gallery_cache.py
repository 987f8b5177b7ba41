"""A gallery is embedded once: its faces are found again by hash, and only by the right one."""

import json
import shutil
import stat
from pathlib import Path

import numpy as np
import pytest

import pipeline.identity.gallery as gallery_module
import pipeline.identity.views as views_module
from pipeline.identity.cohorts import load_cohorts
from pipeline.identity.gallery import Gallery
from pipeline.identity.gallery_cache import GalleryCache
from pipeline.identity.views import _kept_or_made


@pytest.fixture
def people(samples: Path, tmp_path: Path) -> Path:
    folder = tmp_path / "people" / "Joe Biden"
    folder.mkdir(parents=True)
    shutil.copy(samples / "biden.jpg", folder)
    return folder.parent


@pytest.fixture
def cache(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> GalleryCache:
    monkeypatch.setenv("XDG_CACHE_HOME", str(tmp_path / "cache"))
    return GalleryCache.of_user()


@pytest.fixture
def searched(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """One more entry for each image that is searched for a face."""
    calls: list[int] = []
    real = gallery_module.largest_face
    monkeypatch.setattr(gallery_module, "largest_face", lambda rgb: (calls.append(1), real(rgb))[1])
    return calls


def test_the_second_run_searches_nothing(
    people: Path, cache: GalleryCache, searched: list[int]
) -> None:
    first = Gallery.from_folder(people, cache=cache)
    (people / "Joe Biden" / "biden.jpg").rename(people / "Joe Biden" / "other name.jpg")
    second = Gallery.from_folder(people, cache=cache)
    assert len(searched) == 1
    assert np.array_equal(first.embeddings, second.embeddings)
    assert first.describe() == second.describe()
    (entry,) = cache.folder.iterdir()
    assert stat.S_IMODE(entry.stat().st_mode) == 0o600
    assert stat.S_IMODE(cache.folder.stat().st_mode) == 0o700


def test_a_changed_image_and_other_models_are_embedded_anew(
    people: Path, cache: GalleryCache, searched: list[int]
) -> None:
    Gallery.from_folder(people, cache=cache)
    with (people / "Joe Biden" / "biden.jpg").open("ab") as file:
        file.write(b"\0")
    Gallery.from_folder(people, cache=cache)
    Gallery.from_folder(people, cache=GalleryCache(cache.folder, cache.recipe + " "))
    Gallery.from_folder(people)
    assert len(searched) == 4


@pytest.mark.parametrize("damage", ["cut", "number", "name", "kind", "endless"])
def test_a_damaged_entry_is_made_again(
    people: Path, cache: GalleryCache, searched: list[int], damage: str
) -> None:
    whole = Gallery.from_folder(people, cache=cache)
    (entry,) = cache.folder.iterdir()
    text = entry.read_text("utf-8")
    content = json.loads(text)
    if damage == "number":
        content["content"]["checked"]["face_px"] += 1
        text = json.dumps(content)
    elif damage == "kind":
        text = "[]"
    elif damage == "name":
        text = text.replace(content["content"]["name"][:8], "0" * 8)
    entry.write_text({"cut": text[:-9], "endless": " " * (1 << 17)}.get(damage, text), "utf-8")
    again = Gallery.from_folder(people, cache=cache)
    assert len(searched) == 2
    assert np.array_equal(whole.embeddings, again.embeddings)


def test_a_cache_that_cannot_be_written_is_no_error(people: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("", "utf-8")
    nowhere = GalleryCache(tmp_path / "file" / "gallery", "x")
    assert Gallery.from_folder(people, cache=nowhere).people == ("Joe Biden",)


def test_views_of_a_gallery_are_kept_too(people: Path, cache: GalleryCache) -> None:
    gallery = Gallery.from_folder(people, cache=cache)
    (view,) = [one for one in load_cohorts().views if one.upscaler == "bicubic"][:1]
    made = _kept_or_made(gallery, view)
    assert len(list(cache.folder.iterdir())) == 2
    again = Gallery.from_folder(people, cache=cache)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(views_module, "seen_people", None)
        assert np.array_equal(_kept_or_made(again, view), made)
