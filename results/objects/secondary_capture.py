"""The drawing on the radiograph as a secondary capture (PS3.3 A.8.1), which every viewer shows."""

from __future__ import annotations

import numpy as np
from PIL import Image
from pydicom.dataset import Dataset
from pydicom.uid import SecondaryCaptureImageStorage

from radiograph.marks import MANUFACTURER
from results.errors import BurnedInIdentity
from results.objects import codes
from results.objects.findings import Findings
from results.objects.header import SourceHeader
from results.objects.identity import IdentityLevel
from results.objects.modules import (
    MODEL_NAME,
    coded,
    dicom_date,
    dicom_time,
    new_object,
    reference_to,
    referenced,
    short,
)
from results.objects.uids import ObjectKind

SERIES_DESCRIPTION = "thoraq: drawing (unverified)"
#: Longer side of the image in a drawing: letters are readable, and drawing takes 15 ms.
DRAWING_SIDE_PX = 768


def secondary_capture(findings: Findings, source: SourceHeader, drawing: Image.Image) -> Dataset:
    """Return the drawing as an object with its file meta information.

    ``drawing``: what `radiograph.overlay.draw_on` made without a title, upright. Raises
    BurnedInIdentity.
    """
    if source.burned_in == "YES" and source.level is not IdentityLevel.AS_IN_FILE:
        raise BurnedInIdentity
    dataset = new_object(
        findings, source, ObjectKind.CAPTURE, SecondaryCaptureImageStorage, modality="OT"
    )
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.BodyPartExamined = "CHEST"  # unpaired, so that no laterality is missing
    dataset.ConversionType = "WSD"
    dataset.SecondaryCaptureDeviceManufacturer = MANUFACTURER
    dataset.SecondaryCaptureDeviceManufacturerModelName = MODEL_NAME
    dataset.SecondaryCaptureDeviceSoftwareVersions = short(findings.code_version)
    dataset.DateOfSecondaryCapture = dicom_date(findings.measured_at)
    dataset.TimeOfSecondaryCapture = dicom_time(findings.measured_at)
    dataset.ContentDate = dicom_date(findings.measured_at)
    dataset.ContentTime = dicom_time(findings.measured_at)
    dataset.ImageType = ["DERIVED", "SECONDARY"]
    dataset.ImageComments = "Measured automatically; not verified"
    dataset.DerivationDescription = "landmarks and callipers drawn on the image, reduced to 8 bits"
    origin = referenced(reference_to(source))
    origin.PurposeOfReferenceCodeSequence = [coded(codes.SOURCE_IMAGE)]
    dataset.SourceImageSequence = [origin]
    if source.burned_in:
        dataset.BurnedInAnnotation = source.burned_in
    if source.lossy:
        dataset.LossyImageCompression = "01"
    dataset.PatientOrientation = ["L", "F"]
    _set_pixels(dataset, drawing)
    return dataset


def _set_pixels(dataset: Dataset, drawing: Image.Image) -> None:
    pixels = np.asarray(drawing.convert("RGB"))
    dataset.Rows, dataset.Columns = pixels.shape[:2]
    dataset.SamplesPerPixel = 3
    dataset.PhotometricInterpretation = "RGB"
    dataset.PlanarConfiguration = 0
    dataset.BitsAllocated = dataset.BitsStored = 8
    dataset.HighBit = 7
    dataset.PixelRepresentation = 0
    values = pixels.tobytes()
    dataset.PixelData = values + b"\0" * (len(values) % 2)
    dataset["PixelData"].VR = "OB"
