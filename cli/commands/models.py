"""`thoraq models`."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click

from cli.listing_options import Listing, count_option, listing_options, print_count, print_listing
from cli.options import Paths, settings_option
from cli.output.noted import audited
from cli.output.printing import Form, Row, form_options, print_json, say
from db.models import find_model, list_models, register_model, serve_model, served_model
from db.query.comparison import compare_models
from db.records import Crossing, ModelComparison, ModelRecord
from network.errors import WeightsMismatch
from results.columns import plain
from results.network_figures import figures_row
from scheduler.archive import open_database
from scheduler.networks import brought_in, card_at, card_of, check_figures
from scheduler.preparation import prepare
from scheduler.settings import Settings

#: Every column of the list of networks.
COLUMNS = (
    "model",
    "version",  # former name of "model"; removed in the next version
    "served",
    "parent",
    "landmark_cases",
    "landmark_error_px224",
    "ict_cases",
    "ict_error",
    "weights_digest",
    "registered_at",
)
#: Every column of the radiographs that crossed their threshold.
CROSSING_COLUMNS = (
    "radiograph",
    "ict_before",
    "ict_after",
    "ict_threshold",
    "enlarged",
    "path",
)
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
    database = prepare(settings, version)
    candidate = find_model(database, version)
    check_digest(version, card_of(version, settings).weights_digest, candidate.weights_digest)
    current = served_model(database)
    if current is not None and not force:
        check_figures(candidate, current)
    before, after = serve_model(database, version)
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
    database = prepare(settings)
    card = card_at(folder)
    with brought_in(card, settings):
        register_model(database, card.version, card.weights_digest, card.card, serve=False)
    say(f"{card.version} is registered; serve it with `thoraq models promote {card.version}`")


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


def crossing_row(crossing: Crossing, digits: int | None) -> Row:
    """Return the row of a radiograph that crossed its threshold, its index in ``digits``."""
    return {
        "radiograph": crossing.radiograph_id,
        "ict_before": plain(crossing.ict_before, digits),
        "ict_after": plain(crossing.ict_after, digits),
        "ict_threshold": crossing.threshold,
        "enlarged": crossing.enlarged,
        "path": crossing.path,
    }


def comparison_row(found: ModelComparison) -> Row:
    """Return the figures of the comparison."""
    return {
        "radiographs": found.radiographs,
        "compared": found.compared,
        "mean_change": plain(found.mean_change, 4),
        "mean_absolute_change": plain(found.mean_absolute_change, 4),
        "largest_change": plain(found.largest_change, 4),
    }


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


def check_digest(version: str, found: str, wanted: str) -> None:
    """Refuse files that differ from the registered ones. Raises WeightsMismatch."""
    if found != wanted:
        raise WeightsMismatch.about(version)


def model_row(model: ModelRecord) -> Row:
    """Return the row of a network."""
    return {
        "model": model.version,
        "version": model.version,  # former name of "model"; removed in the next version
        "served": model.served,
        "parent": plain(model.card.get("parent")),
        **figures_row(model.card),
        "weights_digest": model.weights_digest,
        "registered_at": plain(model.registered_at),
    }
