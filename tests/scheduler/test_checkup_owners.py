"""The checkup never suggests to chown a folder of another user's service."""

from __future__ import annotations

import os
from collections.abc import Iterator
from pathlib import Path

import pytest

from db import schema
from db.database import Database
from scheduler.checkup.check import Check
from scheduler.checkup.storage import check_database, check_state
from scheduler.settings import Settings
from tests.cli.other_user import OTHER, as_root, call_as, open_folder

#: The group of the operators.
MEMBERS = 23456


@pytest.fixture
def installed() -> Iterator[Settings]:
    """Yield the state folder of a service of root with `THORAQ_GROUP`."""
    with open_folder() as folder:
        settings = Settings(state=folder / "state")
        schema.upgrade(settings.database)
        os.chown(settings.state, 0, MEMBERS)
        settings.state.chmod(0o2750)
        for each in settings.state.iterdir():
            os.chown(each, 0, MEMBERS)
            each.chmod(0o640)
        yield settings


def looks(settings: Settings) -> list[Check]:
    """Return the doctor's checks of folder and database."""
    return [check_state(settings), check_database(settings)]


def state_as_other(folder: Path, groups: list[int] | None = None) -> Check:
    """Return the checks of a state folder as another user."""
    settings = Settings(state=folder)
    found: Check = call_as(OTHER, groups or [], check_state, settings)
    return found


@as_root
def test_a_group_member_with_read_access_is_informed_without_failure(
    installed: Settings,
) -> None:
    service = Database.open(installed.database)
    with service.read():  # it is running
        state, database = call_as(OTHER, [MEMBERS], looks, installed)
    service.dispose()
    assert (state.ok, state.repair) == (True, None), state
    assert "read only for you; `sudo -u root thoraq ...` writes" in state.found
    assert (database.ok, database.repair) == (True, None), database
    assert database.found.endswith("is up to date; read only for you")


@as_root
@pytest.mark.parametrize("mode", [0o700, 0o750, 0o711, 0o744, 0o000], ids=oct)
def test_no_repair_changes_the_owner_of_a_folder_of_another_user(mode: int) -> None:
    with open_folder() as folder:
        state = folder / "state"
        (state / "deep").mkdir(parents=True)
        state.chmod(mode)
        (folder / "link").symlink_to(state)
        for each in (state, folder / "link"):
            check = state_as_other(each)
            assert not check.ok
            assert "belongs to root" in check.found
            assert check.repair == f"sudo -u root thoraq doctor --state {state}"
        if mode != 0o711:
            assert "belongs to root" in state_as_other(state / "deep").found


@as_root
def test_a_folder_is_created_only_if_absent() -> None:
    with open_folder() as folder:
        check = state_as_other(folder / "new state")
        assert not check.ok
        made = folder / "new state"
        assert check.repair == f"sudo install -d -m 0700 -o {OTHER} '{made}'"
        assert state_as_other(folder).ok
        made.touch()
        assert "is not a folder" in state_as_other(made).found
        assert "install" not in str(state_as_other(made).repair)


@as_root
def test_the_mode_of_an_own_folder_without_access_is_repaired() -> None:
    with open_folder() as folder:
        state = folder / "state"
        state.mkdir()
        os.chown(state, OTHER, OTHER)
        for mode in (0o500, 0o600, 0o000):
            state.chmod(mode)
            check = state_as_other(state)
            assert (check.ok, check.repair) == (False, f"chmod u+rwx {state}")
        os.chown(state, 54321, 54321)
        repair = str(state_as_other(state).repair)
        assert repair.startswith("sudo -u '#54321' thoraq doctor")
