"""Frames between a worker and its reading processes are received unchanged."""

from __future__ import annotations

import io
import os
from dataclasses import replace
from datetime import date

import numpy as np
import pytest

from network.prediction import PreparedInput
from radiograph.records import Header, ImageFormat, PixelSpacing, SpacingSource, View
from worker.readers.wire import (
    Incoming,
    ReadFile,
    frame,
    header_fields,
    header_of,
    read_file_frame,
    unframe,
)
from worker.readers.wire import read_file_of as read_file_of_frame

FULL = Header(
    format=ImageFormat.DICOM,
    rows=2500,
    columns=2048,
    study_uid="1.2.3",
    patient_id="Müller^Jörg",
    study_date=date(2024, 2, 29),
    view=View.PA,
    age_years=43.5,
    bits_stored=12,
    spacing=PixelSpacing(0.168, 0.17, SpacingSource.IMAGER_PIXEL_SPACING),
)


def reading(data: bytes) -> io.BytesIO:
    return io.BytesIO(data)


@pytest.mark.parametrize("header", [FULL, Header(ImageFormat.PNG, 1, 1), replace(FULL, rows=1)])
def test_a_header_is_received_unchanged(header: Header) -> None:
    fields, _ = unframe(reading(frame(header_fields(header))).read)
    assert header_of(fields) == header


def test_a_file_that_was_read_is_received_bit_for_bit() -> None:
    random = np.random.default_rng(0)
    sent = ReadFile(
        header=FULL,
        pixel_digest="ab" * 32,
        to_source=random.normal(size=(2, 3)),
        prepared=PreparedInput(
            random.integers(0, 256, (128, 128), np.uint8), random.normal(size=(2, 3))
        ),
        duration_ms=1.25,
    )
    got = read_file_of_frame(*unframe(reading(read_file_frame(sent)).read))
    assert got.header == sent.header
    assert (got.pixel_digest, got.duration_ms) == (sent.pixel_digest, sent.duration_ms)
    assert np.array_equal(got.to_source, sent.to_source)
    assert np.array_equal(got.prepared.pixels, sent.prepared.pixels)
    assert np.array_equal(got.prepared.to_upright, sent.prepared.to_upright)


def test_a_path_of_any_bytes_is_received_unchanged() -> None:
    path = b"/archive/r\xf6ntgen.dcm".decode("utf-8", "surrogateescape")
    fields, _ = unframe(reading(frame({"path": path})).read)
    assert fields["path"] == path


@pytest.mark.parametrize("data", [b"\xff" * 64, frame([1, 2])])  # type: ignore[arg-type]
def test_an_invalid_frame_is_refused(data: bytes) -> None:
    with pytest.raises(ValueError, match="no frame"):
        unframe(reading(data).read)


def test_frames_are_received_completely_in_any_pieces() -> None:
    frames = [frame({"number": number}, bytes(number * 30_000)) for number in range(4)]
    sent = b"".join(frames)
    receiving, sending = os.pipe()
    pieces = [3, 1, 30_000, 60_000, 60_000, len(sent)]
    waits: list[int] = []

    def wait() -> None:
        # As if the other side had written meanwhile: a little, then everything.
        waits.append(len(waits))
        start = sum(pieces[: len(waits) - 1])
        os.write(sending, sent[start : start + pieces[len(waits) - 1]])

    incoming = Incoming(receiving, wait)
    for number in range(4):
        fields, data = unframe(incoming.exactly)
        assert (fields, len(data)) == ({"number": number}, number * 30_000)
    assert len(waits) == len(pieces)
    os.close(sending)
    with pytest.raises(EOFError):
        Incoming(receiving).exactly(1)
    os.close(receiving)
