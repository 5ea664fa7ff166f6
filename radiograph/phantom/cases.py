"""The frontal radiographs of a demonstration archive, each from a seed and its number."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Literal

import numpy as np
import numpy.typing as npt
from pydicom.uid import (
    PYDICOM_ROOT_UID,
    UID,
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    HTJ2KLossless,
    ImplicitVRLittleEndian,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
    generate_uid,
)

from radiograph.phantom.anatomy import Anatomy, draw_anatomy
from radiograph.phantom.encoding import Storage, Study, dicom, jpeg, png, tiff
from radiograph.phantom.projection import project

Picture = npt.NDArray[np.uint16]
Plain = Literal["png8", "png16", "jpeg", "jpeg-exif", "tiff"]

#: Storages in rotation; the first round has each oddity of real headers once.
FIRST_ROUND: tuple[Storage | Plain, ...] = (
    Storage(ExplicitVRLittleEndian, window=True, spacing="zero"),
    Storage(ImplicitVRLittleEndian, inverse=True, bits=10, preamble=False),
    Storage(JPEG2000Lossless, inverse=True, bits=12, window=True, spacing="pixel"),
    "png8",
    Storage(JPEGLosslessSV1, bits=14, mirrored=True),
    "jpeg-exif",
    Storage(RLELossless, window=True),
    Storage(JPEGLSLossless, bits=16, spacing="none"),
    Storage(HTJ2KLossless, inverse=True, bits=16, spacing="pixel"),
    Storage(DeflatedExplicitVRLittleEndian, bits=10),
    Storage(ExplicitVRBigEndian, inverse=True, bits=14, window=True, spacing="pixel"),
    "png16",
    Storage(JPEGBaseline8Bit, bits=8),
    "tiff",
)
LATER_ROUNDS: tuple[Storage | Plain, ...] = (
    Storage(ExplicitVRLittleEndian, window=True, spacing="pixel"),
    Storage(ImplicitVRLittleEndian, inverse=True),
    Storage(JPEG2000Lossless, window=True, spacing="pixel"),
    "png8",
    Storage(JPEGLosslessSV1, bits=14),
    "jpeg",
    Storage(RLELossless, inverse=True, bits=10, window=True),
    Storage(JPEGLSLossless, bits=16),
    Storage(HTJ2KLossless, bits=16, spacing="pixel"),
    Storage(DeflatedExplicitVRLittleEndian, bits=14, window=True),
    Storage(ExplicitVRBigEndian, bits=16),
    Storage(ExplicitVRLittleEndian, inverse=True, bits=14, spacing="pixel"),
    Storage(JPEGBaseline8Bit, inverse=True, bits=8, window=True),
    Storage(JPEG2000Lossless, inverse=True, bits=14),
)
#: (rows, columns), mostly small so that writing is fast.
SIZES = ((512, 512), (640, 640), (720, 600), (768, 640), (768, 768), (896, 728), (1024, 1024))
SIZE_WEIGHTS = (0.26, 0.22, 0.16, 0.14, 0.12, 0.06, 0.04)


@dataclass(frozen=True, slots=True)
class Case:
    """One frontal radiograph: patient, exposure and storage."""

    seed: int
    number: int
    anatomy: Anatomy
    rows: int
    columns: int
    study: Study
    storage: Storage | Plain

    @property
    def spacing_mm(self) -> float:
        """Return the distance of pixel centres in millimetres."""
        return 10.0 / self.anatomy.pixels_per_cm(self.rows, self.columns)

    @property
    def path(self) -> str:
        """Return the path within the archive, with forward slashes."""
        endings = {"png8": "png", "png16": "png", "tiff": "tif"}
        ending = endings.get(self.storage, "jpg") if isinstance(self.storage, str) else "dcm"
        folder = f"{self.study.patient_id}/{self.study.day:%Y-%m-%d}"
        return f"{folder}/{self.study.accession}.{ending}"

    def picture(self) -> Picture:
        """Return the upright pixels, (rows, columns) uint16, black is air."""
        rng = np.random.default_rng([self.seed, self.number, 1])
        return project(self.anatomy, self.rows, self.columns, rng)

    def encode(self) -> bytes:
        """Return the content of the file."""
        picture = self.picture()
        if isinstance(self.storage, Storage):
            return dicom(picture, self.study, self.storage, self.spacing_mm)
        if self.storage in {"jpeg", "jpeg-exif"}:
            return jpeg(picture, turned=self.storage == "jpeg-exif")
        if self.storage == "tiff":
            return tiff(picture)
        return png(picture, 8 if self.storage == "png8" else 16)

    def points(self) -> npt.NDArray[np.float64]:
        """Return the true points, (19, 2) in pixels of the file as it is stored."""
        points = self.anatomy.points(self.rows, self.columns)
        x, y = points[:, 0], points[:, 1]
        if self.storage == "jpeg-exif":
            return np.stack([y, self.columns - 1 - x], axis=-1)
        if isinstance(self.storage, Storage) and self.storage.mirrored:
            return np.stack([self.columns - 1 - x, y], axis=-1)
        return points


def draw_cases(count: int, seed: int) -> list[Case]:
    """Return ``count`` random frontal radiographs; every fifth is a follow-up of the one before."""
    cases: list[Case] = []
    patient = 0
    for number in range(count):
        rng = np.random.default_rng([seed, number, 0])
        follow_up = number % 5 == 4
        view = str(rng.choice(["PA", "AP", ""], p=[0.62, 0.22, 0.16]))
        anatomy = draw_anatomy(rng, portable=view == "AP")
        age, sex = _age(rng), str(rng.choice(["F", "M"]))
        day = date(2012, 1, 1) + timedelta(days=int(rng.integers(0, 3000)))
        if follow_up:
            before = cases[-1]
            anatomy = _later(before.anatomy, rng)
            day = before.study.day + timedelta(days=int(rng.integers(20, 340)))
            view, age, sex = before.study.view or "", before.study.age, before.study.sex or sex
        else:
            patient += 1
        rows, columns = SIZES[int(rng.choice(len(SIZES), p=SIZE_WEIGHTS))]
        study = draw_study(seed, number, patient, day)
        study = replace(study, view=view or None, age=age, sex=sex)
        turn = LATER_ROUNDS if number >= len(FIRST_ROUND) else FIRST_ROUND
        storage = turn[number % len(turn)]
        cases.append(Case(seed, number, anatomy, rows, columns, study, storage))
    return cases


def draw_study(seed: int, number: int, patient: int, day: date) -> Study:
    """Return the identifiers of study ``number``; the same seed gives the same UIDs."""
    return Study(
        patient_id=f"PHANTOM-{patient:04d}",
        study_uid=_uid(seed, number, "study"),
        series_uid=_uid(seed, number, "series"),
        sop_uid=_uid(seed, number, "instance"),
        accession=f"PH{number:06d}",
        day=day,
    )


def _uid(seed: int, number: int, level: str) -> UID:
    return generate_uid(PYDICOM_ROOT_UID, entropy_srcs=["phantom", str(seed), str(number), level])


def _age(rng: np.random.Generator) -> str | None:
    kind = rng.random()
    years = int(np.clip(rng.normal(58.0, 17.0), 19, 97))
    child = int(rng.integers(4, 17))
    if kind < 0.06:
        return None
    return f"{child if kind < 0.10 else years:03d}Y"


def _later(anatomy: Anatomy, rng: np.random.Generator) -> Anatomy:
    """Return the same chest months later: another pose, the heart slightly changed."""
    right, left = anatomy.heart_extents
    growth = float(rng.uniform(0.95, 1.09))
    return replace(
        anatomy,
        tilt=float(rng.normal(0.0, 0.02)),
        shift=(float(rng.normal(0.0, 0.4)), anatomy.shift[1] + float(rng.normal(0.0, 0.3))),
        heart_extents=(right * growth, min(left * growth, anatomy.half_widths[1] * 0.93)),
    )
