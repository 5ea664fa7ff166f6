"""A file that crashes or hangs a reading process, or fills its memory, fails alone."""

from __future__ import annotations

import hashlib
import os
import queue
import resource
import signal
import struct
import subprocess
import sys
import threading
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager, suppress
from dataclasses import replace
from pathlib import Path

import numpy as np
import psutil
import pytest

from db.records import ClaimedJob
from radiograph.reading import ReadLimits
from radiograph.records import ImageFormat
from testbed.patience import eventually, gone
from testbed.radiographs import write_radiographs
from worker.readers import connection
from worker.readers.connection import RefusedFile
from worker.readers.pool import Answer, Readers
from worker.readers.sample import sample_job
from worker.readers.wire import ReadFile

#: Size of a sparse file that takes seconds to read.
SLOW_BYTES = 4 << 30
LIMITS = ReadLimits(max_file_bytes=512 << 20, max_pixels=1_000_000_000, min_side_px=128)
SLOW_LIMITS = replace(LIMITS, max_file_bytes=SLOW_BYTES)


@contextmanager
def running(
    count: int = 1,
    *,
    limits: ReadLimits = LIMITS,
    timeout_seconds: float = 60.0,
    memory_mb: int = 4096,
    roots: Sequence[Path] = (),
) -> Iterator[Readers]:
    readers = Readers(
        count, limits, timeout_seconds=timeout_seconds, memory_mb=memory_mb, roots=roots
    )
    try:
        yield readers
    finally:
        readers.close()


def job(*paths: Path, number: int = 1, sha256: str | None = None) -> ClaimedJob:
    content = hashlib.sha256(paths[-1].read_bytes()).hexdigest() if sha256 is None else sha256
    return ClaimedJob(
        job_id=number,
        radiograph_id=number,
        paths=tuple(str(path) for path in paths),
        sha256=content,
        format=ImageFormat.PNG,
        attempt=1,
    )


def read_one(readers: Readers, wanted: ClaimedJob) -> ReadFile | RefusedFile:
    [(of, read)] = readers.read([wanted])
    assert of == wanted
    return read


def code_of(read: ReadFile | RefusedFile) -> str | None:
    return read.refusal.code if isinstance(read, RefusedFile) else None


def outcome(read: ReadFile | RefusedFile) -> str | None:
    """Return the digest of the pixels, which identifies a file, or the code of its error."""
    return read.pixel_digest if isinstance(read, ReadFile) else read.refusal.code


def reader_processes() -> list[psutil.Process]:
    found: list[psutil.Process] = []
    for each in psutil.Process().children():
        with suppress(psutil.ZombieProcess, psutil.NoSuchProcess):  # it was just killed
            if "worker.readers.reader" in each.cmdline():
                found.append(each)
    return found


def slow_file(folder: Path) -> Path:
    """Write a file that takes seconds to read, so that something can happen meanwhile."""
    path = folder / "slow.png"
    with path.open("wb") as file:
        file.truncate(SLOW_BYTES)
    return path


def at_it(path: Path) -> Callable[[], psutil.Process | None]:
    """Return a function that finds the reading process which has ``path`` open."""

    def find() -> psutil.Process | None:
        for process in reader_processes():
            with suppress(FileNotFoundError):
                for each in Path(f"/proc/{process.pid}/fd").iterdir():
                    if each.is_symlink() and os.path.realpath(each) == str(path):
                        return process
        return None

    return find


def test_files_are_read_by_several_processes_in_any_order(tmp_path: Path) -> None:
    write_radiographs(tmp_path, 8)
    jobs = [job(path, number=number) for number, path in enumerate(sorted(tmp_path.iterdir()))]
    with running(2) as readers:
        found = {of.job_id: read for of, read in readers.read(jobs)}
        assert len(reader_processes()) == 2
    assert sorted(found) == list(range(8))
    read = found[0]
    assert isinstance(read, ReadFile)
    assert (read.header.rows, read.header.columns) == (256, 256)
    assert read.prepared.pixels.dtype == np.uint8
    assert read.prepared.pixels.std() > 1
    assert read.to_source.shape == read.prepared.to_upright.shape == (2, 3)
    assert reader_processes() == []


def test_a_file_that_crashes_its_reader_twice_fails_alone(tmp_path: Path) -> None:
    path = slow_file(tmp_path)
    write_radiographs(tmp_path / "sound", 2)
    [before, after] = [job(each) for each in sorted((tmp_path / "sound").iterdir())]
    find = at_it(path)

    def crash_twice() -> None:
        for _ in range(2):
            assert eventually(find)
            process = find()
            assert process is not None
            process.send_signal(signal.SIGSEGV)
            eventually(lambda process=process: gone(process))

    killer = threading.Thread(target=crash_twice)
    with running(limits=SLOW_LIMITS, memory_mb=16_384) as readers:
        assert code_of(read_one(readers, before)) is None
        killer.start()
        read = read_one(readers, job(path, sha256="0" * 64))
        killer.join()
        assert code_of(read_one(readers, after)) is None
    assert isinstance(read, RefusedFile)
    assert (read.refusal.code, read.refusal.permanent) == ("reader-crashed", True)
    assert "SIGSEGV" in read.refusal.detail


def test_files_requested_ahead_are_read_although_one_of_them_fails(tmp_path: Path) -> None:
    write_radiographs(tmp_path / "sound", 12)
    sound = sorted((tmp_path / "sound").iterdir())
    jobs = [job(path, number=number) for number, path in enumerate(sound)]
    jobs.insert(2, job(slow_file(tmp_path), number=100, sha256="0" * 64))
    jobs.insert(6, job(tmp_path / "gone.png", sound[0], number=101))
    jobs.insert(9, job(tmp_path / "gone.png", number=102, sha256="0" * 64))
    with running(limits=SLOW_LIMITS, memory_mb=16_384, timeout_seconds=1.5) as readers:
        together = {of.job_id: outcome(read) for of, read in readers.read(jobs)}
        alone = {each.job_id: outcome(read_one(readers, each)) for each in jobs}
    assert together == alone
    assert (together[100], together[102]) == ("reader-timeout", "file-unavailable")
    assert len(set(together.values())) == len(jobs) - 1  # 101 is another path of a valid file


def test_answers_pile_up_while_nobody_waits_and_none_is_lost(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(connection, "_PILING_SECONDS", 60.0)
    write_radiographs(tmp_path, 20)
    jobs = [job(path, number=number) for number, path in enumerate(sorted(tmp_path.iterdir()))]
    answers: queue.SimpleQueue[Answer] = queue.SimpleQueue()
    with running() as readers:
        read_one(readers, jobs[0])  # from now on a file takes milliseconds
        with readers.piling():
            readers.ask(jobs, answers.put, threading.Event())
            time.sleep(1.0)
            assert answers.empty()
        found = [answers.get(timeout=30.0) for _ in jobs]
    assert [each.job.job_id for each in found] == list(range(20))
    assert all(isinstance(each.read, ReadFile) for each in found)


def test_a_reader_killed_from_outside_fails_no_file(tmp_path: Path) -> None:
    write_radiographs(tmp_path, 2)
    [first, second] = [job(each) for each in sorted(tmp_path.iterdir())]
    with running() as readers:
        assert code_of(read_one(readers, first)) is None
        [process] = reader_processes()
        process.suspend()
        threading.Timer(0.3, process.kill).start()
        assert code_of(read_one(readers, second)) is None


def test_a_file_that_takes_too_long_fails_alone(tmp_path: Path) -> None:
    write_radiographs(tmp_path / "sound", 1)
    [sound] = [job(each) for each in (tmp_path / "sound").iterdir()]
    with running(limits=SLOW_LIMITS, memory_mb=16_384, timeout_seconds=1.5) as readers:
        read = read_one(readers, job(slow_file(tmp_path), sha256="0" * 64))
        assert code_of(read_one(readers, sound)) is None
    assert isinstance(read, RefusedFile)
    assert (read.refusal.code, read.refusal.permanent) == ("reader-timeout", False)


def huge_file(folder: Path) -> Path:
    """Write a sound file whose pixels alone are 256 MB."""
    side = 16_000
    rows = zlib.compressobj(1)
    row = b"\0" + bytes(np.linspace(0, 255, side).astype(np.uint8))
    data = b"".join(rows.compress(row) for _ in range(side)) + rows.flush()
    chunks = ((b"IHDR", struct.pack("!IIBBBBB", side, side, 8, 0, 0, 0, 0)), (b"IDAT", data))
    huge = folder / "huge.png"
    huge.write_bytes(
        b"\x89PNG\r\n\x1a\n"
        + b"".join(
            struct.pack("!I", len(body)) + kind + body + struct.pack("!I", zlib.crc32(kind + body))
            for kind, body in (*chunks, (b"IEND", b""))
        )
    )
    return huge


def test_a_file_that_needs_too_much_memory_costs_itself_alone(tmp_path: Path) -> None:
    huge = huge_file(tmp_path)
    write_radiographs(tmp_path / "sound", 1)
    [sound] = [job(each) for each in (tmp_path / "sound").iterdir()]
    with running(memory_mb=1024) as readers:
        read = read_one(readers, job(huge))
        assert code_of(read_one(readers, sound)) is None
    assert isinstance(read, RefusedFile)
    assert (read.refusal.code, read.refusal.permanent) == ("reader-out-of-memory", True)


#: Reads one file under a limit as a reading process does; prints its code, and the most it held.
HOLDING = """
import hashlib, io, re, sys
from dataclasses import replace
from pathlib import Path
from radiograph.reading import ReadLimits
from worker.readers import reader
from worker.readers.wire import unframe
path = Path(sys.argv[2])
request = {"path": str(path), "sha256": hashlib.sha256(path.read_bytes()).hexdigest()}
reader._limit_memory(int(sys.argv[1]))
answer = reader.answer(request, replace(ReadLimits(), max_pixels=1_000_000_000))
fields, _ = unframe(io.BytesIO(answer).read)
held = dict(re.findall(r"(VmHWM|VmPeak):\\s+(\\d+)", Path("/proc/self/status").read_text()))
print(fields.get("code"), int(held["VmHWM"]) >> 10, int(held["VmPeak"]) >> 10)
"""


def test_a_reading_process_never_holds_more_than_it_may_map(tmp_path: Path) -> None:
    huge = huge_file(tmp_path)
    told = {
        limit: subprocess.run(
            [sys.executable, "-c", HOLDING, str(limit), str(huge)],
            capture_output=True,
            text=True,
            check=True,
        ).stdout.split()
        for limit in (1024, 8192)
    }
    code, held, _ = told[8192]
    assert (code, int(held) > 1024) == ("None", True), "the file needs more than the lower limit"
    code, held, mapped = told[1024]
    assert code == "reader-out-of-memory"
    assert int(held) <= int(mapped) <= 1024


def test_a_copy_is_read_if_the_file_is_missing_or_changed(tmp_path: Path) -> None:
    write_radiographs(tmp_path, 2)
    [copy, changed] = sorted(tmp_path.iterdir())
    with running() as readers:
        assert code_of(read_one(readers, job(tmp_path / "gone.png", changed, copy))) is None


@pytest.mark.parametrize(
    ("kind", "code", "permanent"),
    [("gone", "file-unavailable", False), ("changed", "content-changed", True)],
)
def test_a_file_that_changed_since_its_submission_is_refused(
    kind: str, code: str, permanent: bool, tmp_path: Path
) -> None:
    write_radiographs(tmp_path, 1)
    [path] = tmp_path.iterdir()
    wanted = job(path, sha256="0" * 64) if kind == "changed" else job(path)
    if kind == "gone":
        path.unlink()
    with running() as readers:
        read = read_one(readers, wanted)
    assert isinstance(read, RefusedFile)
    assert (read.refusal.code, read.refusal.permanent) == (code, permanent)
    assert str(tmp_path) not in read.refusal.detail


def test_only_files_below_the_allowed_folders_are_read(tmp_path: Path) -> None:
    write_radiographs(tmp_path / "allowed", 1)
    write_radiographs(tmp_path / "elsewhere", 1)
    write_radiographs(tmp_path / "allowed-to-others", 1)
    [inside] = (tmp_path / "allowed").glob("*.png")
    [outside] = (tmp_path / "elsewhere").glob("*.png")
    [beside] = (tmp_path / "allowed-to-others").glob("*.png")
    link = tmp_path / "allowed" / "link"
    link.symlink_to(tmp_path / "elsewhere", target_is_directory=True)
    with running(roots=[tmp_path / "allowed"]) as readers:
        assert code_of(read_one(readers, job(inside))) is None
        around = tmp_path / "allowed" / ".." / "elsewhere"
        for path in (outside, beside, link / outside.name, around):
            assert code_of(read_one(readers, job(path, sha256="0" * 64))) == "path-forbidden"


def test_a_reading_process_leaves_no_core_and_takes_no_more_memory_than_allowed(
    tmp_path: Path,
) -> None:
    write_radiographs(tmp_path, 1)
    [sound] = [job(each) for each in tmp_path.iterdir()]
    soft, hard = resource.getrlimit(resource.RLIMIT_CORE)
    if hard == 0:
        pytest.skip("this machine writes no core dumps")
    resource.setrlimit(resource.RLIMIT_CORE, (hard, hard))
    try:
        with running(memory_mb=2048) as readers:
            assert code_of(read_one(readers, sound)) is None
            [process] = reader_processes()
            assert resource.prlimit(process.pid, resource.RLIMIT_CORE) == (0, 0)
            assert resource.prlimit(process.pid, resource.RLIMIT_AS)[0] == 2048 << 20
    finally:
        resource.setrlimit(resource.RLIMIT_CORE, (soft, hard))


def test_reading_ends_when_the_check_raises(tmp_path: Path) -> None:
    write_radiographs(tmp_path, 4)
    jobs = [job(path, number=number) for number, path in enumerate(sorted(tmp_path.iterdir()))]

    def stop() -> None:
        raise KeyError("stop")

    with running() as readers:
        with pytest.raises(KeyError):
            list(readers.read(jobs, stop))
        assert code_of(read_one(readers, jobs[0])) is None  # it continues with the next chunk


def test_the_sample_can_be_read() -> None:
    with running() as readers, sample_job(128) as sample:
        assert code_of(read_one(readers, sample)) is None


PARENT = """
import sys, threading
from radiograph.reading import ReadLimits
from worker.readers.pool import Readers
from worker.readers.sample import sample_job
readers = Readers(1, ReadLimits(), timeout_seconds=600, memory_mb=4096)
with sample_job(128) as sample:
    list(readers.read([sample]))
print("read", flush=True)
threading.Event().wait(600)
"""


def test_readers_end_when_their_worker_is_killed() -> None:
    parent = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE)
    assert parent.stdout is not None
    assert parent.stdout.readline() == b"read\n"
    readers = psutil.Process(parent.pid).children()
    for process in readers:
        process.suspend()  # a process busy in a decoder does not notice the end of its input
    parent.kill()
    parent.wait()
    parent.stdout.close()
    assert readers
    assert eventually(lambda: all(gone(process) for process in readers))
