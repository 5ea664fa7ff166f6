"""The layouts of data sets, and the split of the layout without one."""

from __future__ import annotations

import random
import shutil
from collections import Counter
from dataclasses import fields
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from tests.training.layouts import original, ours, write_ours, write_rows
from training.dataset.findings import Kind
from training.dataset.layouts import list_data, usable_radiographs
from training.errors import DataMissing, DatasetInvalid
from training.fit.batches import BatchSource
from training.plan import Plan
from training.samples import Samples, carried_file, read_samples, training_samples

DATA = Path(__file__).parents[2].parent / "shared" / "data"
COUNTS = {"COVID": 7, "Normal": 7, "Viral Pneumonia": 6}


@pytest.mark.parametrize("inner", ["", "images"])
@pytest.mark.parametrize("table", ["coordinates.csv", "tables/master.CSV"])
def test_the_original_layout_is_read_in_all_its_variants(
    tmp_path: Path, inner: str, table: str
) -> None:
    rows = original(tmp_path, COUNTS, inner=inner)
    write_rows(tmp_path / table, rows)
    samples = read_samples(tmp_path, side=64)
    assert len(samples) == len(rows)
    assert samples.has_landmarks().all()
    assert Counter(samples.categories.tolist()) == COUNTS
    first = next(row for row in rows if f"{row[-1]}.png" == samples.names[0])
    radiograph = next(
        radiograph
        for radiograph in usable_radiographs(tmp_path)
        if radiograph.name == samples.names[0]
    )
    assert radiograph.points[:15].ravel() == pytest.approx(first[1:-1])


def test_saved_samples_train_like_their_folder(
    tmp_path: Path,
) -> None:
    write_rows(tmp_path / "points.csv", original(tmp_path, {"Normal": 3}))
    made = training_samples(tmp_path, 64)
    place = carried_file(tmp_path / "carried", 64)
    place.parent.mkdir()
    made.save(place)
    carried = training_samples(place.parent, 64)
    for name in (field.name for field in fields(Samples)):
        np.testing.assert_array_equal(getattr(carried, name), getattr(made, name))
    with pytest.raises(DataMissing):
        training_samples(place.parent, 48)
    place.write_bytes(place.read_bytes()[:-100])
    with pytest.raises(DatasetInvalid, match=r"samples-64\.npz"):
        training_samples(place.parent, 64)


def test_images_of_the_original_layout_may_have_another_suffix(
    tmp_path: Path,
) -> None:
    rows = original(tmp_path, {"Normal": 3})
    with Image.open(tmp_path / "Normal/Normal-1.png") as radiograph:
        radiograph.save(tmp_path / "Normal/Normal-1.jpeg")
    (tmp_path / "Normal/Normal-1.png").unlink()
    rows[1][-1] = "Normal-2.png"
    write_rows(tmp_path / "points.csv", rows)
    names = [radiograph.name for radiograph in usable_radiographs(tmp_path)]
    assert names == ["Normal-1.jpeg", "Normal-2.png", "Normal-3.png"]


def test_outlines_beside_the_images_are_not_images(tmp_path: Path) -> None:
    rows = original(tmp_path, {"Normal": 3}, inner="images")
    shutil.copytree(tmp_path / "Normal/images", tmp_path / "Normal/masks")
    write_rows(tmp_path / "points.csv", rows)
    listing = list_data(tmp_path)
    assert len(listing.radiographs) == len(listing.images) == 3
    assert listing.findings == ()


def test_the_split_is_seventy_fifteen_fifteen_and_the_order_of_rows_does_not_matter(
    tmp_path: Path,
) -> None:
    rows = original(tmp_path, COUNTS)
    write_rows(tmp_path / "points.csv", rows)
    before = {radiograph.name: radiograph.split for radiograph in usable_radiographs(tmp_path)}
    assert Counter(before.values()) == {"train": 14, "val": 3, "test": 3}
    random.Random(3).shuffle(rows)
    write_rows(tmp_path / "points.csv", rows)
    assert {
        radiograph.name: radiograph.split for radiograph in usable_radiographs(tmp_path)
    } == before


def test_radiographs_with_the_same_pixels_stay_in_one_split(tmp_path: Path) -> None:
    rows = original(tmp_path, COUNTS)
    copies = []
    for row in rows[:12]:
        category = str(row[-1]).partition("-")[0]
        with Image.open(tmp_path / category / f"{row[-1]}.png") as radiograph:
            # Different bytes and category, same pixels.
            radiograph.save(tmp_path / "Viral Pneumonia" / f"copy of {row[-1]}.tiff")
        copies.append([99, *row[1:-1], f"copy of {row[-1]}"])
    write_rows(tmp_path / "points.csv", [*rows, *copies])
    splits = {radiograph.path.stem: radiograph.split for radiograph in usable_radiographs(tmp_path)}
    assert len(splits) == 32
    assert len(set(splits.values())) == 3
    for row in rows[:12]:
        assert splits[str(row[-1])] == splits[f"copy of {row[-1]}"]


def test_both_layouts_in_one_folder_are_read_together(tmp_path: Path) -> None:
    write_ours(tmp_path, ours(tmp_path, ["train", "test"]))
    write_rows(tmp_path / "points.csv", original(tmp_path, {"Normal": 3}))
    samples = read_samples(tmp_path, side=64)
    assert Counter(samples.sources.tolist()) == {"landmarks15": 2, "original": 3}


def test_radiographs_of_the_original_layout_can_be_trained_on(tmp_path: Path) -> None:
    write_rows(tmp_path / "points.csv", original(tmp_path, {"Normal": 3}))
    plan = Plan.from_mapping(
        {"landmark_batch": 2, "calliper_batch": 5, "phases": [{"name": "short", "steps": 1}]}
    )
    batch = BatchSource(read_samples(tmp_path), plan, torch.device("cpu")).draw()
    assert len(batch.grey) == 2
    assert torch.isfinite(batch.target.points[:, :15]).any()


def test_a_point_without_annotation_is_missing_and_others_are_kept(tmp_path: Path) -> None:
    rows = ours(tmp_path, ["train", "test"])
    rows[0][3] = rows[0][4] = ""
    write_ours(tmp_path, rows)
    samples = read_samples(tmp_path, side=64)
    assert np.isnan(samples.points[0, 0]).all()
    assert np.isfinite(samples.points[0, 1:15]).all()
    assert samples.has_landmarks().tolist() == [False, True]


@pytest.mark.parametrize(
    ("column", "value", "found"),
    [
        (3, "left", "x1 is 'left', which is not a number"),
        (3, "inf", "x1 is 'inf', which is not a number"),
        (2, "training", "the split is 'training'"),
        (0, "", "the row names no image"),
    ],
)
def test_a_malformed_row_is_named_by_its_line_and_stops_training(
    tmp_path: Path, column: int, value: str, found: str
) -> None:
    rows = ours(tmp_path, ["train", "test"])
    rows[1][column] = value
    write_ours(tmp_path, rows)
    [finding] = list_data(tmp_path).findings
    assert finding.kind is Kind.ROW_MALFORMED
    assert finding.place == "landmarks.csv:3"
    assert found in finding.detail
    with pytest.raises(DatasetInvalid, match=r"landmarks\.csv:3"):
        read_samples(tmp_path)


def test_missing_columns_of_a_table_are_named(tmp_path: Path) -> None:
    write_rows(tmp_path / "landmarks15/landmarks.csv", [["image", "category", "split", "x1"]])
    [finding] = list_data(tmp_path).findings
    assert "the heading lacks y1, x2" in finding.detail


def test_two_tables_of_coordinates_are_refused_by_name(tmp_path: Path) -> None:
    rows = original(tmp_path, {"Normal": 2})
    write_rows(tmp_path / "a.csv", rows)
    write_rows(tmp_path / "b.csv", rows)
    with pytest.raises(DataMissing, match=r"a\.csv, b\.csv"):
        list_data(tmp_path)


def test_a_folder_without_data_sets_is_refused(tmp_path: Path) -> None:
    write_rows(tmp_path / "notes.csv", [["1", "2"]])
    with pytest.raises(DataMissing, match=r"landmarks15/landmarks\.csv"):
        read_samples(tmp_path)
    with pytest.raises(DataMissing):
        read_samples(tmp_path / "nowhere")


def test_an_image_that_cannot_be_read_is_named(tmp_path: Path) -> None:
    rows = ours(tmp_path, ["train", "test"])
    write_ours(tmp_path, rows)
    path = tmp_path / "landmarks15/images/film 1.png"
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(DatasetInvalid, match=r"film 1\.png: \[truncated-file\]"):
        read_samples(tmp_path)


@pytest.mark.skipif(
    not (DATA / "landmarks15").is_dir(), reason="the annotated radiographs are not on this machine"
)
def test_the_real_data_sets_are_listed_completely() -> None:
    listing = list_data(DATA)
    assert listing.findings == ()
    assert Counter((radiograph.source, radiograph.split) for radiograph in listing.radiographs) == {
        ("landmarks15", "train"): 569,
        ("landmarks15", "val"): 100,
        ("landmarks15", "test"): 144,
        ("wingspan", "train"): 135,
        ("wingspan", "val"): 16,
        ("wingspan", "test"): 41,
        ("jsrt", "external"): 180,
    }
    assert len(listing.images) == len(listing.radiographs)
