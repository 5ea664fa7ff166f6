"""The site's connections to other systems: one TOML file, read once and passed down as values.

Each section is one frozen record below; a new kind of connection is one more field of
`Connections`. The file names what is let in and where keys are, so nobody but its owner may write
it.
"""

from __future__ import annotations

import ipaddress
import os
import re
import stat
import tomllib
from collections.abc import Mapping
from pathlib import Path
from typing import Annotated, Any

from pydantic import (
    AfterValidator,
    BaseModel,
    ConfigDict,
    Field,
    PlainValidator,
    ValidationError,
    field_validator,
    model_validator,
)
from pydantic_core import ErrorDetails

from db.states import Priority
from scheduler.errors import ConnectionsInvalid, ConnectionsMissing, ConnectionsUntrusted
from scheduler.names import check_batch_name
from scheduler.settings import Settings

_OTHERS_WRITE = stat.S_IWGRP | stat.S_IWOTH
_MOST_BYTES = 1 << 20
#: A mistake that the rest of a file repeats is not worth more.
_MOST_FAULTS = 5
#: PS3.5 6.2, VR AE: up to 16 characters of ASCII, no control and no backslash.
_TITLE = re.compile(r"[ -\[\]-~]{1,16}")
_NAME = r"""(?:[\w-]+|"[^"]*"|'[^']*')"""
_KEY = re.compile(rf"\s*({_NAME}(?:\s*\.\s*{_NAME})*)\s*=")


def _title(value: str) -> str:
    stripped = value.strip(" ")
    if not stripped or not _TITLE.fullmatch(stripped):
        raise ValueError("no AE title: 1 to 16 ASCII characters, no backslash")
    return stripped


def _absolute(value: Path) -> Path:
    if not value.is_absolute():
        raise ValueError("not absolute; begin the path with a slash")
    return value


def _network(value: object) -> ipaddress.IPv4Network | ipaddress.IPv6Network:
    try:
        return ipaddress.ip_network(str(value))
    except ValueError:
        raise ValueError("no IP address or network, such as 10.0.0.0/24") from None


Title = Annotated[str, AfterValidator(_title)]
File = Annotated[Path, AfterValidator(_absolute)]
Batch = Annotated[str, AfterValidator(check_batch_name)]
Port = Annotated[int, Field(ge=1, le=65_535)]
Network = Annotated[ipaddress.IPv4Network | ipaddress.IPv6Network, PlainValidator(_network)]


class Record(BaseModel):
    """A section; a key that it does not know is a mistake."""

    model_config = ConfigDict(frozen=True, extra="forbid", allow_inf_nan=False)


class ServerTls(Record):
    """How the listener proves who it is, and whether callers have to; paths of PEM files."""

    certificate: File
    key: File
    ca: File | None = None
    client_certificate: bool = False

    @model_validator(mode="after")
    def _check_authority(self) -> ServerTls:
        if self.client_certificate and self.ca is None:
            raise ValueError("client_certificate needs ca, the authority that signed them")
        return self


class ClientTls(Record):
    """How another node is trusted, and what we show it; paths of PEM files."""

    ca: File | None = None
    certificate: File | None = None
    key: File | None = None
    check_hostname: bool = True

    @model_validator(mode="after")
    def _check_pair(self) -> ClientTls:
        if (self.certificate is None) != (self.key is None):
            raise ValueError("certificate and key come together")
        return self


class Limits(Record):
    """What one listener takes at most."""

    associations: int = Field(default=16, ge=1, le=256)
    object_mb: int = Field(default=256, ge=1, le=1 << 14)
    idle_seconds: float = Field(default=60.0, ge=1, le=86_400)
    pdu_kb: int = Field(default=128, ge=4, le=1024)


class Called(Record):
    """What is sent to one of our AE titles. ``batch``: the title where None."""

    batch: Batch | None = None
    priority: Priority = Priority.ROUTINE


class Calling(Record):
    """Who may send. ``addresses``: IP addresses and networks; every address where empty.

    ``batch``, ``priority``: those of the called title where None.
    """

    addresses: tuple[Network, ...] = ()
    batch: Batch | None = None
    priority: Priority | None = None


class Listen(Record):
    """The DICOM listener. ``calling`` empty: whoever calls one of our titles may send.

    ``foreign``: accept reports, presentation states and other objects as well; they are set aside.
    """

    address: str = "0.0.0.0"  # noqa: S104 - other machines call it; the titles say who may
    port: Port = 11_112
    called: Mapping[Title, Called] = Field(min_length=1)
    calling: Mapping[Title, Calling] = Field(default_factory=dict)
    tls: ServerTls | None = None
    limits: Limits = Limits()
    foreign: bool = False

    @field_validator("address")
    @classmethod
    def _check_address(cls, value: str) -> str:
        return str(ipaddress.ip_address(value))


class Node(Record):
    """Another archive: a DICOM node by title, host and port, or a DICOMweb server by its URL."""

    title: Title | None = None
    host: str | None = Field(default=None, min_length=1)
    port: Port | None = None
    calling: Title = "THORAQ"
    tls: ClientTls | None = None
    url: str | None = Field(default=None, pattern=r"^https?://[^\s/@]+(/\S*)?$")
    headers: Mapping[str, str] = Field(default_factory=dict)
    token_file: File | None = None

    @model_validator(mode="after")
    def _check_kind(self) -> Node:
        dimse = [self.title, self.host, self.port]
        if self.url is None and None in dimse:
            raise ValueError("give title, host and port, or a url")
        if self.url is not None and any(each is not None for each in dimse):
            raise ValueError("give title, host and port, or a url, not both")
        if self.url is None and (self.headers or self.token_file is not None):
            raise ValueError("headers and token_file belong to a url")
        return self


class Connections(Record):
    """Every connection of the site."""

    listen: Listen | None = None
    nodes: Mapping[str, Node] = Field(default_factory=dict)


def read_connections(settings: Settings) -> Connections:
    """Read the file that THORAQ_CONNECTIONS names; without the setting there is no connection.

    Raises ConnectionsMissing, ConnectionsUntrusted, ConnectionsInvalid.
    """
    if settings.connections is None:
        return Connections()
    path = settings.connections.absolute()
    return connections_of(_trusted_text(path), path)


def connections_of(text: str, path: Path) -> Connections:
    """Read the text of a file of connections. Raises ConnectionsInvalid, which names each line."""
    try:
        held = tomllib.loads(text)
    except tomllib.TOMLDecodeError as exc:
        raise ConnectionsInvalid.because(f"{path}: {exc}") from None
    try:
        return Connections.model_validate(held)
    except ValidationError as exc:
        faults = exc.errors(include_input=False, include_url=False)
        told = [_fault(each, text) for each in faults[:_MOST_FAULTS]]
        raise ConnectionsInvalid.because(f"{path}: {'; '.join(dict.fromkeys(told))}") from None


def received_folder(settings: Settings) -> Path:
    """Return where objects are kept that were received by network."""
    return (settings.received or settings.state / "received").absolute()


def _trusted_text(path: Path) -> str:
    try:
        with path.open("rb") as file:
            found = os.fstat(file.fileno())
            if found.st_uid not in {0, os.geteuid()} or found.st_mode & _OTHERS_WRITE:
                raise ConnectionsUntrusted.about(path)
            return file.read(_MOST_BYTES).decode("utf-8")
    except OSError as exc:
        raise ConnectionsMissing.because(f"{path}: {exc.strerror}") from exc
    except UnicodeDecodeError:
        raise ConnectionsInvalid.because(f"{path}: no UTF-8 text") from None


def _fault(told: ErrorDetails, text: str) -> str:
    """Name a key, its line, and what is wrong with it; no value, which may be a secret."""
    # What pydantic adds to a location: the member of a union, or that a key of a table is meant.
    location = [str(each) for each in told["loc"] if each != "[key]"]
    known, line = _line_of(location, text)
    where = f"line {line}: " if line else ""
    return f"{where}{'.'.join(known)}: {told['msg'].removeprefix('Value error, ')}"


def _line_of(location: list[str], text: str) -> tuple[list[str], int]:
    """Return as much of a location as the file writes, and the line where it does."""
    table: list[str] = []
    best, best_line = 0, 0
    for number, line in enumerate(text.splitlines(), 1):
        stripped = line.strip()
        if stripped.startswith("["):
            table = _keys(stripped.split("#")[0].strip().strip("[]"))
            path = table
        elif (found := _KEY.match(line)) is not None:
            path = table + _keys(found[1])
        else:
            continue
        if len(path) > best and path == location[: len(path)]:
            best, best_line = len(path), number
    missing = [each for each in location[best:] if not each.startswith("function-")]
    return location[:best] + missing, best_line


def _keys(dotted: str) -> list[str]:
    """Split a key of TOML, such as ``listen.called."CHEST 1"``."""
    try:
        held: Any = tomllib.loads(f"{dotted} = 0")
    except tomllib.TOMLDecodeError:
        return []
    keys = []
    while isinstance(held, dict):
        [(key, held)] = held.items()
        keys.append(key)
    return keys
