"""Parts of the pages generated from the code, between ``begin`` and ``end`` marks."""

from __future__ import annotations

import re

import click
from click.testing import CliRunner

from cli.exits import Exit
from cli.main import COMMANDS, thoraq
from cli.output.vocabulary import FORMER, FORMER_OF, MEANINGS, OF_IMAGES, OF_MACHINE
from radiograph.landmarks import Landmark
from results.codes import code_rows
from results.columns import dictionary_rows
from scheduler.settings import Settings
from tests.docs.card import accuracy, coverage, data, details, limits, network
from tests.docs.markdown import table
from tests.docs.project import contracts, folders, systems

MARKED = re.compile(r"(<!-- begin (\w+) -->\n).*?(<!-- end \2 -->)", re.DOTALL)


def settings() -> str:
    """Return every setting with its default."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = field.default
        if name == "state":
            default = "~/.local/state/thoraq"  # not the path of the machine that generates the page
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
    """Return the columns, with those of the first point only."""
    points = ("_x", "_y", "_spread")
    rows = [
        (f"`{row['column']}`", row["holds"], row["meaning"])
        for row in dictionary_rows()
        if not str(row["column"]).endswith(points) or str(row["column"]).startswith("l1_")
    ]
    return table(("column", "holds", "meaning"), rows)


def vocabulary() -> str:
    """Return every JSON key that is not a column of a measurement."""
    rows = [(f"`{key}`", meaning) for key, meaning in MEANINGS.items()]
    rows += [
        (f"`{old}`", f"former name of `{new}`; will be removed") for old, new in FORMER.items()
    ]
    return table(("key", "meaning"), rows)


def machine_keys() -> str:
    """Return the keys specific to `bench`, `health` and `logs`."""
    return table(("key", "meaning"), [(f"`{key}`", each) for key, each in OF_MACHINE.items()])


def image_keys() -> str:
    """Return the keys specific to `dataset` and `evaluate`."""
    rows = [(f"`{key}`", meaning) for key, meaning in OF_IMAGES.items()]
    rows += [
        (f"`{old}`", f"of `{command}`: former name of `{new}`; leaves soon")
        for command, names in FORMER_OF.items()
        for old, new in names.items()
    ]
    return table(("key", "meaning"), rows)


def help_of(*words: str) -> str:
    """Return the output of ``thoraq WORDS --help`` at 90 columns."""
    result = CliRunner().invoke(
        thoraq, [*words, "--help"], prog_name="thoraq", terminal_width=90, max_content_width=90
    )
    return result.output


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
    """Return the list of commands of `thoraq --help`."""
    return f"```console\n$ thoraq --help\n{help_of()}```\n"


def reference() -> str:
    """Return the help of every command."""
    blocks = [f"$ thoraq {' '.join(words)} --help\n{help_of(*words)}" for words in every_command()]
    return "```console\n" + "\n".join(blocks) + "```\n"


def points() -> str:
    """Return the index of each point in the stored array."""
    return table(("number", "point"), [(int(each), f"`{each.name.lower()}`") for each in Landmark])


PARTS = {
    "accuracy": accuracy,
    "points": points,
    "systems": systems,
    "contracts": contracts,
    "coverage": coverage,
    "data": data,
    "details": details,
    "folders": folders,
    "limits": limits,
    "network": network,
    "settings": settings,
    "codes": codes,
    "exits": exits,
    "dictionary": dictionary,
    "vocabulary": vocabulary,
    "machine_keys": machine_keys,
    "image_keys": image_keys,
    "overview": overview,
    "reference": reference,
}


def filled(page: str) -> str:
    """Return a page with every marked part regenerated."""
    return MARKED.sub(lambda found: f"{found[1]}{PARTS[found[2]]()}{found[3]}", page)
