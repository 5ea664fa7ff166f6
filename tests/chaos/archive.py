"""The archive of a campaign: valid radiographs, copies, damaged files and other files."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from testbed.radiographs import write_radiographs


def write_archive(folder: Path, radiographs: int) -> list[Path]:
    """Write ``radiographs`` valid files and a tenth as many others; return all, shuffled."""
    write_radiographs(folder / "radiographs", radiographs)
    paths = sorted((folder / "radiographs").iterdir())
    others = folder / "others"
    others.mkdir()
    for number, path in enumerate(paths[:: max(1, radiographs // 60)]):
        shutil.copyfile(path, others / f"copy-{number:03}.png")
    for number, path in enumerate(paths[: max(3, radiographs // 40)]):
        whole = path.read_bytes()
        # All different, each truncated at another position.
        (others / f"broken-{number:03}.png").write_bytes(whole[: len(whole) // 2 + 7 * number])
    for number in range(max(3, radiographs // 60)):
        (others / f"notes-{number:03}.dcm").write_text(f"<html>not an image {number}</html>")
    files = [*paths, *sorted(others.iterdir())]
    random.Random(0).shuffle(files)
    return files
