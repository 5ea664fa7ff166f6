"""Pictures and reports are written atomically: on failure the previous file stays."""

from __future__ import annotations

import resource
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path

import numpy as np
import pytest

from network.input import INPUT_SIDE_PX
from tests.training.layouts import ours, write_ours
from tests.training.spots import spots
from training.dataset.explore import explore_data
from training.dataset.picture import save_picture
from training.evaluate.cases import list_cases
from training.evaluate.models import take_figures
from training.evaluate.predictions import Predictions
from training.report.page import write_report
from training.report.pictures import CASES_FILE, save_pictures

BEFORE = b"what was there before"


@contextmanager
def full_disk(size: int = 1000) -> Iterator[None]:
    """Limit files to ``size`` bytes."""
    former, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (size, hard))
    try:
        yield
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (former, hard))


def draw_data_set(path: Path) -> None:
    data = path.parent.parent / "data"
    write_ours(data, ours(data, ["train", "val"]))
    _, shapes = explore_data(data)
    with full_disk():
        save_picture(shapes, path)


def write_page(path: Path) -> None:
    samples = spots(INPUT_SIDE_PX, 4)
    predictions = exact(samples.points)
    evaluation = take_figures("a network", samples, predictions, None)
    with full_disk():
        write_report(
            path,
            title="a network",
            evaluation=evaluation,
            samples=samples,
            predictions=predictions,
        )


def draw_cases(path: Path) -> None:
    samples = spots(INPUT_SIDE_PX, 4)
    predictions = exact(samples.points)
    cases = list_cases(samples, predictions, None)
    with full_disk():
        save_pictures(path.parent, cases, samples, predictions, ())


def exact(points: np.ndarray) -> Predictions:
    """Return the annotated points as predictions; points without annotation are in the middle."""
    known = np.nan_to_num(points, nan=INPUT_SIDE_PX / 2).astype(np.float64)
    return Predictions(known, np.ones(known.shape[:2]), np.ones(len(known)))


@pytest.mark.parametrize(
    ("write", "name"),
    [
        (draw_data_set, "shape.png"),
        (draw_data_set, "shape.svg"),
        (draw_data_set, "shape.pdf"),
        (write_page, "page.html"),
        (draw_cases, CASES_FILE),
    ],
    ids=["png", "svg", "pdf", "page", "cases"],
)
def test_a_failed_write_leaves_the_previous_file_only(
    write: Callable[[Path], None], name: str, tmp_path: Path
) -> None:
    path = tmp_path / "out" / name
    path.parent.mkdir()
    path.write_bytes(BEFORE)
    with pytest.raises(OSError, match="File too large"):
        write(path)
    assert path.read_bytes() == BEFORE
    assert [each for each in path.parent.rglob("*") if each.is_file()] == [path]
