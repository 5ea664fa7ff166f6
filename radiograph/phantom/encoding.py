"""Encoding of an image as DICOM in eleven transfer syntaxes, PNG, JPEG or TIFF."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import date
from typing import Literal

import imagecodecs
import numpy as np
import numpy.typing as npt
from PIL import Image
from pydicom import dcmwrite
from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.encaps import encapsulate
from pydicom.uid import (
    JPEG2000,
    UID,
    ExplicitVRBigEndian,
    HTJ2KLossless,
    JPEG2000Lossless,
    JPEGBaseline8Bit,
    JPEGLosslessSV1,
    JPEGLSLossless,
    RLELossless,
)

Picture = npt.NDArray[np.uint16]

CR_STORAGE = UID("1.2.840.10008.5.1.4.1.1.1")
CT_STORAGE = UID("1.2.840.10008.5.1.4.1.1.2")
#: EXIF orientation 6: the viewer rotates the stored raster by 90 degrees clockwise.
EXIF_ORIENTATION = 0x0112
#: Signal-to-noise ratio of lossy JPEG 2000: about a tenth of the uncompressed size.
_LOSSY_DB = 55


@dataclass(frozen=True, slots=True)
class Storage:
    r"""Storage of the pixels of one DICOM file.

    ``bits``: BitsStored. ``spacing``: the element with the pixel spacing; ``zero`` writes
    PixelSpacing 0, which is invalid. ``mirrored``: stored with PatientOrientation R\F.
    """

    syntax: UID
    inverse: bool = False
    bits: int = 12
    window: bool = False
    spacing: Literal["pixel", "imager", "zero", "none"] = "imager"
    mirrored: bool = False
    preamble: bool = True


@dataclass(frozen=True, slots=True)
class Study:
    """The header of one synthetic study; None omits the element."""

    patient_id: str
    study_uid: UID
    series_uid: UID
    sop_uid: UID
    accession: str
    day: date
    view: str | None = None
    age: str | None = None
    sex: str | None = None
    modality: str = "CR"
    body_part: str = "CHEST"


def header(study: Study) -> Dataset:
    """Return the data set of ``study`` without pixels."""
    dataset = Dataset()
    dataset.SpecificCharacterSet = "ISO_IR 100"
    dataset.SOPClassUID = CT_STORAGE if study.modality == "CT" else CR_STORAGE
    dataset.SOPInstanceUID = study.sop_uid
    dataset.StudyInstanceUID = study.study_uid
    dataset.SeriesInstanceUID = study.series_uid
    dataset.StudyDate = dataset.ContentDate = study.day.strftime("%Y%m%d")
    dataset.StudyTime = dataset.ContentTime = "080000"
    dataset.AccessionNumber = study.accession
    dataset.Modality = study.modality
    dataset.Manufacturer = "thoraq phantom"
    dataset.PatientName = study.patient_id
    dataset.PatientID = study.patient_id
    dataset.PatientBirthDate = ""
    dataset.PatientSex = study.sex or ""
    if study.age is not None:
        dataset.PatientAge = study.age
    dataset.BodyPartExamined = study.body_part
    if study.view is not None:
        dataset.ViewPosition = study.view
    dataset.StudyID = study.accession
    dataset.SeriesNumber = dataset.InstanceNumber = 1
    return dataset


def dicom(picture: Picture, study: Study, storage: Storage, spacing_mm: float) -> bytes:
    """Return ``picture`` (upright, black is air) as a DICOM file."""
    dataset = header(study)
    top = 2**storage.bits - 1
    stored = np.rint(picture.astype(np.float64) * (top / 65535.0)).astype(np.uint16)
    if storage.inverse:
        stored = np.asarray(top - stored, dtype=np.uint16)
    if storage.mirrored:
        stored = stored[:, ::-1]
    stored = np.ascontiguousarray(stored.astype(np.uint8) if storage.bits <= 8 else stored)
    dataset.SamplesPerPixel = 1
    dataset.PhotometricInterpretation = "MONOCHROME1" if storage.inverse else "MONOCHROME2"
    dataset.PresentationLUTShape = "INVERSE" if storage.inverse else "IDENTITY"
    dataset.PatientOrientation = ["R", "F"] if storage.mirrored else ["L", "F"]
    dataset.Rows, dataset.Columns = stored.shape
    dataset.BitsAllocated = 8 * stored.itemsize
    dataset.BitsStored = storage.bits
    dataset.HighBit = storage.bits - 1
    dataset.PixelRepresentation = 0
    if storage.spacing == "imager":
        dataset.ImagerPixelSpacing = [f"{spacing_mm:.4f}"] * 2
    elif storage.spacing != "none":
        dataset.PixelSpacing = [f"{spacing_mm if storage.spacing == 'pixel' else 0:.4f}"] * 2
    if storage.window:
        low, high = (float(edge) for edge in np.percentile(stored, (0.5, 99.8)))
        dataset.WindowCenter = f"{0.5 * (low + high):.1f}"
        dataset.WindowWidth = f"{max(high - low, 2.0):.1f}"
    _set_pixels(dataset, stored, storage)
    return write(dataset, storage)


def write(dataset: Dataset, storage: Storage) -> bytes:
    """Return ``dataset`` as the bytes of a file in ``storage``'s transfer syntax."""
    buffer = io.BytesIO()
    if not storage.preamble:
        dcmwrite(buffer, dataset, implicit_vr=True, little_endian=True)
        return buffer.getvalue()
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.TransferSyntaxUID = storage.syntax
    dataset.file_meta.MediaStorageSOPClassUID = dataset.SOPClassUID
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dcmwrite(buffer, dataset, enforce_file_format=True)
    return buffer.getvalue()


def _set_pixels(
    dataset: Dataset, stored: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], storage: Storage
) -> None:
    syntax = storage.syntax
    if syntax == RLELossless:
        dataset.compress(RLELossless, stored, generate_instance_uid=False)
    elif syntax.is_compressed and syntax.is_encapsulated:
        dataset.PixelData = encapsulate([_frame(stored, storage)])
        dataset["PixelData"].VR = "OB"
        if syntax == JPEGBaseline8Bit:
            dataset.LossyImageCompression = "01"
            dataset.LossyImageCompressionMethod = "ISO_10918_1"
    else:
        big = syntax == ExplicitVRBigEndian
        dataset.PixelData = stored.astype(stored.dtype.newbyteorder(">" if big else "<")).tobytes()
        dataset["PixelData"].VR = "OB" if storage.bits <= 8 else "OW"


def _frame(stored: npt.NDArray[np.uint8] | npt.NDArray[np.uint16], storage: Storage) -> bytes:
    """Return one compressed frame (PS3.5 section 8.2 and annex A.4)."""
    if storage.syntax == JPEGBaseline8Bit:
        return bytes(imagecodecs.jpeg8_encode(stored, level=95))
    if storage.syntax == JPEGLosslessSV1:
        return bytes(
            imagecodecs.jpeg_encode(stored, lossless=True, predictor=1, bitspersample=storage.bits)
        )
    if storage.syntax == JPEGLSLossless:
        return bytes(imagecodecs.jpegls_encode(stored))
    if storage.syntax == JPEG2000Lossless:
        return bytes(
            imagecodecs.jpeg2k_encode(
                stored, codecformat="J2K", reversible=True, bitspersample=storage.bits
            )
        )
    if storage.syntax == JPEG2000:
        return bytes(
            imagecodecs.jpeg2k_encode(
                stored, level=_LOSSY_DB, codecformat="J2K", bitspersample=storage.bits
            )
        )
    if storage.syntax == HTJ2KLossless:
        return bytes(imagecodecs.htj2k_encode(stored, reversible=True))
    raise ValueError(f"no encoder for transfer syntax {storage.syntax}; add one to _frame")


def png(picture: Picture, bits: Literal[8, 16]) -> bytes:
    """Return ``picture`` as a grey PNG of 8 or 16 bits."""
    return _pillow(_grey(picture, bits), "PNG")


def jpeg(picture: Picture, *, turned: bool = False) -> bytes:
    """Return ``picture`` as a grey JPEG; ``turned`` stores it on its side with EXIF 6."""
    if not turned:
        return _pillow(_grey(picture, 8), "JPEG", quality=92)
    exif = Image.Exif()
    exif[EXIF_ORIENTATION] = 6
    return _pillow(_grey(np.rot90(picture), 8), "JPEG", quality=92, exif=exif)


def tiff(picture: Picture) -> bytes:
    """Return ``picture`` as a grey TIFF of 16 bits."""
    return _pillow(_grey(picture, 16), "TIFF", compression="tiff_adobe_deflate")


def _grey(picture: Picture, bits: Literal[8, 16]) -> Image.Image:
    return Image.fromarray(
        np.ascontiguousarray((picture >> 8).astype(np.uint8))
        if bits == 8
        else np.ascontiguousarray(picture)
    )


def _pillow(image: Image.Image, file_format: str, **options: object) -> bytes:
    buffer = io.BytesIO()
    image.save(buffer, file_format, **options)
    return buffer.getvalue()
