"""A deidentified export holds no identifier of its input, in any byte of any format."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import fields
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from pydicom.dataset import Dataset

from cli.exits import Exit
from db.database import Database
from radiograph.reading.dicom_header import dicom_header
from radiograph.reading.source import source_dataset
from radiograph.records import Header
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.records import claim, measured, seen, send, store, submit
from tests.cli.forked import run_forked
from tests.results.objects.headers import encoded_header
from tests.results.objects.real import LARGEST
from tests.results.objects.test_identity import IDENTIFIERS, spellings

KEY = {"THORAQ_PATIENT_KEY": "0123456789abcdef" * 4}
FORMS = ("csv", "json", "parquet", "fhir")
#: Header texts that the results state by themselves.
OURS = re.compile(r"(CHEST|THORAX|[FMO]|CR|DX|PA|1\.2\.840\.10008\..*)", re.IGNORECASE)
REAL = (ROOT.parent / "shared" / "data" / "dicom").resolve()


def archive(database: Database, sources: list[tuple[str, Dataset]]) -> None:
    """Store a result of each data set, with its numbers and UIDs as they are in the file."""
    submit(database, [seen(number, path=path) for number, (path, _) in enumerate(sources)])
    heads = [dicom_header(source, "1.2.840.10008.1.2.1") for _, source in sources]
    given = iter(heads)
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        outcomes = [measured(job, **in_fields(next(given))) for job in taken.jobs]
        assert store(database, taken, outcomes) == len(outcomes)


def in_fields(header: Header) -> dict[str, Any]:
    return {each.name: getattr(header, each.name) for each in fields(header)}


def exported(folder: Path, url: str, form: str, *options: str) -> bytes:
    """Return the bytes of an export, and for Parquet also what they hold uncompressed."""
    environment = Commands(folder / "state", KEY | {"THORAQ_DATABASE_URL": url}).environment
    out = folder / f"file.{form}"
    words = ["export", "--out", str(out), "--format", form, "--overwrite", *options]
    ran = run_forked(words, environment)
    assert ran.returncode == Exit.OK, ran.stderr
    data = out.read_bytes()
    if form == "parquet":
        table = pq.read_table(out)
        values = [str(value) for row in table.to_pylist() for value in row.values()]
        data += f"{table.schema}{values}".encode()
    return data


def texts(source: Dataset) -> Iterator[str]:
    """Yield the texts of a header that may identify."""
    for element in source:
        if element.VR in {"PN", "LO", "SH", "UI", "DA", "TM", "ST", "LT"}:
            for value in [element.value] if element.VM < 2 else element.value:
                text = str(value).strip()
                if len(text) > 4 and not OURS.fullmatch(text):
                    yield text


@pytest.mark.parametrize("form", FORMS)
def test_no_identifier_is_in_any_byte(
    tmp_path: Path, database: Database, database_url: str, form: str
) -> None:
    source = source_dataset(encoded_header(dict(IDENTIFIERS)), LARGEST)
    archive(database, [("/srv/Grzeskowiak_Anna/19620313/ACC-77231.dcm", source)])
    looked_for = {
        each
        for value in [*IDENTIFIERS.values(), b"/srv/Grzeskowiak_Anna", b"cpu0@host"]
        for each in spellings(value)
    } - {b"Thorax", b"thorax", b"THORAX"}
    shown = exported(tmp_path, database_url, form)
    assert {b"PID-5543219", b"ACC-77231", b"2024-05-17"} <= {x for x in looked_for if x in shown}
    hidden = exported(tmp_path, database_url, form, "--deidentified")
    assert [each for each in looked_for if each in hidden] == []


@pytest.mark.parametrize("form", FORMS)
@pytest.mark.skipif(not REAL.is_dir(), reason="the real DICOM files are not on this machine")
def test_no_text_of_a_real_header_or_path_is_in_any_byte(
    tmp_path: Path, database: Database, database_url: str, form: str
) -> None:
    found = [each for each in sorted(REAL.rglob("*")) if each.is_file()]
    files = [each for each in found if each.suffix.lower() in {".dcm", ""}]
    sources = [(str(each), source_dataset(each.read_bytes(), LARGEST)) for each in files]
    assert sources
    archive(database, sources)
    looked_for = {text.encode("utf-8", "replace") for _, each in sources for text in texts(each)}
    looked_for |= {str(each).encode() for each in files} | {each.stem.encode() for each in files}
    hidden = exported(tmp_path, database_url, form, "--deidentified")
    assert [each for each in looked_for if each in hidden] == []


def test_a_column_that_identifies_is_refused(tmp_path: Path, database_url: str) -> None:
    environment = Commands(tmp_path / "state", {"THORAQ_DATABASE_URL": database_url}).environment
    words = ["export", "--out", str(tmp_path / "a.csv"), "--columns", "ict,study_uid"]
    ran = run_forked([*words, "--deidentified"], environment)
    assert ran.returncode == Exit.USAGE
    assert "study_uid" in ran.stderr
    assert not (tmp_path / "a.csv").exists()
