"""Valid radiographs in every format, from which the hostile files are made."""

from __future__ import annotations

import dataclasses
import functools
from datetime import date

import numpy as np

from radiograph.phantom.anatomy import draw_anatomy
from radiograph.phantom.cases import FIRST_ROUND, draw_study
from radiograph.phantom.encoding import Storage, dicom, jpeg, png, tiff
from radiograph.phantom.projection import project

#: Part of every header; it must not appear in any log or table.
PATIENT = "ZZFUZZ^MARKER"
_SIDE_PX = 192


@functools.cache
def valid_files() -> dict[str, bytes]:
    """Return one radiograph per format, by name: 11 kinds of DICOM, PNG, JPEG and TIFF."""
    random = np.random.default_rng(3)
    study = dataclasses.replace(draw_study(3, 1, 1, date(2019, 5, 6)), patient_id=PATIENT)
    files: dict[str, bytes] = {}
    for storage in FIRST_ROUND:
        picture = project(draw_anatomy(random), _SIDE_PX, _SIDE_PX, random)
        if isinstance(storage, Storage):
            content = dicom(picture, study, storage, 0.7)
            files[f"{storage.syntax.keyword or 'plain'}{'' if storage.preamble else '-bare'}"] = (
                content
            )
        elif storage.startswith("png"):
            files[storage] = png(picture, 8 if storage == "png8" else 16)
        elif storage.startswith("jpeg"):
            files[storage] = jpeg(picture, turned=storage == "jpeg-exif")
        else:
            files[storage] = tiff(picture)
    files["jpeg"] = jpeg(project(draw_anatomy(random), _SIDE_PX, _SIDE_PX, random))
    return files


def ending_of(name: str) -> str:
    """Return the file name suffix of a format in an archive."""
    for kind in ("png", "jpeg", "tiff"):
        if name.startswith(kind):
            return f".{kind}"
    return ".dcm"
