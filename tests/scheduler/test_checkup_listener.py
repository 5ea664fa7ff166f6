"""What the doctor says of the listener: its file of connections, and its port."""

from __future__ import annotations

import socket
from pathlib import Path

import pytest

from scheduler.checkup.check import Check
from scheduler.checkup.listener import check_listener
from scheduler.settings import Settings


@pytest.fixture
def connections(tmp_path: Path) -> Path:
    path = tmp_path / "connections.toml"
    path.touch(mode=0o600)
    return path


def found(tmp_path: Path, connections: Path, text: str) -> Check:
    connections.write_text(text, encoding="utf-8")
    [check] = check_listener(Settings(state=tmp_path, connections=connections))
    return check


def test_without_a_listener_there_is_nothing_to_check(tmp_path: Path, connections: Path) -> None:
    assert list(check_listener(Settings(state=tmp_path))) == []
    assert list(check_listener(Settings(state=tmp_path, connections=connections))) == []


def test_a_port_is_free_or_another_program_has_it(tmp_path: Path, connections: Path) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        port = taken.getsockname()[1]
        text = f'[listen]\naddress = "127.0.0.1"\nport = {port}\n[listen.called.THORAQ]\n'
        taken.listen()
        check = found(tmp_path, connections, text)
        assert check.ok is False
        assert f"127.0.0.1:{port} is in use by another program" in check.found
        assert check.repair == f"ss -ltnp 'sport = :{port}'"
    check = found(tmp_path, connections, text)
    assert check.ok is True
    assert "is free" in check.found


def test_an_address_of_another_machine_is_told(tmp_path: Path, connections: Path) -> None:
    text = '[listen]\naddress = "192.0.2.1"\n[listen.called.THORAQ]\n'
    check = found(tmp_path, connections, text)
    assert check.ok is False
    assert "EADDRNOTAVAIL" in check.found


def test_a_mistake_in_the_file_is_told_with_its_line(tmp_path: Path, connections: Path) -> None:
    check = found(tmp_path, connections, "[listen]\nport = 0\n[listen.called.THORAQ]\n")
    assert check.ok is False
    assert "line 2: listen.port" in check.found
    assert check.repair is not None
    assert str(connections) in check.repair
