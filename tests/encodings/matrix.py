"""All encodings of the chest, in a fixed order."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable
from dataclasses import dataclass, field

from tests.encodings import colour, compressed, contradictions, native, rasters, tiffs
from tests.encodings.encoding import Encoding, Outcome

#: Number of encodings that the tests read; `make encodings` reads all.
SAMPLE = 200


def all_encodings() -> list[Encoding]:
    """Return every encoding."""
    of = (native, compressed, contradictions, colour, rasters, tiffs)
    return [each for module in of for each in module.encodings()]


def sample(encodings: list[Encoding]) -> list[Encoding]:
    """Return a fixed, evenly spaced sample."""
    return [encodings[at * len(encodings) // SAMPLE] for at in range(SAMPLE)]


@dataclass(slots=True)
class Table:
    """Results of the encodings, one row per kind."""

    equal: Counter[str] = field(default_factory=Counter)
    refused: dict[str, Counter[str]] = field(default_factory=dict)
    wrong: Counter[str] = field(default_factory=Counter)
    faults: list[str] = field(default_factory=list)

    def add(self, encoding: Encoding, outcome: Outcome) -> None:
        """Count one encoding."""
        kind = encoding.kind
        if outcome.fault is not None:
            self.wrong[kind] += 1
            self.faults.append(f"{kind}: {encoding.name}: {outcome.fault}")
        elif outcome.code is not None:
            self.refused.setdefault(kind, Counter())[outcome.code] += 1
        else:
            self.equal[kind] += 1

    def lines(self, kinds: Iterable[str]) -> list[str]:
        """Return the table in Markdown."""
        lines = ["| kind | files | equal | refused | wrong |", "| --- | --- | --- | --- | --- |"]
        rows = []
        for kind in kinds:
            codes = self.refused.get(kind, Counter())
            listed = ", ".join(f"{count} `{code}`" for code, count in sorted(codes.items())) or "0"
            rows.append((kind, self.equal[kind], codes.total(), listed, self.wrong[kind]))
        for kind, equal, refused, listed, wrong in rows:
            lines.append(f"| {kind} | {equal + refused + wrong} | {equal} | {listed} | {wrong} |")
        equal, refused, wrong = (sum(int(row[at]) for row in rows) for at in (1, 2, 4))
        total = equal + refused + wrong
        return [*lines, f"| all | {total} | {equal} | {refused} | {wrong} |"]


def tabulated(
    encodings: list[Encoding], outcome_of: Callable[[Encoding], Outcome]
) -> tuple[Table, list[str]]:
    """Read every encoding; return the table and its kinds in order."""
    table = Table()
    for each in encodings:
        table.add(each, outcome_of(each))
    return table, list(dict.fromkeys(each.kind for each in encodings))
