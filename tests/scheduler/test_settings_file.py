"""One settings file is read, the same by services and operators, and it can be queried."""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from scheduler.checkup.configuration import check_settings
from scheduler.errors import (
    MISCONFIGURED,
    SchedulerError,
    SettingsMissing,
    SettingsUnreadable,
    SettingsUntrusted,
    WrongSetting,
)
from scheduler.settings import Settings, process_environment, read_settings
from testbed.checkout import ROOT
from testbed.commands import Commands

#: An unused user and group.
USER, GROUP = 12345, 23456
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


@pytest.fixture(autouse=True)
def folder(monkeypatch: pytest.MonkeyPatch) -> Iterator[Path]:
    """Return a folder open to everybody, with a working directory and the machine's file.

    Not one of pytest's, which is not accessible to others.
    """
    with tempfile.TemporaryDirectory(prefix="thoraq-settings-", dir="/tmp") as name:
        made = Path(name)
        made.chmod(0o755)
        (made / "here").mkdir(mode=0o755)
        (made / "etc").mkdir(mode=0o755)
        monkeypatch.chdir(made / "here")
        monkeypatch.delenv("THORAQ_ENV_FILE", raising=False)
        monkeypatch.setattr(Settings, "MACHINE_FILE", made / "etc" / "thoraq.env")
        yield made


def write(path: Path, chunk_size: int, mode: int = 0o600) -> Path:
    """Write a settings file that is identified by its chunk size."""
    path.write_text(f"THORAQ_CHUNK_SIZE={chunk_size}\n")
    path.chmod(mode)
    return path


def read_as(user: int, groups: list[int]) -> str:
    """Return the chunk size that another user reads, or the code of the error."""
    reader, writer = os.pipe()
    child = os.fork()
    if child == 0:
        try:
            os.setgroups(groups)
            os.setresgid(user, user, user)
            os.setresuid(user, user, user)
            said = str(read_settings().chunk_size)
        except SchedulerError as exc:
            said = exc.code
        except BaseException as exc:  # noqa: BLE001 - told to the parent
            said = repr(exc)
        os.write(writer, said.encode())
        os._exit(0)
    os.close(writer)
    os.waitpid(child, 0)
    with os.fdopen(reader) as answer:
        return answer.read()


def test_exactly_one_file_is_read_and_the_environment_takes_precedence(
    folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    assert read_settings().chunk_size == 64
    write(Settings.MACHINE_FILE, 7)
    assert read_settings().chunk_size == 7
    Path("thoraq.env").write_text("THORAQ_READERS=3\n")
    Path("thoraq.env").chmod(0o600)
    assert (read_settings().chunk_size, read_settings().readers) == (64, 3)
    monkeypatch.setenv("THORAQ_ENV_FILE", str(write(folder / "named.env", 9)))
    assert (read_settings().chunk_size, read_settings().readers) == (9, None)
    monkeypatch.setenv("THORAQ_CHUNK_SIZE", "11")
    assert read_settings().chunk_size == 11
    monkeypatch.delenv("THORAQ_CHUNK_SIZE")
    monkeypatch.setenv("THORAQ_ENV_FILE", os.devnull)
    assert (read_settings().chunk_size, read_settings().readers) == (64, None)


@pytest.mark.parametrize("named", ["nowhere.env", "nowhere/thoraq.env", "here"])
def test_a_missing_settings_file_is_an_error_if_it_is_named(
    named: str, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    write(Settings.MACHINE_FILE, 7)
    monkeypatch.setenv("THORAQ_ENV_FILE", str(folder / named))
    with pytest.raises(
        (SettingsMissing, SettingsUntrusted), match=r"THORAQ_ENV_FILE|is not a regular file"
    ):
        read_settings()


@pytest.mark.parametrize("named", ["", " "])
def test_an_empty_file_name_is_a_wrong_setting(named: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("THORAQ_ENV_FILE", named)
    with pytest.raises(WrongSetting, match="THORAQ_ENV_FILE"):
        read_settings()


@as_root
def test_only_the_group_reads_the_machines_file_and_others_get_no_other_database(
    folder: Path,
) -> None:
    os.chown(write(Settings.MACHINE_FILE, 7, 0o640), 0, GROUP)
    assert read_as(USER, [GROUP]) == "7"
    assert read_as(USER, []) == SettingsUnreadable.code
    os.chown(folder / "etc", 0, GROUP)
    (folder / "etc").chmod(0o750)
    assert read_as(USER, [GROUP]) == "7"
    assert read_as(USER, []) == SettingsUnreadable.code
    # A user with another file, named or in the working directory, does not need the group.
    os.chown(write(Path("thoraq.env"), 5), USER, USER)
    assert read_as(USER, []) == "5"


@as_root
@pytest.mark.parametrize(("mode", "owner"), [(0o660, 0), (0o646, 0), (0o644, USER + 1)])
def test_the_machines_file_is_refused_if_others_can_write_it(mode: int, owner: int) -> None:
    os.chown(write(Settings.MACHINE_FILE, 7, mode), owner, GROUP)
    assert read_as(USER, [GROUP]) == SettingsUntrusted.code


@as_root
def test_an_inaccessible_working_directory_has_no_settings(folder: Path) -> None:
    os.chown(write(Settings.MACHINE_FILE, 7, 0o640), 0, GROUP)
    write(Path("thoraq.env"), 5)
    (folder / "here").chmod(0o700)
    assert read_as(USER, [GROUP]) == "7"


@as_root
def test_an_unreadable_file_in_the_working_directory_is_not_ignored(
    folder: Path,
) -> None:
    os.chown(write(Settings.MACHINE_FILE, 7, 0o640), 0, GROUP)
    write(folder / "here" / "thoraq.env", 5)
    assert read_as(USER, [GROUP]) == SettingsUnreadable.code


def test_a_wrong_value_is_reported_with_its_file(monkeypatch: pytest.MonkeyPatch) -> None:
    write(Settings.MACHINE_FILE, 0)
    with pytest.raises(WrongSetting) as told:
        read_settings()
    assert str(told.value).endswith(f"({Settings.MACHINE_FILE})")
    monkeypatch.setenv("THORAQ_CHUNK_SIZE", "-1")
    with pytest.raises(WrongSetting) as told:
        read_settings()
    assert str(Settings.MACHINE_FILE) not in str(told.value)


def test_the_doctor_reports_the_file_and_what_overrides_it(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    assert check_settings().found == "the environment alone; no settings file was found"
    machine = write(Settings.MACHINE_FILE, 7)
    assert check_settings().found == str(machine)
    local = write(Path("thoraq.env"), 5).absolute()
    monkeypatch.setenv("THORAQ_CHUNK_SIZE", "6")
    assert check_settings().found == (
        f"{local}; the environment decides instead: THORAQ_CHUNK_SIZE; {machine} is not read"
    )


@pytest.mark.parametrize("setting", ["DATABASE_URL", "BROKER_URL", "PATIENT_KEY"])
def test_a_secret_readable_by_every_user_is_reported_with_the_command_to_close_it(
    setting: str,
) -> None:
    path = Path("thoraq.env")
    write(path, 7, 0o644)
    assert check_settings().ok
    path.write_text(f"THORAQ_{setting}=redis://:secret@host/0\n")
    found = check_settings()
    assert (found.ok, found.repair) == (False, f"chmod o-rwx {path.absolute()}")
    assert "secret@" not in found.found
    path.chmod(0o640)
    assert check_settings().ok


def test_commands_and_processes_read_the_named_file(folder: Path) -> None:
    named = folder / "named.env"
    named.write_text(f"THORAQ_STATE={folder / 'elsewhere'}\n")
    environment = {**process_environment(), "THORAQ_ENV_FILE": str(named), "PYTHONPATH": str(ROOT)}
    ran = subprocess.run(
        [sys.executable, "-m", "cli", "db", "upgrade"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert (folder / "elsewhere" / "thoraq.db").exists()
    named.unlink()
    told = Commands(folder / "state", {"THORAQ_ENV_FILE": str(named)}).module("scheduler")
    assert told.returncode == MISCONFIGURED
    assert told.stderr.startswith(f"{SettingsMissing.code}: ")
    assert told.stderr.count("\n") == 1
