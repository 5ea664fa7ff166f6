"""Files outside the folder of a data set are never read."""

from __future__ import annotations

import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.settings import process_environment
from tests.training.layouts import original, ours, write_ours, write_rows
from training.dataset import cardiothoracic
from training.dataset.check import check_data
from training.dataset.findings import Kind
from training.dataset.layouts import list_data, usable_radiographs
from training.errors import DataMissing, DatasetInvalid

ROOT = Path(__file__).parents[2]
OUTSIDE = (
    "../secret.png",
    "../../../secret.png",
    "sub/../../../../secret.png",
    "./../images/../../../secret.png",
    "{secret}",
    "/etc/passwd",
    "sub/../film 0.png",
    "link.png",
    "links/secret.png",
    "chain.png",
    "ring.png",
    "nul\0.png",
)


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """Return a folder with links inside and outside, and a radiograph outside of it."""
    ours(tmp_path / "other", ["train"])
    secret = tmp_path / "secret.png"
    shutil.copyfile(tmp_path / "other/landmarks15/images/film 0.png", secret)
    images = tmp_path / "data" / "landmarks15" / "images"
    (images / "sub").mkdir(parents=True)
    (images / "link.png").symlink_to(secret)
    (images / "chain.png").symlink_to("link.png")
    (images / "ring.png").symlink_to("ring.png")
    (images / "links").symlink_to(tmp_path)
    (images / "kept.png").symlink_to("film 0.png")
    return tmp_path / "data"


@pytest.mark.parametrize("name", OUTSIDE)
def test_a_row_outside_the_folder_is_a_finding_and_not_read(data: Path, name: str) -> None:
    rows = ours(data, ["train", "val"])
    rows[1][0] = name.format(secret=data.parent / "secret.png")
    write_ours(data, rows)
    listing = list_data(data)
    assert [radiograph.name for radiograph in listing.radiographs] == ["film 0.png"]
    kinds = {finding.kind for finding in check_data(data).findings}
    # Some versions of the csv module reject a row with NUL.
    assert kinds & {Kind.IMAGE_OUTSIDE, Kind.ROW_MALFORMED if "\0" in name else Kind.IMAGE_OUTSIDE}
    with pytest.raises(DatasetInvalid):
        usable_radiographs(data)


def test_links_and_folders_inside_the_data_set_are_followed(data: Path) -> None:
    rows = ours(data, ["train", "val", "test"])
    images = data / "landmarks15" / "images"
    (images / "film 1.png").rename(images / "sub" / "film 1.png")
    rows[1][0], rows[2][0] = "sub/film 1.png", "kept.png"
    write_ours(data, rows)
    assert len(usable_radiographs(data)) == 3
    elsewhere = data.parent / "by another name"
    elsewhere.symlink_to(data)
    assert len(usable_radiographs(elsewhere)) == 3


@pytest.mark.parametrize("part", ["landmarks15", "landmarks15/images", "landmarks15/landmarks.csv"])
def test_links_out_of_the_data_set_are_refused(tmp_path: Path, part: str) -> None:
    write_ours(tmp_path / "data", ours(tmp_path / "data", ["train", "val"]))
    (tmp_path / "data" / part).rename(tmp_path / "moved")
    (tmp_path / "data" / part).symlink_to(tmp_path / "moved")
    found = list_data(tmp_path / "data")
    assert found.radiographs == ()
    assert {finding.kind for finding in found.findings} == {Kind.IMAGE_OUTSIDE}


def test_an_outline_outside_the_folder_is_a_finding(tmp_path: Path) -> None:
    folder = tmp_path / "data" / cardiothoracic.FOLDER
    row = ["film.png", "a", "train", *range(8)]
    write_rows(folder / cardiothoracic.TABLE, [cardiothoracic.COLUMNS, row])
    ours(tmp_path / "other", ["train"])
    image = tmp_path / "other/landmarks15/images/film 0.png"
    for place in ("images", *(f"masks/{outline}" for outline in cardiothoracic.OUTLINE_FOLDERS)):
        (folder / place).mkdir(parents=True)
        shutil.copyfile(image, folder / place / "film.png")
    assert len(list_data(tmp_path / "data").radiographs) == 1
    (folder / "masks/heart/film.png").unlink()
    (folder / "masks/heart/film.png").symlink_to(image)
    [finding] = list_data(tmp_path / "data").findings
    assert finding.kind is Kind.IMAGE_OUTSIDE


def test_a_category_outside_the_folder_is_refused(tmp_path: Path) -> None:
    data = tmp_path / "data"
    rows = original(data, {"COVID": 2})
    write_rows(data / "points.csv", rows)
    assert len(list_data(data).radiographs) == 2
    image = data / "COVID" / "COVID-1.png"
    image.rename(tmp_path / "secret.png")
    image.symlink_to(tmp_path / "secret.png")
    assert [each.kind for each in list_data(data).findings] == [Kind.IMAGE_OUTSIDE]
    (data / "COVID").rename(tmp_path / "moved")
    (data / "COVID").symlink_to(tmp_path / "moved")
    assert list_data(data).radiographs == ()
    with pytest.raises((DatasetInvalid, DataMissing)):
        usable_radiographs(data)


@pytest.mark.parametrize(
    "words",
    [
        ("dataset", "check", "--data"),
        ("dataset", "explore", "--data"),
        ("evaluate", "--split", "val", "--roots", "/", "--data"),
        ("train", "submit", "--data"),
    ],
    ids=lambda words: " ".join(words[:2]),
)
def test_data_sets_must_be_below_the_roots(tmp_path: Path, words: tuple[str, ...]) -> None:
    (tmp_path / "allowed").mkdir()
    write_ours(tmp_path / "data", ours(tmp_path / "data", ["train", "val"]))
    (tmp_path / "allowed" / "link").symlink_to(tmp_path / "data")
    environment = {
        **process_environment(),
        "THORAQ_ROOTS": str(tmp_path / "allowed"),
        "THORAQ_STATE": str(tmp_path / "state"),
    }
    ran = subprocess.run(
        [sys.executable, "-m", "cli", *words, str(tmp_path / "allowed" / "link")],
        cwd=ROOT,
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (ran.returncode, "[place-forbidden]" in ran.stderr) == (2, True), ran.stderr
