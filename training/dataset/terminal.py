"""Output of findings and tables to the terminal, as text, JSON or CSV."""

from __future__ import annotations

import json
import sys
from collections import Counter
from collections.abc import Mapping, Sequence
from typing import Any

from rich.table import Table
from rich.text import Text

from radiograph.csv_lines import CsvLines
from scheduler.console import PlainConsole
from scheduler.terminal import printable, printable_json, printable_row
from training.dataset.check import Report

Row = Mapping[str, Any]
#: Findings per kind in a table; JSON and CSV contain all.
SHOWN = 20


def print_json(value: object) -> None:
    """Print one JSON value; NaN raises ValueError."""
    text = json.dumps(with_former_keys(value), indent=1, allow_nan=False, ensure_ascii=True)
    sys.stdout.write(f"{printable_json(text)}\n")


def print_csv(rows: Sequence[Row]) -> None:
    """Print rows with a heading; nothing without rows."""
    printed = [printable_row(with_former_keys(row)) for row in rows]
    if printed:
        lines = CsvLines(sys.stdout, list(printed[0]))
        lines.heading()
        for row in printed:
            lines.row(row)


def with_former_keys(value: Any) -> Any:
    """Return plain values with the count of radiographs under its former key as well.

    Scripts for the previous version read ``films``; the next version drops it.
    """
    if isinstance(value, Mapping):
        plain = {key: with_former_keys(each) for key, each in value.items()}
        if "radiographs" in plain:
            plain["films"] = plain["radiographs"]
        return plain
    if isinstance(value, (list, tuple)):
        return [with_former_keys(each) for each in value]
    return value


def print_report(report: Report, console: PlainConsole) -> None:
    """Print the findings by kind, and their number."""
    counts = Counter(finding.kind for finding in report.findings)
    for kind, count in counts.items():
        console.print(Text.assemble((str(kind), "bold"), f"  {count}: {kind.remedy}"))
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
        f"{report.radiographs} radiographs: nothing found"
        if not found
        else f"{report.radiographs} radiographs: {found} findings, {stopping} stop training"
    )


def plain_table(*headings: str, right: Sequence[str] = (), title: str | None = None) -> Table:
    """Return a table without lines; the columns named in ``right`` are right-aligned."""
    table = Table(title=title, title_justify="left", box=None, padding=(0, 2, 0, 0), pad_edge=False)
    for heading in headings:
        figures = heading in right
        table.add_column(heading, justify="right" if figures else "left", no_wrap=figures)
    return table


def shown(cell: str | None) -> str:
    """Return a cell without the control characters that names may contain."""
    return printable(cell) if cell else "-"
