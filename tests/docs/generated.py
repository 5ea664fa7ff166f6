"""The parts of the pages that are made from the code, between ``begin`` and ``end`` marks."""

from __future__ import annotations

import ast
import re
import tomllib
from collections.abc import Sequence

import click
from click.testing import CliRunner

from cli.exits import Exit
from cli.main import COMMANDS, thoraq
from cli.output.codes import code_rows
from cli.output.printing import Value
from cli.output.vocabulary import FORMER, MEANINGS
from network.card import shipped_card
from results.columns import dictionary_rows
from scheduler.settings import Settings
from tests.docs.pages import ROOT

MARKED = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def table(headings: Sequence[str], rows: Sequence[Sequence[Value]]) -> str:
    """Return a Markdown table."""
    lines = [headings, ["---"] * len(headings), *rows]
    cells = [[str(cell).replace("|", "\\|") for cell in line] for line in lines]
    return "".join(f"| {' | '.join(line)} |\n" for line in cells)


def settings() -> str:
    """Return every setting with its default."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if name == "state":
            default = "~/.local/state/thoraq"  # that of whoever reads, not of whoever wrote
        if isinstance(default, bool):
            default = str(default).lower()
        shown = "" if default is None else f"`{default}`"
        rows.append((f"`THORAQ_{name.upper()}`", shown, field.description or ""))
    return table(("setting", "default", "what it does"), rows)


def codes() -> str:
    """Return every error code."""
    rows = [(f"`{row['code']}`", *list(row.values())[1:]) for row in code_rows()]
    return table(("code", "from", "kind", "meaning and remedy"), rows)


def exits() -> str:
    """Return every exit code."""
    rows = [(int(each), f"`{each.name}`", each.meaning) for each in Exit]
    return table(("exit code", "name", "meaning"), rows)


def dictionary() -> str:
    """Return the columns; those of the first point stand for those of all."""
    points = ("_x", "_y", "_spread")
    rows = [
        (f"`{row['column']}`", row["holds"], row["meaning"])
        for row in dictionary_rows()
        if not str(row["column"]).endswith(points) or str(row["column"]).startswith("l1_")
    ]
    return table(("column", "holds", "meaning"), rows)


def vocabulary() -> str:
    """Return every key of the JSON that is no column of a measurement."""
    rows = [(f"`{key}`", meaning) for key, meaning in MEANINGS.items()]
    rows += [(f"`{old}`", f"former name of `{new}`; leaves soon") for old, new in FORMER.items()]
    return table(("key", "meaning"), rows)


def help_of(*words: str) -> str:
    """Return what ``thoraq words --help`` prints at 90 columns."""
    asked = CliRunner().invoke(
        thoraq, [*words, "--help"], prog_name="thoraq", terminal_width=90, max_content_width=90
    )
    return asked.output


def every_command() -> list[tuple[str, ...]]:
    """Return the words of every command and subcommand."""
    found: list[tuple[str, ...]] = []
    context = click.Context(thoraq)
    for name in COMMANDS:
        command = thoraq.get_command(context, name)
        found.append((name,))
        if isinstance(command, click.Group):
            found += [(name, inner) for inner in command.commands]
    return found


def overview() -> str:
    """Return the list of commands, as `thoraq --help` prints it."""
    return f"```console\n$ thoraq --help\n{help_of()}```\n"


def reference() -> str:
    """Return the help of every command."""
    blocks = [f"$ thoraq {' '.join(words)} --help\n{help_of(*words)}" for words in every_command()]
    return "```console\n" + "\n".join(blocks) + "```\n"


def network() -> str:
    """Return the figures of the shipped network's card."""
    card = shipped_card()
    metrics = card.card["metrics"]
    landmarks = [
        (
            name,
            figures["cases"],
            f"{figures['mean']:.2f} [{figures['low']:.2f}, {figures['high']:.2f}]",
            f"{figures['median']:.2f}",
            f"{figures['p95']:.2f}",
            " / ".join(f"{100 * share:.0f}" for share in figures["buckets"].values()) + " %",
        )
        for name, figures in metrics["landmarks"].items()
    ]
    index = [
        (
            name,
            figures["cases"],
            f"{figures['mean_absolute']:.4f} [{figures['low']:.4f}, {figures['high']:.4f}]",
            f"{figures['bias']:+.4f}",
            f"{figures['sd']:.4f}",
            f"{100 * figures['sensitivity']:.0f} / {100 * figures['specificity']:.0f} %",
        )
        for name, figures in metrics["ict"].items()
    ]
    headings = ("set", "cases", "mean error, px of a 224 frame [95 %]", "median", "p95")
    buckets = "excellent / very good / good / review"
    agreement = ("set", "cases", "mean absolute error [95 %]", "bias", "sd")
    return (
        f"The shipped network is `{card.version}`.\n\n"
        + table((*headings, buckets), landmarks)
        + "\n"
        + table((*agreement, "sensitivity / specificity at 0.50"), index)
    )


#: What two people differ by, as published; the README names the two papers.
OBSERVERS_LANDMARKS = "4.0 to 4.9 px [1]"
OBSERVERS_ICT = "about 0.011 [2]"


def accuracy() -> str:
    """Return the shipped network's main figures beside those of two people."""
    metrics = shipped_card().card["metrics"]
    rows: list[tuple[Value, ...]] = []
    for name, figures in metrics["landmarks"].items():
        error = f"{figures['mean']:.2f} px [{figures['low']:.2f}, {figures['high']:.2f}]"
        rows.append(("landmarks, mean error", name, figures["cases"], error, OBSERVERS_LANDMARKS))
    for name, figures in metrics["ict"].items():
        low, high = figures["intervals"]["sd"]
        error = f"{figures['sd']:.3f} [{low:.3f}, {high:.3f}]"
        rows.append(("ICT, sd of the difference", name, figures["cases"], error, OBSERVERS_ICT))
    headings = ("what", "on", "radiographs", "thoraq [95 %]", "two people differ by")
    return table(headings, rows)


#: Folders without a module that could say what they hold.
UNPACKAGED = {
    "deploy": "What a machine needs to run it: Dockerfile, compose file, systemd units.",
    "docs": "What people read.",
    "tests": "What holds it up; among them the campaigns chaos, fuzz and mutants.",
}


def folders() -> str:
    """Return each folder with the first sentence of its ``__init__``, two levels deep."""
    found = dict(UNPACKAGED)
    for module in (*ROOT.glob("*/__init__.py"), *ROOT.glob("*/*/__init__.py")):
        folder = str(module.parent.relative_to(ROOT))
        if folder[0] != "." and folder.partition("/")[0] not in UNPACKAGED:
            text = ast.get_docstring(ast.parse(module.read_bytes())) or ""
            found[folder] = " ".join(text.partition("\n\n")[0].replace("``", "`").split())
    return table(
        ("folder", "what it holds"), [(f"`{each}/`", found[each]) for each in sorted(found)]
    )


def contracts() -> str:
    """Return who may import whom: the layers from the top down, and the other rules."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rules = project["tool"]["importlinter"]["contracts"]
    layers = "".join(
        f"{layer}\n" for rule in rules if rule["type"] == "layers" for layer in rule["layers"]
    )
    others = "".join(f"- {rule['name']}\n" for rule in rules if rule["type"] != "layers")
    return f"```\n{layers}```\n\n{others}"


PARTS = {
    "accuracy": accuracy,
    "contracts": contracts,
    "folders": folders,
    "network": network,
    "settings": settings,
    "codes": codes,
    "exits": exits,
    "dictionary": dictionary,
    "vocabulary": vocabulary,
    "overview": overview,
    "reference": reference,
}


def filled(page: str) -> str:
    """Return a page with every marked part made anew."""
    return MARKED.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", page)
