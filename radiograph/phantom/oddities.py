"""The files of a demonstration archive that are not measured, and their error codes."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass, replace
from datetime import date

import numpy as np
from pydicom.uid import ExplicitVRLittleEndian, JPEG2000Lossless

from radiograph import errors
from radiograph.phantom.anatomy import draw_anatomy
from radiograph.phantom.cases import Picture, draw_study
from radiograph.phantom.encoding import Storage, Study, dicom, header, png, write
from radiograph.phantom.other_views import hand, lateral, limb
from radiograph.phantom.projection import project

Make = Callable[[Study, np.random.Generator], bytes]

PLAIN = Storage(ExplicitVRLittleEndian, window=True)
COMPRESSED = Storage(JPEG2000Lossless)
#: First number of these studies, far from those of the frontal ones.
FIRST_NUMBER = 900_000
DAY = date(2019, 5, 6)

README = b"""This archive is synthetic: no patient, no hospital. thoraq wrote it to show its work.
"""
HTML = b"""<!DOCTYPE html><html><head><title>Session expired</title></head>
<body><h1>Session expired</h1><p>Please sign in to the archive again.</p></body></html>
"""


@dataclass(frozen=True, slots=True)
class Oddity:
    """One file that is not measured. ``error``: the expected reason."""

    path: str
    error: type[errors.RadiographError]
    study: Study
    seed: tuple[int, ...]
    make: Make

    def encode(self) -> bytes:
        """Return the content of the file."""
        return self.make(self.study, np.random.default_rng(self.seed))


def draw_oddities(seed: int) -> list[Oddity]:
    """Return one file for every error that depends on the content only."""
    oddities = []
    for index, (name, error, make) in enumerate(KINDS):
        study = draw_study(seed, FIRST_NUMBER + index, 9001 + index, DAY)
        at_root = name == "README.txt"
        path = name if at_root else f"{study.patient_id}/{DAY:%Y-%m-%d}/{name}"
        oddities.append(Oddity(path, error, study, (seed, FIRST_NUMBER + index, 2), make))
    return oddities


def _fixed(content: bytes) -> Make:
    return lambda _study, _rng: content


def _lateral(view: str) -> Make:
    return lambda study, rng: dicom(lateral(rng), replace(study, view=view), PLAIN, 0.43)


def _part(name: str, draw: Callable[[np.random.Generator], Picture]) -> Make:
    return lambda study, rng: dicom(draw(rng), replace(study, body_part=name), PLAIN, 0.2)


def _ct(study: Study, rng: np.random.Generator) -> bytes:
    return dicom(_chest(rng), replace(study, modality="CT"), PLAIN, 0.7)


def _thumbnail(_study: Study, rng: np.random.Generator) -> bytes:
    return png(np.ascontiguousarray(_chest(rng)[::16, ::16]), 8)


def _cut_dicom(study: Study, rng: np.random.Generator) -> bytes:
    return _cut(dicom(_chest(rng), study, PLAIN, 0.7))


def _cut_png(_study: Study, rng: np.random.Generator) -> bytes:
    return _cut(png(_chest(rng), 16))


def _corrupt(study: Study, rng: np.random.Generator) -> bytes:
    """Return a DICOM file whose JPEG 2000 stream is noise after its first marker."""
    content = bytearray(dicom(_chest(rng), study, COMPRESSED, 0.7))
    start = content.index(b"\xff\x4f\xff\x51") + 2
    noise = rng.integers(0, 255, len(content) - start - 8, dtype=np.uint8)
    content[start : start + len(noise)] = noise.tobytes()
    return bytes(content)


def _unexposed(study: Study, _rng: np.random.Generator) -> bytes:
    return dicom(np.full((512, 512), 30000, dtype=np.uint16), study, Storage(PLAIN.syntax), 0.7)


def _no_pixels(study: Study, _rng: np.random.Generator) -> bytes:
    return write(header(study), PLAIN)


def _chest(rng: np.random.Generator) -> Picture:
    return project(draw_anatomy(rng), 512, 512, rng)


def _cut(content: bytes) -> bytes:
    return content[: int(len(content) * 0.6)]


KINDS: tuple[tuple[str, type[errors.RadiographError], Make], ...] = (
    ("README.txt", errors.NotAnImage, _fixed(README)),
    ("lateral-1.dcm", errors.LateralView, _lateral("LL")),
    ("lateral-2.dcm", errors.LateralView, _lateral("LATERAL")),
    ("lateral-3.dcm", errors.LateralView, _lateral("RL")),
    ("knee.dcm", errors.OtherBodyPart, _part("EXTREMITY", limb)),
    ("hand.dcm", errors.OtherBodyPart, _part("HAND", hand)),
    ("ct.dcm", errors.NotARadiograph, _ct),
    ("thumbnail.png", errors.TooSmall, _thumbnail),
    ("cut-short.dcm", errors.TruncatedFile, _cut_dicom),
    ("cut-short.png", errors.TruncatedFile, _cut_png),
    ("web-page.dcm", errors.UnknownContent, _fixed(HTML)),
    ("empty.dcm", errors.TruncatedFile, _fixed(b"")),
    ("corrupt.dcm", errors.UndecodablePixels, _corrupt),
    ("unexposed.dcm", errors.UniformPixels, _unexposed),
    ("no-pixels.dcm", errors.NoPixels, _no_pixels),
)
