"""The printed ledger of a batch: the equation, the buckets, the codes."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping

from cli.output.cells import folded, terminal_cells
from cli.output.codes import known_codes
from cli.output.judgements import outdated_results, reason_lines, say_outdated
from cli.output.printing import say
from db.records import BatchStatus
from radiograph.measures.quality import RANGES
from radiograph.records import Bucket, IctRule, IctThresholds
from results.columns import plain

#: The range of each bucket, in px of a 224 frame.
LIMITS = {Bucket.UNRATED: "no calibration"} | {name: f"{span} px" for name, span in RANGES.items()}
#: Length of the longest bar.
BAR_CELLS = 30
#: Width of the text before a bar.
BEFORE_BAR_CELLS = 43
#: Least width of a wrapped sentence.
SENTENCE_CELLS = 24


def equation(status: BatchStatus) -> str:
    """Return ``seen = measured + set aside + failed + duplicates`` in figures.

    Cancelled, waiting and running files are added to the right side if there are any.
    """
    terms = [
        f"{status.measured} measured",
        f"{status.set_aside} set aside",
        f"{status.failed} failed",
        f"{status.duplicates} duplicates",
    ]
    for count, word in (
        (status.cancelled, "cancelled"),
        (status.queued, "waiting"),
        (status.running, "running"),
    ):
        if count:
            terms.append(f"{count} {word}")
    return f"{status.seen} seen {'=' if status.balanced else '!='} {' + '.join(terms)}"


def ledger_json(status: BatchStatus, lines: IctThresholds) -> dict[str, object]:
    """Return the ledger with stable keys, including every bucket and every rule.

    ``lines``: thresholds of the current settings, which may differ from those of older results.
    """
    rules = Counter[IctRule]()
    for each in status.judged:
        rules[each.judged.rule] += each.results
    return {
        "batch": status.batch.name,
        "priority": status.batch.priority,
        "created_at": plain(status.batch.created_at),
        "paused_at": plain(status.batch.paused_at),
        "seen": status.seen,
        "measured": status.measured,
        "set_aside": status.set_aside,
        "failed": status.failed,
        "duplicates": status.duplicates,
        "cancelled": status.cancelled,
        "waiting": status.queued,
        "queued": status.queued,  # former name of "waiting"; removed in the next version
        "running": status.running,
        "balanced": status.balanced,
        "enlarged": status.enlarged,
        "not_enlarged": status.not_enlarged,
        "without_threshold": status.measured - status.enlarged - status.not_enlarged,
        "ict_rules": {rule: rules[rule] for rule in IctRule},
        "outdated": outdated_results(status.judged, lines),
        "buckets": {bucket: status.buckets.get(bucket, 0) for bucket in Bucket},
        "codes": dict(sorted(status.codes.items())),
        "first_claimed_at": plain(status.first_claimed_at),
        "last_settled_at": plain(status.last_settled_at),
    }


def print_ledger(status: BatchStatus, lines: IctThresholds) -> None:
    """Print the ledger of a batch. ``lines``: thresholds of the current settings."""
    say(f"batch {status.batch.name}", bold=True)
    say(equation(status), fg=None if status.balanced else "red")
    if not status.balanced:
        say("The ledger does not balance; please report this.", fg="red")
    if status.measured:
        say()
        say("landmarks by expected error (px of a 224 frame)", bold=True)
        for line in bucket_lines(status, terminal_cells()):
            say(line)
        compared = status.enlarged + status.not_enlarged
        say()
        say(f"ICT above its threshold: {status.enlarged} of {compared} with a threshold")
        for line in reason_lines(status.judged, lines):
            say(line)
        say_outdated(status.judged, lines, status.batch.name)
    if status.codes:
        say()
        say("not measured, by code", bold=True)
        for line in code_lines(status.codes, terminal_cells()):
            say(line)


def bucket_lines(status: BatchStatus, width: int | None = None) -> Iterator[str]:
    """Yield a line per bucket with its count, share and bar. ``width``: of the terminal."""
    longest = BAR_CELLS if width is None else max(0, min(BAR_CELLS, width - BEFORE_BAR_CELLS))
    most = max(status.buckets.values(), default=0)
    for bucket in Bucket:
        count = status.buckets.get(bucket, 0)
        if bucket is Bucket.UNRATED and not count:
            continue
        name = bucket.replace("_", " ")
        bar = "█" * round(longest * count / most) if most else ""
        share = 100 * count / status.measured
        yield f"{name:<10} {LIMITS[bucket]:<14} {count:>7} {share:>5.1f} %  {bar}".rstrip()


def code_lines(counts: Mapping[str, int], width: int | None = None) -> Iterator[str]:
    """Yield a line per code: count, failed or set aside, and remedy.

    ``width``: of the terminal; remedies are wrapped.
    """
    codes = known_codes()
    widest = max(map(len, counts))
    for name, count in sorted(counts.items(), key=lambda item: (-item[1], item[0])):
        code = codes.get(name)
        kind = "set aside" if code and code.set_aside else "failed"
        sentence = code.sentence if code else ""
        before = f"{name:<{widest}} {count:>7}  {kind:<9}  "
        if width is None:
            yield f"{before}{sentence}".rstrip()
            continue
        inset = len(before) if width - len(before) >= SENTENCE_CELLS else 2
        first, *others = folded(sentence, width - inset)
        if inset < len(before):
            yield before.rstrip()
            others = [first, *others]
        else:
            yield f"{before}{first}".rstrip()
        yield from (" " * inset + each for each in others if each)
