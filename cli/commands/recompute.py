"""`thoraq recompute`."""

from __future__ import annotations

from contextlib import nullcontext
from dataclasses import asdict, replace

import click

from cli.options import filter_options, settings_option
from cli.output.noted import audited
from cli.output.printing import print_json, say
from cli.output.progress import BatchProgress
from db.derivation import recompute as judge_again
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
@click.option("--dry-run", is_flag=True, help="change nothing; say what would change")
@click.option("--json", "as_json", is_flag=True, help="print the counts as a JSON object")
def recompute(*, dry_run: bool, as_json: bool, settings: Settings, wanted: ResultFilter) -> None:
    """Judge stored results by today's settings, and give them the measures they lack.

    ICT rule, threshold, enlarged and bucket follow again from the stored ICT, view, age and
    expected error, of the results that the filters choose, or of all. A measure that thoraq did
    not have when a result was measured follows from the stored points. No file is read and no
    network runs. A bucket that rests on the truth is kept. Interrupted, the same command goes on.

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
    # What changes anything has its own entry.
    noted = audited(database, settings, "recompute --dry-run", batch=wanted.batch, filters=names)
    with noted if dry_run else nullcontext(), BatchProgress() as progress:
        for more in judge_again(database, wanted, settings.ict_thresholds, dry_run=dry_run):
            count += more
            progress.show("judging", f"{count.results} results, {count.changed} changed")
    count = replace(
        count, crossed=tuple(replace(each, path=paths.shown(each.path)) for each in count.crossed)
    )
    if as_json:
        crossed = [crossed_row(each) for each in count.crossed]
        more_keys = {"bucket_changed": count.buckets, "crossed": crossed}
        # "buckets" is what "bucket_changed" was called; leaves in the next version
        print_json({"dry_run": dry_run} | asdict(count) | more_keys)
        return
    if not count.results:
        say("no result is chosen; `thoraq results` takes the same filters", err=True)
        return
    for line in lines(count, dry_run=dry_run):
        say(line)


def lines(count: RecomputeCount, *, dry_run: bool) -> list[str]:
    """Return what changed, and the first radiographs that crossed their threshold."""
    changed = "would change" if dry_run else "changed"
    said = (
        f"{count.results} results, {count.changed} {changed}:"
        f" {count.now_above} now above their threshold, {count.no_longer_above} no longer above,"
        f" {count.newly_compared} newly compared, {count.no_longer_compared} no longer compared"
    )
    if count.filled:
        given = "would be given" if dry_run else "given"
        said += f"; {count.filled} {given} measures that they lacked"
    if count.buckets:
        said += f"; {count.buckets} in another bucket"
    if count.labelled:
        said += f"; {count.labelled} buckets that rest on the truth kept"
    first = [crossed_line(each) for each in count.crossed]
    if (more := count.now_above + count.no_longer_above - len(first)) and first:
        first.append(f"  and {more} more")
    return [said, *first]


def crossed_line(crossed: Crossed) -> str:
    """Return the line of one radiograph."""
    now = crossed.after.enlarged is True
    threshold = (crossed.after if now else crossed.before).threshold
    what = "now above" if now else "no longer above"
    return (
        f"  {what} {threshold}: ICT {crossed.ict or 0:.3f},"
        f" radiograph {crossed.radiograph_id}, {crossed.path}"
    )
