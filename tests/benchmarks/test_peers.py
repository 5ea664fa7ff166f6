"""The engines that thoraq is compared with give the same measurements."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest

from benchmarks.archives import Kind, link_archive, write_archives
from benchmarks.peers.errors import PeerFailed
from benchmarks.peers.peer import PEERS
from benchmarks.peers.runs import Run, run_peer, run_thoraq
from benchmarks.peers.table import THORAQ, apart_from, table
from network.runtime import Runtime

COUNT = 12
#: Without the tuned DataLoader, whose network takes most of a minute to compile.
PEERS_OF = {Runtime.TORCH: ("loop", "plain_celery"), Runtime.AUTO: ("dataloader_openvino",)}


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("archive")
    write_archives(folder, COUNT, [Kind.MIXED], cores=2)
    return folder / Kind.MIXED


@pytest.mark.slow
@pytest.mark.parametrize("runtime", PEERS_OF)
def test_engines_without_extra_packages_give_the_same_ict_as_thoraq(
    archive: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, runtime: Runtime
) -> None:
    monkeypatch.setenv("THORAQ_RUNTIME", runtime)
    ours = run_thoraq(archive, tmp_path)
    assert set(ours.icts) == {path.name for path in archive.iterdir()}
    for module in PEERS_OF[runtime]:
        theirs = run_peer(module, archive, tmp_path, cores=2)
        assert apart_from(ours, theirs) < 1e-4, module
        assert 0 < theirs.seconds < theirs.whole_seconds


def test_an_engine_that_measured_fewer_files_is_an_error() -> None:
    ours = Run({"a.png": 0.5, "b.png": 0.4}, 1.0, 2.0)
    assert apart_from(ours, replace(ours, icts={"a.png": 0.5, "b.png": 0.41})) == pytest.approx(
        0.01
    )
    with pytest.raises(ValueError, match=r"b\.png"):
        apart_from(ours, replace(ours, icts={"a.png": 0.5}))


def test_an_engine_that_fails_says_why(archive: Path, tmp_path: Path) -> None:
    with pytest.raises(PeerFailed, match="No module named"):
        run_peer("no_such_engine", archive, tmp_path, cores=1)


def test_the_table_names_every_engine_and_the_ratio_of_each_round() -> None:
    fast, slow = Run({"a.png": 0.5}, 1.0, 2.0), Run({"a.png": 0.5}, 3.0, 4.0)
    everybody = {peer.title: [slow, fast, slow] for peer in PEERS}
    lines = list(table({THORAQ: [fast, fast, fast], **everybody}, files=30))
    assert len(lines) == 2 + 1 + len(PEERS)
    for peer, line in zip(PEERS, lines[3:], strict=True):
        assert peer.title in line
        assert "| 10.0 | 3.00 x |" in line


def test_an_engine_that_is_not_installed_is_shown_as_such() -> None:
    run = Run({"a.png": 0.5}, 1.0, 2.0)
    [line] = [
        line
        for line in table({THORAQ: [run], "Ray Data": None}, files=1)
        if line.startswith("| Ray Data")
    ]
    assert "not installed" in line
    assert " x |" not in line


def test_a_copy_is_measured_once_by_every_engine(archive: Path, tmp_path: Path) -> None:
    source = tmp_path / "source"
    source.mkdir()
    for name in ("one", "two", "copy"):
        content = sorted(archive.iterdir())[name == "two"].read_bytes()
        (source / f"{name}.bin").write_bytes(content)
    link_archive(source, tmp_path / "linked", None)
    assert len(list((tmp_path / "linked").iterdir())) == 2
