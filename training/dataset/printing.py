"""Findings and tables on the terminal, for eyes or for scripts."""

from __future__ import annotations

import csv
import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from training.dataset.check import Report

Row = Mapping[str, Any]
#: A table for eyes shows this many findings of a kind; JSON and CSV hold all.
SHOWN = 20


def print_json(value: object) -> None:
    """Print one JSON value; a NaN is a fault of ours and raises ValueError."""
    json.dump(value, sys.stdout, indent=1, allow_nan=False, ensure_ascii=True)
    sys.stdout.write("\n")


def print_csv(rows: Sequence[Row]) -> None:
    """Print rows under their heading; without rows nothing."""
    if rows:
        writer = csv.DictWriter(sys.stdout, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)


def print_report(report: Report, console: Console) -> None:
    """Print the findings by kind, and how many there are."""
    counts = Counter(finding.kind for finding in report.findings)
    for kind, count in counts.items():
        console.print(f"[bold]{kind}[/bold]  {count}: {kind.remedy}")
        table = plain_table("place", "split", "image", "found")
        of_kind = [finding for finding in report.findings if finding.kind is kind]
        for finding in of_kind[:SHOWN]:
            cells = (finding.place, finding.split, finding.image, finding.detail)
            table.add_row(*(shown(cell) for cell in cells))
        console.print(table)
        if count > SHOWN:
            console.print(f"... and {count - SHOWN} more: --csv and --json list all")
        console.print()
    stopping = sum(count for kind, count in counts.items() if kind.stops)
    found = len(report.findings)
    console.print(
        f"{report.films} films: nothing found"
        if not found
        else f"{report.films} films: {found} findings, of which {stopping} stop training"
    )


def plain_table(*headings: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return a table without lines; the columns named in ``right`` hold figures."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        figures = heading in right
        table.add_column(heading, justify="right" if figures else "left", no_wrap=figures)
    return table


def shown(cell: str | None) -> str:
    """Return a cell without what a terminal must not receive: names are bytes of anybody's."""
    if not cell:
        return "-"
    printable = (
        char if char.isprintable() else char.encode("unicode_escape", "backslashreplace").decode()
        for char in cell
    )
    return escape("".join(printable))
