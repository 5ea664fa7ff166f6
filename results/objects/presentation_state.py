"""The callipers, the mid-line and the index over the image: a presentation state (PS3.3 A.33.1).

Viewers that draw none of the coordinates of a report draw these.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import GrayscaleSoftcopyPresentationStateStorage

from radiograph.captions import index_text, quality_text, rule_text
from results.errors import NotGrey
from results.objects.display import Table, decimal
from results.objects.findings import Findings
from results.objects.geometry import Place, flat, heart_calliper, midline, thorax_calliper
from results.objects.header import SourceHeader
from results.objects.modules import (
    dicom_date,
    dicom_time,
    new_object,
    reference_to,
    referenced,
)
from results.objects.uids import ObjectKind

SERIES_DESCRIPTION = "thoraq: callipers (unverified)"
_LAYER = "THORAQ"
#: CIELab as 16-bit words (PS3.3 C.10.7.1.1): a yellow that is bright on a radiograph.
_YELLOW = [58982, 31097, 50115]
#: Where the text begins, as a share of the image, and how far it may reach.
_TEXT_FROM, _TEXT_TO = (0.02, 0.02), (0.98, 0.14)


def presentation_state(findings: Findings, source: SourceHeader) -> Dataset:
    """Return the presentation state with its file meta information. Raises NotGrey."""
    if not source.display.grey:
        raise NotGrey
    dataset = new_object(
        findings,
        source,
        ObjectKind.PRESENTATION,
        GrayscaleSoftcopyPresentationStateStorage,
        modality="PR",
    )
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.BodyPartExamined = "CHEST"  # unpaired, so that no laterality is missing
    dataset.ContentLabel = "ICT"
    dataset.ContentDescription = "cardiothoracic index, measured automatically"
    dataset.ContentCreatorName = ""
    dataset.PresentationCreationDate = dicom_date(findings.measured_at)
    dataset.PresentationCreationTime = dicom_time(findings.measured_at)
    image = referenced(reference_to(source))
    series = Dataset()
    series.SeriesInstanceUID = source.series_uid
    series.ReferencedImageSequence = [image]
    dataset.ReferencedSeriesSequence = [series]
    dataset.DisplayedAreaSelectionSequence = [_displayed_area(findings)]
    dataset.GraphicLayerSequence = [_layer()]
    dataset.GraphicAnnotationSequence = [_annotation(findings)]
    _show_as_the_image_does(dataset, source)
    return dataset


def _displayed_area(findings: Findings) -> Dataset:
    item = Dataset()
    item.DisplayedAreaTopLeftHandCorner = [1, 1]
    item.DisplayedAreaBottomRightHandCorner = [findings.header.columns, findings.header.rows]
    item.PresentationSizeMode = "SCALE TO FIT"
    if (spacing := findings.header.spacing) is None:
        item.PresentationPixelAspectRatio = [1, 1]
    else:
        item.PresentationPixelSpacing = [decimal(spacing.row_mm), decimal(spacing.column_mm)]
    return item


def _layer() -> Dataset:
    item = Dataset()
    item.GraphicLayer = _LAYER
    item.GraphicLayerOrder = 1
    item.GraphicLayerRecommendedDisplayCIELabValue = _YELLOW
    item.GraphicLayerDescription = "callipers, mid-line and index"
    return item


def _annotation(findings: Findings) -> Dataset:
    item = Dataset()
    item.GraphicLayer = _LAYER
    item.TextObjectSequence = [_text(text(findings))]
    item.GraphicObjectSequence = [_line(each) for each in _lines(findings)]
    return item


def text(findings: Findings) -> str:
    """Return the lines that are shown, with what they are not."""
    said = (
        index_text(findings.measurement.ict),
        rule_text(findings.measurement.ict),
        quality_text(findings.measurement),
        "Measured automatically; not verified",
    )
    return "\r\n".join(said)


def _lines(findings: Findings) -> Iterator[list[Place]]:
    yield midline(findings)
    if findings.measurement.ict.value is not None:
        yield thorax_calliper(findings)
        yield heart_calliper(findings)


def _line(places: list[Place]) -> Dataset:
    item = Dataset()
    item.GraphicAnnotationUnits = "PIXEL"
    item.GraphicDimensions = 2
    item.NumberOfGraphicPoints = len(places)
    item.GraphicData = flat(places)
    item.GraphicType = "POLYLINE"
    item.GraphicFilled = "N"
    return item


def _text(said: str) -> Dataset:
    item = Dataset()
    item.BoundingBoxAnnotationUnits = "DISPLAY"
    item.UnformattedTextValue = said
    item.BoundingBoxTopLeftHandCorner = list(_TEXT_FROM)
    item.BoundingBoxBottomRightHandCorner = list(_TEXT_TO)
    item.BoundingBoxTextHorizontalJustification = "LEFT"
    return item


def _show_as_the_image_does(dataset: Dataset, source: SourceHeader) -> None:
    display = source.display
    if display.modality_table is not None:
        item = _table(display.modality_table)
        item.ModalityLUTType = display.modality_table.kind
        dataset.ModalityLUTSequence = [item]
    elif display.rescale is not None:
        intercept, slope, kind = display.rescale
        dataset.RescaleIntercept, dataset.RescaleSlope = intercept, slope
        dataset.RescaleType = kind
    if display.window is not None or display.voi_table is not None:
        item = Dataset()
        item.ReferencedImageSequence = [referenced(reference_to(source))]
        if display.voi_table is not None:
            item.VOILUTSequence = [_table(display.voi_table)]
        elif display.window is not None:
            item.WindowCenter, item.WindowWidth = display.window.center, display.window.width
            if display.window.function is not None:
                item.VOILUTFunction = display.window.function
        dataset.SoftcopyVOILUTSequence = [item]
    dataset.PresentationLUTShape = "INVERSE" if display.inverse else "IDENTITY"


def _table(table: Table) -> Dataset:
    item = Dataset()
    item.add_new("LUTDescriptor", "SS" if table.signed else "US", list(table.descriptor))
    item.add_new("LUTData", "OW", table.entries)
    return item
