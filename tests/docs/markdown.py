"""Writing Markdown."""

from __future__ import annotations

from collections.abc import Sequence

from cli.output.printing import Value


def table(headings: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)
