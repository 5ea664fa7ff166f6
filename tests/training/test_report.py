"""Pictures of truth and prediction, and the page in a browser without internet access."""

from __future__ import annotations

import base64
import csv
import re
from dataclasses import replace
from html.parser import HTMLParser
from io import BytesIO
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from db.training.records import RunCheck, RunPhase
from network.input import INPUT_SIDE_PX
from radiograph.calibration import Calibration
from tests.training.spots import spots
from training.dataset.layouts import usable_radiographs
from training.evaluate.cases import list_cases
from training.evaluate.models import take_figures
from training.evaluate.predictions import Predictions
from training.report.page import write_report
from training.report.pictures import MISS, TRUTH, draw_on_radiograph, save_pictures
from training.samples import Samples, read_samples

PLAIN = Calibration("plain", ((0.0, 0.0), (100.0, 100.0)), upper_ratio=1.5, ict_sd_factor=1.0)
CHECKS = [
    RunCheck(
        ordinal=ordinal,
        phase=ordinal,
        phase_name=name,
        step=step,
        steps=20,
        epoch=step / 10,
        epochs=2.0,
        seconds=60.0 * step,
        seconds_left=0.0,
        loss_parts={"points": 5.0 / step, "widths": 2.0 / step},
        error_px224=9.0 - ordinal - step / 20,
        ict_error=0.03 if ordinal else None,
        best_px224=8.0,
        learning_rate=1e-3,
    )
    for ordinal, name in enumerate(("baseline", "wing"))
    for step in (10, 20)
]
PHASES = [
    RunPhase(
        ordinal=0, phase=0, phase_name="baseline", kept=True, reason="started from scratch",
        error_px224=8.0, start_px224=None, difference_low=None, difference_high=None,
        ict_error=None, steps=20, seconds=90.0, figures={},
    ),
    RunPhase(
        ordinal=1, phase=1, phase_name="wing", kept=False, reason="not better",
        error_px224=8.1, start_px224=8.0, difference_low=-0.2, difference_high=0.4,
        ict_error=0.03, steps=20, seconds=90.0, figures={},
    ),
]  # fmt: skip


class Page(HTMLParser):
    """Collects what a page shows and what it would fetch."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.pictures: list[str] = []
        self.fetched: list[str] = []
        self.tags: set[str] = set()
        self.text = ""
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        """Record the tag and the URLs of its attributes."""
        self.tags.add(tag)
        for name, value in attrs:
            if tag == "img" and name == "src":
                self.pictures.append(value or "")
            elif name in {"src", "href", "srcset", "data", "action"}:
                self.fetched.append(value or "")

    def handle_data(self, data: str) -> None:
        """Record the text."""
        self.text += data


def near(samples: Samples, off_px: float = 2.0) -> Predictions:
    points = np.nan_to_num(samples.points.astype(np.float64), nan=60.0) + off_px
    return Predictions(points, np.full(points.shape[:2], 3.0), np.ones(len(samples)))


def write(path: Path, samples: Samples, *, data: Path | None = None, whole: bool = True) -> Page:
    predictions = near(samples)
    calibration = PLAIN if whole else None
    write_report(
        path,
        title="a <b>net</b>",
        evaluation=take_figures("net", samples, predictions, calibration),
        samples=samples,
        predictions=predictions,
        checks=CHECKS if whole else (),
        phases=PHASES if whole else (),
        calibration=calibration,
        data=data,
    )
    return Page(path.read_text(encoding="utf-8"))


def test_the_page_is_self_contained(data: Path, tmp_path: Path) -> None:
    samples = read_samples(data, side=INPUT_SIDE_PX)
    page = write(tmp_path / "new/report.html", samples, data=data)
    assert page.fetched == []
    assert "script" not in page.tags
    for source in page.pictures:
        head, _, body = source.partition(";base64,")
        assert head in {"data:image/png", "data:image/jpeg"}
        with Image.open(BytesIO(base64.b64decode(body, validate=True))) as picture:
            assert min(picture.size) > 200
            assert np.asarray(picture).std() > 5
    # Curves, four plots of each of three landmark sets, a plot of each index set, worst cases.
    assert len(page.pictures) == 1 + 3 * 4 + 3 + 4 + 4
    for heading in ("Phases", "Training", "Expected errors", "Cardiothoracic index"):
        assert heading in page.text
    assert "no: not better" in page.text
    assert "nan" not in re.sub(r"\s+", " ", page.text).lower().split(" ")


def test_a_page_without_run_and_calibration_omits_these_parts(tmp_path: Path) -> None:
    page = write(tmp_path / "report.html", spots(INPUT_SIDE_PX, 2), whole=False)
    for heading in ("Phases", "Training", "Expected errors"):
        assert heading not in page.text
    assert "Worst cases: landmarks" in page.text


def test_names_are_escaped(tmp_path: Path) -> None:
    samples = spots(INPUT_SIDE_PX, 4)
    samples = replace(
        samples,
        names=np.array(["<script>alert(1)</script>", 'a" onerror="x', "b", "c"]),
        categories=np.array(["<i>odd</i>"] * 4),
    )
    page = write(tmp_path / "report.html", samples)
    assert {"script", "i", "b"} & page.tags == set()
    assert "a <b>net</b>" in page.text
    assert "<i>odd</i>" in page.text


def test_every_radiograph_has_a_picture_and_the_worst_is_first(data: Path, tmp_path: Path) -> None:
    samples = read_samples(data, side=INPUT_SIDE_PX)
    predictions = near(samples)
    predictions.points[2] += 8.0
    cases = list_cases(samples, predictions, PLAIN)
    save_pictures(tmp_path / "drawn", cases, samples, predictions, usable_radiographs(data))
    with (tmp_path / "drawn/cases.csv").open(newline="") as file:
        rows = list(csv.DictReader(file))
    assert len(rows) == len(samples)
    assert rows[0]["name"] == samples.names[2]
    assert rows[0]["picture"] == "landmarks15 val/phantom 2.png.jpg"
    for row in rows:
        with Image.open(tmp_path / "drawn" / row["picture"]) as picture:
            assert picture.width == 640
    assert rows[-1]["error"] == ""


@pytest.mark.parametrize("off_px", [0.0, 6.0])
def test_the_truth_is_drawn_with_lines_to_predictions(data: Path, off_px: float) -> None:
    samples = read_samples(data, side=INPUT_SIDE_PX).split("test")
    samples = samples.where(samples.has_landmarks())
    predictions = near(samples, off_px)
    [case] = list_cases(samples, predictions, None)
    radiographs = {
        (radiograph.source, radiograph.name): radiograph for radiograph in usable_radiographs(data)
    }
    drawn = np.asarray(draw_on_radiograph(case, samples, predictions, radiographs, 768)).astype(int)
    truth = radiographs["landmarks15", str(samples.names[0])].points[2] * 4 + 1.5  # 192 px to 768
    x, y = (round(float(v)) for v in truth)
    around = drawn[y - 9 : y + 10, x - 9 : x + 10]
    green = np.abs(around - TRUTH).sum(axis=2).min()
    assert green < 60
    red = np.abs(drawn[y - 30 : y + 31, x - 30 : x + 31] - MISS).sum(axis=2).min()
    assert (red < 60) == (off_px > 0)
