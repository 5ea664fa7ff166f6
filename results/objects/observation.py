"""The measurement as a FHIR R4 Observation, preliminary until somebody has read it."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC
from typing import Any

from radiograph.marks import MANUFACTURER
from results.objects import codes
from results.objects.codes import SYSTEMS, Code
from results.objects.findings import Findings
from results.objects.identity import Identity, IdentityLevel
from results.objects.uids import ObjectKind, is_uid, object_uid

#: A part of a resource, as JSON has it.
Json = dict[str, Any]

_TERMINOLOGY = "http://terminology.hl7.org/CodeSystem"
_URI = "urn:ietf:rfc:3986"
_DICOM_UID = "urn:dicom:uid"
_DEVICE = "algorithm"
NOTE = "Measured automatically; not verified"


def observation(findings: Findings, identity: Identity | None = None) -> Json:
    """Return the resource.

    ``identity``: how much of the identity in the header of ``findings`` leaves; all by default,
    which for a result of the database is what the database holds, hashed or not.
    """
    identity = identity or Identity()
    header = findings.header
    image = identity.uid(header.sop_uid or f"sha256:{findings.sha256}")
    uid = object_uid(image, findings.model_version, ObjectKind.OBSERVATION, findings.revision)
    resource: Json = {
        "resourceType": "Observation",
        "id": uid,
        "contained": [_device(findings)],
        "identifier": [{"system": _URI, "value": f"urn:oid:{uid}"}],
        "status": "preliminary",
        "category": [_concept_of("observation-category", "imaging", "Imaging")],
        "code": _concept(codes.ICT),
        "issued": findings.measured_at.astimezone(UTC).isoformat(timespec="milliseconds"),
        **_ict(findings),
        "note": [{"text": NOTE}],
        "bodySite": _concept(codes.THORAX),
        "method": {"text": f"Landmarks placed by the network {findings.model_version}"},
        "device": {"reference": f"#{_DEVICE}"},
        "component": list(_components(findings, dated=identity.in_full)),
    }
    if header.study_date is not None and identity.in_full:
        resource["effectiveDateTime"] = header.study_date.isoformat()
    if patient := identity.patient(header.patient_id):
        resource["subject"] = {"type": "Patient", "identifier": {"value": patient}}
    if accession := identity.accession(header.accession):
        resource["basedOn"] = [_order(accession)]
    if origin := list(_origin(findings, identity, image)):
        resource["derivedFrom"] = origin
    return resource


def _device(findings: Findings) -> Json:
    return {
        "resourceType": "Device",
        "id": _DEVICE,
        "manufacturer": MANUFACTURER,
        "deviceName": [{"name": "thoraq", "type": "model-name"}],
        "version": [
            {"type": {"text": "software"}, "value": findings.code_version},
            {"type": {"text": "network"}, "value": findings.model_version},
            {"type": {"text": "SHA-256 of the weights"}, "value": findings.weights_digest},
        ],
    }


def _ict(findings: Findings) -> Json:
    """Return the value with what it is compared with, or why there is none."""
    ict = findings.measurement.ict
    if ict.value is None:
        absent = _concept_of("data-absent-reason", "error", "Error")
        return {"dataAbsentReason": absent}
    said: Json = {"valueQuantity": _quantity(ict.value, codes.RATIO, 4)}
    if ict.enlarged is not None:
        code, display = ("H", "High") if ict.enlarged else ("N", "Normal")
        said["interpretation"] = [_concept_of("v3-ObservationInterpretation", code, display)]
    if ict.threshold is not None:
        said["referenceRange"] = [
            {
                "high": _quantity(ict.threshold, codes.RATIO, 4),
                "text": codes.RULES[ict.rule].meaning,
            }
        ]
    return said


def _components(findings: Findings, *, dated: bool) -> Iterator[Json]:
    measurement, ict = findings.measurement, findings.measurement.ict
    for code, value in (
        (codes.STANDARD_DEVIATION, ict.sd),
        (codes.ICT_LOW, ict.low),
        (codes.ICT_HIGH, ict.high),
        (codes.ICT_LINE, ict.threshold),
    ):
        yield from _measured(code, value, codes.RATIO, 4)
    yield _component(codes.ICT_RULE, valueCodeableConcept=_concept(codes.RULES[ict.rule]))
    for code, px, mm in (
        (codes.HEART_WIDTH, ict.heart_width_px, ict.heart_width_mm),
        (codes.THORAX_WIDTH, ict.thorax_width_px, ict.thorax_width_mm),
    ):
        unit = codes.PIXELS if mm is None else codes.MILLIMETRE
        yield from _measured(code, px if mm is None else mm, unit, 1)
    yield from _measured(codes.ERROR, measurement.expected_error_px224, codes.PIXELS, 2)
    yield from _measured(codes.ERROR_HIGH, measurement.expected_error_high_px224, codes.PIXELS, 2)
    bucket = codes.BUCKETS[measurement.bucket]
    yield _component(codes.BUCKET, valueCodeableConcept=_concept(bucket))
    yield from _measured(codes.TILT, findings.value("tilt_degrees"), codes.DEGREES, 2)
    yield from _measured(codes.ASYMMETRY, findings.value("asymmetry"), codes.RATIO, 4)
    if (prior := findings.prior) is None:
        return
    yield from _measured(codes.PRIOR_ICT, prior.ict, codes.RATIO, 4)
    if prior.taken_on is not None and dated:
        yield _component(codes.PRIOR_DATE, valueDateTime=prior.taken_on.isoformat())
    yield from _measured(codes.CHANGE, prior.difference, codes.RATIO, 4)
    yield from _measured(codes.CHANGE_LIMIT, prior.limit, codes.RATIO, 4)
    if prior.beyond is not None:
        yield _component(codes.CHANGE_BEYOND, valueBoolean=prior.beyond)


def _origin(findings: Findings, identity: Identity, image: str) -> Iterator[Json]:
    """Yield the study and the image, by their UIDs."""
    header = findings.header
    study = header.study_uid or ""
    if header.sop_uid is None:
        return
    if is_uid(study) and identity.level is not IdentityLevel.NONE:
        yield _by_uid("ImagingStudy", identity.uid(study))
    if is_uid(image):
        yield _by_uid("Media", image)


def _by_uid(kind: str, uid: str) -> Json:
    return {"type": kind, "identifier": {"system": _DICOM_UID, "value": f"urn:oid:{uid}"}}


def _order(accession: str) -> Json:
    kind = _concept_of("v2-0203", "ACSN", "Accession ID")
    return {"type": "ServiceRequest", "identifier": {"type": kind, "value": accession}}


def _measured(code: Code, value: float | None, unit: Code, decimals: int) -> Iterator[Json]:
    if value is not None:
        yield _component(code, valueQuantity=_quantity(value, unit, decimals))


def _component(code: Code, **value: object) -> Json:
    return {"code": _concept(code), **value}


def _quantity(value: float, unit: Code, decimals: int) -> Json:
    return {
        "value": round(value, decimals),
        "unit": unit.meaning,
        "system": SYSTEMS[unit.scheme],
        "code": unit.value,
    }


def _concept(code: Code) -> Json:
    coding = {"system": SYSTEMS[code.scheme], "code": code.value, "display": code.meaning}
    return {"coding": [coding], "text": code.meaning}


def _concept_of(system: str, code: str, display: str) -> Json:
    coding = {"system": f"{_TERMINOLOGY}/{system}", "code": code, "display": display}
    return {"coding": [coding]}
