"""The archive of a campaign: sound films, copies, broken files and files that are none."""

from __future__ import annotations

import random
import shutil
from pathlib import Path

from testbed.radiographs import write_radiographs


def write_archive(folder: Path, radiographs: int) -> list[Path]:
    """Write ``radiographs`` sound films and a tenth as many others; return every file, mixed."""
    write_radiographs(folder / "films", radiographs)
    films = sorted((folder / "films").iterdir())
    others = folder / "others"
    others.mkdir()
    for number, film in enumerate(films[:: max(1, radiographs // 60)]):
        shutil.copyfile(film, others / f"copy-{number:03}.png")
    for number, film in enumerate(films[: max(3, radiographs // 40)]):
        whole = film.read_bytes()
        # No two alike, and each ends somewhere else.
        (others / f"broken-{number:03}.png").write_bytes(whole[: len(whole) // 2 + 7 * number])
    for number in range(max(3, radiographs // 60)):
        (others / f"notes-{number:03}.dcm").write_text(f"<html>no film {number}</html>")
    files = [*films, *sorted(others.iterdir())]
    random.Random(0).shuffle(files)
    return files
