"""Reading DICOM files: taken apart, checked, decoded, shown, turned upright."""

from __future__ import annotations

import warnings

from radiograph.reading.assembly import assemble
from radiograph.reading.colour import colour
from radiograph.reading.dicom_file import parse
from radiograph.reading.dicom_header import dicom_header
from radiograph.reading.dicom_layout import layout
from radiograph.reading.dicom_pixels import first_frame
from radiograph.reading.elements import texts
from radiograph.reading.grey import monochrome
from radiograph.reading.limits import ReadLimits, check_size
from radiograph.reading.orientation import patient_turn
from radiograph.records import Radiograph


def read_dicom(data: bytes, limits: ReadLimits) -> Radiograph:
    """Read the bytes of a DICOM file, of several frames the first.

    Raises BrokenHeader, NoPixels, TooLarge, TooSmall, TruncatedFile, UndecodablePixels,
    UniformPixels, UnsupportedPixels.
    """
    with warnings.catch_warnings():
        # pydicom warns of every oddity, with values of the header in its words.
        warnings.simplefilter("ignore")
        file = parse(data, limits.max_file_bytes)
        shape = layout(file.dataset)
        check_size(shape.rows, shape.columns, limits)
        header = dicom_header(file.dataset, shape.rows, shape.columns, file.syntax)
        stored = first_frame(file, shape)
        show = monochrome if shape.monochrome else colour
        grey = show(stored, file.dataset, shape)
        turn = patient_turn(texts(file.dataset, "PatientOrientation"))
    return assemble(grey, turn, header)
