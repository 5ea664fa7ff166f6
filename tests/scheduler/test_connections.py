"""The file of connections: each mistake is named by its key and line, and no value is repeated."""

from __future__ import annotations

from pathlib import Path

import pytest

from db.states import Priority
from scheduler.connections import connections_of, read_connections
from scheduler.errors import ConnectionsInvalid, ConnectionsMissing, ConnectionsUntrusted
from scheduler.settings import Settings

WHOLE = """\
[listen]
address = "0.0.0.0"
foreign = true

[listen.called.THORAQ]
batch = "pacs"

[listen.called."CHEST URGENT"]
priority = "urgent"

[listen.calling.CR1]
addresses = ["10.0.0.5", "10.1.0.0/16", "fd00::/8"]

[listen.tls]
certificate = "/etc/thoraq/listener.pem"
key = "/etc/thoraq/listener.key"
ca = "/etc/thoraq/hospital.pem"
client_certificate = true

[listen.limits]
associations = 8

[nodes.pacs]
title = "PACS"
host = "pacs.hospital"
port = 104

[nodes.web]
url = "https://pacs.hospital/dicom-web"
token_file = "/etc/thoraq/token"
"""


def test_a_whole_file_becomes_records() -> None:
    found = connections_of(WHOLE, Path("connections.toml"))
    assert found.listen is not None
    assert found.listen.port == 11_112
    assert found.listen.called["CHEST URGENT"].priority is Priority.URGENT
    assert [str(each) for each in found.listen.calling["CR1"].addresses] == [
        "10.0.0.5/32",
        "10.1.0.0/16",
        "fd00::/8",
    ]
    assert found.listen.limits.pdu_kb == 128
    assert found.nodes["pacs"].calling == "THORAQ"


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("[listen]\nport = 70000\n[listen.called.A]\n", "line 2: listen.port: "),
        ("[listen]\n\nprot = 1\n[listen.called.A]\n", "line 3: listen.prot: "),
        ("[listen]\n", "line 1: listen.called: "),
        ("\n[listen.called]\n", "line 2: listen.called: "),
        ('[listen.called."A\\\\B"]\n', "line 1: listen.called.A\\B: no AE title"),
        ("[listen.called.ABCDEFGHIJKLMNOPQ]\n", "no AE title"),
        ("[listen]\ncalled.A.priority = 'soon'\n", "line 2: listen.called.A.priority: "),
        ("[listen.called.A]\nbatch = '-x'\n", "line 2: listen.called.A.batch: "),
        (
            "[listen.called.A]\n[listen.calling.B]\naddresses = ['10.0.0.1/8']\n",
            "line 3: listen.calling.B.addresses.0: no IP address or network",
        ),
        (
            "[listen.called.A]\n[listen.tls]\ncertificate = 'a.pem'\nkey = '/b'\n",
            "line 3: listen.tls.certificate: not absolute",
        ),
        (
            "[listen.called.A]\n[listen.tls]\ncertificate='/a'\nkey='/b'\nclient_certificate=true\n",
            "line 2: listen.tls: client_certificate needs ca",
        ),
        ("[nodes.a]\ntitle = 'A'\n", "line 1: nodes.a: give title, host and port, or a url"),
        ("[nodes.a]\nurl = 'https://user:pw@pacs/'\n", "line 2: nodes.a.url: "),
        ("[listen\n", "(at line 1, column 8)"),
        ("[other]\n", "line 1: other: "),
    ],
)
def test_a_mistake_is_named_by_its_key_and_line(text: str, told: str) -> None:
    with pytest.raises(ConnectionsInvalid) as found:
        connections_of(text, Path("connections.toml"))
    assert told in str(found.value)
    assert "pw@" not in str(found.value)
    assert found.value.code == "connections-invalid"


def test_without_the_setting_there_is_no_connection(tmp_path: Path) -> None:
    assert read_connections(Settings(state=tmp_path)).listen is None


def test_a_file_that_others_may_write_is_not_obeyed(tmp_path: Path) -> None:
    path = tmp_path / "connections.toml"
    settings = Settings(state=tmp_path, connections=path)
    with pytest.raises(ConnectionsMissing):
        read_connections(settings)
    path.write_text(WHOLE, encoding="utf-8")
    path.chmod(0o660)
    with pytest.raises(ConnectionsUntrusted):
        read_connections(settings)
    path.chmod(0o640)
    assert read_connections(settings).listen is not None


def test_bytes_that_are_no_text_are_told(tmp_path: Path) -> None:
    path = tmp_path / "connections.toml"
    path.write_bytes(b"\xff\xfe")
    path.chmod(0o600)
    with pytest.raises(ConnectionsInvalid, match="no UTF-8"):
        read_connections(Settings(state=tmp_path, connections=path))
