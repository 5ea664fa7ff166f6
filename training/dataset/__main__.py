"""Check or explore annotated radiographs: ``python -m training.dataset check --data DIR``."""

from __future__ import annotations

import argparse
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from radiograph.errors import ErrorKind
from results.errors import PlaceUnusable
from results.picture_file import written_at
from scheduler.console import PlainConsole
from scheduler.terminal import Parser
from training.dataset.check import check_data
from training.dataset.explore import Exploration, explore_data
from training.dataset.terminal import plain_table, print_csv, print_json, print_report, shown
from training.errors import DataMissing


def main(words: Sequence[str] | None = None) -> int:
    """Check or explore; return the exit code."""
    parser = _parser()
    options = parser.parse_args(words)
    try:
        return int(options.run(options))
    except (DataMissing, PlaceUnusable) as exc:
        PlainConsole(stderr=True, soft_wrap=True).print(
            f"error [{exc.code}]: {exc}", highlight=False
        )
        return exc.kind


def _parser() -> argparse.ArgumentParser:
    parser = Parser(prog="python -m training.dataset", description=__doc__)
    actions = parser.add_subparsers(required=True, metavar="check|explore")
    check = actions.add_parser(
        "check", help="list what is wrong; exits 0 where nothing is, 4 where something is"
    )
    check.set_defaults(run=_check)
    explore = actions.add_parser("explore", help="print figures of the data set")
    explore.set_defaults(run=_explore)
    explore.add_argument("--out", type=Path, metavar="PICTURE", help="draw it, such as shape.png")
    for action in (check, explore):
        action.add_argument("--data", type=Path, required=True, help="folder of the data sets")
        form = action.add_mutually_exclusive_group()
        form.add_argument("--json", action="store_true", help="print all of it as JSON")
        form.add_argument("--csv", action="store_true", help="print comma-separated values")
    return parser


def _check(options: argparse.Namespace) -> int:
    report = check_data(options.data)
    rows = [finding.row for finding in report.findings]
    if options.json:
        print_json({"radiographs": report.radiographs, "findings": rows})
    elif options.csv:
        print_csv(rows)
    else:
        print_report(report, PlainConsole())
    return ErrorKind.UNSOUND if rows else 0


def _explore(options: argparse.Namespace) -> int:
    found, shapes = explore_data(options.data)
    if options.json:
        print_json(found.as_mapping())
    elif options.csv:
        print_csv([asdict(point) for point in found.points])
    else:
        print_exploration(found, PlainConsole())
    if options.out is not None:
        # Takes half a second to import, and only the picture needs it.
        from training.dataset.picture import save_picture  # noqa: PLC0415

        with written_at(options.out):
            save_picture(shapes, options.out)
        PlainConsole(stderr=True, soft_wrap=True).print(f"picture  {shown(str(options.out))}")
    return 0


def print_exploration(found: Exploration, console: PlainConsole) -> None:
    """Print every table."""
    unreadable = f", {found.unreadable} of them unreadable" if found.unreadable else ""
    console.print(f"{found.radiographs} radiographs{unreadable}\n")
    _print(console, "Radiographs", found.counts)
    _print(console, "Sizes, px", found.sizes)
    _print(console, "Points, px of a 224 frame", map(asdict, found.points))
    _print(console, "Natural asymmetry, px of a 224 frame", map(asdict, found.asymmetry))
    _print(console, "Cardiothoracic index", map(asdict, found.index))


def _print(console: PlainConsole, title: str, rows: Iterable[Mapping[str, Any]]) -> None:
    rows = list(rows)
    if not rows:
        return
    right = [name for name, value in rows[0].items() if not isinstance(value, str)]
    table = plain_table(
        *(name.replace("_", " ") for name in rows[0]),
        title=title,
        right=[name.replace("_", " ") for name in right],
    )
    for row in rows:
        table.add_row(*(_cell(value) for value in row.values()))
    console.print(table)
    console.print()


def _cell(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.2f}" if abs(value) >= 1 else f"{value:.3f}"
    return shown(None if value is None else str(value))


if __name__ == "__main__":
    raise SystemExit(main())
