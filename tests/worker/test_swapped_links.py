"""A reading process stays below its roots while folders are replaced by links."""

from __future__ import annotations

import hashlib
import time
from pathlib import Path

import pytest

from radiograph.reading import ReadLimits
from testbed.radiographs import write_radiographs
from tests.scheduler.test_swaps import swapped
from worker.readers.reader import answer
from worker.readers.wire import unframe

SECONDS = 1.5


def code_of(answered: bytes) -> str | None:
    left = memoryview(answered)

    def take(count: int) -> bytes:
        nonlocal left
        taken, left = bytes(left[:count]), left[count:]
        return taken

    code: str | None = unframe(take)[0].get("code")
    return code


@pytest.mark.parametrize("kind", ["folder", "file"])
def test_no_file_outside_the_roots_is_read_while_paths_are_swapped(
    kind: str, tmp_path: Path
) -> None:
    allowed, outside = tmp_path / "allowed", tmp_path / "outside"
    write_radiographs(allowed / "study", 1)
    [path] = (allowed / "study").iterdir()
    sha256 = hashlib.sha256(path.read_bytes()).hexdigest()
    outside.mkdir()
    (outside / path.name).write_bytes(b"of somebody else")
    if kind == "folder":
        pair = (allowed / "study", allowed / ".study")
        pair[1].symlink_to(outside)
    else:
        pair = (path, path.with_name(".other"))
        pair[1].symlink_to(outside / path.name)
    codes: set[str | None] = set()
    deadline = time.monotonic() + SECONDS
    with swapped(pair):
        while time.monotonic() < deadline:
            request = {"path": str(path), "sha256": sha256}
            codes.add(code_of(answer(request, ReadLimits(), [allowed])))
    # If the other file were read, its content would differ from the submitted one.
    assert codes <= {None, "path-forbidden", "file-unavailable"}
    assert {None, "path-forbidden"} <= codes
