"""Why results have no ICT threshold, which settings would give them one, and which lag behind.

Both follow from the sums of the tally, a few dozen for a million results: a result is counted by
its rule, its threshold and what its header leaves open, which is all that the settings act on.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable, Iterator

from db.derivation_records import IctCount
from db.gaps import Gap
from radiograph.measures.ict import is_outdated
from radiograph.records import IctRule, IctThresholds
from scheduler.checkup.remedy import quoted

#: Why no threshold applied, as words after a count of results.
REASONS = {
    IctRule.NONE_VIEW_UNKNOWN: "view unknown",
    IctRule.NONE_AGE_UNKNOWN: "age unknown",
    IctRule.NONE_AP: "AP",
    IctRule.NONE_CHILD: "child",
    IctRule.NONE_INVALID: "no plausible ICT",
}


def reason_lines(judged: Iterable[IctCount], lines: IctThresholds) -> Iterator[str]:
    """Yield how many results have no threshold, by reason, and how to change it."""
    reasons: Counter[IctRule] = Counter()
    both = 0
    for each in judged:
        if each.judged.rule in REASONS:
            reasons[each.judged.rule] += each.results
        if each.judged.rule is IctRule.NONE_VIEW_UNKNOWN and each.age_unknown:
            both += each.results
    if not reasons.total():
        return
    text = ", ".join(f"{reasons[rule]} {why}" for rule, why in REASONS.items() if reasons[rule])
    if both:
        text = text.replace("view unknown", f"view unknown ({both} of them age too)")
    yield f"{reasons.total()} without a threshold: {text}"
    remedies = []
    if reasons[IctRule.NONE_VIEW_UNKNOWN] and not lines.assume_pa:
        remedies.append("THORAQ_ICT_ASSUME_PA=true treats unknown views as PA")
    if (reasons[IctRule.NONE_AGE_UNKNOWN] or both) and not lines.assume_adult:
        remedies.append("THORAQ_ICT_ASSUME_ADULT=true treats unknown ages as adult")
    if remedies:
        yield f"{', '.join(remedies)}: set it, then run `thoraq recompute`"


def outdated_results(judged: Iterable[IctCount], lines: IctThresholds) -> int:
    """Return how many results the current settings would give another rule or threshold."""
    return sum(
        each.results
        for each in judged
        if is_outdated(
            each.judged,
            view_unknown=each.view_unknown,
            age_unknown=each.age_unknown,
            thresholds=lines,
        )
    )


def outdated_line(
    judged: Iterable[IctCount], lines: IctThresholds, batch: str | None = None
) -> str | None:
    """Return how many results, of a batch or of all, were judged by other settings.

    With the command that updates them; None if there are none.
    """
    if not (count := outdated_results(judged, lines)):
        return None
    command = "thoraq recompute" if batch is None else f"thoraq recompute --batch {quoted(batch)}"
    return (
        f"{count} results were computed with other ICT settings than the current ones:"
        f" `{command}` updates them, with --dry-run it only shows the changes"
    )


def gap_lines(found: Iterable[Gap]) -> Iterator[str]:
    """Yield how many results, of all batches, lack which measures, and how to add them."""
    together: defaultdict[int, list[str]] = defaultdict(list)
    for each in found:
        together[each.results].append(each.measure)
    for results, measures in together.items():
        lack, were = ("result lacks", "it was") if results == 1 else ("results lack", "they were")
        yield (
            f"{results} {lack} {' and '.join(measures)}, added to thoraq after {were}"
            " measured: `thoraq recompute` adds the missing values"
        )
