"""The tables of the morning report as rows, each also a CSV file within the page."""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass

from radiograph.csv_lines import CsvLines
from radiograph.measures.quality import RANGES
from radiograph.records import Bucket, View
from results.decimals import decimals
from results.morning.drift import Drift, median
from results.morning.failed import FailedCode
from results.morning.night import Night, checks, direction, measure_name, view_name
from results.morning.pictures import Shown
from results.rows import Row
from scheduler.terminal import printable


@dataclass(frozen=True, slots=True)
class Table:
    """Rows with their columns. ``name``: of its CSV file, without the ending."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[Row, ...]

    @property
    def csv(self) -> str:
        """Return the rows as a data URI of a CSV file."""
        text = io.StringIO(newline="")
        lines = CsvLines(text, self.columns)
        lines.heading()
        for row in self.rows:
            lines.row(row)
        content = text.getvalue().encode("utf-8", "replace")
        return f"data:text/csv;charset=utf-8;base64,{base64.b64encode(content).decode()}"


def check_table(night: Night) -> Table:
    """Return the reasons to trust the batch."""
    words = {True: "ok", False: "look", None: "unknown"}
    rows = [
        {"check": each.name, "state": words[each.passed], "finding": printable(each.finding)}
        for each in checks(night)
    ]
    return _table("checks", ("check", "state", "finding"), rows)


def network_table(night: Night) -> Table:
    """Return which networks measured the batch, and on what."""
    columns = ("network", "weights", "thoraq", "device", "precision", "results")
    rows: list[Row] = [
        dict(
            zip(
                columns,
                (
                    printable(each.model),
                    each.weights_digest[:12],
                    printable(each.code_version),
                    printable(each.device),
                    printable(each.precision),
                    each.results,
                ),
                strict=True,
            )
        )
        for each in night.networks
    ]
    return _table("networks", columns, rows)


def drift_table(found: Sequence[Drift]) -> Table:
    """Return the comparisons with earlier results."""
    rows: list[Row] = [
        {
            "measure": measure_name(each.measure),
            "view": view_name(each.view),
            "against": each.against,
            "results": each.results,
            "results before": each.before,
            "median": _median(each.measure, each.median),
            "median before": _median(each.measure, each.median_before),
            "difference": None if each.difference is None else f"{each.difference:.3f}",
            "p": None if each.p is None else f"{each.p:.2g}",
            "finding": _finding(each),
        }
        for each in found
    ]
    return _table("drift", _DRIFT, rows)


_DRIFT = (
    "measure",
    "view",
    "against",
    "results",
    "results before",
    "median",
    "median before",
    "difference",
    "p",
    "finding",
)


def batch_table(night: Night) -> Table:
    """Return the counts of the batch and of earlier ones."""
    columns = ("batch", "ended", "seen", "measured", "set aside", "failed", "above threshold, %")
    rows: list[Row] = []
    for each in (night.status, *night.earlier):
        compared = each.enlarged + each.not_enlarged
        ended = each.last_settled_at
        values = (
            printable(each.batch.name)[:120],
            None if ended is None else f"{ended:%Y-%m-%d %H:%M}",
            each.seen,
            each.measured,
            each.set_aside,
            each.failed,
            round(100 * each.enlarged / compared, 1) if compared else None,
        )
        rows.append(dict(zip(columns, values, strict=True)))
    return _table("batches", columns, rows)


def picture_table(shown: Sequence[Shown]) -> Table:
    """Return the radiographs that are shown, with what was measured."""
    columns = (
        "radiograph",
        "group",
        "file",
        "view",
        "ict",
        "ict_threshold",
        "expected_error_px224",
        "bucket",
    )
    rows: list[Row] = []
    for each in shown:
        found = each.result.measurement
        values = (
            each.result.radiograph_id,
            each.group,
            each.name,
            str(each.result.header.view),
            _rounded("ict", found.ict.value),
            found.ict.threshold,
            _rounded("expected_error_px224", found.expected_error_px224),
            str(found.bucket),
        )
        rows.append(dict(zip(columns, values, strict=True)))
    return _table("pictures", columns, rows)


def code_table(codes: Sequence[FailedCode]) -> Table:
    """Return the codes of what was not measured."""
    rows: list[Row] = [
        {"code": each.code, "kind": each.kind, "files": each.count, "remedy": each.remedy}
        for each in codes
    ]
    return _table("codes", ("code", "kind", "files", "remedy"), rows)


def file_table(codes: Sequence[FailedCode]) -> Table:
    """Return the files of the codes."""
    rows = [{"code": each.code, **row} for each in codes for row in each.files]
    return _table("files", ("code", "path", "detail"), rows)


def view_table(night: Night) -> Table:
    """Return the results by projection."""
    rows: list[Row] = []
    for view in View:
        index, error = (night.distributions[each] for each in ("ict", "expected_error_px224"))
        if not (index.of(view) or error.of(view)):
            continue
        row: dict[str, str | int | None] = {
            "view": view_name(view),
            "with an ICT": sum(index.of(view).values()),
        }
        row["median ICT"] = _median("ict", median(index.of(view), index.binning.width))
        expected = median(error.of(view), error.binning.width)
        row["median expected error, px"] = _median("expected_error_px224", expected)
        rows.append(row)
    return _table("views", ("view", "with an ICT", "median ICT", "median expected error, px"), rows)


def bucket_table(night: Night) -> Table:
    """Return the results by bucket."""
    measured = max(1, night.status.measured)
    rows: list[Row] = [
        {
            "bucket": bucket.replace("_", " "),
            "expected error, px": RANGES.get(bucket, "none"),
            "results": (count := night.status.buckets.get(bucket, 0)),
            "share, %": round(100 * count / measured, 1),
        }
        for bucket in Bucket
        if bucket is not Bucket.UNRATED or night.status.buckets.get(bucket)
    ]
    return _table("buckets", ("bucket", "expected error, px", "results", "share, %"), rows)


def _table(name: str, columns: tuple[str, ...], rows: Sequence[Row]) -> Table:
    return Table(name, columns, tuple(rows))


def _finding(each: Drift) -> str:
    if each.p is None:
        return "too few"
    if not each.found:
        return "no drift"
    return direction(each)


def _median(measure: str, value: float | None) -> str | None:
    if measure == "bucket":
        return None if value is None else list(Bucket)[round(value)].replace("_", " ")
    return _rounded(measure, value)


def _rounded(measure: str, value: float | None) -> str | None:
    return None if value is None else f"{value:.{decimals(measure) or 3}f}"
