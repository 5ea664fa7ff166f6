"""`thoraq models`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli.listing_options import count_option, listing_options, print_count, print_listing
from cli.options import Paths, settings_option
from cli.output.noted import audited
from cli.output.printing import Form, form_options, print_json, say
from db.models import find_model, list_models
from db.query.comparison import compare_models
from db.records import ModelComparison
from results.listing import Listing
from results.model_rows import COLUMNS, CROSSING_COLUMNS, comparison_row, crossing_row, model_row
from scheduler.archive import open_database
from scheduler.networks import (
    promote_network,
    register_network,
)
from scheduler.preparation import prepare
from scheduler.settings import Settings

#: Columns of the table of networks.
IN_TABLE = ("model", "served", "parent", "landmark_error_px224", "ict_error", "registered_at")


@click.group()
def models() -> None:
    """List, compare, register and promote networks.

    \b
    Example:
      thoraq models list
      thoraq models promote our-own
    """


@models.command("list")
@settings_option
@listing_options(COLUMNS, COLUMNS)
@count_option
@form_options
def list_(*, listing: Listing, only_count: bool, form: Form, settings: Settings) -> None:
    """List the networks, oldest first.

    The served network measures new files. Errors are means over all test cases in the network's
    card: landmarks in px of a 224 frame, and the cardiothoracic index. Parent is the network
    whose weights it started from.

    \b
    Example:
      thoraq models list --json
    """
    rows = [model_row(model) for model in list_models(open_database(settings))]
    if only_count:
        print_count(len(rows), form)
        return
    print_listing(rows, form, listing, IN_TABLE)
    if not rows and form is Form.TABLE:
        say("no network is registered yet; `process` and `up` register the shipped one", err=True)


@models.command()
@click.argument("version")
@click.option("--force", is_flag=True, help="promote it even if its errors are larger or unknown")
@settings_option
def promote(version: str, *, force: bool, settings: Settings) -> None:
    """Serve another network: measure new files with it from now on.

    A network is refused unless --force is given if its card states an error above the 95 %
    interval of the served network's error, or no error.

    Nothing is restarted: queued files are measured with the network they were queued for, new
    files with this one. Results are kept; `remeasure` measures known radiographs again. Promote
    the former network to go back.

    \b
    Example:
      thoraq models promote our-own
      thoraq remeasure --model our-own
    """
    before, after = promote_network(prepare(settings, version), version, settings, force=force)
    if before is not None and before.version == after.version:
        say(f"{after.version} is already served")
        return
    say(f"promoted {after.version}; before: {'none' if before is None else before.version}")


@models.command()
@click.argument("folder", type=Paths(exists=True))
@settings_option
def register(folder: Path, settings: Settings) -> None:
    """Register a network made elsewhere: a folder with card.json and its weights.

    Its files are copied to the folder from which workers load networks. It is used once it is
    promoted, or with --model.

    \b
    Example:
      thoraq models register /media/usb/our-own
      thoraq submit /archive/2024 --model our-own
    """
    version = register_network(prepare(settings), folder, settings)
    say(f"{version} is registered; serve it with `thoraq models promote {version}`")


@models.command()
@click.argument("before", metavar="OLD")
@click.argument("after", metavar="NEW")
@settings_option
@listing_options(CROSSING_COLUMNS, CROSSING_COLUMNS)
@form_options
def compare(before: str, after: str, *, listing: Listing, form: Form, settings: Settings) -> None:
    """Compare two networks on the radiographs that both measured.

    Lists radiographs that only one of them puts above the ICT threshold, largest change first,
    and summarizes the changes of the index. Changes are NEW minus OLD.

    \b
    Example:
      thoraq remeasure --model our-own
      thoraq models compare thoraq-2 our-own
    """
    database = open_database(settings)
    for version in (before, after):
        find_model(database, version)
    with audited(database, settings, "models compare") as reading:
        found = compare_models(database, before, after)
        digits = None if form is Form.TABLE else 4  # a table rounds by itself
        rows = list(reading.shown(crossing_row(each, digits) for each in found.crossed))
    if form is Form.JSON:
        crossed = list(listing.rows(listing.in_order(rows)))
        print_json({**comparison_row(found), "crossed": crossed})
        return
    print_listing(rows, form, listing)
    if form is Form.TABLE:
        for line in comparison_lines(found):
            say(line)


def comparison_lines(found: ModelComparison) -> Iterator[str]:
    """Yield the comparison as text."""
    if found.crossed:
        yield ""
    up = sum(each.enlarged for each in found.crossed)
    down = len(found.crossed) - up
    yield f"{found.radiographs} measured by both: {up} now above the threshold, {down} no longer"
    if found.mean_change is not None and found.mean_absolute_change is not None:
        yield (
            f"ICT of {found.compared}: mean change {found.mean_change:+.3f}, mean absolute"
            f" {found.mean_absolute_change:.3f}, largest {found.largest_change:.3f}"
        )
