"""The morning report of a batch: one HTML page that needs no other file and no network.

Trust first, then what needs a person, then what failed, then the distributions. Its size does not
depend on the batch: sums come from the database, pictures and files are limited.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import UTC, datetime
from pathlib import Path

import jinja2

from db.database import Database
from db.records import BatchStatus
from radiograph.measures.quality import GOOD_FROM, REVIEW_FROM, VERY_GOOD_FROM
from radiograph.records import View
from results.audited_reads import Reading, audited
from results.duration import duration
from results.morning import tables
from results.morning.failed import failed_codes
from results.morning.night import Night, night_of, view_name
from results.morning.pictures import Shown, chosen_results, shown_results
from results.morning.plots import Outlier, Plot, histogram, rate_plot
from results.noted_outputs import log_unnoted, noted_outputs
from results.picture_file import picture_file
from results.sheet import PictureSource
from scheduler.settings import Settings
from scheduler.terminal import printable

TEMPLATE = Path(__file__).with_suffix(".html.jinja")
#: A rate over fewer intervals is not plotted.
LEAST_INTERVALS = 3
#: The axes of the histograms, and the bins of theirs that are drawn as one.
ICT_SPAN, ERROR_SPAN = (0.25, 0.85), (0.0, 24.0)
_TOGETHER = {"ict": 3, "expected_error_px224": 5}

#: Headings of the groups of pictures.
GROUPS = {
    "urgent": ("Most urgent", "The highest ICT above their threshold."),
    "uncertain": ("Least certain", "The highest expected errors."),
    "unusual": ("Unusual", "The lowest ICT; often a cut or a mistaken radiograph."),
}


def write_page(
    database: Database,
    batch: str,
    settings: Settings,
    path: Path,
    pictures: PictureSource,
    *,
    tell: Callable[[str], None] = log_unnoted,
) -> None:
    """Write the morning report of a batch, atomically; it replaces an older file.

    ``pictures``: reads the radiographs again; ``tell`` is called with a message if an audit entry
    or a record cannot be written. Raises BatchUnknown, ReadUnaudited, PlaceUnusable.
    """
    with (
        audited(database, settings, "report", batch=batch, pictures=True, tell=tell) as reading,
        noted_outputs(database, [path], of_batch=batch, tell=tell) as written,
    ):
        page = morning_page(database, batch, settings, pictures, reading)
        with picture_file(path) as file:
            # Bytes of a name that are not UTF-8 are shown as replacement characters.
            file.write(page.encode("utf-8", "replace"))
        written.append(path)


def morning_page(
    database: Database,
    batch: str,
    settings: Settings,
    pictures: PictureSource,
    reading: Reading,
) -> str:
    """Return the page as HTML. Raises BatchUnknown."""
    night = night_of(database, batch, settings.ict_thresholds)
    shown = shown_results(chosen_results(database, batch), pictures, reading)
    codes = failed_codes(database, night.status, reading)
    environment = jinja2.Environment(
        autoescape=True, trim_blocks=True, lstrip_blocks=True, undefined=jinja2.StrictUndefined
    )
    template = environment.from_string(TEMPLATE.read_text(encoding="utf-8"))
    found = tables.check_table(night)
    return template.render(
        batch=printable(batch),
        made_at=f"{datetime.now(UTC):%Y-%m-%d %H:%M} UTC",
        status=night.status,
        endings=_endings(night.status),
        when=_when(night),
        speed=_speed(night),
        attention=[row for row in found.rows if row["state"] == "look"],
        checks=found,
        night=night,
        rate=rate_plot(night.rate, night.step_seconds)
        if len(night.rate) >= LEAST_INTERVALS
        else None,
        networks=tables.network_table(night),
        drift=tables.drift_table(night.drift),
        batches=tables.batch_table(night),
        groups=[(key, *GROUPS[key], [one for one in shown if one.group == key]) for key in GROUPS],
        pictures=tables.picture_table(shown),
        codes=codes,
        code_table=tables.code_table(codes),
        file_table=tables.file_table(codes),
        views=tables.view_table(night),
        buckets=tables.bucket_table(night),
        index_plots=index_plots(night, shown),
        error_plot=error_plot(night, shown),
    )


def index_plots(night: Night, shown: Sequence[Shown]) -> list[Plot]:
    """Return a histogram of the ICT for each projection, with thresholds and pictured results."""
    width = night.distributions["ict"].binning.width * _TOGETHER["ict"]
    plots = []
    for view in View:
        counts = _coarser(night, "ict", view)
        if not counts:
            continue
        here = [each.result for each in shown if each.result.header.view is view]
        # Thresholds are for PA, and for unknown views that the settings treat as PA.
        used = {each.judged.threshold for each in night.status.judged} - {None}
        compared = view is View.PA or any(each.measurement.ict.threshold for each in here)
        plots.append(
            histogram(
                counts,
                _coarser(night, "ict", view, before=True),
                width=width,
                title=f"ICT, {view_name(view)}",
                unit="cardiothoracic index",
                span=ICT_SPAN,
                lines=sorted(each for each in used if each is not None) if compared else (),
                outliers=[
                    Outlier(each.result.measurement.ict.value, each.target, _tip(each))
                    for each in shown
                    if each.result.header.view is view
                    and each.result.measurement.ict.value is not None
                ],
            )
        )
    return plots


def error_plot(night: Night, shown: Sequence[Shown]) -> Plot | None:
    """Return a histogram of the expected errors with the bounds of the buckets."""
    counts = _coarser(night, "expected_error_px224")
    if not counts:
        return None
    binning = night.distributions["expected_error_px224"].binning
    return histogram(
        counts,
        _coarser(night, "expected_error_px224", before=True),
        width=binning.width * _TOGETHER[binning.measure],
        title="Expected error",
        unit="px of a 224 frame",
        span=ERROR_SPAN,
        lines=(VERY_GOOD_FROM, GOOD_FROM, REVIEW_FROM),
        outliers=[
            Outlier(error, each.target, _tip(each))
            for each in shown
            if (error := each.result.measurement.expected_error_px224) is not None
        ],
    )


def _tip(shown: Shown) -> str:
    found = shown.result.measurement
    index = "no ICT" if found.ict.value is None else f"ICT {found.ict.value:.3f}"
    return f"{shown.title}: {index}"


def _coarser(
    night: Night, measure: str, view: View | None = None, *, before: bool = False
) -> dict[int, int]:
    """Return counts with several bins in one, as they are drawn."""
    found: dict[int, int] = {}
    source = night.before if before else night.distributions
    for number, results in source[measure].of(view).items():
        at = round(number / _TOGETHER[measure])
        found[at] = found.get(at, 0) + results
    return found


def _endings(status: BatchStatus) -> list[tuple[int, str]]:
    """Return the terms of the ledger's equation."""
    terms = [
        (status.measured, "measured"),
        (status.set_aside, "set aside"),
        (status.failed, "failed"),
        (status.duplicates, "duplicates"),
    ]
    seldom = [
        (status.cancelled, "cancelled"),
        (status.queued, "waiting"),
        (status.running, "running"),
    ]
    return terms + [each for each in seldom if each[0]]


def _when(night: Night) -> str:
    """Return when the batch ran."""
    first, last = night.status.first_claimed_at, night.status.last_settled_at
    if first is None or last is None:
        return "no file has been taken by a worker yet"
    return f"{first:%Y-%m-%d %H:%M} to {last:%Y-%m-%d %H:%M} UTC"


def _speed(night: Night) -> str:
    """Return the mean rate of the batch."""
    first, last = night.status.first_claimed_at, night.status.last_settled_at
    seconds = 0.0 if first is None or last is None else (last - first).total_seconds()
    if seconds <= 0:
        return "not known"
    ended = sum(each.measured + each.others for each in night.rate)
    return f"{ended / seconds:.1f} radiographs/s over {duration(max(1, seconds))}"
