"""Files in the state folder are private; files that an operator requests follow the umask."""

from __future__ import annotations

import grp
import os
import stat
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest

from cli.exits import Exit
from results.row_files import FileForm, write_rows
from scheduler.broker import EmbeddedBroker
from scheduler.errors import KeyUnusable
from scheduler.pseudonym import Pseudonyms
from scheduler.rights import as_operator, claim_state_folder, draft, private_files
from scheduler.settings import Settings
from testbed.commands import Commands

OTHER = 12345
as_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root becomes another user")


def mode(path: Path) -> int:
    return stat.S_IMODE(path.lstat().st_mode)


@pytest.fixture(params=[0o000, 0o022, 0o077], ids=oct)
def umask(request: pytest.FixtureRequest) -> Iterator[int]:
    before = os.umask(request.param)
    yield request.param
    os.umask(before)


def readable_by_other(path: Path) -> bool:
    """Return whether another user can open or list a path."""
    ran = subprocess.run(
        ["ls" if path.is_dir() else "cat", path],
        user=OTHER,
        group=OTHER,
        extra_groups=[],
        capture_output=True,
        check=False,
    )
    return ran.returncode == 0


def test_everything_in_the_state_folder_is_private_to_its_user(tmp_path: Path, umask: int) -> None:
    settings = Settings(state=tmp_path / "state")
    commands = Commands(settings.state)
    assert commands.run("db", "upgrade").returncode == 0
    with private_files(settings):
        Pseudonyms.of(settings)
        broker = EmbeddedBroker(settings.state)
        with broker:
            write_rows([{"a": 1}], ["a"], settings.state / "reports" / "b" / "r.csv", FileForm.CSV)
            found = [settings.state, *settings.state.rglob("*")]
            wide = {each: oct(mode(each)) for each in found if mode(each) & 0o077}
            assert wide == {}
            names = {each.name for each in found}
    assert {"thoraq.db", "patient.key", "broker.sock", "broker.log", "r.csv"} <= names
    assert os.umask(umask) == umask


def test_files_written_elsewhere_follow_the_umask(tmp_path: Path, umask: int) -> None:
    out = tmp_path / "made" / "out.csv"
    with private_files(Settings(state=tmp_path / "state")):
        write_rows([{"a": 1}], ["a"], out, FileForm.CSV)
        with as_operator(tmp_path / "folder"):
            (tmp_path / "folder").mkdir()
    assert mode(out) == 0o666 & ~umask
    assert mode(out.parent) == mode(tmp_path / "folder") == 0o777 & ~umask
    assert [each.name for each in out.parent.iterdir()] == ["out.csv"]


def test_a_link_with_a_predictable_name_is_left_alone(tmp_path: Path) -> None:
    precious = tmp_path / "precious"
    precious.write_text("kept")
    out = tmp_path / "out.csv"
    for name in (".out.csv.part", "out.csv.part", "out.csv.tmp", ".out.csv.tmp", "out.csv"):
        (tmp_path / name).symlink_to(precious)
    write_rows([{"a": 1}], ["a"], out, FileForm.CSV)
    assert precious.read_text() == "kept"
    assert not out.is_symlink()


def test_two_drafts_have_different_names_and_leave_no_files(tmp_path: Path) -> None:
    with draft(tmp_path / "a") as one, draft(tmp_path / "a") as two:
        assert one != two
        assert mode(one) == 0o600
    with pytest.raises(FileNotFoundError), draft(tmp_path / "b"):
        (tmp_path / "nowhere").read_text()
    assert [each.name for each in tmp_path.iterdir()] == ["a"]


def test_an_open_state_folder_is_closed_and_reported(tmp_path: Path) -> None:
    state = tmp_path / "state"
    (state / "logs").mkdir(parents=True)
    (state / "thoraq.db").touch(0o644)
    for each in (state, state / "logs", state / "thoraq.db"):
        each.chmod(mode(each) | 0o044)
    ran = Commands(state).run("status")
    assert "open to others; permissions corrected" in ran.stderr
    assert [mode(each) & 0o077 for each in (state, state / "logs", state / "thoraq.db")] == [0] * 3
    assert "permissions corrected" not in Commands(state).run("status").stderr


def test_a_state_folder_created_by_systemd_is_closed_without_a_group(
    tmp_path: Path,
) -> None:
    state = tmp_path / "state"
    state.mkdir()
    state.chmod(0o2750)
    settings = Settings(state=state)
    with private_files(settings):
        claim_state_folder(settings)
        assert mode(state) == 0o700
    state.chmod(0o2750)
    assert Commands(state).run("db", "upgrade").returncode == 0
    assert mode(state) == 0o700


def test_a_folder_with_other_files_is_reported_and_not_closed(tmp_path: Path) -> None:
    tmp_path.chmod(0o755)
    (tmp_path / "letters.txt").touch(0o644)
    (tmp_path / "patient.key").write_bytes(b"k" * 32)
    (tmp_path / "patient.key").chmod(0o644)
    with private_files(Settings(state=tmp_path)):
        pass
    assert mode(tmp_path) == 0o755
    assert mode(tmp_path / "letters.txt") & 0o044
    assert mode(tmp_path / "patient.key") == 0o600


def test_a_key_readable_by_others_is_closed(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    stored = Pseudonyms.of(settings).stored("4711")
    (tmp_path / "patient.key").chmod(0o640)
    assert Pseudonyms.of(settings).stored("4711") == stored
    assert mode(tmp_path / "patient.key") == 0o600


@pytest.mark.parametrize("held", [b"", b"k" * 31, b"k" * 33])
def test_a_key_file_of_another_length_is_refused(tmp_path: Path, held: bytes) -> None:
    (tmp_path / "patient.key").write_bytes(held)
    with pytest.raises(KeyUnusable, match="restore"):
        Pseudonyms.of(Settings(state=tmp_path))


@as_root
def test_another_users_key_readable_by_others_is_refused(tmp_path: Path) -> None:
    (tmp_path / "patient.key").write_bytes(b"k" * 32)
    (tmp_path / "patient.key").chmod(0o644)
    os.chown(tmp_path / "patient.key", OTHER, OTHER)
    with pytest.raises(KeyUnusable, match="owner"):
        Pseudonyms.of(Settings(state=tmp_path))


@as_root
def test_another_user_can_open_none_of_the_files() -> None:
    # Not in a folder of pytest's, which is not accessible to others.
    with tempfile.TemporaryDirectory(prefix="thoraq-rights-", dir="/tmp") as name:
        folder = Path(name)
        folder.chmod(0o755)
        before = os.umask(0)
        try:
            assert Commands(folder / "state").run("db", "upgrade").returncode == 0
        finally:
            os.umask(before)
        assert readable_by_other(folder)
        assert not readable_by_other(folder / "state")
        assert not readable_by_other(folder / "state" / "thoraq.db")


@as_root
def test_the_configured_group_reads_everything_except_key_and_broker(tmp_path: Path) -> None:
    group = next(each for each in grp.getgrall() if each.gr_gid != os.getgid())
    commands = Commands(tmp_path / "state", {"THORAQ_GROUP": group.gr_name})
    assert commands.run("db", "upgrade").returncode == 0
    state = commands.state
    settings = Settings(state=state, group=group.gr_name)
    with private_files(settings), EmbeddedBroker(state):
        Pseudonyms.of(settings)
        assert mode(state) == 0o2750
        assert mode(state / "thoraq.db") == 0o640
        assert mode(state / "patient.key") == 0o600
        assert mode(state / "broker") & 0o077 == 0
        assert {each.stat().st_gid for each in (state, state / "thoraq.db")} == {group.gr_gid}


@as_root
def test_a_group_configured_later_reads_existing_files(tmp_path: Path) -> None:
    group = next(each for each in grp.getgrall() if each.gr_gid != os.getgid())
    state = tmp_path / "state"
    assert Commands(state).run("db", "upgrade").returncode == 0
    Pseudonyms.of(Settings(state=state))
    (state / "reports" / "night").mkdir(parents=True, mode=0o700)
    with private_files(Settings(state=state, group=group.gr_name)):
        assert mode(state / "thoraq.db") == 0o640
        assert mode(state / "reports" / "night") == 0o750
        assert mode(state / "patient.key") == 0o600
        assert (state / "reports" / "night").stat().st_gid == group.gr_gid


def test_an_unknown_group_is_a_wrong_setting(tmp_path: Path) -> None:
    ran = Commands(tmp_path / "state", {"THORAQ_GROUP": "nobody-has-this"}).run("status")
    assert ran.returncode == Exit.USAGE
    assert "error [wrong-setting]: THORAQ_GROUP" in ran.stderr
