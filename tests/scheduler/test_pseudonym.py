"""Patient ids are stored as keyed hashes, one per patient."""

from __future__ import annotations

import stat
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest

from scheduler.errors import KeyUnusable
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings

KEY = "0123456789abcdef" * 4


def test_equal_numbers_have_equal_hashes_and_different_ones_different_hashes(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path)
    first = Pseudonyms.of(settings).stored("4711")
    assert first == Pseudonyms.of(settings).stored(" 4711 ")
    assert first != Pseudonyms.of(settings).stored("4712")
    assert first is not None
    assert "4711" not in first


def test_no_two_patients_share_a_hash(tmp_path: Path) -> None:
    numbers = Pseudonyms.of(Settings(state=tmp_path))
    hashes = {numbers.stored(str(number)) for number in range(200_000)}
    assert len(hashes) == 200_000
    # 128 bits: no collision is to be expected among a billion patients.
    assert {len(bytes.fromhex(each or "")) for each in hashes} == {16}


def test_another_installation_has_other_hashes(tmp_path: Path) -> None:
    here = Pseudonyms.of(Settings(state=tmp_path / "here"))
    there = Pseudonyms.of(Settings(state=tmp_path / "there"))
    assert here.stored("4711") != there.stored("4711")


def test_machines_with_the_same_key_agree(tmp_path: Path) -> None:
    one = Pseudonyms.of(Settings(state=tmp_path / "one", patient_key=KEY))
    two = Pseudonyms.of(Settings(state=tmp_path / "two", patient_key=KEY))
    assert one.stored("4711") == two.stored("4711")


def test_only_its_user_may_read_the_key(tmp_path: Path) -> None:
    Pseudonyms.of(Settings(state=tmp_path))
    assert stat.S_IMODE((tmp_path / "patient.key").stat().st_mode) == 0o600
    assert [each.name for each in tmp_path.iterdir()] == ["patient.key"]


def test_processes_that_start_at_once_use_one_key(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path)
    with ThreadPoolExecutor(8) as pool:
        stored = list(pool.map(lambda _: Pseudonyms.of(settings).stored("4711"), range(32)))
    assert len(set(stored)) == 1


def test_numbers_are_stored_in_clear_if_so_configured(tmp_path: Path) -> None:
    plain = Pseudonyms.of(Settings(state=tmp_path, store_patient_ids=True))
    assert plain.stored("4711") == "4711"
    assert not (tmp_path / "patient.key").exists()


def test_an_absent_number_stays_absent(tmp_path: Path) -> None:
    assert Pseudonyms.of(Settings(state=tmp_path)).stored(None) is None


def test_a_damaged_key_is_reported_and_not_replaced(tmp_path: Path) -> None:
    (tmp_path / "patient.key").write_bytes(b"short")
    with pytest.raises(KeyUnusable, match="restore"):
        Pseudonyms.of(Settings(state=tmp_path))


@pytest.mark.parametrize("made", [False, True], ids=["no-folder", "folder"])
def test_looking_up_a_number_creates_no_key(tmp_path: Path, made: bool) -> None:
    state = tmp_path / "elsewhere"
    if made:
        state.mkdir()
    settings = Settings(state=state)
    for look in (Pseudonyms.in_use, lambda given: Pseudonyms.forms(given, "4711")):
        with pytest.raises(KeyUnusable, match=r"THORAQ_STATE.*THORAQ_PATIENT_KEY"):
            look(settings)
    assert list(tmp_path.rglob("*.key")) == []
    assert state.exists() == made
    stored = Pseudonyms.of(settings).stored("4711")
    assert Pseudonyms.in_use(settings).stored("4711") == stored
    assert stored in Pseudonyms.forms(settings, "4711")


def test_numbers_stored_in_clear_are_looked_up_without_a_key(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, store_patient_ids=True)
    assert Pseudonyms.in_use(settings).stored("4711") == "4711"
    assert set(Pseudonyms.forms(settings, " 4711")) == {" 4711", "4711"}
    assert not (tmp_path / "patient.key").exists()
