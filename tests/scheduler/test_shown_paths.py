"""Paths are shown in the configured form, and never in full by accident."""

from __future__ import annotations

from pathlib import Path

import pytest
from pydantic import SecretStr

from scheduler.choices import PathForm
from scheduler.errors import KeyUnusable
from scheduler.settings import Settings
from scheduler.shown_paths import ShownPaths

KEY = "0123456789abcdef" * 4
PATH = "/srv/archive/7391846250/a.dcm"


def shown(tmp_path: Path, form: PathForm, roots: str | None = None, path: str = PATH) -> str:
    settings = Settings(state=tmp_path, patient_key=KEY, show_paths=form, roots=roots)
    return ShownPaths(settings).shown(path)


def test_a_path_is_shown_in_full_by_default(tmp_path: Path) -> None:
    assert ShownPaths(Settings(state=tmp_path)).shown(PATH) == PATH
    assert not (tmp_path / "patient.key").exists()


@pytest.mark.parametrize(
    ("roots", "wanted"),
    [
        ("/srv/archive", "7391846250/a.dcm"),
        ("/srv", "archive/7391846250/a.dcm"),
        ("/inbox:/srv/archive", "2:7391846250/a.dcm"),
    ],
    ids=["one", "above", "two"],
)
def test_a_relative_path_is_below_its_root(tmp_path: Path, roots: str, wanted: str) -> None:
    assert shown(tmp_path, PathForm.RELATIVE, roots) == wanted


@pytest.mark.parametrize("roots", [None, "/srv/arch", "/srv/archive/7391846250/a.dcm/b"])
def test_a_path_outside_all_roots_is_hashed(tmp_path: Path, roots: str | None) -> None:
    assert shown(tmp_path, PathForm.RELATIVE, roots) == shown(tmp_path, PathForm.HASHED)


@pytest.mark.parametrize(
    "path", [PATH, "/a/\udcff.dcm", "/a/ü\n;.dcm"], ids=["plain", "byte", "odd"]
)
def test_a_hash_reveals_nothing_and_is_always_the_same(tmp_path: Path, path: str) -> None:
    said = shown(tmp_path, PathForm.HASHED, path=path)
    assert len(said) == 32
    assert set(said) <= set("0123456789abcdef")
    assert said == shown(tmp_path, PathForm.HASHED, path=path)
    other = Settings(state=tmp_path, patient_key="fedcba9876543210" * 4, show_paths=PathForm.HASHED)
    assert said != ShownPaths(other).shown(path)


@pytest.mark.parametrize(
    ("form", "roots", "in_full"),
    [
        (PathForm.FULL, None, True),
        (PathForm.RELATIVE, "/srv/archive", True),
        (PathForm.RELATIVE, "/inbox:/srv/archive/7391846250", True),
        (PathForm.RELATIVE, "/inbox", False),
        (PathForm.RELATIVE, None, False),
        (PathForm.HASHED, "/srv/archive", False),
    ],
)
def test_a_picture_is_named_by_the_file_or_by_the_start_of_the_hash(
    *, tmp_path: Path, form: PathForm, roots: str | None, in_full: bool
) -> None:
    settings = Settings(state=tmp_path, patient_key=KEY, show_paths=form, roots=roots)
    hashed = shown(tmp_path, PathForm.HASHED)
    assert ShownPaths(settings).name(PATH) == ("a.dcm" if in_full else hashed[:12])


@pytest.mark.parametrize("held", ["folder", "cut off"])
def test_relative_paths_are_shown_without_access_to_the_key(tmp_path: Path, held: str) -> None:
    key = tmp_path / "patient.key"
    if held == "folder":
        key.mkdir()  # unreadable also to root
    else:
        key.write_bytes(b"cut off")
    settings = Settings(state=tmp_path, show_paths=PathForm.RELATIVE, roots="/srv/archive")
    assert ShownPaths(settings).shown(PATH) == "7391846250/a.dcm"
    hashed = settings.model_copy(update={"show_paths": PathForm.HASHED})
    for paths, path in ((ShownPaths(settings), "/elsewhere/b.dcm"), (ShownPaths(hashed), PATH)):
        with pytest.raises(KeyUnusable, match="THORAQ_SHOW_PATHS=relative") as raised:
            paths.shown(path)
        assert path not in str(raised.value)


def test_reading_another_machines_database_creates_no_key(tmp_path: Path) -> None:
    settings = Settings(state=tmp_path, show_paths=PathForm.HASHED)
    far = settings.model_copy(update={"database_url": SecretStr("postgresql://server/thoraq")})
    with pytest.raises(KeyUnusable, match="THORAQ_STATE"):
        ShownPaths(far).shown(PATH)
    assert list(tmp_path.iterdir()) == []
    assert ShownPaths(settings).shown(PATH) == ShownPaths(far).shown(PATH)
