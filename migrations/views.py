"""The views for people who query the database: results, points of results, batches of results.

A revision that gives `measurement` or `radiograph` a column calls `make_views` after it: every
column of either is in the view, and a new one comes last. One that takes a column away, or gives
it another type, calls `drop_views` before. Text and order must not change: the definitions of a
copy are compared with those that its revision makes here.
"""

from __future__ import annotations

import sqlalchemy as sa
from alembic import op

#: Every view, in the order in which they are made.
VIEWS = ("results", "points", "result_batches")
#: The points by their number in the stored array.
POINTS = (
    "l1_midline_apex",
    "l2_midline_costophrenic",
    "l3_lung_right_upper",
    "l4_lung_left_upper",
    "l5_lung_right_middle",
    "l6_lung_left_middle",
    "l7_lung_right_lower",
    "l8_lung_left_lower",
    "l9_midline_upper",
    "l10_midline_middle",
    "l11_midline_lower",
    "l12_apex_right",
    "l13_apex_left",
    "l14_costophrenic_right",
    "l15_costophrenic_left",
    "heart_right",
    "heart_left",
    "thorax_right",
    "thorax_left",
)
#: The columns of revision 0016 before those of points, in their order.
_FIRST = (
    *("radiograph", "measurement", "path", "sha256", "pixel_digest", "format", "rows", "columns"),
    *("study_uid", "series_uid", "sop_uid", "patient_id", "accession", "study_date", "modality"),
    *("body_part", "view", "age_years", "sex", "transfer_syntax", "photometric", "bits_stored"),
    *("frames", "spacing_row_mm", "spacing_column_mm", "spacing_source", "reading_note"),
    *("ict", "ict_sd", "ict_low", "ict_high", "ict_rule", "ict_threshold", "enlarged"),
    *("heart_width_px", "thorax_width_px", "heart_width_mm", "thorax_width_mm"),
    *("bucket", "bucket_basis", "expected_error_px224", "expected_error_high_px224"),
    *("frontal_probability", "tilt_degrees", "asymmetry"),
    *("measured_at", "model", "served", "weights_digest", "code_version", "device", "precision"),
    *("worker", "duration_ms", "attempt"),
)
#: What the view has under another name, or not at all.
_LEFT_OUT = {
    "radiograph": {"id", "size", "created_at", "content_digest"},
    "measurement": {"id", "radiograph_id", "model_version", "points", "spreads"},
}


def make_views() -> None:
    """Make the views of the columns that the tables have, in place of those that are there.

    PostgreSQL keeps the rights that were granted on a view, and views that others have built on it.
    """
    sqlite = op.get_bind().dialect.name == "sqlite"
    if sqlite:
        drop_views()
    create = "CREATE VIEW" if sqlite else "CREATE OR REPLACE VIEW"
    for name, statement in zip(
        VIEWS, (_results(sqlite=sqlite), _points(sqlite=sqlite), _BATCHES), strict=True
    ):
        # As it is: alembic takes a colon for the start of a parameter.
        op.get_bind().exec_driver_sql(f"{create} {name} AS {statement}")


def drop_views() -> None:
    """Drop the views that are there, with the rights that were granted on them."""
    for name in reversed(VIEWS):
        op.execute(f"DROP VIEW IF EXISTS {name}")


def _results(*, sqlite: bool) -> str:
    """Return the query of `results`: a row per radiograph that was measured, and network."""
    inspector = sa.inspect(op.get_bind())
    served, joined = 'k."served"', ' LEFT JOIN model k ON k."version" = m."model_version"'
    if sqlite:
        # Not joined: asked for what is served, it would begin with the model and read all of it.
        served, joined = '(SELECT "served" FROM model WHERE "version" = m."model_version")', ""
    found = {
        "radiograph": 'm."radiograph_id"',
        "measurement": 'm."id"',
        "model": 'm."model_version"',
        "served": served,
    }
    for short, table in (("r", "radiograph"), ("m", "measurement")):
        found |= {
            column["name"]: f'{short}."{column["name"]}"'
            for column in inspector.get_columns(table)
            if column["name"] not in _LEFT_OUT[table]
        }
    of_points = {}
    for number, point in enumerate(POINTS):
        of_points |= {
            f"{point}_x": _number("points", number, 0, sqlite=sqlite),
            f"{point}_y": _number("points", number, 1, sqlite=sqlite),
            f"{point}_spread": _number("spreads", number, None, sqlite=sqlite),
        }
    later = [name for name in found if name not in _FIRST]
    columns = {name: found[name] for name in _FIRST if name in found} | of_points
    columns |= {name: found[name] for name in later}
    selected = ", ".join(f'{value} AS "{name}"' for name, value in columns.items())
    return (
        f"SELECT {selected} FROM measurement m"  # noqa: S608
        f' JOIN radiograph r ON r."id" = m."radiograph_id"{joined}'
    )


def _number(column: str, number: int, axis: int | None, *, sqlite: bool) -> str:
    """Return what takes a number out of a JSON array, or out of an array of pairs."""
    if sqlite:
        within = "" if axis is None else f"[{axis}]"
        return f"""json_extract(m."{column}", '$[{number}]{within}')"""
    steps = f"->>{number}" if axis is None else f"->{number}->>{axis}"
    return f'CAST(m."{column}"{steps} AS double precision)'


def _points(*, sqlite: bool) -> str:
    """Return the query of `points`: a row per point of each result."""
    if sqlite:
        x, y = (f"json_extract(m.\"points\", '$[' || p.number || '][{axis}]')" for axis in (0, 1))
        spread = "json_extract(m.\"spreads\", '$[' || p.number || ']')"
    else:
        x, y = (f'CAST(m."points"->p.number->>{axis} AS double precision)' for axis in (0, 1))
        spread = 'CAST(m."spreads"->>p.number AS double precision)'
    named = ", ".join(f"({number}, '{name}')" for number, name in enumerate(POINTS))
    return (
        'SELECT m."radiograph_id" AS radiograph, m."model_version" AS model, p.number AS number,'  # noqa: S608
        f" p.name AS name, {x} AS x, {y} AS y, {spread} AS spread FROM measurement m CROSS JOIN"
        " (SELECT v.column1 AS number, v.column2 AS name"
        f" FROM (VALUES {named}) v) p"
    )


#: The query of `result_batches`: a row per batch that a result is of.
_BATCHES = """
    SELECT DISTINCT b."name" AS batch, f."radiograph_id" AS radiograph, j."model_version" AS model
    FROM file f JOIN batch b ON b."id" = f."batch_id" JOIN job j ON j."id" = f."job_id"
    JOIN measurement m
    ON m."radiograph_id" = f."radiograph_id" AND m."model_version" = j."model_version"
"""
