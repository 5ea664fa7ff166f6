"""The measurements as a Comprehensive 3D SR (PS3.3 A.35.13) after TID 1500 (PS3.16).

It is preliminary and unverified: a device has made it, and nobody has read it.
"""

from __future__ import annotations

from collections.abc import Iterator

from pydicom.dataset import Dataset
from pydicom.uid import Comprehensive3DSRStorage

from radiograph.landmarks import ANATOMICAL, Landmark
from radiograph.marks import MANUFACTURER
from results.objects import codes
from results.objects.codes import Code
from results.objects.content import (
    ACQUIRED,
    CONTAINS,
    MODIFIES,
    OBSERVED,
    PROPERTY,
    SELECTED,
    Item,
    code_item,
    container,
    date_item,
    image_item,
    number_item,
    region_item,
    set_content,
    text_item,
    uid_item,
)
from results.objects.findings import Findings, Prior
from results.objects.geometry import Place, heart_calliper, landmark, thorax_calliper
from results.objects.header import SourceHeader
from results.objects.identity import IdentityLevel
from results.objects.modules import (
    MODEL_NAME,
    coded,
    dicom_date,
    dicom_time,
    local_time,
    new_object,
    reference_to,
    referenced,
    short,
)
from results.objects.uids import ObjectKind, device_uid, tracking_uid

SERIES_DESCRIPTION = "thoraq: measurements (unverified)"
_MODALITIES = {
    "CR": Code("CR", "DCM", "Computed Radiography"),
    "DX": Code("DX", "DCM", "Digital Radiography"),
    "RG": Code("RG", "DCM", "Radiographic imaging"),
}
_SIDES = {"RIGHT": codes.RIGHT, "LEFT": codes.LEFT}


def structured_report(findings: Findings, source: SourceHeader) -> Dataset:
    """Return the report with its file meta information."""
    dataset = new_object(
        findings, source, ObjectKind.REPORT, Comprehensive3DSRStorage, modality="SR"
    )
    dataset.SeriesDescription = SERIES_DESCRIPTION
    dataset.ReferencedPerformedProcedureStepSequence = []
    dataset.ContentDate = dicom_date(findings.measured_at)
    dataset.ContentTime = dicom_time(findings.measured_at)
    dataset.ObservationDateTime = local_time(findings.measured_at).strftime("%Y%m%d%H%M%S%z")
    dataset.CompletionFlag = "COMPLETE"
    dataset.VerificationFlag = "UNVERIFIED"
    dataset.PreliminaryFlag = "PRELIMINARY"
    dataset.PerformedProcedureCodeSequence = []
    dataset.CodingSchemeIdentificationSequence = [_scheme()]
    dataset.CurrentRequestedProcedureEvidenceSequence = [_evidence(source)]
    dataset.ValueType = "CONTAINER"
    dataset.ContinuityOfContent = "SEPARATE"
    dataset.ConceptNameCodeSequence = [coded(codes.REPORT)]
    template = Dataset()
    template.MappingResource, template.TemplateIdentifier = "DCMR", "1500"
    dataset.ContentTemplateSequence = [template]
    set_content(dataset, _document(findings, source))
    return dataset


def _scheme() -> Dataset:
    item = Dataset()
    item.CodingSchemeDesignator = codes.SCHEME
    item.CodingSchemeUID = codes.SCHEME_UID
    item.CodingSchemeName = codes.SCHEME_NAME
    item.CodingSchemeResponsibleOrganization = MANUFACTURER
    return item


def _evidence(source: SourceHeader) -> Dataset:
    series = Dataset()
    series.SeriesInstanceUID = source.series_uid
    instance = referenced(reference_to(source))
    instance.pop("ReferencedFrameNumber", None)
    series.ReferencedSOPSequence = [instance]
    study = Dataset()
    study.StudyInstanceUID = source.study_uid
    study.ReferencedSeriesSequence = [series]
    return study


def _document(findings: Findings, source: SourceHeader) -> Iterator[Item]:
    yield code_item(MODIFIES, codes.LANGUAGE, codes.ENGLISH)
    yield code_item(OBSERVED, codes.OBSERVER_TYPE, codes.DEVICE)
    device = device_uid(findings.model_version, findings.weights_digest, findings.code_version)
    yield uid_item(OBSERVED, codes.DEVICE_UID, device)
    yield text_item(OBSERVED, codes.DEVICE_NAME, MODEL_NAME)
    yield text_item(OBSERVED, codes.DEVICE_MANUFACTURER, MANUFACTURER)
    yield text_item(OBSERVED, codes.DEVICE_MODEL, short(findings.model_version))
    yield text_item(OBSERVED, codes.DEVICE_SERIAL, short(findings.weights_digest, 16))
    yield code_item(MODIFIES, codes.PROCEDURE, codes.RADIOGRAPHY)
    image = reference_to(source)
    library = [image_item(CONTAINS, image)]
    if source.modality in _MODALITIES:
        library.insert(0, code_item(ACQUIRED, codes.MODALITY, _MODALITIES[source.modality]))
    library.insert(0, code_item(ACQUIRED, codes.TARGET_REGION, codes.THORAX))
    group = container(codes.IMAGE_LIBRARY_GROUP, library)
    yield container(codes.IMAGE_LIBRARY, [group])
    groups = _Groups(findings, source, image_item(SELECTED, image))
    yield container(codes.MEASUREMENTS, groups)


class _Groups:
    """The measurement groups: the index, its widths, quality, posture, change, landmarks."""

    def __init__(self, findings: Findings, source: SourceHeader, image: Item) -> None:
        self._findings = findings
        self._source = source
        self._image = image
        self._algorithm = list(_algorithm(findings))

    def __iter__(self) -> Iterator[Item]:
        findings = self._findings
        ict = findings.measurement.ict
        yield self._group(codes.ICT, self._index(), site=codes.THORAX)
        if ict.heart_width_px is not None and ict.thorax_width_px is not None:
            for code, site, line, px, mm in (
                (
                    *(codes.HEART_WIDTH, codes.HEART, heart_calliper(findings)),
                    *(ict.heart_width_px, ict.heart_width_mm),
                ),
                (
                    *(codes.THORAX_WIDTH, codes.THORACIC_CAVITY, thorax_calliper(findings)),
                    *(ict.thorax_width_px, ict.thorax_width_mm),
                ),
            ):
                width, unit = (px, codes.PIXELS) if mm is None else (mm, codes.MILLIMETRE)
                held = [self._region("POLYLINE", line), _number(code, width, unit, 2)]
                yield self._group(code, held, site=site)
        yield self._group(codes.BUCKET, self._quality())
        yield self._group(codes.POSTURE, self._posture(), site=codes.THORAX)
        if findings.prior is not None:
            dated = self._source.level is IdentityLevel.AS_IN_FILE
            yield self._group(codes.CHANGE, _change(findings.prior, dated=dated))
        for point in map(Landmark, ANATOMICAL):
            place = [landmark(findings, point)]
            spread = findings.measurement.spreads[point]
            held = [
                self._region("POINT", place),
                _number(codes.SPREAD, spread, codes.PIXELS, 2),
            ]
            yield self._group(codes.LANDMARKS[point], held, site=_site(point), side=_side(point))

    def _group(
        self,
        name: Code,
        held: Iterator[Item] | list[Item],
        *,
        site: Code | None = None,
        side: Code | None = None,
    ) -> Item:
        """Return a group (TID 1501, with coordinates TID 1410)."""
        findings = self._findings
        uid = tracking_uid(self._source.sop_uid, findings.model_version, name.value)
        items = [
            text_item(OBSERVED, codes.TRACKING_ID, name.value),
            uid_item(OBSERVED, codes.TRACKING_UID, uid),
            code_item(CONTAINS, codes.FINDING, name),
        ]
        if site is not None:
            sides = () if side is None else (code_item(MODIFIES, codes.LATERALITY, side),)
            items.append(code_item(MODIFIES, codes.FINDING_SITE, site, sides))
        return container(codes.GROUP, [*items, *self._algorithm, *held])

    def _region(self, kind: str, places: list[Place]) -> Item:
        return region_item(codes.IMAGE_REGION, kind, places, self._image)

    def _index(self) -> Iterator[Item]:
        ict = self._findings.measurement.ict
        if ict.value is not None:
            interval = (
                (codes.STANDARD_DEVIATION, ict.sd),
                (codes.ICT_LOW, ict.low),
                (codes.ICT_HIGH, ict.high),
            )
            properties = [
                _number(code, value, codes.RATIO, 4, PROPERTY)
                for code, value in interval
                if value is not None
            ]
            yield number_item(CONTAINS, codes.ICT, round(ict.value, 4), codes.RATIO, properties)
        if ict.threshold is not None:
            yield _number(codes.ICT_LINE, ict.threshold, codes.RATIO, 4)
        yield code_item(CONTAINS, codes.ICT_RULE, codes.RULES[ict.rule])
        if ict.enlarged is not None:
            yield _yes_or_no(codes.ICT_ABOVE, said=ict.enlarged)

    def _quality(self) -> Iterator[Item]:
        measurement = self._findings.measurement
        for code, value in (
            (codes.ERROR, measurement.expected_error_px224),
            (codes.ERROR_HIGH, measurement.expected_error_high_px224),
        ):
            if value is not None:
                yield _number(code, value, codes.PIXELS, 2)
        yield code_item(CONTAINS, codes.BUCKET, codes.BUCKETS[measurement.bucket])

    def _posture(self) -> Iterator[Item]:
        tilt, asymmetry = map(self._findings.value, ("tilt_degrees", "asymmetry"))
        if tilt is not None:
            yield _number(codes.TILT, tilt, codes.DEGREES, 2)
        if asymmetry is not None:
            yield _number(codes.ASYMMETRY, asymmetry, codes.RATIO, 4)


def _algorithm(findings: Findings) -> Iterator[Item]:
    """Yield what identifies the algorithm (TID 4019)."""
    yield code_item(MODIFIES, codes.ALGORITHM_FAMILY, codes.ARTIFICIAL_INTELLIGENCE)
    yield text_item(MODIFIES, codes.ALGORITHM_NAME, MODEL_NAME)
    yield text_item(MODIFIES, codes.ALGORITHM_MANUFACTURER, MANUFACTURER)
    version = f"{short(findings.model_version)}, thoraq {short(findings.code_version)}"
    yield text_item(MODIFIES, codes.ALGORITHM_VERSION, version)
    weights = f"weights sha256:{short(findings.weights_digest)}"
    yield text_item(MODIFIES, codes.ALGORITHM_PARAMETERS, weights)


def _change(prior: Prior, *, dated: bool) -> Iterator[Item]:
    yield _number(codes.PRIOR_ICT, prior.ict, codes.RATIO, 4)
    if dated and prior.taken_on is not None:
        yield date_item(CONTAINS, codes.PRIOR_DATE, prior.taken_on)
    for code, value in ((codes.CHANGE, prior.difference), (codes.CHANGE_LIMIT, prior.limit)):
        if value is not None:
            yield _number(code, value, codes.RATIO, 4)
    if prior.beyond is not None:
        yield _yes_or_no(codes.CHANGE_BEYOND, said=prior.beyond)


def _number(
    code: Code, value: float, unit: Code, decimals: int, relationship: str = CONTAINS
) -> Item:
    return number_item(relationship, code, round(value, decimals), unit)


def _yes_or_no(code: Code, *, said: bool) -> Item:
    return code_item(CONTAINS, code, codes.YES if said else codes.NO)


def _site(point: Landmark) -> Code:
    apices = {Landmark.L12_APEX_RIGHT, Landmark.L13_APEX_LEFT}
    return codes.LUNG_APEX if point in apices else codes.THORACIC_CAVITY


def _side(point: Landmark) -> Code | None:
    return next((code for side, code in _SIDES.items() if f"_{side}" in point.name), None)
