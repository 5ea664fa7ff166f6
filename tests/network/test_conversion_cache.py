"""A converted network is cached, verified before use, and starts without torch."""

from __future__ import annotations

import json
import shutil
import subprocess
import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from network import conversion_cache
from network.card import shipped_card
from network.errors import RuntimeUnavailable, WeightsMismatch
from network.openvino_runtime import PART_FILES, Form
from network.prediction import Prediction
from network.predictor_choice import load_predictor
from network.runtime import Runtime
from tests.network.test_openvino_runtime import squares

KEY = b"a key"
#: Loads the shipped network as a worker does, and prints whether torch was imported.
START = """
import sys
from pathlib import Path
import numpy as np
from network.card import shipped_card
from network.predictor_choice import load_predictor
conversion_cache, key = Path(sys.argv[1]), b"a key"
predictor = load_predictor(shipped_card(), "cpu", threads=1, cache=conversion_cache, key=key)
points = [each.points for each in predictor.predict(np.load(sys.argv[2]))]
print(predictor.runtime, predictor.precision, "torch" in sys.modules)
np.save(sys.argv[3], np.stack(points))
"""


def start(folder: Path, images: Path, out: Path) -> subprocess.Popen[str]:
    command = [sys.executable, "-c", START, *map(str, (folder, images, out))]
    return subprocess.Popen(command, stdout=subprocess.PIPE, text=True)


def points(predictions: Sequence[Prediction]) -> np.ndarray:
    return np.stack([each.points for each in predictions])


@pytest.fixture(scope="module")
def images() -> np.ndarray:
    return squares(3)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with the converted shipped network."""
    made = tmp_path_factory.mktemp("converted")
    load_predictor(shipped_card(), "cpu", cache=made, key=KEY)
    return made


def conversions(folder: Path) -> list[Path]:
    return sorted(each.parent for each in folder.glob("*/*/digests.json"))


def test_concurrent_starts_convert_once_and_predict_as_without_a_cache(
    tmp_path: Path, images: np.ndarray
) -> None:
    np.save(tmp_path / "films.npy", images)
    outs = [tmp_path / f"{number}.npy" for number in range(3)]
    folder = tmp_path / "kept"
    first = [start(folder, tmp_path / "films.npy", out) for out in outs[:2]]
    outputs = [each.communicate()[0] for each in first]
    outputs.append(start(folder, tmp_path / "films.npy", outs[2]).communicate()[0])
    assert {each.splitlines()[-1] for each in outputs} == {"openvino int8 False"}
    assert len(outputs[2].splitlines()) == 1  # the third converts nothing
    assert len(conversions(folder)) == 1
    assert not list(folder.glob("*/.partial-*"))  # no incomplete file is left
    expected = points(load_predictor(shipped_card(), "cpu", threads=1).predict(images))
    for out in outs:
        assert np.abs(np.load(out) - expected).max() == 0.0


def test_a_cached_conversion_is_not_repeated(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(conversion_cache, "_convert", None)  # calling it would fail
    assert load_predictor(shipped_card(), "cpu", cache=folder, key=KEY).runtime is Runtime.OPENVINO


@pytest.mark.parametrize(
    ("name", "how"),
    [("features.bin", "damaged"), ("readings.xml", "gone"), ("digests.json", "shortened")],
)
def test_a_damaged_conversion_is_repeated(
    folder: Path, images: np.ndarray, name: str, how: str
) -> None:
    expected = points(load_predictor(shipped_card(), "cpu", cache=folder, key=KEY).predict(images))
    [place] = conversions(folder)
    file = place / name
    content = bytearray(file.read_bytes())
    if how == "gone":
        file.unlink()
    else:
        content[len(content) // 2] ^= 0x55
        file.write_bytes(content[: len(content) // 2] if how == "shortened" else content)
    again = load_predictor(shipped_card(), "cpu", cache=folder, key=KEY)
    assert conversions(folder) == [place]
    assert np.abs(points(again.predict(images)) - expected).max() == 0.0


def test_a_conversion_forged_with_another_key_is_repeated(
    folder: Path,
    images: np.ndarray,
    capsys: pytest.CaptureFixture[str],
    caplog: pytest.LogCaptureFixture,
) -> None:
    expected = points(load_predictor(shipped_card(), "cpu", cache=folder, key=KEY).predict(images))
    [place] = conversions(folder)
    # Slightly moved points, with digests and a seal of another key.
    content = bytearray((place / "readings.bin").read_bytes())
    content[-64:] = bytes(64)
    (place / "readings.bin").write_bytes(content)
    files = {name: (place / name).read_bytes() for name in PART_FILES}
    for seal in (
        conversion_cache._seal(files, place, b"another key"),
        conversion_cache._seal(files, place, b""),
        "",
        None,
    ):
        (place / "digests.json").write_text(json.dumps({"seal": seal}))
        assert conversion_cache._read_verified(place, KEY) is None
    capsys.readouterr()
    again = load_predictor(shipped_card(), "cpu", cache=folder, key=KEY)
    outputs = capsys.readouterr()
    assert "was changed" in outputs.out + outputs.err + caplog.text  # whichever stream the log uses
    assert np.abs(points(again.predict(images)) - expected).max() == 0.0


def test_a_sealed_conversion_is_invalid_at_another_path(folder: Path, tmp_path: Path) -> None:
    [place] = conversions(folder)
    other = tmp_path / place.parent.name / f"{place.name[:-4]}0000"
    shutil.copytree(place, other)
    assert conversion_cache._read_verified(other, KEY) is None
    assert conversion_cache._read_verified(place, KEY) is not None


def test_machines_with_different_keys_share_a_folder(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    shutil.copytree(folder, tmp_path / "shared")
    load_predictor(shipped_card(), "cpu", cache=tmp_path / "shared", key=b"another")
    assert len(conversions(tmp_path / "shared")) == 2
    monkeypatch.setattr(conversion_cache, "_convert", None)  # calling it would fail
    for key in (KEY, b"another", KEY, b"another"):
        load_predictor(shipped_card(), "cpu", cache=tmp_path / "shared", key=key)


def test_a_lock_file_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    (tmp_path / "results").write_text("results")
    place = conversion_cache.conversion_folder(shipped_card(), Form.PLAIN, tmp_path / "kept", KEY)
    place.parent.mkdir(parents=True)
    (place.parent / ".lock").symlink_to(tmp_path / "results")
    with pytest.raises(OSError, match="symbolic"):
        conversion_cache.cached_parts(shipped_card(), Form.PLAIN, tmp_path / "kept", KEY)
    assert (tmp_path / "results").read_text() == "results"


def test_another_network_code_or_library_has_another_conversion(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    card = shipped_card()
    [place] = conversions(folder)
    form = max((each for each in Form if place.name.startswith(f"{each}-")), key=len)
    assert place == conversion_cache.conversion_folder(card, form, folder, KEY)
    others = [
        conversion_cache.conversion_folder(
            replace(card, weights_digest="0" * 64), form, folder, KEY
        ),
        conversion_cache.conversion_folder(replace(card, ranges=None), form, folder, KEY),
        conversion_cache.conversion_folder(card, Form.PLAIN, folder, KEY),
    ]
    with monkeypatch.context() as patch:
        patch.setattr(conversion_cache, "version", lambda _: "0.1")
        others.append(conversion_cache.conversion_folder(card, form, folder, KEY))
    with monkeypatch.context() as patch:
        (tmp_path / "channels.py").write_text("# another view")
        patch.setattr(conversion_cache, "_CODE", tmp_path)
        others.append(conversion_cache.conversion_folder(card, form, folder, KEY))
    assert len({place, *others}) == 1 + len(others)


def test_the_conversion_of_older_code_is_removed(folder: Path) -> None:
    [place] = conversions(folder)
    old = place.rename(place.with_name(f"{place.name[:-4]}0000"))
    load_predictor(shipped_card(), "cpu", cache=folder, key=KEY)
    assert conversions(folder) == [place]
    assert not old.exists()


def test_without_a_writable_cache_the_network_is_served(
    tmp_path: Path, images: np.ndarray, folder: Path
) -> None:
    (tmp_path / "file").touch()
    served = load_predictor(shipped_card(), "cpu", cache=tmp_path / "file")
    assert served.runtime is Runtime.OPENVINO
    expected = load_predictor(shipped_card(), "cpu", cache=folder, key=KEY).predict(images)
    assert np.abs(points(served.predict(images)) - points(expected)).max() == 0.0


def test_a_failed_conversion_falls_back_to_torch_or_raises(tmp_path: Path) -> None:
    astray = replace(shipped_card(), path=tmp_path / "none.json")
    assert load_predictor(astray, "cpu", cache=tmp_path, key=KEY).runtime is Runtime.TORCH
    with pytest.raises(RuntimeUnavailable, match=r"none\.json"):
        load_predictor(astray, "cpu", cache=tmp_path, runtime=Runtime.OPENVINO)
    assert not list(tmp_path.glob("*/.partial-*")) + conversions(tmp_path)


def test_weights_are_verified_with_a_cached_conversion(folder: Path, tmp_path: Path) -> None:
    card = shipped_card()
    (tmp_path / "damaged").write_bytes(card.weights_path.read_bytes()[:-1])
    with pytest.raises(WeightsMismatch):
        load_predictor(
            replace(card, weights_path=tmp_path / "damaged"), "cpu", cache=folder, key=KEY
        )


def test_files_of_a_killed_process_are_removed(tmp_path: Path) -> None:
    left = (
        conversion_cache.conversion_folder(shipped_card(), Form.PLAIN, tmp_path, KEY).parent
        / ".partial-killed"
    )
    left.mkdir(parents=True)
    (left / "features.bin").touch()
    load_predictor(shipped_card(), "cpu", cache=tmp_path, key=KEY)
    assert len(conversions(tmp_path)) == 1
    assert not left.exists()
