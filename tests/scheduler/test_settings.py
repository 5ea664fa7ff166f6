"""Invalid settings, and settings files of others, are refused before anything starts."""

from __future__ import annotations

import base64
import os
import random
import subprocess
import sys
import typing
from pathlib import Path

import pytest
from pydantic import SecretStr

from scheduler.errors import MISCONFIGURED, SettingsUntrusted, WrongSetting
from scheduler.settings import Settings, process_environment, read_settings
from testbed.checkout import ROOT

#: The same in every process that collects the tests.
RANDOM = random.Random(7).randbytes(32)

SENSELESS = {
    float: ("inf", "-inf", "nan", "-1", "1e300", "1e999", "", " ", "9" * 23, "x"),
    int: ("inf", "nan", "-1", "1e300", "", " ", "9" * 23, "9" * 5000, "1.5", "x"),
    bool: ("", " ", "2", "x"),
    str: ("", " "),
    Path: ("", " "),
    SecretStr: ("", " "),
}


def kind_of(name: str) -> type:
    """Return the type of a setting; str for enums."""
    [kind] = {
        each
        for each in (typing.get_args(annotation(name)) or (annotation(name),))
        if each is not type(None)
    }
    return str if issubclass(kind, str) else kind


def annotation(name: str) -> typing.Any:
    return Settings.model_fields[name].annotation


@pytest.fixture(autouse=True)
def away(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.delenv("THORAQ_ENV_FILE")
    monkeypatch.setattr(Settings, "MACHINE_FILE", tmp_path / "etc" / "thoraq.env")


@pytest.mark.parametrize("name", Settings.model_fields)
def test_an_invalid_value_of_any_setting_is_refused_and_named(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    variable = f"THORAQ_{name.upper()}"
    for value in SENSELESS[kind_of(name)]:
        monkeypatch.setenv(variable, value)
        with pytest.raises(WrongSetting) as told:
            read_settings()
        said = str(told.value)
        assert said.startswith(f"{variable}: "), value
        assert "\n" not in said
        assert len(value) < 3 or value not in said


@pytest.mark.parametrize("name", Settings.model_fields)
def test_every_number_has_an_upper_bound_that_the_error_states(
    name: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if kind_of(name) in (int, float):
        monkeypatch.setenv(f"THORAQ_{name.upper()}", "1" + "0" * 12)
        with pytest.raises(WrongSetting, match=r"less than (or equal to )?[\d.]+"):
            read_settings()
    else:
        assert kind_of(name) in SENSELESS


@pytest.mark.parametrize("module", ["scheduler", "worker", "worker.serve"])
def test_every_process_reports_a_wrong_setting_in_one_line(module: str, tmp_path: Path) -> None:
    words = ["--device", "cpu", "--name", "x", "--readers", "1", "--queues", "measure"]
    ran = subprocess.run(
        [sys.executable, "-m", module, *(words if module.startswith("worker") else [])],
        env={
            **process_environment(),
            "THORAQ_STATE": str(tmp_path),
            "THORAQ_LEASE_SECONDS": "nan",
            "PYTHONPATH": str(ROOT),
        },
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == MISCONFIGURED
    assert ran.stderr.startswith("wrong-setting: THORAQ_LEASE_SECONDS: ")
    assert ran.stderr.count("\n") == 1


@pytest.mark.parametrize(
    "key",
    [
        "secret",
        "0123456789abcdef" * 3,  # 24 bytes in hex
        base64.b64encode(bytes(range(31))).decode(),
        base64.urlsafe_b64encode(bytes(range(30))).decode(),
        "00" * 32,
        "ab" * 40,
        "a short phrase, of words",
        "a" * 100,
    ],
)
def test_a_weak_patient_key_is_refused_with_a_command_to_create_one(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THORAQ_PATIENT_KEY", key)
    with pytest.raises(WrongSetting, match=r"THORAQ_PATIENT_KEY: .*openssl rand -hex 32") as told:
        read_settings()
    assert key not in str(told.value)


@pytest.mark.parametrize(
    "key",
    [
        RANDOM.hex(),
        (RANDOM * 2).hex(),
        base64.b64encode(RANDOM).decode(),
        base64.urlsafe_b64encode(RANDOM).decode().rstrip("="),
        "a phrase of words, longer than it is easy to remember",
    ],
)
def test_a_patient_key_of_32_bytes_is_accepted_in_any_encoding(
    key: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("THORAQ_PATIENT_KEY", key)
    taken = read_settings().patient_key
    assert taken is not None
    assert taken.get_secret_value() == key


def test_ones_own_settings_file_is_read() -> None:
    assert read_settings().chunk_size == 64
    Path("thoraq.env").write_text("THORAQ_CHUNK_SIZE=7\n")
    Path("thoraq.env").chmod(0o640)
    assert read_settings().chunk_size == 7


@pytest.mark.parametrize("mode", [0o620, 0o602, 0o666, 0o777, 0o660])
def test_a_settings_file_writable_by_others_is_refused(mode: int) -> None:
    Path("thoraq.env").write_text("THORAQ_CHUNK_SIZE=7\n")
    Path("thoraq.env").chmod(mode)
    with pytest.raises(SettingsUntrusted, match="chmod"):
        read_settings()


@pytest.mark.parametrize("planted", ["link", "dangling", "folder", "pipe"])
def test_a_settings_path_that_is_not_a_file_is_refused_and_not_ignored(planted: str) -> None:
    if planted == "link":
        Path("other.env").write_text("THORAQ_CHUNK_SIZE=7\n")
        Path("thoraq.env").symlink_to("other.env")
    elif planted == "dangling":
        Path("thoraq.env").symlink_to("nowhere")
    elif planted == "folder":
        Path("thoraq.env").mkdir()
    else:
        os.mkfifo("thoraq.env")
    with pytest.raises(SettingsUntrusted):
        read_settings()


@pytest.mark.skipif(os.geteuid() != 0, reason="files of another user are made by root alone")
def test_another_users_settings_file_is_refused() -> None:
    Path("thoraq.env").write_text("THORAQ_DATABASE_URL=sqlite:////tmp/planted.db\n")
    os.chown("thoraq.env", 12345, -1)
    with pytest.raises(SettingsUntrusted, match="12345"):
        read_settings()


def test_a_settings_file_that_is_not_text_is_reported() -> None:
    Path("thoraq.env").write_bytes(b"THORAQ_CHUNK_SIZE=\xff\xfe\n")
    with pytest.raises(WrongSetting, match="UTF-8"):
        read_settings()
