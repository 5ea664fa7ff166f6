"""`thoraq.measure`: the numbers of the commands, without queue or database."""

from __future__ import annotations

import contextlib
import gc
from dataclasses import replace
from itertools import islice
from pathlib import Path

import psutil
import pytest

import thoraq
import thoraq.connection
import thoraq.files
from db.states import JobState
from radiograph.errors import Disposition
from scheduler.errors import DeviceMissing, PlaceForbidden, PlaceMissing
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.patience import eventually
from testbed.radiographs import write_radiographs
from tests.cli.processed import Processed
from worker.errors import ModelUnavailable
from worker.file_records import FileCount, MeasuredFile, UnmeasuredFile

#: A device batch of the CPU, and two more that are read ahead.
IN_FLIGHT = 3 * 16


def test_measurement_here_gives_the_very_numbers_that_process_stored(processed: Processed) -> None:
    state = processed.commands.state
    counts: list[FileCount] = []
    here = {
        each.path: each
        for each in thoraq.measure(
            processed.archive, state=state, device="cpu", progress=counts.append
        )
    }
    with thoraq.connect(state) as archive:
        stored = {each.path: each for each in archive.results()}
        failed = [each for each in archive.failures() if not each.duplicate]
        seen_files = sum(each.seen for each in archive.batches())
    assert len(here) == seen_files == counts[-1].ended
    assert stored
    for path, result in stored.items():
        each = here[path]
        assert isinstance(each, MeasuredFile)
        assert each.measurement == result.measurement, path
        assert each.header == result.header, path
        assert (each.sha256, each.pixel_digest) == (result.sha256, result.pixel_digest)
        ours = replace(
            each.provenance,
            worker=result.provenance.worker,
            duration_ms=result.provenance.duration_ms,
        )
        assert ours == result.provenance
    assert failed
    for failure in failed:
        refused = here[failure.path]
        assert isinstance(refused, UnmeasuredFile)
        ending = JobState(refused.disposition.value)
        assert (refused.code, refused.detail, ending) == (
            failure.code,
            failure.detail,
            failure.state,
        )
    kinds = [type(each) for each in here.values()]
    assert counts[-1].measured == kinds.count(MeasuredFile)
    assert counts[-1].set_aside + counts[-1].failed == kinds.count(UnmeasuredFile)


REAL = (ROOT.parent / "shared" / "data" / "dicom").resolve()


@pytest.mark.skipif(not REAL.is_dir(), reason="the real radiographs are not on this machine")
def test_real_radiographs_have_the_numbers_of_process(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "state")
    ran = commands.run("process", REAL)
    assert ran.returncode == 0, ran.stderr
    with thoraq.connect(commands.state) as archive:
        stored = {each.path: each.measurement for each in archive.results()}
        failed = {each.path: each.code for each in archive.failures()}
    here = list(thoraq.measure(REAL, state=commands.state, device="cpu"))
    assert {x.path: x.measurement for x in here if isinstance(x, MeasuredFile)} == stored
    assert {x.path: x.code for x in here if isinstance(x, UnmeasuredFile)} == failed
    assert len(stored) == 3


def readers() -> list[psutil.Process]:
    """Return the reading processes of this test."""
    found = []
    for child in psutil.Process().children():
        with contextlib.suppress(psutil.Error):
            if "worker.readers.reader" in child.cmdline():
                found.append(child)
    return found


def test_files_are_read_lazily(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_radiographs(archive, 3 * IN_FLIGHT)
    found = thoraq.measure(archive, state=tmp_path / "state", device="cpu")
    first = next(found)
    assert isinstance(first, MeasuredFile)
    for path in archive.iterdir():
        path.unlink()  # removed before it is read
    assert 1 + sum(1 for _ in found) <= IN_FLIGHT + 1
    assert eventually(lambda: not readers())


def test_closing_the_iterator_stops_all_processes(tmp_path: Path) -> None:
    write_radiographs(tmp_path / "archive", IN_FLIGHT)
    found = thoraq.measure(tmp_path / "archive", state=tmp_path / "state", device="cpu")
    assert len(list(islice(found, 2))) == 2
    assert readers()
    del found
    gc.collect()
    assert eventually(lambda: not readers())


def test_a_failed_file_is_a_record_with_its_code(tmp_path: Path) -> None:
    archive = tmp_path / "archive"
    write_radiographs(archive, 1)
    sound = next(archive.iterdir())
    (archive / "cut.png").write_bytes(sound.read_bytes()[:-2000])
    (archive / "note.txt").write_text("see you tomorrow")
    found = thoraq.measure([archive, sound], state=tmp_path / "state", device="cpu")
    ended = sorted(
        (Path(each.path).name, getattr(each, "code", None), getattr(each, "disposition", None))
        for each in found
    )
    assert ended == [
        (sound.name, None, None),
        (sound.name, None, None),  # named twice, measured twice
        ("cut.png", "truncated-file", Disposition.FAILED),
        ("note.txt", "not-an-image", Disposition.SET_ASIDE),
    ]


def test_an_empty_folder_has_no_records(tmp_path: Path) -> None:
    (tmp_path / "archive").mkdir()
    assert list(thoraq.measure(tmp_path / "archive", state=tmp_path / "state")) == []


def test_invalid_arguments_are_refused_at_once(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    state = tmp_path / "state"
    with pytest.raises(PlaceMissing) as missing:
        thoraq.measure(tmp_path / "nowhere", state=state)
    assert missing.value.code == "place-missing"
    with pytest.raises(ModelUnavailable, match="nobody-1"):
        thoraq.measure(tmp_path, model="nobody-1", state=state)
    with pytest.raises(DeviceMissing, match="cuda:7"):
        thoraq.measure(tmp_path, device="cuda:7", state=state)
    monkeypatch.setenv("THORAQ_ROOTS", str(state))
    with pytest.raises(PlaceForbidden):
        thoraq.measure(tmp_path, state=state)
    assert not state.exists()
