"""Sound films in every way of storing them: what the hostile ones are made from."""

from __future__ import annotations

import dataclasses
import functools
from datetime import date

import numpy as np

from radiograph.phantom.anatomy import draw_anatomy
from radiograph.phantom.cases import FIRST_ROUND, draw_study
from radiograph.phantom.encoding import Storage, dicom, jpeg, png, tiff
from radiograph.phantom.projection import project

#: Stands in every header; it must turn up in no log and in no table.
PATIENT = "ZZFUZZ^MARKER"
_SIDE_PX = 192


@functools.cache
def sound_films() -> dict[str, bytes]:
    """Draw one film for each way, by its name: 11 kinds of DICOM, PNG, JPEG and TIFF."""
    random = np.random.default_rng(3)
    study = dataclasses.replace(draw_study(3, 1, 1, date(2019, 5, 6)), patient_id=PATIENT)
    films: dict[str, bytes] = {}
    for storage in FIRST_ROUND:
        picture = project(draw_anatomy(random), _SIDE_PX, _SIDE_PX, random)
        if isinstance(storage, Storage):
            content = dicom(picture, study, storage, 0.7)
            films[f"{storage.syntax.keyword or 'plain'}{'' if storage.preamble else '-bare'}"] = (
                content
            )
        elif storage.startswith("png"):
            films[storage] = png(picture, 8 if storage == "png8" else 16)
        elif storage.startswith("jpeg"):
            films[storage] = jpeg(picture, turned=storage == "jpeg-exif")
        else:
            films[storage] = tiff(picture)
    films["jpeg"] = jpeg(project(draw_anatomy(random), _SIDE_PX, _SIDE_PX, random))
    return films


def ending_of(name: str) -> str:
    """Return the ending that a film of this kind has in an archive."""
    for kind in ("png", "jpeg", "tiff"):
        if name.startswith(kind):
            return f".{kind}"
    return ".dcm"
