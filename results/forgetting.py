"""What is left of what is forgotten: on disk, and in the free space of the database."""

from __future__ import annotations

from pathlib import Path

from db.database import Database
from db.erasure_records import ErasurePlan
from db.errors import DatabaseError
from db.query.status import all_statuses
from db.space import is_small, rewrite
from results.leftovers import Leftovers, remove_outputs, remove_reports, strike_reasons
from results.report import REPORT_FILES, former_report_folder, report_folder
from scheduler.settings import Settings


def remove_leftovers(
    database: Database, plan: ErasurePlan, settings: Settings, *, dry_run: bool
) -> Leftovers:
    """Remove reports, pictures and reasons from disk.

    A report that is about more than what goes is removed too, as it can be written again.
    ``dry_run``: only return what would be removed.
    """
    folders, of_others = _report_folders(database, plan, settings)
    parts = (
        remove_outputs(plan.outputs, settings.state / "reports", dry_run=dry_run),
        remove_reports(folders, REPORT_FILES, dry_run=dry_run),
        Leftovers(left=[f"{each}: another batch's report too" for each in of_others]),
        strike_reasons(plan.failed, dry_run=dry_run),
    )
    removed = dict.fromkeys(path for each in parts for path in each.removed)
    return Leftovers(
        removed=list(removed),
        left=list(dict.fromkeys(line for each in parts for line in each.left)),
        ids=[number for each in parts for number in each.ids],
    )


def _report_folders(
    database: Database, plan: ErasurePlan, settings: Settings
) -> tuple[list[Path], list[Path]]:
    """Return where reports of the batches are, and former places that are other batches' too.

    The names of folders differ from those of earlier versions, of which no output is noted.
    """
    own = [report_folder(settings, name) for name in plan.batches]
    places = (former_report_folder(settings, name) for name in plan.batches)
    former = [each for each in places if each not in own and each.is_dir()]
    if not former:
        return own, []
    others = [
        place(settings, each.batch.name)
        for each in all_statuses(database)
        if each.batch.name not in plan.batches
        for place in (report_folder, former_report_folder)
    ]
    # A file system may take names that differ in case for the same.
    shared = [
        each for each in former if any(other.is_dir() and each.samefile(other) for other in others)
    ]
    return own + [each for each in former if each not in shared], shared


def clear_space(settings: Settings, *, vacuum: bool) -> str | None:
    """Have nothing remain in the free space of the database; return why something may.

    ``vacuum``: also where the file is large and others wait meanwhile.
    """
    if not vacuum and not is_small(settings.database):
        return (
            "remains may be in the free space of the database's file: the same command with"
            " --vacuum rewrites it"
        )
    try:
        if rewrite(settings.database):
            return None
        said = "another process reads the former state"
    except DatabaseError as exc:
        said = f"[{exc.code}] {exc}"
    return (
        f"remains may be in the database's files: {said}; run the same command with --vacuum later"
    )
