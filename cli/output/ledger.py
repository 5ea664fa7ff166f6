"""The printed ledger of a batch: the equation, the buckets, the codes."""

from __future__ import annotations

from collections.abc import Iterator, Mapping

from cli.output.cells import folded, terminal_cells
from cli.output.judgements import say_outdated
from cli.output.printing import say
from db.records import BatchStatus
from radiograph.measures.quality import RANGES
from radiograph.records import Bucket, IctThresholds
from results.codes import known_codes
from results.judgements import reason_lines
from results.ledger import equation

#: The range of each bucket, in px of a 224 frame.
LIMITS = {Bucket.UNRATED: "no calibration"} | {name: f"{span} px" for name, span in RANGES.items()}
#: Length of the longest bar.
BAR_CELLS = 30
#: Width of the text before a bar.
BEFORE_BAR_CELLS = 43
#: Least width of a wrapped sentence.
SENTENCE_CELLS = 24


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
