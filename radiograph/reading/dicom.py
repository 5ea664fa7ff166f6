"""Reading DICOM files: parse, check the header, decode, apply LUTs and windows, turn upright."""

from __future__ import annotations

import logging
import warnings

from pydicom.dataset import Dataset

from radiograph.errors import NoPixels, OwnObject, RadiographError
from radiograph.image import Radiograph
from radiograph.reading.assembly import assemble
from radiograph.reading.colour import colour
from radiograph.reading.dicom_file import DicomFile, parse
from radiograph.reading.dicom_header import dicom_header
from radiograph.reading.dicom_layout import Layout, layout
from radiograph.reading.dicom_pixels import first_frame
from radiograph.reading.elements import texts
from radiograph.reading.grey import monochrome, presentation_note
from radiograph.reading.limits import Check, ReadLimits, check_size
from radiograph.reading.orientation import patient_turn
from radiograph.reading.own_objects import is_own
from radiograph.reading.polarity import is_negative
from radiograph.records import Header, with_notes

# Messages of pydicom contain the values of elements, such as patients' names.
logging.getLogger("pydicom").setLevel(logging.CRITICAL + 1)


def read_dicom(data: bytes, limits: ReadLimits, check: Check) -> Radiograph:
    """Read the first frame of a DICOM file.

    ``check`` is called with the header before pixels are read: a lateral view is not decoded, and a
    report is not counted as a radiograph without pixels. Raises BrokenHeader, NoPixels, OwnObject,
    TooLarge, TooSmall, TruncatedFile, UndecodablePixels, UniformPixels, UnsupportedPixels.
    """
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # for the same reason
        file = parse(data, limits.max_file_bytes)
        header = dicom_header(file.dataset, file.syntax)
        try:
            if is_own(file.dataset):
                raise OwnObject
            check(header)
            return _radiograph(file, header, limits)
        except RadiographError as exc:
            exc.header = header
            raise


def _radiograph(file: DicomFile, header: Header, limits: ReadLimits) -> Radiograph:
    if file.pixels is None:
        raise NoPixels
    shape = layout(file.dataset)
    check_size(shape.rows, shape.columns, limits)
    turn = patient_turn(texts(file.dataset, "PatientOrientation"))
    enough_px = limits.enough_px if _is_smooth(file.dataset, shape) else None
    frame = first_frame(file, shape, enough_px)
    notes = [*file.notes, *frame.notes]
    if frame.layout.monochrome:
        grey = monochrome(frame.values, file.dataset, frame.layout, frame.grid.step)
        if note := presentation_note(file.dataset, frame.layout):
            notes.append(note)
            if is_negative(turn.upright(grey)):
                grey = monochrome(
                    frame.values, file.dataset, frame.layout, frame.grid.step, negative=True
                )
    else:
        grey = colour(frame.values, file.dataset, frame.layout)
    return assemble(grey, frame.grid, turn, with_notes(header, notes))


def _is_smooth(dataset: Dataset, shape: Layout) -> bool:
    """Return whether averages of stored values are meaningful: no palette, sign or padding."""
    return shape.monochrome and not shape.signed and "PixelPaddingValue" not in dataset
