"""The results of a campaign, and their tables."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field, fields
from typing import Any

_ENDINGS = ("measured", "set_aside", "failed", "duplicate")
#: Most faults to list.
_LISTED = 200


@dataclass(slots=True)
class FuzzReport:
    """The results of a campaign; ``kinds``: inputs, ``by_kind``: outcomes of files, by kind.

    Files are counted as by the walk: links are skipped, folders are walked.
    """

    seed: int = 0
    database: str = ""
    inputs: int = 0
    files: int = 0
    kinds: Counter[str] = field(default_factory=Counter)
    endings: Counter[str] = field(default_factory=Counter)
    codes: Counter[str] = field(default_factory=Counter)
    by_kind: dict[str, Counter[str]] = field(default_factory=dict)
    faults: list[str] = field(default_factory=list)
    worker_crashes: int = 0
    readers_replaced: int = 0
    peak_mb: dict[str, float] = field(default_factory=dict)
    reader_limit_mb: int = 0
    child_mb: list[float] = field(default_factory=list)  # after each round
    slowest_round_seconds: float = 0.0
    seconds: float = 0.0

    def note(self, kind: str, ending: str) -> None:
        """Count a file's outcome."""
        self.files += 1
        self.endings[ending] += 1
        self.by_kind.setdefault(kind, Counter())[ending] += 1

    def as_json(self) -> dict[str, Any]:
        """Return the report as values for JSON."""
        return {each.name: getattr(self, each.name) for each in fields(self)}

    def table(self) -> str:
        """Return the tables in Markdown."""
        memory = ", ".join(f"{name} {peak:.0f} MB" for name, peak in sorted(self.peak_mb.items()))
        grown = ", ".join(f"{size:.0f}" for size in (self.child_mb[1:2] + self.child_mb[-1:]))
        summary = (
            f"{self.inputs} inputs of seed {self.seed}, {self.files} files through"
            f" {self.database} in {self.seconds:.0f} s: {self.worker_crashes} crashes of a worker,"
            f" {len(self.faults)} faults, {self.readers_replaced} reading processes replaced,"
            f" slowest round {self.slowest_round_seconds:.0f} s."
        )
        held = (
            f"Most memory: {memory}; a reader may map {self.reader_limit_mb} MB."
            f" The child after the second round and after the last: {grown} MB."
        )
        head = " | ".join(each.replace("_", " ") for each in _ENDINGS)
        lines = [summary, "", held, "", f"| kind | inputs | {head} |", "|---" * 6 + "|"]
        for kind, count in sorted(self.kinds.items()):
            ends = self.by_kind.get(kind, Counter())
            lines.append(f"| {kind} | {count} | {' | '.join(str(ends[e]) for e in _ENDINGS)} |")
        total = " | ".join(str(self.endings[each]) for each in _ENDINGS)
        lines += [f"| all | {self.inputs} | {total} |", "", "| code | files |", "|---|---|"]
        lines += [f"| {code} | {count} |" for code, count in self.codes.most_common()]
        lines += ["", *(f"- {fault}" for fault in self.faults[:_LISTED])]
        return "\n".join(lines).rstrip() + "\n"
