"""`thoraq show`."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import click

from cli.errors import NotMeasured
from cli.options import settings_option
from cli.out_option import PictureFile, out_option
from cli.output.noted import audited, noted_outputs
from cli.output.printing import Row, as_text, print_json, print_table, say
from db.archive import is_hashed
from db.database import Database
from db.query.results import file_outcomes, find_results
from db.records import Result, ResultFilter
from results.columns import outcome_row, result_row
from results.decimals import decimals
from results.picture_file import FORMATS, save_picture
from results.sheet import overlay, picture_title
from results.shown_rows import SHOWN, normal_note, shown_ending, shown_row
from scheduler.archive import open_database
from scheduler.names import named_study
from scheduler.settings import Settings
from worker.pictures import Pictures

#: Longest side of a drawing, in pixels.
OVERLAY_SIDE_PX = 1024


@click.command()
@click.argument("study")
@out_option(
    PictureFile(*FORMATS),
    "draw the landmarks and callipers on the image, in the format of the extension: "
    + ", ".join(each.removeprefix(".") for each in FORMATS),
)
@click.option("--json", "as_json", is_flag=True, help="a JSON object, every column")
@settings_option
def show(study: str, out: Path | None, *, as_json: bool, settings: Settings) -> None:
    """Show one STUDY and draw its landmarks.

    Shows how its files ended, what was measured, and with which network.

    STUDY is a study or SOP UID, a radiograph id, the first eight digits or more of a SHA-256, or
    the path of a file. --out reads the file again and draws on it, unless it has changed since it
    was measured.

    \b
    Example:
      thoraq show 17 --out overlay.png
      thoraq show /archive/2024/p0031.dcm
    """
    database = open_database(settings)
    name = named_study(study)
    with audited(database, settings, "show", filters=("study",), pictures=out is not None) as (
        reading
    ):
        endings = list(reading.shown(map(outcome_row, file_outcomes(database, study=name))))
        found = measurements(database, name) if any(row["radiograph"] for row in endings) else []
        rows = list(reading.shown(map(result_row if as_json else shown_row, found)))
        if as_json:
            print_json({"files": endings, "measurements": rows})
        else:
            print_table(
                [shown_ending(each) for each in endings],
                ("batch", "state", "code", "detail", "attempts", "path"),
                more="--json",
            )
            for row in rows:
                print_measurement(row)
        if out is not None:
            if not found:
                raise NotMeasured.about(study)
            newest = found[-1]  # several networks may have measured the study
            if is_hashed(newest.path) and name.startswith("/"):
                newest = replace(newest, path=name)  # read only if the content is unchanged
            with Pictures(settings) as pictures:
                picture = overlay(
                    newest, pictures, OVERLAY_SIDE_PX, picture_title(newest, reading.paths)
                )
            ids = [newest.radiograph_id]
            with noted_outputs(database, [out], of_radiographs=ids) as written:
                save_picture(picture, out)
                written.append(out)
            say(f"picture written to {out}", err=True)


def measurements(database: Database, study: str) -> list[Result]:
    """Return the measurements of a study, oldest first. Raises StudyUnknown."""
    return list(find_results(database, ResultFilter(study=study)))


def print_measurement(row: Row) -> None:
    """Print one measurement in paragraphs."""
    for group in SHOWN:
        lines = [(name, row[name]) for name in group if row[name] is not None]
        if lines:
            say()
        for name, value in lines:
            shown = as_text(value, digits=decimals(name))
            say(f"{name.replace('_', ' '):<26}{shown}{normal_note(name, shown)}")
