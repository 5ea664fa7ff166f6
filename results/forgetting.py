"""What is left of what is forgotten: on disk, and in the free space of the database."""

from __future__ import annotations

from pathlib import Path

from db.database import Database
from db.erasure_records import ErasurePlan
from db.errors import DatabaseError
from db.query.status import all_statuses
from db.space import is_small, rewrite
from results.leftovers import Leftovers, remove_outputs, remove_reports, strike_reasons
from results.report import PAGE_FILE, REPORT_FILES, former_report_folder, report_folder
from scheduler.settings import Settings


def remove_leftovers(
    database: Database, plan: ErasurePlan, settings: Settings, *, dry_run: bool
) -> Leftovers:
    """Remove the files on disk; reports that also cover other data can be written again."""
    folders, of_others = _report_folders(database, plan, settings)
    parts = (
        remove_outputs(plan.outputs, settings.state / "reports", dry_run=dry_run),
        remove_reports(folders, (*REPORT_FILES, PAGE_FILE), dry_run=dry_run),
        Leftovers(left=[f"{each}: also the report of another batch" for each in of_others]),
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
    """Return the report folders of the batches, and former ones shared with other batches.

    Earlier versions named the folders differently and did not record their outputs.
    """
    own = [report_folder(settings, name) for name in plan.batches]
    candidates = (former_report_folder(settings, name) for name in plan.batches)
    former = [each for each in candidates if each not in own and each.is_dir()]
    if not former:
        return own, []
    others = [
        folder_of(settings, each.batch.name)
        for each in all_statuses(database)
        if each.batch.name not in plan.batches
        for folder_of in (report_folder, former_report_folder)
    ]
    # On a case-insensitive file system several names may be the same folder.
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
