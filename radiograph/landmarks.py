"""The nineteen points of a frontal chest radiograph, their order and their pairs.

Points are ``(x, y)``; x grows to image right, which is the patient's left when upright.
The first fifteen follow the annotation of the landmark set (L1 to L15), the last four are the
callipers of the cardiothoracic index, which the fifteen landmarks do not include.
"""

from __future__ import annotations

from enum import IntEnum


class Landmark(IntEnum):
    """Index of a point in every points array of thoraq, shape ``(19, 2)``."""

    L1_MIDLINE_APEX = 0
    L2_MIDLINE_COSTOPHRENIC = 1
    L3_LUNG_RIGHT_UPPER = 2
    L4_LUNG_LEFT_UPPER = 3
    L5_LUNG_RIGHT_MIDDLE = 4
    L6_LUNG_LEFT_MIDDLE = 5
    L7_LUNG_RIGHT_LOWER = 6
    L8_LUNG_LEFT_LOWER = 7
    L9_MIDLINE_UPPER = 8
    L10_MIDLINE_MIDDLE = 9
    L11_MIDLINE_LOWER = 10
    L12_APEX_RIGHT = 11
    L13_APEX_LEFT = 12
    L14_COSTOPHRENIC_RIGHT = 13
    L15_COSTOPHRENIC_LEFT = 14
    HEART_RIGHT = 15
    HEART_LEFT = 16
    THORAX_RIGHT = 17
    THORAX_LEFT = 18


#: Points of an annotation of the landmark set.
ANATOMICAL = tuple(range(15))
#: The calliper points of the cardiothoracic index.
CALLIPERS = tuple(range(15, 19))
#: Points that are not fixed fractions of L1 to L2 (L9, L10, L11 are its quarter points).
INDEPENDENT = tuple(i for i in ANATOMICAL if i not in {8, 9, 10})
#: The mid-line from apex to base.
MIDLINE = (0, 8, 9, 10, 1)
#: (patient's right, patient's left), swapped whenever an image is mirrored.
PAIRS = ((2, 3), (4, 5), (6, 7), (11, 12), (13, 14), (15, 16), (17, 18))

#: ``points[MIRROR]`` restores the order of `Landmark` for the points of a mirrored image.
MIRROR = tuple(next((a + b - i for a, b in PAIRS if i in {a, b}), i) for i in range(len(Landmark)))
