"""The systemd units: valid for systemd-analyze, and according to our requirements."""

from __future__ import annotations

import configparser
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from scheduler.app import create_app
from scheduler.errors import MISCONFIGURED
from scheduler.process_end import LONGEST_SECONDS
from scheduler.settings_file import MACHINE
from tests.docs.pages import whole

FOLDER = Path(__file__).parents[2] / "deploy" / "systemd"
UNITS = sorted(FOLDER.glob("*.service"))
INSTALLED_AT = "/opt/thoraq"
#: Exposure out of ten by `systemd-analyze security`; units with a device need more.
MOST_EXPOSED = 3.5


def lines_of(unit: Path) -> list[tuple[str, str]]:
    """Return the lines of the [Service] section, in which keys may repeat."""
    section = unit.read_text(encoding="utf-8").partition("[Service]\n")[2].partition("[Install]")[0]
    lines = [line for line in section.splitlines() if line and not line.startswith("#")]
    return [(line.partition("=")[0], line.partition("=")[2]) for line in lines]


def service_section(unit: Path) -> configparser.SectionProxy:
    """Return the [Service] section, with the last value of repeated keys."""
    parser = configparser.ConfigParser(
        strict=False, interpolation=None, delimiters=("=",), comment_prefixes=("#",)
    )
    parser.optionxform = str  # type: ignore[assignment,method-assign]
    parser.read(unit, encoding="utf-8")
    return parser["Service"]


@pytest.fixture
def analyze() -> str:
    """Return systemd's checker: skipped without it on a laptop, an error in CI."""
    found = shutil.which("systemd-analyze")
    if found is None:
        if os.environ.get("CI"):  # noqa: TID251 - a test, not the product
            pytest.fail("systemd-analyze is missing: sh deploy/test-servers.sh brings it to root")
        pytest.skip("systemd-analyze is not on this machine: install systemd to check the units")
    return found


@pytest.fixture
def installed(tmp_path: Path) -> Path:
    """Return copies of all units whose programs are replaced by one that exists here."""
    for unit in FOLDER.iterdir():
        there = re.sub(
            rf"{INSTALLED_AT}/\.venv/bin/\w+", sys.executable, unit.read_text(encoding="utf-8")
        )
        (tmp_path / unit.name).write_text(there, encoding="utf-8")
    return tmp_path


def verify(analyze: str, unit: str | Path) -> subprocess.CompletedProcess[str]:
    """Verify a unit with systemd; ``FILE:NAME`` is a file under the name of an instance."""
    return subprocess.run(
        [analyze, "verify", "--man=no", "--recursive-errors=no", str(unit)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_there_is_a_unit_for_each_long_running_command_and_the_nightly_one() -> None:
    assert {unit.name for unit in FOLDER.iterdir()} == {
        "thoraq-up.service",
        "thoraq-scheduler.service",
        "thoraq-worker@.service",
        "thoraq-train.service",
        "thoraq-watch@.service",
        "thoraq-listen.service",
        "thoraq-flower.service",
        "thoraq-backup.service",
        "thoraq-backup.timer",
    }


@pytest.mark.parametrize("name", sorted(unit.name for unit in FOLDER.iterdir()))
def test_systemd_accepts_the_unit_without_warnings(
    name: str, analyze: str, installed: Path
) -> None:
    result = verify(analyze, installed / name)
    assert (result.returncode, result.stderr.strip()) == (0, "")


@pytest.mark.parametrize(
    "instance",
    ["worker@cuda:0", "worker@cuda:0.2", "worker@cpu", "watch@srv-inbox", r"watch@srv-a\x20folder"],
)
def test_systemd_accepts_the_instances_that_the_units_name(
    instance: str, analyze: str, installed: Path
) -> None:
    template = installed / f"thoraq-{instance.partition('@')[0]}@.service"
    result = verify(analyze, f"{template}:thoraq-{instance}.service")
    assert (result.returncode, result.stderr.strip()) == (0, "")


def test_the_check_rejects_an_unknown_key(analyze: str, tmp_path: Path) -> None:
    wrong = tmp_path / "wrong.service"
    wrong.write_text(f"[Service]\nExecStart={sys.executable}\nRestarts=always\n", encoding="utf-8")
    result = verify(analyze, wrong)
    assert "Restarts" in result.stderr


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_no_unit_is_more_exposed_than_its_device_needs(
    unit: Path, analyze: str, installed: Path
) -> None:
    result = subprocess.run(
        [analyze, "security", "--offline=true", str(installed / unit.name)],
        capture_output=True,
        text=True,
        check=False,
    )
    found = re.search(r"exposure level for \S+: ([\d.]+)", result.stdout)
    assert found is not None, result.stdout + result.stderr
    assert float(found[1]) <= MOST_EXPOSED


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_is_sandboxed_and_not_root(unit: Path) -> None:
    service = service_section(unit)
    assert service["User"] == "thoraq"
    assert service["NoNewPrivileges"] == "yes"
    assert service["ProtectSystem"] == "strict"
    assert service["ExecStart"].startswith(f"{INSTALLED_AT}/.venv/bin/")


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_every_unit_reads_the_settings_file_and_sets_nothing_itself(
    unit: Path,
) -> None:
    set_here = " ".join(value for key, value in lines_of(unit) if key.startswith("Environment"))
    assert re.findall(r"THORAQ_\w+=\S+", set_here) == [f"THORAQ_ENV_FILE={MACHINE}"]


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_the_group_of_the_settings_is_the_units_and_needs_no_right_that_units_lack(
    unit: Path,
) -> None:
    service = service_section(unit)
    # Otherwise THORAQ_GROUP would have to set it, which RestrictSUIDSGID forbids.
    assert service["StateDirectoryMode"] == "2750"
    assert service["RestrictSUIDSGID"] == "yes"
    example = (FOLDER.parent / "thoraq.env.example").read_text(encoding="utf-8")
    assert f"#THORAQ_GROUP={service['Group']}\n" in example
    assert f"#THORAQ_STATE=/var/lib/{service['StateDirectory'].split()[0]}\n" in example


@pytest.mark.parametrize("unit", UNITS, ids=lambda unit: unit.name)
def test_memory_and_logs_of_every_unit_have_a_limit(unit: Path) -> None:
    service = service_section(unit)
    assert service["MemoryHigh"][-1] == service["MemoryMax"][-1] or "M" in service["MemoryHigh"]
    assert int(service["LogRateLimitBurst"]) > 0


@pytest.mark.parametrize(
    "unit", [each for each in UNITS if "backup" not in each.name], ids=lambda unit: unit.name
)
def test_a_unit_restarts_except_after_permanent_errors(unit: Path) -> None:
    service = service_section(unit)
    assert "\nStartLimitIntervalSec=0\n" in unit.read_text(encoding="utf-8")
    assert service["Restart"] == "on-failure"
    assert service["RestartPreventExitStatus"].split() == ["2", str(MISCONFIGURED)]


@pytest.mark.parametrize("name", ["worker@", "train", "up"])
def test_workers_have_time_to_return_their_work(name: str) -> None:
    service = service_section(FOLDER / f"thoraq-{name}.service")
    assert service["KillSignal"] == "SIGTERM"
    soft_shutdown_seconds = create_app("redis://localhost").conf.worker_soft_shutdown_timeout
    assert int(service["TimeoutStopSec"]) > max(soft_shutdown_seconds, LONGEST_SECONDS)


def test_the_watch_may_write_only_to_its_folder() -> None:
    written = [
        (unit.name, value)
        for unit in UNITS
        for key, value in lines_of(unit)
        if key == "ReadWritePaths"
    ]
    assert written == [("thoraq-watch@.service", "%f")]


def test_the_command_is_installed_where_sudo_finds_it() -> None:
    install = (FOLDER / "thoraq-scheduler.service").read_text(encoding="utf-8")
    texts = [install, whole()]
    texts += [unit.read_text(encoding="utf-8") for unit in UNITS]
    called = {name for text in texts for name in re.findall(r"sudo -u thoraq (\S+)", text)}
    assert called == {"thoraq"}
    # secure_path of sudo does not contain /opt.
    for name in called:
        assert f"#     ln -s {INSTALLED_AT}/.venv/bin/{name} /usr/local/bin/{name}\n" in install


def test_the_documentation_page_of_a_unit_exists() -> None:
    documents = []
    for unit in [*UNITS, *FOLDER.glob("*.timer")]:
        text = unit.read_text(encoding="utf-8")
        documents += re.findall(rf"^Documentation=file://{INSTALLED_AT}/(\S+)$", text, re.MULTILINE)
    assert len(documents) == len(list(FOLDER.iterdir()))
    assert [name for name in documents if not (FOLDER.parents[1] / name).is_file()] == []


def test_a_folder_that_a_drop_in_opens_is_made_for_the_user_of_the_service() -> None:
    opened = []
    for unit in UNITS:
        head = unit.read_text(encoding="utf-8").partition("[Unit]\n")[0]
        service = service_section(unit)
        for folder in re.findall(r"^#.*\bReadWritePaths=(/[\w/]+)", head, re.MULTILINE):
            opened.append(folder)
            owner = f"-o {service['User']} -g {service['Group']}"
            assert re.search(rf"^#     install -d -m 07[05]0 {owner} {folder}$", head, re.MULTILINE)
    assert sorted(opened) == ["/mnt/backup", "/srv/thoraq"]


def test_the_backup_rotates_copies_in_a_writable_folder() -> None:
    service = service_section(FOLDER / "thoraq-backup.service")
    folder = f"/var/lib/{service['StateDirectory'].split()[1]}"
    assert f"BACKUP_FOLDER={folder}" in service["Environment"]
    assert "--keep ${BACKUP_KEEP}" in service["ExecStart"]


def test_flower_listens_only_on_this_machine() -> None:
    [flower] = [unit for unit in UNITS if "flower" in unit.name]
    assert "--address 127.0.0.1" in service_section(flower)["ExecStart"]
