"""All available real radiographs in one command: the ledger adds up."""

from __future__ import annotations

import subprocess
import sys
from pathlib import Path

import pytest

from testbed.checkout import ROOT
from testbed.commands import Commands

DATA = (ROOT.parent / "shared" / "data").resolve()
FOLDERS = [DATA / "landmarks15/images", DATA / "cardiothoracic/images", DATA / "dicom"]

pytestmark = pytest.mark.skipif(
    not all(folder.is_dir() for folder in FOLDERS),
    reason="the real radiographs are not on this machine",
)


@pytest.mark.timeout(900)
def test_every_real_radiograph_ends_once_and_the_leg_is_set_aside(tmp_path: Path) -> None:
    commands = Commands(tmp_path / "state")
    ran = subprocess.run(
        [sys.executable, "-m", "cli", "process", *map(str, FOLDERS), "--batch", "real"],
        env=commands.environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    files = sum(1 for folder in FOLDERS for _ in folder.iterdir())
    status = commands.json("status", "real")
    assert status["seen"] == files == 813 + 372 + 4
    assert status["failed"] == 0
    assert (
        status["measured"] + status["set_aside"] + status["failed"] + status["duplicates"] == files
    )
    # Up to 2 % may be refused by mistake; nearly white ones are the likeliest.
    assert status["measured"] >= 0.98 * (files - 1)

    results = commands.json("results")
    chests = {Path(r["path"]).name for r in results if Path(r["path"]).parent == FOLDERS[2]}
    assert chests == {path.name for path in FOLDERS[2].glob("chest_*.dcm")}
    [leg] = commands.json("show", FOLDERS[2] / "leg_ap_not_a_chest.dcm")["files"]
    assert (leg["state"], leg["code"]) == ("set_aside", "other-body-part")

    again = commands.run("process", *FOLDERS, "--batch", "real")
    assert again.returncode == 0
    after = commands.json("status", "real")
    assert after["measured"] == status["measured"]
    assert after["seen"] == files
