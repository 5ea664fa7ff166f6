"""All objects of one radiograph, and the bytes of each."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path

from PIL import Image
from pydicom.dataset import Dataset

from radiograph.reading.dicom_header import dicom_header
from results.errors import BurnedInIdentity, NotGrey
from results.objects.findings import Findings
from results.objects.header import source_header
from results.objects.identity import Identity, IdentityLevel
from results.objects.modules import file_bytes
from results.objects.observation import observation
from results.objects.presentation_state import presentation_state
from results.objects.secondary_capture import secondary_capture
from results.objects.structured_report import structured_report

KEY = b"a key of thirty-two bytes or so."
#: Odd on both sides, so that its values have to be padded.
DRAWING = Image.linear_gradient("L").resize((61, 45)).convert("RGB")


def identity(level: IdentityLevel) -> Identity:
    return Identity(level, None if level is IdentityLevel.AS_IN_FILE else KEY)


def objects(
    findings: Findings, source: Dataset, level: IdentityLevel = IdentityLevel.AS_IN_FILE
) -> dict[str, Dataset]:
    """Return the DICOM objects of a radiograph by their kinds; without those that are refused."""
    header = source_header(source, identity(level))
    made = {"report": structured_report(findings, header)}
    try:
        made["presentation"] = presentation_state(findings, header)
    except NotGrey:
        assert not str(source.PhotometricInterpretation).startswith("MONOCHROME")
    try:
        made["capture"] = secondary_capture(findings, header, DRAWING)
    except BurnedInIdentity:
        assert source.BurnedInAnnotation == "YES"
    return made


def resource(findings: Findings, source: Dataset, level: IdentityLevel) -> str:
    """Return the Observation of a radiograph with the header of its file."""
    said = replace(findings, header=dicom_header(source, None))
    return json.dumps(observation(said, identity(level)), ensure_ascii=False)


def write(folder: Path, made: dict[str, Dataset]) -> dict[str, Path]:
    """Write objects as files; return where."""
    paths = {}
    for kind, dataset in made.items():
        paths[kind] = folder / f"{kind}.dcm"
        paths[kind].write_bytes(file_bytes(dataset))
    return paths
