"""The digest of a DICOM instance: of what it says, whoever wrote it down."""

from __future__ import annotations

import io
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pydicom
import pytest
from pydicom.dataset import Dataset
from pydicom.sequence import Sequence
from pydicom.uid import (
    DeflatedExplicitVRLittleEndian,
    ExplicitVRBigEndian,
    ExplicitVRLittleEndian,
    ImplicitVRLittleEndian,
)

from radiograph.instance import Instance, instance_of, is_uid
from radiograph.reading.dicom_meta import file_meta
from testbed.dicom_files import RAMP, make_dicom

UIDS = {"SOPInstanceUID": "1.2.3.4", "StudyInstanceUID": "1.2.3.5"}


def read(data: bytes) -> Instance | None:
    return instance_of(io.BytesIO(data))


def with_sequences(held: Dataset) -> None:
    inner, outer = Dataset(), Dataset()
    inner.CodeValue, inner.CodeMeaning = "T-1", "Thorax"
    outer.ReferencedSOPInstanceUID = "1.2.3"
    outer.PurposeOfReferenceCodeSequence = Sequence([inner])
    held.ReferencedImageSequence = Sequence([outer, outer])
    held.RequestAttributesSequence = Sequence([])


def rewritten(data: bytes, change: Callable[[pydicom.FileDataset], None], **how: bool) -> bytes:
    held = pydicom.dcmread(io.BytesIO(data))
    change(held)
    out = io.BytesIO()
    pydicom.dcmwrite(out, held, **how)
    return out.getvalue()


def undefined_lengths(held: pydicom.FileDataset) -> None:
    def visit(dataset: Dataset) -> None:
        for element in dataset:
            if element.VR == "SQ":
                element.is_undefined_length = True
                for item in element.value:
                    item.is_undefined_length_sequence_item = True
                    visit(item)

    visit(held)


def test_what_a_file_says_of_itself_is_told() -> None:
    found = read(make_dicom(RAMP, **UIDS))
    assert found is not None
    assert (found.sop_uid, found.study_uid) == ("1.2.3.4", "1.2.3.5")
    assert (found.rows, found.columns) == RAMP.shape
    assert len(found.digest) == 64


@pytest.mark.parametrize(
    "change",
    [
        lambda held: setattr(held.file_meta, "ImplementationVersionName", "OTHER"),
        lambda held: setattr(held.file_meta, "SourceApplicationEntityTitle", "CR1"),
        undefined_lengths,
        lambda held: held.add_new(0xFFFC_FFFC, "OB", bytes(512)),
    ],
)
def test_what_writers_do_as_they_like_is_not_hashed(
    change: Callable[[pydicom.FileDataset], None],
) -> None:
    plain = make_dicom(RAMP, spoil=with_sequences, **UIDS)
    changed = rewritten(plain, change)
    assert changed != plain
    assert read(changed) == read(plain)


def test_a_group_length_is_not_hashed() -> None:
    plain = make_dicom(RAMP, spoil=with_sequences, **UIDS)
    start = file_meta(plain).start
    length = b"\x08\x00\x00\x00UL\x04\x00\x10\x00\x00\x00"
    assert read(plain[:start] + length + plain[start:]) == read(plain)


def test_explicit_and_implicit_are_one_and_others_are_not() -> None:
    digests = {}
    for syntax in (
        ExplicitVRLittleEndian,
        ImplicitVRLittleEndian,
        ExplicitVRBigEndian,
        DeflatedExplicitVRLittleEndian,
    ):
        plain = make_dicom(RAMP, spoil=with_sequences, **UIDS)
        held = pydicom.dcmread(io.BytesIO(plain))
        if syntax == ExplicitVRBigEndian:
            held.PixelData = RAMP.astype(">u2").tobytes()
        held.file_meta.TransferSyntaxUID = syntax
        out = io.BytesIO()
        pydicom.dcmwrite(
            out,
            held,
            implicit_vr=syntax == ImplicitVRLittleEndian,
            little_endian=syntax != ExplicitVRBigEndian,
            force_encoding=True,
        )
        found = read(out.getvalue())
        assert found is not None
        digests[syntax] = found.digest
    assert digests[ExplicitVRLittleEndian] == digests[ImplicitVRLittleEndian]
    assert len(set(digests.values())) == 3


def test_each_value_counts() -> None:
    plain = read(make_dicom(RAMP, **UIDS))
    other = RAMP.copy()
    other[-1, -1] += 1
    changed = [
        make_dicom(other, **UIDS),
        make_dicom(RAMP, **UIDS, PatientID="ID-2"),
        make_dicom(RAMP, **UIDS, spoil=with_sequences),
        make_dicom(RAMP, **{**UIDS, "SOPInstanceUID": "1.2.3.6"}),
    ]
    digests = {found.digest for each in changed if (found := read(each)) is not None}
    assert plain is not None
    assert len(digests | {plain.digest}) == len(changed) + 1


@pytest.mark.parametrize("frames", [[b"\xff\xd8frame1"], [b"\xff\xd8frame2"]])
def test_compressed_frames_count(frames: list[bytes]) -> None:
    syntax = pydicom.uid.JPEG2000Lossless
    one = read(make_dicom(RAMP, syntax=syntax, frames=frames, **UIDS))
    other = read(make_dicom(RAMP, syntax=syntax, frames=[b"\xff\xd8frame3"], **UIDS))
    assert one is not None
    assert other is not None
    assert one.digest != other.digest


@pytest.mark.parametrize("keep", [1, 50, 131, 133, 200, -1, -100])
def test_a_file_that_ends_within_an_element_is_told(keep: int) -> None:
    data = make_dicom(RAMP, **UIDS)[:keep]
    found = read(data)
    whole = read(make_dicom(RAMP, **UIDS))
    assert found is None or found != whole


def test_any_bytes_end_it_and_cost_nothing() -> None:
    generator = np.random.default_rng(7)
    plain = make_dicom(RAMP, spoil=with_sequences, **UIDS)
    for _ in range(300):
        data = bytearray(plain)
        for at in generator.integers(128, 1200, 4):
            data[at] = generator.integers(0, 256)
        read(bytes(data))
    deep = b"\xfe\xff\x00\xe0\xff\xff\xff\xff\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" * 5000
    head = make_dicom(RAMP, **UIDS)[:400]
    assert read(head + b"\x08\x00\x40\x11SQ\0\0\xff\xff\xff\xff" + deep) is None


def test_a_file_is_read_once_and_in_blocks(tmp_path: Path) -> None:
    data = make_dicom(np.zeros((2000, 2000), np.uint16), **UIDS)
    path = tmp_path / "large.dcm"
    path.write_bytes(data)
    largest = 0
    with path.open("rb", buffering=0) as file:

        class Watched:
            def read(self, size: int, /) -> bytes:
                nonlocal largest
                largest = max(largest, size)
                return file.read(size)

        begun = file.read(100)
        assert instance_of(Watched(), begun) == read(data)
    assert largest <= 1 << 20


@pytest.mark.parametrize("text", ["1.2", "1.2.840.10008.1.2", "0.0", "2.25." + "9" * 39])
def test_uids(text: str) -> None:
    assert is_uid(text)


@pytest.mark.parametrize(
    "text",
    ["", "1", "1.", ".1", "1..2", "1.02", "1.a", "../1.2", "1.2\n", "1." + "2" * 63, "\u0661.2"],
)
def test_what_is_no_uid(text: str) -> None:
    assert not is_uid(text)
