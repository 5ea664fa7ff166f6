"""The files that every engine measures: a synthetic archive, or the distinct files of a folder."""

from __future__ import annotations

import hashlib
import os
import shutil
from collections.abc import Sequence
from concurrent.futures import ProcessPoolExecutor
from enum import StrEnum
from functools import partial
from pathlib import Path

from pydicom.uid import ExplicitVRLittleEndian

from radiograph.phantom.cases import Case, draw_cases
from radiograph.phantom.encoding import Storage, dicom, jpeg, png
from scheduler.intake.walk import walk

_SEED = 42


class Kind(StrEnum):
    """Formats of a synthetic archive; DICOM in the transfer syntaxes of `radiograph.phantom`."""

    MIXED = "mixed"  # PNG and DICOM alternating
    PNG = "png"
    JPEG = "jpeg"
    DICOM = "dicom"


def write_archives(folder: Path, count: int, kinds: Sequence[Kind], cores: int) -> None:
    """Write ``count`` frontal radiographs into a subfolder per kind."""
    for kind in kinds:
        (folder / kind).mkdir(parents=True)
    with ProcessPoolExecutor(cores) as pool:
        write = partial(_write, folder, kinds)
        list(pool.map(write, draw_cases(count, _SEED), chunksize=4))


def _write(folder: Path, kinds: Sequence[Kind], case: Case) -> None:
    picture = case.picture()
    for kind in kinds:
        one = kind
        if kind is Kind.MIXED:
            one = Kind.DICOM if case.number % 2 else Kind.PNG
        if one is Kind.PNG:
            content = png(picture, 8 if case.number % 4 else 16)
        elif one is Kind.JPEG:
            content = jpeg(picture)
        else:
            storage = case.storage
            if isinstance(storage, str):
                storage = Storage(ExplicitVRLittleEndian)
            content = dicom(picture, case.study, storage, case.spacing_mm)
        name = f"{case.number:06}.{'dcm' if one is Kind.DICOM else one}"
        (folder / kind / name).write_bytes(content)


def link_archive(source: Path, folder: Path, count: int | None) -> None:
    """Link the distinct files of a folder: thoraq measures copies once, the others each time."""
    folder.mkdir(parents=True)
    digests: set[bytes] = set()
    for met in walk(source):
        path = Path(met.stat.path)
        if met.refusal is not None or len(digests) == count:
            continue
        digest = hashlib.sha256(path.read_bytes()).digest()
        if digest in digests:
            continue
        digests.add(digest)
        place = folder / f"{len(digests):06}{path.suffix.lower()}"
        try:
            os.link(path, place)
        except OSError:  # on another file system
            shutil.copyfile(path, place)
