"""OpenVINO predicts as torch does for any batch size, and its telemetry is disabled."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from network.card import shipped_card
from network.errors import RuntimeUnavailable
from network.input import INPUT_SIDE_PX, prepare
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from radiograph.phantom import draw_anatomy, project
from scheduler.settings import process_environment
from training.samples import read_samples

DATA = Path(__file__).parents[2].parent / "shared" / "data"


def squares(count: int) -> np.ndarray:
    """Return chests as input of the network."""
    drawn = []
    for seed in range(count):
        random = np.random.default_rng(seed)
        drawn.append(prepare(project(draw_anatomy(random), 256, 256, random)).pixels)
    return np.stack(drawn)


def check_same(images: np.ndarray) -> None:
    torch_alone = load_predictor(shipped_card(), "cpu", runtime=Runtime.TORCH)
    compiled = load_predictor(shipped_card(), "cpu", exact=True, runtime=Runtime.OPENVINO)
    assert (torch_alone.runtime, compiled.runtime) == (Runtime.TORCH, Runtime.OPENVINO)
    for one, other in zip(torch_alone.predict(images), compiled.predict(images), strict=True):
        assert np.abs(one.points - other.points).max() < 0.005
        assert np.abs(one.spreads - other.spreads).max() < 0.005
        assert one.frontal_probability == pytest.approx(other.frontal_probability, abs=1e-3)


@pytest.mark.parametrize("count", [1, 2, 7])
def test_batches_of_any_size_are_predicted_as_by_torch(count: int) -> None:
    check_same(squares(count))


@pytest.mark.skipif(not DATA.is_dir(), reason="the annotated radiographs are not on this machine")
def test_real_radiographs_are_predicted_as_by_torch() -> None:
    check_same(read_samples(DATA, side=INPUT_SIDE_PX).split("test").images[:64])


@pytest.mark.skipif(not DATA.is_dir(), reason="the annotated radiographs are not on this machine")
def test_the_served_precision_moves_landmarks_of_real_radiographs_by_under_0_1_px() -> None:
    images = read_samples(DATA, side=INPUT_SIDE_PX).split("test").images
    exact = load_predictor(shipped_card(), "cpu", runtime=Runtime.TORCH).predict(images)
    served = load_predictor(shipped_card(), "cpu")
    assert served.precision == "int8"
    pairs = list(zip(exact, served.predict(images), strict=True))
    apart = np.array([np.linalg.norm(one.points - other.points, axis=1) for one, other in pairs])
    apart *= 224 / INPUT_SIDE_PX
    assert apart.mean() < 0.05
    assert apart.mean(axis=0).max() < 0.1  # no landmark
    assert np.abs(np.log([o.spreads / s.spreads for o, s in pairs])).mean() < 0.01
    for one, other in pairs:
        assert one.frontal_probability == pytest.approx(other.frontal_probability, abs=0.02)


def test_a_cpu_uses_openvino_by_default() -> None:
    assert load_predictor(shipped_card(), "cpu").runtime is Runtime.OPENVINO
    with pytest.raises(RuntimeUnavailable, match="THORAQ_RUNTIME"):
        load_predictor(shipped_card(), "meta", runtime=Runtime.OPENVINO)


def test_openvino_telemetry_is_disabled() -> None:
    script = """
import socket, sys, urllib.request
opened = []
sys.addaudithook(lambda event, _: opened.append(event) if event.startswith(
    ("socket.connect", "socket.getaddrinfo", "urllib.Request")) else None)
from network.card import shipped_card
from network.predictor_choice import load_predictor
load_predictor(shipped_card(), "cpu")
assert "openvino" in sys.modules
print(opened)
"""
    ran = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert ran.stdout.strip() == "[]", ran.stdout


def test_threads_are_not_pinned_to_cores() -> None:
    script = """
import os, threading
import numpy as np
from network.card import shipped_card
from network.predictor_choice import load_predictor
before = os.sched_getaffinity(0)
predictor = load_predictor(shipped_card(), "cpu")
work = threading.Thread(
    target=lambda: [predictor.predict(np.zeros((16, 128, 128), np.uint8)) for _ in range(4)]
)
work.start()
bound = False
while work.is_alive():
    bound = bound or any(
        os.sched_getaffinity(int(task)) != before for task in os.listdir("/proc/self/task")
    )
    work.join(0.01)
print(bound)
"""
    environment = process_environment() | {"OMP_NUM_THREADS": "1"}  # as a worker is started
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert ran.stdout.strip() == "False"


def test_batches_of_every_size_need_little_more_memory_than_powers_of_two() -> None:
    script = """
import numpy as np, psutil
from network.card import shipped_card
from network.predictor_choice import load_predictor
predictor = load_predictor(shipped_card(), "cpu")
def used(sizes):
    for size in sizes:
        predictor.predict(np.zeros((size, 128, 128), np.uint8))
    return psutil.Process().memory_info().rss >> 20
used([1, 2, 4, 8, 16])
print(-used([1, 2, 4, 8, 16]) + used(range(1, 17)))
"""
    environment = process_environment() | {"OMP_NUM_THREADS": "1"}  # as a worker is started
    ran = subprocess.run(
        [sys.executable, "-c", script], env=environment, capture_output=True, text=True, check=True
    )
    assert int(ran.stdout) < 20  # 55 MB if each size were compiled
