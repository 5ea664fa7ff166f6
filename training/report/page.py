"""A self-contained HTML page on a network: training, metrics and worst cases."""

from __future__ import annotations

import base64
from collections import defaultdict
from collections.abc import Sequence
from io import BytesIO
from pathlib import Path
from typing import Any

import jinja2
import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from db.training.records import RunCheck, RunPhase
from radiograph.calibration import Calibration
from scheduler.rights import draft
from training.dataset.layouts import usable_radiographs
from training.evaluate.agreement import true_and_measured_index
from training.evaluate.cases import Case, list_cases, worst_indices, worst_landmarks
from training.evaluate.models import Evaluation
from training.evaluate.predictions import Predictions, case_errors
from training.evaluate.reliability import expected_errors
from training.report import plots
from training.report.pictures import by_name, draw_on_radiograph
from training.samples import Samples
from training.shape import asymmetry

TEMPLATE = Path(__file__).with_suffix(".html.jinja")
#: Number of worst cases, and the side of their pictures.
LANDMARK_CASES, INDEX_CASES, CASE_SIDE_PX = 12, 8, 420
DOTS_PER_INCH = 120


def write_report(
    path: Path,
    *,
    title: str,
    evaluation: Evaluation,
    samples: Samples,
    predictions: Predictions,
    checks: Sequence[RunCheck] = (),
    phases: Sequence[RunPhase] = (),
    calibration: Calibration | None = None,
    data: Path | None = None,
) -> None:
    """Write the page atomically; it needs no internet access and no other file.

    ``samples`` and ``predicted``: those of ``evaluation``. Expected errors are plotted if
    ``calibration`` is given; worst cases are drawn on the radiographs under ``data``, without it
    on the network's small input.
    """
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    page = template.render(
        title=title,
        evaluation=evaluation,
        phases=phases,
        curves=embedded(plots.curves(checks)) if checks else None,
        plots=_plots(evaluation, samples, predictions, calibration),
        worst=_worst(samples, predictions, calibration, data),
    )
    with draft(path) as half:
        # Bytes of a name that are not UTF-8 are shown as replacement characters.
        half.write_text(page, encoding="utf-8", errors="replace")


def embedded(picture: Figure | Image.Image) -> str:
    """Return a plot or a picture as a data URI."""
    stream = BytesIO()
    if isinstance(picture, Figure):
        picture.savefig(stream, format="png", dpi=DOTS_PER_INCH)
    else:
        picture.save(stream, format="jpeg", quality=86)
    kind = "png" if isinstance(picture, Figure) else "jpeg"
    return f"data:image/{kind};base64,{base64.b64encode(stream.getvalue()).decode()}"


def _plots(
    evaluation: Evaluation,
    samples: Samples,
    predictions: Predictions,
    calibration: Calibration | None,
) -> dict[str, Any]:
    landmarks: dict[str, list[str]] = defaultdict(list)
    shape: dict[str, list[str]] = defaultdict(list)
    index: list[str] = []
    sets = np.char.add(np.char.add(samples.sources, " "), samples.splits)
    for name, figures in evaluation.landmarks.items():
        here = (sets == name) & samples.has_landmarks()
        part, part_predictions = samples.where(here), predictions.where(here)
        errors = case_errors(part, part_predictions)
        by_category = {
            str(category): errors[part.categories == category]
            for category in np.unique(part.categories)
        }
        landmarks[name] += [
            embedded(plots.errors_by_category(by_category)),
            embedded(plots.errors_by_landmark(figures)),
        ]
        if calibration is not None and name in evaluation.reliability:
            expected = expected_errors(part, part_predictions, calibration)
            shape[name].append(embedded(plots.reliability(evaluation.reliability[name], expected)))
        scale = part.scale[:, None, None].astype(np.float64)
        true_asymmetry = asymmetry(part.points * scale).mean(axis=1)
        predicted_asymmetry = asymmetry(part_predictions.points * scale).mean(axis=1)
        shape[name].append(embedded(plots.asymmetries(true_asymmetry, predicted_asymmetry)))
    for name in evaluation.ict:
        truth, measured = true_and_measured_index(
            samples.where(sets == name), predictions.where(sets == name)
        )
        index.append(embedded(plots.bland_altman(truth, measured, name)))
    return {"landmarks": landmarks, "shape": shape, "ict": index}


def _worst(
    samples: Samples, predictions: Predictions, calibration: Calibration | None, data: Path | None
) -> dict[str, list[tuple[Case, str]]]:
    radiographs = {} if data is None else by_name(usable_radiographs(data))
    cases = list_cases(samples, predictions, calibration)

    def drawn(chosen: Sequence[Case]) -> list[tuple[Case, str]]:
        return [
            (
                case,
                embedded(draw_on_radiograph(case, samples, predictions, radiographs, CASE_SIDE_PX)),
            )
            for case in chosen
        ]

    return {
        "Worst cases: landmarks": drawn(worst_landmarks(cases, LANDMARK_CASES)),
        "Worst cases: cardiothoracic index": drawn(worst_indices(cases, INDEX_CASES)),
    }
