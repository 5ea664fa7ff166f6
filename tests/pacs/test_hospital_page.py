"""The page about hospitals says what the code does."""

from __future__ import annotations

import inspect
import re

from pacs import errors
from pacs.errors import ObjectRefused
from scheduler.connections import Limits, Listen, connections_of
from testbed.checkout import ROOT

PAGE = ROOT / "docs" / "hospital.md"
TEXT = PAGE.read_text(encoding="utf-8")


def test_the_file_of_connections_on_the_page_can_be_used() -> None:
    blocks = re.findall(r"```toml [^\n]*\n(.*?)```", TEXT, re.DOTALL)
    assert len(blocks) == 3
    found = connections_of("\n".join(blocks), PAGE)
    assert found.listen is not None
    assert found.listen.tls is not None
    assert found.nodes["pacs"].port == 104


def test_what_the_page_calls_a_default_is_one() -> None:
    told = dict(re.findall(r"^(\w+) = (\S+) +# default$", TEXT, re.MULTILINE))
    listen = Listen.model_validate({"called": {"A": {}}})
    held = {**listen.model_dump(mode="json"), **Limits().model_dump(mode="json")}
    assert len(told) == 5
    shown = {key: str(held[key]).removesuffix(".0") for key in told if key != "address"}
    assert shown == {key: value for key, value in told.items() if key != "address"}
    assert told["address"] == f'"{held["address"]}"'


def test_every_status_of_a_refused_object_is_told() -> None:
    told = dict(re.findall(r"^\| ([0-9A-F]{4}) \| `([\w-]+)` \|", TEXT, re.MULTILINE))
    refusals = [
        each
        for _, each in inspect.getmembers(errors, inspect.isclass)
        if issubclass(each, ObjectRefused) and each is not ObjectRefused
    ]
    assert told == {f"{each.status:04X}": each.code for each in refusals}
