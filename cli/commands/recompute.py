"""`thoraq recompute`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, replace

import click

from cli.options import filter_options, settings_option
from cli.output.noted import audited
from cli.output.printing import print_json, say
from cli.output.progress import BatchProgress
from db.derivation import recompute as recompute_results
from db.derivation_records import Crossed, RecomputeCount
from db.records import ResultFilter
from results.audited_reads import filter_names
from results.recomputed import crossed_row
from scheduler.archive import open_database
from scheduler.settings import Settings
from scheduler.shown_paths import ShownPaths


@click.command()
@settings_option
@filter_options
@click.option("--dry-run", is_flag=True, help="change nothing; show what would change")
@click.option("--json", "as_json", is_flag=True, help="print the counts as a JSON object")
def recompute(*, dry_run: bool, as_json: bool, settings: Settings, wanted: ResultFilter) -> None:
    """Apply the current settings to stored results, and add missing measures.

    Recomputes ICT rule, threshold, enlarged and bucket from the stored ICT, view, age and expected
    error, for the results that match the filters, or all. Measures added to thoraq after a
    result was stored are computed from its stored points. No file is read and no network runs.
    Buckets that come from annotations are kept. If interrupted, run the same command again.

    \b
    Example: an archive of adult PA radiographs whose headers do not say so
      export THORAQ_ICT_ASSUME_PA=true THORAQ_ICT_ASSUME_ADULT=true
      thoraq recompute --dry-run
      thoraq recompute
    """
    database = open_database(settings)
    paths = ShownPaths(settings)
    count = RecomputeCount()
    names = filter_names(wanted)
    # A recompute that changes results has its own audit entry.
    noted = audited(database, settings, "recompute --dry-run", batch=wanted.batch, filters=names)
    with noted if dry_run else nullcontext(), BatchProgress() as progress:
        for more in recompute_results(database, wanted, settings.ict_thresholds, dry_run=dry_run):
            count += more
            progress.show("recomputing", f"{count.results} results, {count.changed} changed")
    count = replace(
        count, crossed=tuple(replace(each, path=paths.shown(each.path)) for each in count.crossed)
    )
    if as_json:
        crossed = [crossed_row(each) for each in count.crossed]
        more_keys = {"bucket_changed": count.buckets, "crossed": crossed}
        # "buckets": former name of "bucket_changed"; removed in the next version
        print_json({"dry_run": dry_run} | asdict(count) | more_keys)
        return
    if not count.results:
        say("no result matches; `thoraq results` takes the same filters", err=True)
        return
    for line in lines(count, dry_run=dry_run):
        say(line)


def lines(count: RecomputeCount, *, dry_run: bool) -> list[str]:
    """Return the changes, and the first radiographs that crossed their threshold."""
    changed = "would change" if dry_run else "changed"
    text = (
        f"{count.results} results, {count.changed} {changed}:"
        f" {count.now_above} now above their threshold, {count.no_longer_above} no longer above,"
        f" {count.newly_compared} newly compared, {count.no_longer_compared} no longer compared"
    )
    if count.filled:
        given = "would be given" if dry_run else "given"
        text += f"; {count.filled} {given} missing measures"
    if count.buckets:
        text += f"; {count.buckets} in another bucket"
    if count.labelled:
        text += f"; {count.labelled} buckets from annotations kept"
    first = [crossed_line(each) for each in count.crossed]
    if (more := count.now_above + count.no_longer_above - len(first)) and first:
        first.append(f"  and {more} more")
    return [text, *first]


def crossed_line(crossed: Crossed) -> str:
    """Return the line of one radiograph."""
    now = crossed.after.enlarged is True
    threshold = (crossed.after if now else crossed.before).threshold
    what = "now above" if now else "no longer above"
    return (
        f"  {what} {threshold}: ICT {crossed.ict or 0:.3f},"
        f" radiograph {crossed.radiograph_id}, {crossed.path}"
    )
