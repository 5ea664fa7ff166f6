"""A DICOM file as an upright radiograph."""

from __future__ import annotations

from radiograph.errors import RadiographError
from radiograph.frontal import check_header
from radiograph.reading.dataset import parse
from radiograph.reading.dicom_header import read_header
from radiograph.reading.dicom_pixels import first_frame
from radiograph.reading.elements import texts
from radiograph.reading.grey import render
from radiograph.reading.limits import ReadingLimits
from radiograph.reading.orientation import patient_orientation
from radiograph.reading.upright import upright_radiograph
from radiograph.records import Radiograph


def read_dicom(content: bytes, limits: ReadingLimits) -> Radiograph:
    """Read the first frame of a DICOM file. Raises RadiographError.

    The header is checked before a pixel is decoded: a lateral costs nothing, and a report without
    pixels is set aside rather than failed.
    """
    parsed = parse(content, limits.max_file_bytes)
    header = read_header(parsed.dataset, parsed.transfer_syntax)
    try:
        check_header(header, limits.min_side_px)
        codes, layout = first_frame(parsed, limits)
        grey = render(codes, layout, parsed.dataset, little_endian=parsed.little_endian)
        orientation = patient_orientation(texts(parsed.dataset, "PatientOrientation"))
        return upright_radiograph(grey, header, orientation)
    except RadiographError as exc:
        exc.header = header
        raise
