"""Frontal or not: by the header, then by the network's prediction."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiograph.errors import LateralView, NotAChest, NotARadiograph, OtherBodyPart, quoted
from radiograph.landmarks import ANATOMICAL, PAIRS, Landmark
from radiograph.records import Header, View

#: Projection radiography, and the modalities of scanned or converted images (PS3.3 C.7.3.1.1.1).
RADIOGRAPH_MODALITIES = frozenset({"CR", "DX", "DR", "RG", "XR", "SC", "OT"})

#: Body parts other than the chest, as devices write them in several languages. For a word in
#: neither list the network decides.
_OTHER_PARTS = frozenset(
    word
    for line in (
        "ABDOMEN ANKLE ARM BECKEN BLADDER BREAST BWS CALCANEUS CALF CERVICAL CLAVICLE COCCYX CODO",
        "COLON CSPINE ELBOW ELLBOGEN EXTREMITIES EXTREMITY FACE FEMUR FIBULA FINGER FOOT FOREARM",
        "FUSS GENOU HAND HANDGELENK HEAD HEEL HIP HIPS HUEFTE HUMERUS HWS JAW KNEE KNEES KNIE",
        "KOPF LEG LSPINE LUMBAR LWS MANDIBLE MANO MAXILLA MUNECA NASAL NECK ORBIT ORBITS PATELLA",
        "PELVE PELVIS PIERNA RADIUS RODILLA SACRUM SCHAEDEL SCHULTER SHOULDER SINUS SKULL SSPINE",
        "TEETH THIGH THUMB TIBIA TOE TOOTH TSPINE ULNA WIRBELSAEULE WRIST ZYGOMA",
    )
    for word in line.split()
)
_CHEST = re.compile(r"CHEST|THORA[XC]|TORA[XK]|TORACE|LUNG|PULMO|POLMON|POUMON|BRUSTKORB|HEART")


@dataclass(frozen=True, slots=True)
class FrontalLimits:
    """Lowest frontal probability and largest mean spread that are accepted."""

    min_probability: float = 0.5
    max_spread_px224: float = 25.0


def check_header(header: Header) -> None:
    """Set aside a file whose header is not of a frontal chest radiograph.

    Raises NotARadiograph, OtherBodyPart, LateralView.
    """
    if header.modality is not None and header.modality.upper() not in RADIOGRAPH_MODALITIES:
        raise NotARadiograph.because(f"modality {quoted(header.modality)}")
    if header.body_part is not None and _is_other_part(header.body_part):
        raise OtherBodyPart.because(f"body part {quoted(header.body_part)}")
    if header.view is View.LATERAL:
        raise LateralView


def check_prediction(
    points: npt.NDArray[np.float64],
    spreads_px224: npt.NDArray[np.float64],
    frontal_probability: float,
    limits: FrontalLimits | None = None,
) -> None:
    """Set aside an image that the network does not recognise as an upright frontal chest.

    ``points`` (19, 2) in any upright frame, ``spreads_px224`` (19,). Raises NotAChest.
    """
    limits = limits or FrontalLimits()
    if frontal_probability < limits.min_probability:
        raise NotAChest.because(f"probability {frontal_probability:.2f}")
    spread = float(np.mean(spreads_px224[list(ANATOMICAL)]))
    if spread > limits.max_spread_px224:
        raise NotAChest.because(f"mean spread of the landmarks {spread:.0f} px of 224")
    if any(points[right, 0] >= points[left, 0] for right, left in PAIRS[:5]):
        raise NotAChest.because("left and right are swapped")
    if points[Landmark.L1_MIDLINE_APEX, 1] >= points[Landmark.L2_MIDLINE_COSTOPHRENIC, 1]:
        raise NotAChest.because("the apex is below the base")


def _is_other_part(body_part: str) -> bool:
    plain = unicodedata.normalize("NFKD", body_part).encode("ascii", "ignore").decode().upper()
    words = set(re.split(r"[\W_]+", plain))
    # A thoracic spine is a spine; a chest with an abdomen is a chest.
    if "SPINE" in words:
        return True
    return not _CHEST.search(plain) and bool(words & _OTHER_PARTS)
