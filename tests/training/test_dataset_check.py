"""Findings of `thoraq dataset check`, each kind alone, and the output of `explore`."""

from __future__ import annotations

import csv
import io
import json
import math
import shlex
import shutil
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cli.output.vocabulary import FORMER_OF
from results.errors import PlaceUnusable
from scheduler.settings import process_environment
from scheduler.terminal import printable
from tests.cli.json_keys import unknown_keys
from tests.training.layouts import SIDE, Cells, original, ours, write_ours, write_rows
from training.dataset.check import check_data
from training.dataset.explore import explore_data
from training.dataset.findings import Kind

ROOT = Path(__file__).parents[2]
DATA = ROOT.parent / "shared" / "data"
SPLITS = ("train", "train", "val", "test")
IMAGES = Path("landmarks15/images")


def run(*words: str | Path) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        [sys.executable, "-m", "training.dataset", *map(str, words)],
        cwd=ROOT,
        env={**process_environment(), "OMP_NUM_THREADS": "1", "COLUMNS": "120"},
        capture_output=True,
        text=True,
        check=False,
    )


def repeat(folder: Path, rows: list[Cells]) -> None:
    del folder
    rows.append(rows[0])


def lose(folder: Path, rows: list[Cells]) -> None:
    del rows
    (folder / IMAGES / "film 0.png").unlink()


def cut(folder: Path, rows: list[Cells]) -> None:
    del rows
    path = folder / IMAGES / "film 0.png"
    path.write_bytes(path.read_bytes()[:300])


def burn_out(folder: Path, rows: list[Cells]) -> None:
    del rows
    path = folder / IMAGES / "film 0.png"
    with Image.open(path) as radiograph:
        poor = radiograph.point([level // 32 * 32 for level in range(256)])
    poor.save(path)


def leave_unannotated(folder: Path, rows: list[Cells]) -> None:
    del folder
    rows.pop(0)


def forget_a_point(folder: Path, rows: list[Cells]) -> None:
    del folder
    rows[0][7] = ""


def leave_the_frame(folder: Path, rows: list[Cells]) -> None:
    del folder
    rows[0][6] = SIDE + 3


def swap(folder: Path, rows: list[Cells]) -> None:
    del folder
    rows[0][7:9], rows[0][9:11] = rows[0][9:11], rows[0][7:9]


def copy_within(folder: Path, rows: list[Cells]) -> None:
    shutil.copyfile(folder / IMAGES / "film 0.png", folder / IMAGES / "again.png")
    rows.append(["again.png", *rows[0][1:]])


def copy_across(folder: Path, rows: list[Cells]) -> None:
    # Different bytes, same pixels.
    with Image.open(folder / IMAGES / "film 0.png") as radiograph:
        radiograph.save(folder / IMAGES / "again.png", compress_level=1)
    rows.append(["again.png", "Normal", "test", *rows[0][3:]])


@pytest.mark.parametrize(
    ("plant", "kind", "image", "detail"),
    [
        (repeat, Kind.ROW_REPEATED, "film 0.png", "as at landmarks.csv:2"),
        (lose, Kind.IMAGE_MISSING, "film 0.png", "landmarks15/images/film 0.png"),
        (cut, Kind.IMAGE_UNREADABLE, "film 0.png", "[truncated-file]"),
        (burn_out, Kind.IMAGE_POOR, "film 0.png", "8 grey levels"),
        (leave_unannotated, Kind.IMAGE_WITHOUT_ROW, "film 0.png", ""),
        (forget_a_point, Kind.POINT_MISSING, "film 0.png", "L3"),
        (leave_the_frame, Kind.POINT_OUTSIDE, "film 0.png", "in an image of 96 x 96"),
        (swap, Kind.SIDES_SWAPPED, "film 0.png", "L3 and L4"),
        (copy_within, Kind.DUPLICATE, "again.png", "the bytes of film 0.png"),
        (copy_across, Kind.DUPLICATE_ACROSS_SPLITS, "again.png", "the pixels of film 0.png"),
    ],
)
def test_each_fault_is_found_with_its_image_and_location(
    tmp_path: Path,
    plant: Callable[[Path, list[Cells]], None],
    kind: Kind,
    image: str,
    detail: str,
) -> None:
    rows = ours(tmp_path, SPLITS)
    plant(tmp_path, rows)
    write_ours(tmp_path, rows)
    [finding] = check_data(tmp_path).findings
    assert finding.kind is kind
    assert finding.image == image
    assert detail in finding.detail
    assert finding.place


def test_a_valid_data_set_has_no_finding(data: Path) -> None:
    assert check_data(data).findings == ()


def test_swapped_or_overlapping_outlines_are_found(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "cardiothoracic", tmp_path / "cardiothoracic")
    heart, lung = (tmp_path / "cardiothoracic/masks" / name for name in ("heart", "left_lung"))
    (heart / "phantom 0.png").rename(tmp_path / "heart.png")
    (lung / "phantom 0.png").rename(heart / "phantom 0.png")
    (tmp_path / "heart.png").rename(lung / "phantom 0.png")
    with Image.open(heart / "phantom 1.png") as drawn, Image.open(lung / "phantom 1.png") as other:
        both = Image.fromarray(np.maximum(np.asarray(drawn), np.asarray(other)))
    both.save(lung / "phantom 1.png")
    found = {(finding.image, finding.detail) for finding in check_data(tmp_path).findings}
    exchanged = "heart is not between the lungs: was it exchanged with one of them?"
    assert ("phantom 0.png", exchanged) in found
    assert ("phantom 1.png", "100 % of heart is lung too") in found


def test_empty_masks_and_masks_of_wrong_size_or_position_are_found(
    data: Path, tmp_path: Path
) -> None:
    shutil.copytree(data / "cardiothoracic", tmp_path / "cardiothoracic")
    masks = tmp_path / "cardiothoracic/masks/heart"
    Image.new("L", (20, 30), 255).save(masks / "phantom 0.png")
    Image.new("L", (192, 192)).save(masks / "phantom 1.png")
    shifted = Image.new("L", (192, 192))
    shifted.paste(255, (5, 5, 9, 9))
    shifted.save(masks / "phantom 2.png")
    (masks / "phantom 3.png").unlink()
    found = [
        f"{finding.image}, {finding.kind}: {finding.detail}"
        for finding in check_data(tmp_path).findings
    ]
    assert "phantom 0.png, mask-misfit: heart is 20 x 30, the image 192 x 192" in found
    assert "phantom 1.png, mask-misfit: heart is empty" in found
    reach = "phantom 2.png, mask-misfit: heart outlined from x = 5 to 8, the callipers are at"
    assert any(line.startswith(reach) for line in found)
    assert "phantom 3.png, mask-missing: heart" in found


def test_a_stated_index_that_contradicts_its_callipers_is_found(data: Path, tmp_path: Path) -> None:
    shutil.copytree(data / "cardiothoracic", tmp_path / "cardiothoracic")
    table = tmp_path / "cardiothoracic/cardiothoracic.csv"
    with table.open(newline="") as file:
        rows = list(csv.reader(file))
    rows[1][3] = "0.91"
    write_rows(table, rows)
    [found] = [f for f in check_data(tmp_path).findings if f.kind is Kind.INDEX_MISFIT]
    assert found.place == "cardiothoracic.csv:2"
    assert "the table says 0.9100" in found.detail


def test_faults_of_the_original_layout_are_found(tmp_path: Path) -> None:
    rows = original(tmp_path, {"COVID": 3, "Normal": 4})
    rows[0] = rows[0][:-3]
    rows[1][-1] = "COVID-77"
    shutil.copyfile(tmp_path / "Normal/Normal-1.png", tmp_path / "COVID/Normal-1.png")
    write_rows(tmp_path / "points.csv", rows[::-1])
    found = {(finding.kind, finding.place) for finding in check_data(tmp_path).findings}
    assert (Kind.ROW_MALFORMED, "points.csv:7") in found
    assert (Kind.IMAGE_MISSING, "points.csv:6") in found
    assert (Kind.IMAGE_AMBIGUOUS, "points.csv:4") in found
    assert (Kind.IMAGE_WITHOUT_ROW, "COVID/COVID-1.png") in found


def test_check_prints_findings_in_each_format_and_sets_its_exit_code(tmp_path: Path) -> None:
    rows = ours(tmp_path, SPLITS)
    write_ours(tmp_path, rows)
    sound = run("check", "--data", tmp_path)
    assert (sound.returncode, sound.stdout) == (0, "4 radiographs: nothing found\n")
    rows[0][0] = "film\x1b[31m.png"
    write_ours(tmp_path, rows)
    table = run("check", "--data", tmp_path)
    assert table.returncode == 4
    assert "image-missing  1: bring the image" in table.stdout
    assert "film\\x1b[31m.png" in table.stdout
    assert "\x1b[31m" not in table.stdout
    as_json = json.loads(run("check", "--data", tmp_path, "--json").stdout)
    assert [row["kind"] for row in as_json["findings"]] == ["image-missing", "image-without-row"]
    assert unknown_keys(as_json) == set()
    as_csv = csv.DictReader(io.StringIO(run("check", "--data", tmp_path, "--csv").stdout))
    assert next(iter(as_csv)) == {
        name: printable(value or "") for name, value in as_json["findings"][0].items()
    }
    missing = run("check", "--data", tmp_path / "nowhere")
    assert missing.returncode == 3
    assert missing.stderr.startswith("error [data-missing]: ")


def test_explore_prints_counts_and_figures(data: Path, tmp_path: Path) -> None:
    picture = tmp_path / "new/shape.png"
    ran = run("explore", "--data", data, "--json", "--out", picture)
    assert ran.returncode == 0, ran.stderr
    explored = json.loads(ran.stdout)
    assert unknown_keys(explored) == set()
    assert explored["radiographs"] == explored["films"] == 8
    former = FORMER_OF["dataset explore"]
    assert explored["asymmetry"] == explored[former["asymmetry"]] != []
    assert all(of["enlarged"] == of[former["enlarged"]] for of in explored["index"])
    assert explored["counts"] == [
        {"source": s, "category": c, "train": 2, "val": 1, "test": 1, "external": 0, "all": 4}
        for s, c in (("landmarks15", "Normal"), ("wingspan", "wingspan"))
    ]
    assert explored["sizes"][0] == {
        "source": "landmarks15",
        "columns": 192,
        "rows": 192,
        "radiographs": 4,
        "films": 4,  # its former key
    }
    with Image.open(picture) as drawn:
        assert min(drawn.size) > 400
        assert len(np.unique(np.asarray(drawn))) > 100
    table = run("explore", "--data", data)
    assert "Natural asymmetry, px of a 224 frame" in table.stdout


@pytest.mark.parametrize("command", [["-m", "training.dataset"], ["-m", "cli", "dataset"]])
def test_a_picture_for_which_the_disk_has_no_room_is_one_line_and_leaves_nothing(
    data: Path, tmp_path: Path, command: list[str]
) -> None:
    picture = tmp_path / "shape.png"
    limited = f"ulimit -f 1; exec {sys.executable} {shlex.join(command)} explore"  # KiB
    ran = subprocess.run(
        ["bash", "-c", f"{limited} --data {data} --out {picture}"],
        cwd=ROOT,
        env={**process_environment(), "OMP_NUM_THREADS": "1"},
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == PlaceUnusable.kind
    assert ran.stderr.startswith(f"error [place-unusable]: {picture}: File too large")
    assert len(ran.stderr.splitlines()) == 1
    assert list(tmp_path.glob("*.png")) == list(tmp_path.glob(".thoraq-*")) == []


def test_a_full_disk_is_named_as_such(data: Path) -> None:
    ran = run("explore", "--data", data, "--out", "/dev/full")
    assert ran.returncode == PlaceUnusable.kind
    [line] = ran.stderr.splitlines()
    assert line.startswith("error [place-unusable]: /dev/full: No space left on device")


def test_the_shape_is_stated_in_px_of_a_224_frame(tmp_path: Path) -> None:
    rows = ours(tmp_path, ["train"])
    rows[0][3:5] = [SIDE / 2 - 0.5, 0]
    write_ours(tmp_path, rows)
    found, _ = explore_data(tmp_path)
    [first] = [point for point in found.points if point.point == "L1"]
    assert first.mean_x == pytest.approx(111.5)
    assert first.sd_x == 0.0


def test_asymmetry_is_zero_for_mirror_images_and_the_distance_for_a_moved_point(
    tmp_path: Path,
) -> None:
    rows = ours(tmp_path, ["train"])
    upper = [(48, 10), (48, 80), (30, 20), (66, 20), (25, 40), (71, 40), (20, 60), (76, 60)]
    lower = [(48, 27), (48, 45), (48, 62), (40, 10), (56, 10), (20, 80), (76, 83)]
    for i, (x, y) in enumerate([*upper, *lower]):
        rows[0][3 + 2 * i : 5 + 2 * i] = [x, y]
    write_ours(tmp_path, rows)
    found, _ = explore_data(tmp_path)
    means = {figures.pair: figures.mean for figures in found.asymmetry}
    assert means["L3 L4"] == means["L12 L13"] == 0.0
    assert means["L14 L15"] == pytest.approx(3 * 224 / SIDE)
    assert not any(math.isnan(mean) for mean in means.values())


@pytest.mark.skipif(
    not (DATA / "landmarks15").is_dir(), reason="the annotated radiographs are not on this machine"
)
def test_the_real_data_sets_have_known_findings() -> None:
    findings = check_data(DATA).findings
    assert {finding.kind for finding in findings} == {Kind.IMAGE_POOR, Kind.MASK_MISFIT}
    poor = [finding for finding in findings if finding.kind is Kind.IMAGE_POOR]
    assert {finding.split for finding in poor} == {"external"}
    assert len(poor) == 3
    [exchanged] = [finding for finding in findings if "exchanged" in finding.detail]
    assert exchanged.place == "cardiothoracic.csv:43"
    assert len(findings) == 15
