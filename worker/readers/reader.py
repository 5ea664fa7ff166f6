"""A reading process: reads files, returns network inputs, headers and pictures; never loads torch.

A file that crashes it, hangs it or fills its memory fails alone. It ends with its worker: the
kernel kills it or, where that is not supported, its input ends.
"""

from __future__ import annotations

import hashlib
import io
import logging
import os
import resource
import signal
import sys
import time
import warnings
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

import radiograph.reading.dicom  # noqa: F401 - ahead of its first file
from db.archive import is_hashed, label_of
from db.records import Refusal
from network.input import prepare
from radiograph.errors import FileUnavailable, PathNotKept, RadiographError
from radiograph.frontal import check_header
from radiograph.image import Radiograph
from radiograph.instance import instance_of
from radiograph.picture import as_picture
from radiograph.reading import ReadLimits, file_content, read_content
from radiograph.reading.limits import Check
from radiograph.records import Header
from scheduler.roots import allowed_path
from scheduler.tether import die_with
from worker.errors import (
    ContentChanged,
    PathForbidden,
    ReaderFailed,
    ReaderOutOfMemory,
    RootUnknown,
)
from worker.readers.wire import (
    Incoming,
    ReadFile,
    frame,
    header_fields,
    picture_frame,
    read_file_frame,
    unframe,
)


def main() -> None:
    """Answer requests until the input ends."""
    die_with(int(sys.argv[1]), signal.SIGKILL)
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # the worker handles Ctrl-C
    answers = os.dup(1)
    os.dup2(2, 1)  # keeps a library's output out of the answers
    read_exactly = Incoming(0).exactly
    configuration, _ = unframe(read_exactly)
    limits = ReadLimits(**configuration["limits"])
    roots = [Path(each) for each in configuration["roots"]]
    _limit_memory(int(configuration["memory_mb"]))
    # From here on messages of libraries may contain a path or a patient's name: discard them.
    warnings.simplefilter("ignore")
    logging.disable(logging.CRITICAL)
    _write(answers, frame({"ready": True}))
    os.dup2(os.open(os.devnull, os.O_WRONLY), 2)
    while True:
        try:
            request, _ = unframe(read_exactly)
        except EOFError:
            return
        _write(answers, answer(request, limits, roots))


def answer(request: dict[str, Any], limits: ReadLimits, roots: Sequence[Path] = ()) -> bytes:
    """Read one file below ``roots`` and return the answer frame, also for an error.

    The answer to a request with ``side_px`` is a picture of that size, to any other the network's
    input.
    """
    started = time.perf_counter()
    header: Header | None = None
    try:
        path = _checked_path(request["path"], roots)
        if (side_px := request.get("side_px")) is not None:
            whole = read_submitted(path, request["sha256"], limits, check=None)
            return picture_frame(as_picture(whole, int(side_px)))
        radiograph = read_submitted(path, request["sha256"], limits)
        header = radiograph.header
        return read_file_frame(
            ReadFile(
                header=header,
                pixel_digest=radiograph.pixel_digest,
                to_source=radiograph.to_source,
                prepared=prepare(radiograph.pixels, extent=radiograph.extent),
                duration_ms=(time.perf_counter() - started) * 1000,
            )
        )
    except RadiographError as exc:
        error, header = exc, exc.header or header
    except MemoryError:
        error = ReaderOutOfMemory()
    except Exception as exc:  # noqa: BLE001 - the process boundary: a fault costs its file alone
        error = ReaderFailed.because(type(exc).__name__)
    return frame(
        asdict(Refusal.of(error))
        | {
            "header": None if header is None else header_fields(header),
        }
    )


def _checked_path(path: str, roots: Sequence[Path]) -> Path:
    """Return a path with its links resolved, if this worker may read it.

    Raises PathNotKept, RootUnknown, PathForbidden, FileUnavailable.
    """
    if is_hashed(path):
        raise PathNotKept
    if (label := label_of(path)) is not None:
        raise RootUnknown.about(label)
    try:
        real = allowed_path(Path(path), roots)
    except ValueError as exc:  # a NUL in the path
        raise FileUnavailable.because("no such path") from exc
    except OSError as exc:  # a folder was replaced by a link, or vice versa, while resolving
        raise FileUnavailable.because(exc.strerror or "I/O error") from exc
    if real is None:
        raise PathForbidden
    return real


def read_submitted(
    path: Path, sha256: str, limits: ReadLimits, *, check: Check | None = check_header
) -> Radiograph:
    """Read a file and check that it has the submitted content; the checked bytes are decoded.

    ``path``: resolved; a link that replaced the file since then is not followed. ``sha256``: of the
    file, or the digest of the DICOM instance, which another file may hold as well.
    Raises what `radiograph.reading.read` does, and ContentChanged.
    """
    data = file_content(path, limits, follow_links=False)
    if hashlib.sha256(data).hexdigest() != sha256:
        instance = instance_of(io.BytesIO(data))
        if instance is None or instance.digest != sha256:
            raise ContentChanged
    return read_content(data, str(path), limits, check=check)


def _limit_memory(megabytes: int) -> None:
    wanted = megabytes << 20
    _, hard = resource.getrlimit(resource.RLIMIT_AS)
    if hard != resource.RLIM_INFINITY:
        wanted = min(wanted, hard)
    resource.setrlimit(resource.RLIMIT_AS, (wanted, hard))
    # A core dump would contain a patient's image.
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))


def _write(descriptor: int, data: bytes) -> None:
    view = memoryview(data)
    while view:
        view = view[os.write(descriptor, view) :]


if __name__ == "__main__":
    main()
