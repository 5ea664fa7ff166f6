"""The envelope of a message, validated and copied, so that kombu gets only known fields."""

from __future__ import annotations

import base64
from typing import Any, Final

from scheduler.errors import MessageInvalid

#: Far larger than any message of thoraq or reply of a worker.
LARGEST_BODY_BYTES: Final = 1 << 20
_LONGEST_TAG = 128
_ENCODINGS = (None, "utf-8", "base64")


def open_envelope(raw: object, queue: str) -> dict[str, Any]:
    """Return a new envelope with the fields kombu needs to deliver ``raw``, taken from ``queue``.

    Kombu parses an envelope before the message can be refused, and an unexpected one crashes its
    process. A message is always requeued to the queue it came from, whatever its own fields name.
    Raises MessageInvalid.
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
        # Kombu decompresses the body without a size limit before it delivers it.
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
