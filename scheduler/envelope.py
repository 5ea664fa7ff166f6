"""The envelope of a message: checked and copied, so that only what is known reaches kombu."""

from __future__ import annotations

import base64
from typing import Any, Final

from scheduler.errors import MessageInvalid

#: Far more than any message of thoraq or answer of a worker holds.
LARGEST_BODY_BYTES: Final = 1 << 20
_LONGEST_TAG = 128
_ENCODINGS = (None, "utf-8", "base64")


def open_envelope(raw: object, queue: str) -> dict[str, Any]:
    """Return a new envelope of what kombu needs to deliver ``raw``, taken from ``queue``.

    Kombu looks into an envelope before anybody may refuse the message, and ends its process at one
    that it does not expect. The place a message goes back to is the queue it came from, whatever
    it says itself. Raises MessageInvalid.
    """
    envelope = _dictionary(raw)
    headers = _dictionary(envelope.get("headers"))
    properties = _dictionary(envelope.get("properties"))
    tag = properties.get("delivery_tag")
    body, encoding = envelope.get("body"), properties.get("body_encoding")
    if (
        not (isinstance(tag, str) and 0 < len(tag) <= _LONGEST_TAG and tag.isascii())
        or not (isinstance(body, str) and len(body) <= LARGEST_BODY_BYTES)
        or encoding not in _ENCODINGS
        # Kombu unpacks it, however large it becomes, before it hands the message on.
        or headers.get("compression") is not None
    ):
        raise MessageInvalid
    if encoding == "base64":
        _check_base64(body)
    return {
        "body": body,
        "content-type": _text(envelope.get("content-type")),
        "content-encoding": _text(envelope.get("content-encoding")),
        "headers": headers,
        "properties": {
            "body_encoding": encoding,
            "delivery_tag": tag,
            "delivery_info": {"exchange": "", "routing_key": queue},
            "priority": 0,
        },
    }


def _dictionary(value: object) -> dict[str, Any]:
    if not isinstance(value, dict):
        raise MessageInvalid
    return value


def _text(value: object) -> str:
    if not isinstance(value, str):
        raise MessageInvalid
    return value


def _check_base64(body: str) -> None:
    try:
        base64.b64decode(body.encode("ascii"), validate=True)
    except ValueError as exc:
        raise MessageInvalid from exc
