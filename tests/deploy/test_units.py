"""The systemd units: systemd's own checker accepts them."""

from __future__ import annotations

import configparser
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.app import create_app

UNITS = sorted((Path(__file__).parents[2] / "deploy" / "systemd").glob("*.service"))
INSTALLED_AT = "/opt/thoraq"


def service_section(unit: Path) -> configparser.SectionProxy:
    """Read the [Service] section; of a repeated key the last value counts here."""
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser["Service"]


def verify(unit: Path, tmp_path: Path) -> subprocess.CompletedProcess[str]:
    """Let systemd check a unit whose programs are replaced by one that exists here."""
    analyze = shutil.which("systemd-analyze")
    if analyze is None:
        pytest.skip("systemd-analyze is not on this machine: install systemd to check the units")
    there = re.sub(
        rf"{INSTALLED_AT}/\.venv/bin/\w+", sys.executable, unit.read_text(encoding="utf-8")
    )
    copy = tmp_path / unit.name
    copy.write_text(there, encoding="utf-8")
    return subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(copy)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_a_unit_for_each_long_running_command() -> None:
    assert {unit.name for unit in UNITS} == {
        "thoraq-scheduler.service",
        "thoraq-worker@.service",
        "thoraq-watch@.service",
        "thoraq-flower.service",
    }


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_systemd_accepts_the_unit_without_a_word(unit: Path, tmp_path: Path) -> None:
    said = verify(unit, tmp_path)
    assert (said.returncode, said.stderr.strip()) == (0, "")


def test_the_check_would_notice_an_unknown_key(tmp_path: Path) -> None:
    wrong = tmp_path / "source" / "wrong.service"
    wrong.parent.mkdir()
    wrong.write_text(f"[Service]\nExecStart={sys.executable}\nRestarts=always\n", encoding="utf-8")
    said = verify(wrong, tmp_path)
    assert "Restarts" in said.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_is_confined_and_not_root(unit: Path) -> None:
    service = service_section(unit)
    assert service["User"] == "thoraq"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["ExecStart"].startswith(f"{INSTALLED_AT}/.venv/bin/")


def test_a_worker_has_time_to_hand_back_its_work() -> None:
    [worker] = [unit for unit in UNITS if "worker" in unit.name]
    service = service_section(worker)
    assert service["KillSignal"] == "SIGTERM"
    soft_shutdown_seconds = create_app("redis://localhost").conf.worker_soft_shutdown_timeout
    assert int(service["TimeoutStopSec"]) > soft_shutdown_seconds


def test_flower_listens_on_this_machine_alone() -> None:
    [flower] = [unit for unit in UNITS if "flower" in unit.name]
    assert "--address 127.0.0.1" in service_section(flower)["ExecStart"]
