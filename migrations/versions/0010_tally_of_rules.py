"""The ledger by ICT rule and line, and by what is missing in the headers of results."""

from __future__ import annotations

from collections.abc import Iterator

import sqlalchemy as sa
from alembic import op

revision = "0010"
down_revision = "0009"
branch_labels = None
depends_on = None

_BLAMED = "('set_aside', 'failed')"
#: The columns of a file's group, and their values: `f` is the row of the file, `j` of its job,
#: `m` of the measurement of a measured job, `r` of the radiograph that was measured.
_BEFORE = {
    "batch_id": "f.batch_id",
    "ending": """CASE WHEN f.duplicate THEN 'duplicate'
        WHEN f.disposition IS NOT NULL THEN f.disposition
        ELSE j.state END""",
    "code": f"""CASE WHEN f.duplicate THEN NULL
        WHEN f.disposition IS NOT NULL THEN f.code
        WHEN j.state IN {_BLAMED} THEN j.code END""",
    "bucket": "m.bucket",
    "enlarged": "m.enlarged",
}
_ADDED = {
    "ict_rule": "m.ict_rule",
    "ict_threshold": "m.ict_threshold",
    "view_unknown": "r.view NOT IN ('PA', 'AP')",
    # Without a measurement there is no `r`.
    "age_unknown": "CASE WHEN r.id IS NOT NULL THEN r.age_years IS NULL END",
}
_COLUMNS = {
    "ict_rule": sa.String(length=24),
    "ict_threshold": sa.Float(),
    "view_unknown": sa.Boolean(),
    "age_unknown": sa.Boolean(),
}
_JOB_OF = "job.id = f.job_id AND NOT f.duplicate"
#: Written so that the index of versions is not used: all measurements may have the same version.
_MEASURED = """j.state = 'measured' AND measurement.radiograph_id = j.radiograph_id
    AND measurement.model_version || '' = j.model_version"""
_HEADED = "radiograph.id = m.radiograph_id"
#: Makes PostgreSQL look up each row by its index, even with a plan made for an empty table.
_BY_INDEX = "SET enable_seqscan = off"
_FUNCTIONS = {
    "tally_file_insert": "file",
    "tally_file_update": "file",
    "tally_file_delete": "file",
    "tally_job_update": "job",
    "tally_header_update": "radiograph",
}
#: Written so that the index of states is not used: all jobs may have the same state.
_IS_MEASURED = "state || '' = 'measured'"
#: The ledger depends on whether the header has the view and the age.
_OTHER_HEADER = """
    (was.view NOT IN ('PA', 'AP')) <> (now_is.view NOT IN ('PA', 'AP'))
    OR (was.age_years IS NULL) <> (now_is.age_years IS NULL)
"""


def _sums(kind: dict[str, str], files: str, joined: str, sign: str = "f.sign") -> str:
    numbers = ", ".join(str(number) for number in range(1, len(kind) + 1))
    return f"""
        INSERT INTO tally ({", ".join(kind)}, files, first_claimed_at, last_settled_at)
        SELECT {", ".join(kind.values())}, sum({sign}),
            min(CASE WHEN {sign} > 0 THEN j.first_claimed_at END),
            max(CASE WHEN {sign} > 0 THEN j.settled_at END)
        FROM {files} {joined}
        GROUP BY {numbers}
        HAVING sum({sign}) <> 0
    """  # noqa: S608


# SQLite has only row triggers: each row is subtracted from its old group and added to the new one.
def _sqlite_row(kind: dict[str, str], sign: int, which: str) -> str:
    joined = f"""
        LEFT JOIN job j ON {_JOB_OF.replace("job.", "j.", 1)}
        LEFT JOIN measurement m ON {_MEASURED.replace("measurement.", "m.")}
    """
    if "view_unknown" in kind:
        joined += f"LEFT JOIN radiograph r ON {_HEADED.replace('radiograph.', 'r.', 1)}"
    files = f"(SELECT file.*, {sign} AS sign FROM file WHERE {which}) f"  # noqa: S608
    return _sums(kind, files, joined)


def _sqlite(kind: dict[str, str]) -> Iterator[str]:
    """Yield the statements that create the triggers of a SQLite database."""
    of_job = "job_id = {row}.id AND NOT duplicate"
    events = [
        ("tally_file_insert", "AFTER INSERT ON file", 1, "id = NEW.id"),
        ("tally_file_before", "BEFORE UPDATE OF duplicate ON file", -1, "id = OLD.id"),
        ("tally_file_after", "AFTER UPDATE OF duplicate ON file", 1, "id = NEW.id"),
        ("tally_file_delete", "BEFORE DELETE ON file", -1, "id = OLD.id"),
        ("tally_job_before", "BEFORE UPDATE OF state ON job", -1, of_job.format(row="OLD")),
        ("tally_job_after", "AFTER UPDATE OF state ON job", 1, of_job.format(row="NEW")),
    ]
    if "view_unknown" in kind:
        other = _OTHER_HEADER.replace("was.", "OLD.").replace("now_is.", "NEW.")
        measured = f"SELECT id FROM job WHERE radiograph_id = {{row}}.id AND {_IS_MEASURED}"  # noqa: S608
        of_header = f"job_id IN ({measured}) AND NOT duplicate"
        events += [
            (
                f"tally_header_{when.lower()}",
                f"{when} UPDATE OF view, age_years ON radiograph WHEN {other}",
                sign,
                of_header.format(row=row),
            )
            for when, sign, row in (("BEFORE", -1, "OLD"), ("AFTER", 1, "NEW"))
        ]
    for name, event, sign, which in events:
        yield f"CREATE TRIGGER {name} {event} BEGIN {_sqlite_row(kind, sign, which)}; END"


# PostgreSQL counts all rows of a statement at once. Nothing is updated, so that no writer waits.
def _postgresql(kind: dict[str, str]) -> Iterator[str]:
    """Yield the statements that create functions and triggers of a PostgreSQL database."""
    measured = f"""
        LEFT JOIN LATERAL (SELECT * FROM measurement WHERE {_MEASURED} OFFSET 0) m ON true
    """  # noqa: S608
    if "view_unknown" in kind:
        measured += f"""
            LEFT JOIN LATERAL (SELECT * FROM radiograph WHERE {_HEADED} OFFSET 0) r ON true
        """  # noqa: S608
    job = f"LEFT JOIN LATERAL (SELECT * FROM job WHERE {_JOB_OF} OFFSET 0) j ON true"  # noqa: S608
    was, now_is = "SELECT *, -1 AS sign FROM was", "SELECT *, 1 AS sign FROM now_is"
    both = f"({was} UNION ALL {now_is})"
    of_job = """JOIN LATERAL (
        SELECT * FROM file WHERE job_id = j.id AND NOT duplicate OFFSET 0) f ON true"""
    rows = "OLD TABLE AS was NEW TABLE AS now_is"
    functions = [
        (
            "tally_file_insert",
            "INSERT",
            "NEW TABLE AS now_is",
            _sums(kind, f"({now_is}) f", job + measured),
        ),
        ("tally_file_update", "UPDATE", rows, _sums(kind, f"{both} f", job + measured)),
        (
            "tally_file_delete",
            "DELETE",
            "OLD TABLE AS was",
            _sums(kind, f"({was}) f", job + measured),
        ),
        ("tally_job_update", "UPDATE", rows, _sums(kind, f"{both} j", of_job + measured, "j.sign")),
    ]
    if "view_unknown" in kind:
        functions.append(("tally_header_update", "UPDATE", rows, _headers(kind)))
    for name, event, tables, statement in functions:
        yield (
            f"CREATE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql {_BY_INDEX} "
            f"AS $$ BEGIN {statement}; RETURN NULL; END $$"
        )
        yield (
            f"CREATE TRIGGER {name} AFTER {event} ON {_FUNCTIONS[name]} REFERENCING {tables} "
            f"FOR EACH STATEMENT EXECUTE FUNCTION {name}()"
        )


def _headers(kind: dict[str, str]) -> str:
    # Not a join, which would be planned for few rows and take quadratic time for many.
    changed = """(
        SELECT id, view, age_years, sum(sign) AS sign FROM (
            SELECT id, view, age_years, -1 AS sign FROM was
            UNION ALL SELECT id, view, age_years, 1 FROM now_is
        ) both_times GROUP BY id, view, age_years HAVING sum(sign) <> 0
    ) r"""
    joined = f"""
        JOIN LATERAL (
            SELECT * FROM job WHERE radiograph_id = r.id AND {_IS_MEASURED} OFFSET 0) j ON true
        JOIN LATERAL (
            SELECT * FROM file WHERE job_id = j.id AND NOT duplicate OFFSET 0) f ON true
        JOIN LATERAL (SELECT * FROM measurement WHERE {_MEASURED} OFFSET 0) m ON true
    """  # noqa: S608
    return _sums(kind, changed, joined, "r.sign")


def _drop_triggers(*, header: bool) -> None:
    if op.get_bind().dialect.name == "sqlite":
        names = ["file_insert", "file_before", "file_after", "file_delete"]
        names += ["job_before", "job_after"]
        for name in names + (["header_before", "header_after"] if header else []):
            op.execute(f"DROP TRIGGER IF EXISTS tally_{name}")
        return
    for name, table in _FUNCTIONS.items():
        op.execute(f"DROP TRIGGER IF EXISTS {name} ON {table}")
        op.execute(f"DROP FUNCTION IF EXISTS {name}()")


def _make_triggers(kind: dict[str, str]) -> None:
    sqlite = op.get_bind().dialect.name == "sqlite"
    for statement in _sqlite(kind) if sqlite else _postgresql(kind):
        op.execute(statement)


def upgrade() -> None:
    """Add the columns, count existing results by them, and replace the triggers."""
    _drop_triggers(header=False)
    # ADD COLUMN of SQLite appends to the last line of the table's statement, which is compared.
    anew = "always" if op.get_bind().dialect.name == "sqlite" else "never"
    with op.batch_alter_table("tally", recreate=anew) as tally:
        for name, kind in _COLUMNS.items():
            tally.add_column(sa.Column(name, kind, nullable=True))
    # Old entries stay as entries without files, for their times.
    op.execute(
        "UPDATE tally SET files = 0, bucket = NULL, enlarged = NULL WHERE ending = 'measured'"
    )
    measured = """FROM job j
        JOIN file f ON f.job_id = j.id AND NOT f.duplicate
        LEFT JOIN measurement m ON m.radiograph_id = j.radiograph_id
            AND m.model_version = j.model_version
        LEFT JOIN radiograph r ON r.id = m.radiograph_id
        WHERE j.state = 'measured'"""
    kind = _BEFORE | _ADDED
    numbers = ", ".join(str(number) for number in range(1, len(kind) + 1))
    op.execute(
        f"INSERT INTO tally ({', '.join(kind)}, files) "
        f"SELECT {', '.join(kind.values())}, count(*) {measured} GROUP BY {numbers}"
    )
    _make_triggers(kind)


def downgrade() -> None:
    """Drop the columns, and count by the others."""
    _drop_triggers(header=True)
    with op.batch_alter_table("tally") as tally:
        for name in reversed(_COLUMNS):
            tally.drop_column(name)
    _make_triggers(_BEFORE)
