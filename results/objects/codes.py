"""The codes in which DICOM objects and FHIR resources say what was measured.

Codes of the Standard where its context groups have one; for the rest thoraq's own scheme, of which
``PRIVATE`` is the whole list.
"""

from __future__ import annotations

from dataclasses import dataclass

from radiograph.landmarks import ANATOMICAL, Landmark
from radiograph.measures.quality import RANGES
from radiograph.records import Bucket, IctRule

SCHEME = "99THORAQ"
SCHEME_NAME = "thoraq: landmarks and cardiothoracic index of chest radiographs"
#: Drawn once, for ever.
SCHEME_UID = "2.25.33851863528530429371142414681926728668"
#: Of each scheme its URI in FHIR.
SYSTEMS = {
    SCHEME: f"urn:oid:{SCHEME_UID}",
    "DCM": "http://dicom.nema.org/resources/ontology/DCM",
    "SCT": "http://snomed.info/sct",
    "UCUM": "http://unitsofmeasure.org",
}


@dataclass(frozen=True, slots=True)
class Code:
    """One code. ``definition``: what a code of thoraq's own means, where its name does not say."""

    value: str
    scheme: str
    meaning: str
    definition: str = ""


def _dcm(value: str, meaning: str) -> Code:
    return Code(value, "DCM", meaning)


def _sct(value: str, meaning: str) -> Code:
    return Code(value, "SCT", meaning)


def _own(value: str, meaning: str, definition: str = "") -> Code:
    return Code(value, SCHEME, meaning, definition)


# ---- the Standard's -----------------------------------------------------------------------

REPORT = _dcm("126000", "Imaging Measurement Report")
MEASUREMENTS = _dcm("126010", "Imaging Measurements")
GROUP = _dcm("125007", "Measurement Group")
IMAGE_LIBRARY = _dcm("111028", "Image Library")
IMAGE_LIBRARY_GROUP = _dcm("126200", "Image Library Group")
MODALITY = _dcm("121139", "Modality")
TARGET_REGION = _dcm("123014", "Target Region")
LANGUAGE = _dcm("121049", "Language of Content Item and Descendants")
ENGLISH = Code("en", "RFC5646", "English")
OBSERVER_TYPE = _dcm("121005", "Observer Type")
DEVICE = _dcm("121007", "Device")
DEVICE_UID = _dcm("121012", "Device Observer UID")
DEVICE_NAME = _dcm("121013", "Device Observer Name")
DEVICE_MANUFACTURER = _dcm("121014", "Device Observer Manufacturer")
DEVICE_MODEL = _dcm("121015", "Device Observer Model Name")
DEVICE_SERIAL = _dcm("121016", "Device Observer Serial Number")
PROCEDURE = _dcm("121058", "Procedure reported")
RADIOGRAPHY = Code("43468-8", "LN", "XR unspecified body region")
TRACKING_ID = _dcm("112039", "Tracking Identifier")
TRACKING_UID = _dcm("112040", "Tracking Unique Identifier")
FINDING = _dcm("121071", "Finding")
IMAGE_REGION = _dcm("111030", "Image Region")
SOURCE_OF_MEASUREMENT = _dcm("121112", "Source of Measurement")
ALGORITHM_FAMILY = _dcm("111000", "Algorithm Family")
ALGORITHM_NAME = _dcm("111001", "Algorithm Name")
ALGORITHM_PARAMETERS = _dcm("111002", "Algorithm Parameters")
ALGORITHM_VERSION = _dcm("111003", "Algorithm Version")
ALGORITHM_MANUFACTURER = _dcm("122405", "Algorithm Manufacturer")
ARTIFICIAL_INTELLIGENCE = _dcm("123110", "Artificial Intelligence")
SOURCE_IMAGE = _dcm("121322", "Source image for image processing operation")

FINDING_SITE = _sct("363698007", "Finding Site")
LATERALITY = _sct("272741003", "Laterality")
RIGHT = _sct("24028007", "Right")
LEFT = _sct("7771000", "Left")
HEART = _sct("80891009", "Heart")
THORAX = _sct("816094009", "Thorax")
THORACIC_CAVITY = _sct("43799004", "Thoracic cavity")
LUNG_APEX = _sct("86598002", "Apex of lung")
STANDARD_DEVIATION = _sct("386136009", "Standard Deviation")
YES = _sct("373066001", "Yes")
NO = _sct("373067005", "No")

RATIO = Code("{ratio}", "UCUM", "ratio")
MILLIMETRE = Code("mm", "UCUM", "millimeter")
PIXELS = Code("{pixels}", "UCUM", "pixels")
DEGREES = Code("deg", "UCUM", "degree")

# ---- thoraq's own -------------------------------------------------------------------------

ICT = _own(
    "ICT",
    "Cardiothoracic index",
    "widest transverse heart width over widest inner thoracic width",
)
ICT_LOW = _own("ICT-LOW", "Lower end of the 95 % interval")
ICT_HIGH = _own("ICT-HIGH", "Upper end of the 95 % interval")
ICT_LINE = _own("ICT-LINE", "Threshold of the cardiothoracic index", "above it: enlarged")
ICT_RULE = _own(
    "ICT-RULE",
    "Rule for the cardiothoracic index",
    "which threshold view and age allow, or why none does",
)
ICT_ABOVE = _own("ICT-ABOVE", "Cardiothoracic index above the threshold")
HEART_WIDTH = _own("HEART-WIDTH", "Widest transverse heart width")
THORAX_WIDTH = _own("THORAX-WIDTH", "Widest inner thoracic width")
ERROR = _own(
    "ERROR",
    "Expected landmark error",
    "mean of the landmarks, calibrated, in pixels of the image scaled to a longer side of 224",
)
ERROR_HIGH = _own("ERROR-HIGH", "Upper 90 % bound of the expected landmark error")
BUCKET = _own("BUCKET", "Quality of the landmarks", "by the expected landmark error")
TILT = _own(
    "TILT",
    "Tilt of the mid-line",
    "angle to the vertical; positive where the upper end leans to the patient's right",
)
ASYMMETRY = _own(
    "ASYMMETRY",
    "Asymmetry or rotation",
    "(R - L) / (R + L) of the lungs' widths from the mid-line; no point tells the two apart",
)
PRIOR_ICT = _own("PRIOR-ICT", "Cardiothoracic index of the prior radiograph")
PRIOR_DATE = _own("PRIOR-DATE", "Date of the prior radiograph")
CHANGE = _own("CHANGE", "Change of the cardiothoracic index", "current less prior")
CHANGE_LIMIT = _own(
    "CHANGE-LIMIT",
    "Change within the measurement error",
    "what the errors of both measurements and repeatability explain",
)
CHANGE_BEYOND = _own("CHANGE-BEYOND", "Change beyond the measurement error")
POSTURE = _own("POSTURE", "Posture and symmetry")
LANDMARK = _own("LANDMARK", "Landmark of the chest")
SPREAD = _own(
    "LANDMARK-SD",
    "Standard deviation of the landmark",
    "in pixels of the image scaled to a longer side of 224",
)

_POINTS = {
    Landmark.L1_MIDLINE_APEX: "mid-line at the level of the lung apices",
    Landmark.L2_MIDLINE_COSTOPHRENIC: "mid-line at the level of the costophrenic angles",
    Landmark.L3_LUNG_RIGHT_UPPER: "outer border of the right lung, upper quarter",
    Landmark.L4_LUNG_LEFT_UPPER: "outer border of the left lung, upper quarter",
    Landmark.L5_LUNG_RIGHT_MIDDLE: "outer border of the right lung, middle",
    Landmark.L6_LUNG_LEFT_MIDDLE: "outer border of the left lung, middle",
    Landmark.L7_LUNG_RIGHT_LOWER: "outer border of the right lung, lower quarter",
    Landmark.L8_LUNG_LEFT_LOWER: "outer border of the left lung, lower quarter",
    Landmark.L9_MIDLINE_UPPER: "mid-line, upper quarter",
    Landmark.L10_MIDLINE_MIDDLE: "mid-line, middle",
    Landmark.L11_MIDLINE_LOWER: "mid-line, lower quarter",
    Landmark.L12_APEX_RIGHT: "apex of the right lung",
    Landmark.L13_APEX_LEFT: "apex of the left lung",
    Landmark.L14_COSTOPHRENIC_RIGHT: "right costophrenic level, outer border",
    Landmark.L15_COSTOPHRENIC_LEFT: "left costophrenic level, outer border",
}
LANDMARKS = {
    each: _own(f"L{each + 1}", f"L{each + 1}: {_POINTS[each]}")
    for each in map(Landmark, ANATOMICAL)
}
RULES = {
    IctRule.ADULT_PA: _own("ADULT-PA", "Threshold of adults, PA"),
    IctRule.INFANT_PA: _own("INFANT-PA", "Threshold of infants, PA", "under one year"),
    IctRule.NEWBORN_PA: _own("NEWBORN-PA", "Threshold of newborns, PA", "under 28 days"),
    IctRule.NONE_AP: _own("NONE-AP", "No threshold: AP magnifies the heart"),
    IctRule.NONE_VIEW_UNKNOWN: _own("NONE-VIEW", "No threshold: view unknown"),
    IctRule.NONE_AGE_UNKNOWN: _own("NONE-AGE", "No threshold: age unknown"),
    IctRule.NONE_CHILD: _own("NONE-CHILD", "No threshold for this age"),
    IctRule.NONE_INVALID: _own("NONE-INVALID", "No threshold: the index is not plausible"),
}
BUCKETS = {
    each: _own(
        each.value.upper().replace("_", "-"),
        f"{each.value.replace('_', ' ').capitalize()} landmarks",
        f"expected landmark error {RANGES[each]}" if each in RANGES else "no calibration",
    )
    for each in Bucket
}

#: Every code of the scheme, in the order in which the conformance statement lists them.
PRIVATE: tuple[Code, ...] = (
    *(ICT, ICT_LOW, ICT_HIGH, ICT_LINE, ICT_RULE, ICT_ABOVE, HEART_WIDTH, THORAX_WIDTH),
    *(ERROR, ERROR_HIGH, BUCKET, POSTURE, TILT, ASYMMETRY),
    *(PRIOR_ICT, PRIOR_DATE, CHANGE, CHANGE_LIMIT, CHANGE_BEYOND, LANDMARK, SPREAD),
    *LANDMARKS.values(),
    *RULES.values(),
    *BUCKETS.values(),
)
