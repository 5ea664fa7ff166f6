"""Minimal DICOM files, which tests can modify."""

from __future__ import annotations

import io
from collections.abc import Callable
from typing import Any

import numpy as np
import numpy.typing as npt
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import UID, ExplicitVRBigEndian, ExplicitVRLittleEndian, ImplicitVRLittleEndian

from radiograph.reading import ReadLimits

LIMITS = ReadLimits(max_file_bytes=8 << 20, max_pixels=2_000_000, min_side_px=16)
CR = UID("1.2.840.10008.5.1.4.1.1.1")
#: (48, 64) uint16 whose values, 0 to 3071, identify each pixel.
RAMP = np.arange(48 * 64, dtype=np.uint16).reshape(48, 64)


def make_dicom(
    stored: npt.NDArray[Any],
    *,
    syntax: UID = ExplicitVRLittleEndian,
    frames: list[bytes] | None = None,
    spoil: Callable[[Dataset], None] | None = None,
    **elements: Any,
) -> bytes:
    """Return a file of ``stored`` (rows, columns[, samples]), or of compressed ``frames``.

    ``elements`` replace the default ones, None removes one; ``spoil`` is applied last.
    """
    dataset = Dataset()
    dataset.SOPClassUID, dataset.SOPInstanceUID = CR, UID("1.2.3.4")
    dataset.Modality, dataset.PatientID = "CR", "ID-1"
    dataset.Rows, dataset.Columns = stored.shape[:2]
    dataset.SamplesPerPixel = 1 if stored.ndim == 2 else stored.shape[2]
    dataset.PhotometricInterpretation = "MONOCHROME2" if stored.ndim == 2 else "RGB"
    dataset.BitsAllocated = 8 * stored.itemsize
    dataset.BitsStored = 8 * stored.itemsize
    dataset.PixelRepresentation = int(stored.dtype.kind == "i")
    if stored.ndim == 3:
        dataset.PlanarConfiguration = 0
    for keyword, value in elements.items():
        if value is None:
            delattr(dataset, keyword)
        else:
            setattr(dataset, keyword, value)
    if "HighBit" not in dataset:
        dataset.HighBit = int(dataset.BitsStored) - 1
    if frames is None:
        big = syntax == ExplicitVRBigEndian
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
        if len(dataset.PixelData) % 2:
            dataset.PixelData += b"\x00"
        dataset["PixelData"].VR = "OB" if stored.itemsize == 1 else "OW"
    else:
        dataset.PixelData = encapsulate(frames)
        dataset["PixelData"].VR = "OB"
        dataset["PixelData"].is_undefined_length = True
    if spoil is not None:
        spoil(dataset)
    return write_dicom(dataset, syntax)


def write_dicom(dataset: Dataset, syntax: UID) -> bytes:
    """Return ``dataset`` as the bytes of a file."""
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = syntax
    dataset.file_meta.MediaStorageSOPClassUID = CR
    dataset.file_meta.MediaStorageSOPInstanceUID = UID("1.2.3.4")
    buffer = io.BytesIO()
    dcmwrite(
        buffer,
        dataset,
        implicit_vr=syntax == ImplicitVRLittleEndian,
        little_endian=syntax != ExplicitVRBigEndian,
        enforce_file_format=True,
    )
    return buffer.getvalue()
