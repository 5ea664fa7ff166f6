"""The shipped network on real radiographs: metrics of its card and acceptance limits."""

from __future__ import annotations

from pathlib import Path

import matplotlib as mpl
import numpy as np
import numpy.typing as npt
import pytest
from PIL import Image
from scipy.ndimage import gaussian_filter

from network.card import shipped_card
from network.input import INPUT_SIDE_PX, prepare
from network.predictor_choice import load_predictor
from radiograph.phantom import hand, lateral, limb
from training.evaluate.models import Evaluation, evaluate
from training.evaluate.predictions import predict
from training.samples import read_samples

DATA = Path(__file__).parents[2].parent / "shared" / "data"

pytestmark = pytest.mark.skipif(
    not (DATA / "landmarks15").is_dir(), reason="the annotated radiographs are not on this machine"
)


@pytest.fixture(scope="module")
def evaluation() -> Evaluation:
    return evaluate(shipped_card(), DATA, "test", "cpu")


def test_landmark_errors_are_within_their_limit(evaluation: Evaluation) -> None:
    assert evaluation.landmarks["landmarks15 test"].mean <= 5.0


@pytest.mark.parametrize("name", ["wingspan test", "jsrt external"])
def test_errors_of_the_index_are_within_their_limit(evaluation: Evaluation, name: str) -> None:
    assert evaluation.ict[name].mean_absolute <= 0.030


def test_the_card_states_the_metrics_of_the_evaluation(evaluation: Evaluation) -> None:
    card = shipped_card().card["metrics"]
    for name, figures in evaluation.landmarks.items():
        assert figures.mean == pytest.approx(card["landmarks"][name]["mean"], abs=0.02)
        assert figures.cases == card["landmarks"][name]["cases"]
    for name, ict in evaluation.ict.items():
        assert ict.mean_absolute == pytest.approx(card["ict"][name]["mean_absolute"], abs=0.0005)
        assert ict.bias == pytest.approx(card["ict"][name]["bias"], abs=0.0005)


def test_chests_are_accepted_and_rotated_ones_refused() -> None:
    samples = read_samples(DATA, side=INPUT_SIDE_PX).split("test", "external")
    samples = samples.where(np.arange(len(samples)) % 4 == 0)
    predictor = load_predictor(shipped_card(), "cpu")
    upright = predict(predictor, samples).frontal
    turned = np.array(
        [p.frontal_probability for p in predictor.predict(samples.images[:40, ::-1].copy())]
    )
    assert (upright < 0.5).mean() <= 0.02
    assert (turned < 0.5).mean() >= 0.95


def test_laterals_and_limbs_without_a_header_are_refused() -> None:
    rng = np.random.default_rng(99)
    radiographs = [draw(rng) for draw in (lateral, limb, hand) for _ in range(5)]
    squares = np.stack([prepare(radiograph).pixels for radiograph in radiographs])
    predictions = load_predictor(shipped_card(), "cpu").predict(squares)
    assert max(p.frontal_probability for p in predictions) < 0.5


def photographs() -> list[npt.NDArray[np.uint8]]:
    """Return the sample images of a library: a portrait and two drawings."""
    samples = Path(mpl.get_data_path()) / "sample_data"
    files = [*samples.glob("*.jpg"), *samples.glob("*.png")]
    return [np.asarray(Image.open(path).convert("L")) for path in files]


def test_photographs_noise_and_negatives_are_refused() -> None:
    predictor = load_predictor(shipped_card(), "cpu")
    rng = np.random.default_rng(5)
    noise = [rng.integers(0, 256, (256, 256), dtype=np.uint8) for _ in range(20)]
    smooth = [gaussian_filter(rng.normal(size=(256, 256)), 12) for _ in range(20)]
    clouds = [np.uint8(255 * (each - each.min()) / np.ptp(each)) for each in smooth]
    others = [*photographs(), *noise, *clouds]
    assert len(others) > 41
    squares = np.stack([prepare(each).pixels for each in others])
    assert max(each.frontal_probability for each in predictor.predict(squares)) < 0.5

    chests = read_samples(DATA, side=INPUT_SIDE_PX).split("test").images[:40]
    turned = (255 - chests, np.rot90(chests, axes=(1, 2)))
    for wrong in turned:
        predictions = np.array(
            [each.frontal_probability for each in predictor.predict(wrong.copy())]
        )
        assert (predictions < 0.5).mean() >= 0.95
