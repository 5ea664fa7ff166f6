"""The modules that all DICOM objects share: patient, study, series, equipment (PS3.3)."""

from __future__ import annotations

import io
from dataclasses import dataclass
from datetime import datetime

from pydicom.dataset import Dataset, FileMetaDataset
from pydicom.uid import UID, ExplicitVRLittleEndian

from radiograph.marks import CREATOR, CREATOR_GROUP, MANUFACTURER
from results.objects.codes import Code
from results.objects.findings import Findings
from results.objects.header import SourceHeader
from results.objects.uids import ObjectKind, object_uid, series_uid

#: Drawn once, for every version; the name beside it says which.
IMPLEMENTATION_UID = "2.25.268626824331364087000115550737332791734"
#: What stands in every object's ManufacturerModelName.
MODEL_NAME = "thoraq"
#: Far from the numbers of the modality's own series.
_SERIES_NUMBERS = {
    ObjectKind.REPORT: 9801,
    ObjectKind.PRESENTATION: 9802,
    ObjectKind.CAPTURE: 9803,
}
_LONG = 64
#: How the UIDs of SOP classes begin whose images may have several frames: secondary captures, and
#: angiography and fluoroscopy. Of others no frame may be named (PS3.3 10.3).
_MULTI_FRAME = ("1.2.840.10008.5.1.4.1.1.7.", "1.2.840.10008.5.1.4.1.1.12.")


@dataclass(frozen=True, slots=True)
class Reference:
    """An image as objects refer to it."""

    sop_class: str
    sop_uid: str
    first_frame: bool  # of several, the first is meant


def reference_to(source: SourceHeader) -> Reference:
    """Return the reference to the measured image."""
    several = source.frames > 1 and source.sop_class.startswith(_MULTI_FRAME)
    return Reference(source.sop_class, source.sop_uid, several)


def referenced(image: Reference) -> Dataset:
    """Return an item that refers to an image (PS3.3 10.3 and 10.8)."""
    item = Dataset()
    item.ReferencedSOPClassUID = image.sop_class
    item.ReferencedSOPInstanceUID = image.sop_uid
    if image.first_frame:
        item.ReferencedFrameNumber = 1
    return item


def coded(code: Code) -> Dataset:
    """Return an item of a sequence of codes (PS3.3 8.8)."""
    item = Dataset()
    item.CodeValue, item.CodingSchemeDesignator = code.value, code.scheme
    item.CodeMeaning = code.meaning
    return item


def new_object(
    findings: Findings, source: SourceHeader, kind: ObjectKind, sop_class: UID, modality: str
) -> Dataset:
    """Return the object with the modules that all have, and its file meta information."""
    dataset = Dataset()
    _character_set(dataset, source)
    dataset.SOPClassUID = sop_class
    dataset.SOPInstanceUID = object_uid(
        source.sop_uid, findings.model_version, kind, findings.revision
    )
    _patient(dataset, source)
    _study(dataset, source)
    dataset.Modality = modality
    dataset.SeriesInstanceUID = series_uid(source.sop_uid, findings.model_version, kind)
    dataset.SeriesNumber = _SERIES_NUMBERS[kind]
    dataset.InstanceNumber = findings.revision
    _equipment(dataset, findings)
    dataset.file_meta = FileMetaDataset()
    dataset.file_meta.MediaStorageSOPClassUID = sop_class
    dataset.file_meta.MediaStorageSOPInstanceUID = dataset.SOPInstanceUID
    dataset.file_meta.TransferSyntaxUID = ExplicitVRLittleEndian
    dataset.file_meta.ImplementationClassUID = UID(IMPLEMENTATION_UID)
    dataset.file_meta.ImplementationVersionName = short(f"THORAQ_{findings.code_version}", 16)
    return dataset


def file_bytes(dataset: Dataset) -> bytes:
    """Return an object as the bytes of a file."""
    file = io.BytesIO()
    dataset.save_as(file, enforce_file_format=True)
    return file.getvalue()


def local_time(moment: datetime) -> datetime:
    """Return a moment as the clocks of the hospital say it, as its own objects are dated."""
    return moment.astimezone()


def dicom_date(moment: datetime) -> str:
    """Return the day, VR DA."""
    return local_time(moment).strftime("%Y%m%d")


def dicom_time(moment: datetime) -> str:
    """Return the time of day, VR TM."""
    return local_time(moment).strftime("%H%M%S")


def short(text: str, longest: int = _LONG) -> str:
    """Return a text of ours as VR LO or SH takes it."""
    plain = text.encode("ascii", "replace").decode().replace("\\", "/")
    return plain[:longest].strip()


def _character_set(dataset: Dataset, source: SourceHeader) -> None:
    """Name the plainest character set that holds every name (PS3.3 C.12.1.1.2)."""
    if source.words.isascii():
        return
    try:
        source.words.encode("latin-1")
        dataset.SpecificCharacterSet = "ISO_IR 100"
    except UnicodeError:
        dataset.SpecificCharacterSet = "ISO_IR 192"


def _patient(dataset: Dataset, source: SourceHeader) -> None:
    dataset.PatientName = source.patient_name
    dataset.PatientID = source.patient_id
    if source.patient_id and source.issuer:
        dataset.IssuerOfPatientID = source.issuer
    dataset.PatientBirthDate = source.birth_date
    dataset.PatientSex = source.sex
    if source.age:
        dataset.PatientAge = source.age


def _study(dataset: Dataset, source: SourceHeader) -> None:
    dataset.StudyInstanceUID = source.study_uid
    dataset.StudyDate = source.study_date
    dataset.StudyTime = source.study_time
    dataset.ReferringPhysicianName = source.physician
    dataset.StudyID = source.study_id
    dataset.AccessionNumber = source.accession
    if source.study_description:
        dataset.StudyDescription = source.study_description


def _equipment(dataset: Dataset, findings: Findings) -> None:
    """Say what made it, and mark it, so that it is recognised when it comes back."""
    dataset.Manufacturer = MANUFACTURER
    dataset.ManufacturerModelName = MODEL_NAME
    dataset.DeviceSerialNumber = short(findings.weights_digest, 16)
    dataset.SoftwareVersions = [short(findings.code_version), short(findings.model_version)]
    block = dataset.private_block(CREATOR_GROUP, CREATOR, create=True)
    block.add_new(0x01, "LO", short(findings.model_version))
    block.add_new(0x02, "LO", short(findings.weights_digest))
