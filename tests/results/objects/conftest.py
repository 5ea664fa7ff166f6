"""Real radiographs, measured once by the real command, and the programs that judge objects."""

from __future__ import annotations

import os
import shutil

import pytest

from db.database import Database
from db.query.results import find_results
from db.records import ResultFilter
from radiograph.records import ImageFormat
from scheduler.settings import Settings
from testbed.checkout import ROOT
from testbed.commands import Commands
from testbed.dicom_validators import NoProgram, program
from tests.results.objects.real import RealArchive, measured

DATA = (ROOT.parent / "shared" / "data").resolve()


def need(*names: str) -> None:
    """Skip where a program is missing, but not in CI."""
    try:
        for name in names:
            program(name)
    except NoProgram as missing:
        if os.environ.get("CI"):  # noqa: TID251 - this is the edge of the test process
            raise
        pytest.skip(str(missing))


@pytest.fixture(scope="session")
def validators() -> None:
    """Need the programs that judge objects."""
    need("dciodvfy", "dsrdump", "dcmpschk", "dcmp2pgm")


@pytest.fixture(scope="session")
def real_archive(tmp_path_factory: pytest.TempPathFactory) -> RealArchive:
    """Give what thoraq measured of the real DICOM files and of the faulty ones."""
    if not DATA.is_dir():
        pytest.skip("the real DICOM files of ../shared/data are not on this machine")
    folder = tmp_path_factory.mktemp("real")
    for name in ("dicom", "faults"):
        shutil.copytree(DATA / name, folder / "archive" / name)
    commands = Commands(folder / "state", {"THORAQ_STORE_PATIENT_IDS": "true"})
    ran = commands.run("process", folder / "archive", "--batch", "real")
    assert ran.returncode == 0, ran.stdout + ran.stderr
    database = Database.open(Settings(state=commands.state).database)
    found = list(find_results(database, ResultFilter(batch="real")))
    database.dispose()
    files = (measured(each) for each in found if each.header.format is ImageFormat.DICOM)
    return RealArchive(commands, tuple(files))
