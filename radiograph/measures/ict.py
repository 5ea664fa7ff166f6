"""The cardiothoracic index, and the rule that compares it with a threshold.

Widest transverse heart width over widest inner thoracic width, both along the image's transverse
axis. A threshold is applied only where view and age allow it; the result names the rule.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from radiograph.measures.declaration import Measure
from radiograph.measures.widths import calliper_widths
from radiograph.records import Header, Ict, IctRule, IctThresholds, View

if TYPE_CHECKING:
    import numpy as np
    import numpy.typing as npt

#: Half of a 95 % interval in standard deviations.
HALF_INTERVAL_SD = 1.96
#: Outside this range an index is not plausible: it is stored, but no threshold is applied.
PLAUSIBLE = (0.2, 0.95)
_DAYS_PER_YEAR = 365.25
NEWBORN_BELOW_YEARS = 28 / _DAYS_PER_YEAR
INFANT_BELOW_YEARS = 1.0


#: Rules that do not depend on settings.
_FIXED = frozenset({IctRule.NONE_AP, IctRule.NONE_INVALID})


class Judgement(NamedTuple):
    """The rule for an index, its threshold, and whether the index exceeds it."""

    rule: IctRule
    threshold: float | None = None
    enlarged: bool | None = None


#: What is stored where the callipers span nothing.
NOT_MEASURED = Ict(
    value=None,
    sd=None,
    low=None,
    high=None,
    heart_width_px=None,
    thorax_width_px=None,
    heart_width_mm=None,
    thorax_width_mm=None,
    threshold=None,
    rule=IctRule.NONE_INVALID,
    enlarged=None,
)


def measure_ict(
    points: npt.NDArray[np.float64],
    *,
    source_px: float,
    mm_per_source_px: float | None,
    header: Header,
    thresholds: IctThresholds,
    sd: float | None,
) -> Ict:
    """Return the index of (19, 2) upright ``points``.

    ``source_px`` is the width of an upright pixel in source pixels, ``mm_per_source_px`` the
    spacing along the transverse axis, None where unknown; ``sd`` its standard deviation.
    """
    heart, thorax = calliper_widths(points, source_px)
    if heart <= 0 or thorax <= 0:
        return NOT_MEASURED
    value = heart / thorax
    judged = judge(value, header.view, header.age_years, thresholds)
    return Ict(
        value=value,
        sd=sd,
        low=None if sd is None else max(0.0, value - HALF_INTERVAL_SD * sd),
        high=None if sd is None else value + HALF_INTERVAL_SD * sd,
        heart_width_px=heart,
        thorax_width_px=thorax,
        heart_width_mm=None if mm_per_source_px is None else heart * mm_per_source_px,
        thorax_width_mm=None if mm_per_source_px is None else thorax * mm_per_source_px,
        threshold=judged.threshold,
        rule=judged.rule,
        enlarged=judged.enlarged,
    )


def judge(
    value: float | None, view: View, age_years: float | None, thresholds: IctThresholds
) -> Judgement:
    """Return the rule for an index (None: not measured), by view, age and settings."""
    if value is None or not PLAUSIBLE[0] <= value <= PLAUSIBLE[1]:
        return Judgement(IctRule.NONE_INVALID)
    rule, threshold = _rule(view, age_years, thresholds)
    return Judgement(rule, threshold, None if threshold is None else value > threshold)


def _rule(
    view: View, age_years: float | None, thresholds: IctThresholds
) -> tuple[IctRule, float | None]:
    """Return the rule and its threshold by view, then by age."""
    if view is View.AP:
        return IctRule.NONE_AP, None
    if view is not View.PA and not thresholds.assume_pa:
        return IctRule.NONE_VIEW_UNKNOWN, None
    if age_years is None and not thresholds.assume_adult:
        return IctRule.NONE_AGE_UNKNOWN, None
    return _rule_of_age(thresholds.adult_from_years if age_years is None else age_years, thresholds)


def is_outdated(
    judged: Judgement, *, view_unknown: bool, age_unknown: bool, thresholds: IctThresholds
) -> bool:
    """Return whether ``thresholds`` would give another rule or threshold than a judgement has.

    Neither the index nor the age is needed, so one call decides for a whole group of results.
    """
    rule = judged.rule
    if rule in _FIXED:
        return False
    if view_unknown and not thresholds.assume_pa:
        return rule is not IctRule.NONE_VIEW_UNKNOWN
    if age_unknown and not thresholds.assume_adult:
        return rule is not IctRule.NONE_AGE_UNKNOWN
    current = {
        IctRule.ADULT_PA: thresholds.adult,
        IctRule.INFANT_PA: thresholds.infant,
        IctRule.NEWBORN_PA: thresholds.newborn,
        IctRule.NONE_CHILD: None,
    }
    return rule not in current or current[rule] != judged.threshold


def _rule_of_age(years: float, thresholds: IctThresholds) -> tuple[IctRule, float | None]:
    if years < NEWBORN_BELOW_YEARS:
        return IctRule.NEWBORN_PA, thresholds.newborn
    if years < INFANT_BELOW_YEARS:
        return IctRule.INFANT_PA, thresholds.infant
    if years < thresholds.adult_from_years:
        return IctRule.NONE_CHILD, None
    return IctRule.ADULT_PA, thresholds.adult


MEASURES = (
    Measure(
        "ict",
        "widest heart width / widest inner thoracic width",
        decimals=4,
        shown_decimals=3,
        field="ict.value",
        indexed=True,
    ),
    Measure(
        "ict_sd",
        "its calibrated standard deviation",
        decimals=4,
        shown_decimals=3,
        field="ict.sd",
        in_show=False,
    ),
    Measure(
        "ict_low",
        "lower end of its 95 % interval",
        decimals=4,
        shown_decimals=3,
        field="ict.low",
    ),
    Measure(
        "ict_high",
        "upper end of its 95 % interval",
        decimals=4,
        shown_decimals=3,
        field="ict.high",
    ),
    Measure(
        "ict_rule",
        "the rule applied to it, or why there is no threshold",
        holds=IctRule,
        field="ict.rule",
        derived=True,
        required=True,
    ),
    Measure(
        "ict_threshold",
        "threshold of that rule",
        decimals=4,
        shown_decimals=3,
        field="ict.threshold",
        derived=True,
    ),
    Measure(
        "enlarged",
        "whether ICT is above that threshold; empty without one",
        holds=bool,
        field="ict.enlarged",
        derived=True,
    ),
)
