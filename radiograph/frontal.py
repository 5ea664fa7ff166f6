"""Frontal or not: what the header says, then what the network says."""

from __future__ import annotations

import re
from dataclasses import dataclass

import numpy as np
import numpy.typing as npt

from radiograph.errors import LateralView, NotAChest, NotARadiograph, OtherBodyPart
from radiograph.landmarks import ANATOMICAL, PAIRS, Landmark
from radiograph.records import Header, View

#: Projection radiography and what scanned or converted films come as (PS3.3 C.7.3.1.1.1).
RADIOGRAPH_MODALITIES = frozenset({"CR", "DX", "RG", "RF", "SC", "OT"})

#: Body parts that are another one, in whole words; a word in no list goes on to the network.
_OTHER_PARTS = frozenset(
    word
    for line in (
        "ABDOMEN ANKLE ARM BREAST CALCANEUS CERVICAL CLAVICLE COCCYX CSPINE ELBOW EXTREMITY FACE",
        "FEMUR FIBULA FINGER FOOT FOREARM HAND HEAD HEEL HIP HUMERUS JAW KNEE LEG LSPINE LUMBAR",
        "MANDIBLE MAXILLA NECK ORBIT PATELLA PELVIS RADIUS SACRUM SHOULDER SINUS SKULL SPINE",
        "SSPINE TEETH THIGH THUMB TIBIA TOE ULNA WRIST ZYGOMA",
    )
    for word in line.split()
)
_CHEST_WORDS = frozenset({"CHEST", "THORAX", "TORAX", "LUNG", "LUNGS", "HEART", "THORACIC"})


@dataclass(frozen=True, slots=True)
class FrontalLimits:
    """How sure the network must be, and how vague its points may be at most."""

    min_probability: float = 0.5
    max_spread_px224: float = 25.0


def check_header(header: Header) -> None:
    """Set aside what the header says is no frontal chest radiograph.

    Raises NotARadiograph, OtherBodyPart, LateralView.
    """
    if header.modality is not None and header.modality.upper() not in RADIOGRAPH_MODALITIES:
        raise NotARadiograph(f"modality {header.modality}. {NotARadiograph.__doc__}")
    words = set(re.findall(r"[A-Z]+", (header.body_part or "").upper()))
    if words & _OTHER_PARTS and not words & _CHEST_WORDS:
        raise OtherBodyPart(f"body part {header.body_part}. {OtherBodyPart.__doc__}")
    if header.view is View.LATERAL:
        raise LateralView(LateralView.__doc__)


def check_prediction(
    points: npt.NDArray[np.float64],
    spreads_px224: npt.NDArray[np.float64],
    frontal_probability: float,
    limits: FrontalLimits | None = None,
) -> None:
    """Set aside what the network does not take for an upright frontal chest.

    ``points`` (19, 2) in any upright frame, ``spreads_px224`` (19,). Raises NotAChest.
    """
    limits = limits or FrontalLimits()
    if frontal_probability < limits.min_probability:
        raise NotAChest(f"probability {frontal_probability:.2f}. {NotAChest.__doc__}")
    spread = float(np.mean(spreads_px224[list(ANATOMICAL)]))
    if spread > limits.max_spread_px224:
        raise NotAChest(f"landmarks vague by {spread:.0f} px of 224. {NotAChest.__doc__}")
    if any(points[right, 0] >= points[left, 0] for right, left in PAIRS[:5]):
        raise NotAChest(f"left and right are swapped. {NotAChest.__doc__}")
    if points[Landmark.L1_MIDLINE_APEX, 1] >= points[Landmark.L2_MIDLINE_COSTOPHRENIC, 1]:
        raise NotAChest(f"the apex lies below the base. {NotAChest.__doc__}")
