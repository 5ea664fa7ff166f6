"""Registered networks."""

from __future__ import annotations

import pytest

from db.database import Database
from db.errors import ModelDiffers, ModelUnknown
from db.models import (
    find_model,
    list_models,
    register_model,
    register_shipped,
    serve_model,
    served_model,
)
from db.training.records import NewRun
from db.training.runs import open_run
from testbed.records import START

CARD = {"splits": {"train": 569, "test": 144}, "limits": ["adults"], "error": 5.25}


def test_registering_again_changes_nothing(database: Database) -> None:
    first = register_model(database, "lungs-1", "a" * 64, CARD, serve=False)
    assert register_model(database, "lungs-1", "a" * 64, {}, serve=False) == first
    assert first.card == CARD
    assert served_model(database) is None


def test_one_network_is_served_at_a_time(database: Database) -> None:
    register_model(database, "lungs-1", "a" * 64, CARD, serve=True)
    register_model(database, "lungs-2", "b" * 64, CARD, serve=True)
    served = served_model(database)
    assert served is not None
    assert served.version == "lungs-2"
    assert register_model(database, "lungs-2", "b" * 64, CARD, serve=False).served
    before, after = serve_model(database, "lungs-1")
    assert before is not None
    assert (before.version, after.version, after.served) == ("lungs-2", "lungs-1", True)
    assert [(each.version, each.served) for each in list_models(database)] == [
        ("lungs-1", True),
        ("lungs-2", False),
    ]


def test_a_registered_network_can_be_registered_again_despite_a_run_of_its_name(
    database: Database,
) -> None:
    register_model(database, "night", "a" * 64, CARD, serve=False)
    open_run(database, NewRun("night", "/data", {}), now=START)
    assert register_model(database, "night", "a" * 64, CARD, serve=True).served


def test_a_version_has_one_set_of_weights(database: Database) -> None:
    register_model(database, "lungs-1", "a" * 64, CARD, serve=True)
    with pytest.raises(ModelDiffers, match="new version"):
        register_model(database, "lungs-1", "b" * 64, CARD, serve=True)
    (model,) = list_models(database)
    assert model.weights_digest == "a" * 64


def test_serving_an_unknown_version_changes_nothing(database: Database) -> None:
    register_model(database, "lungs-1", "a" * 64, CARD, serve=True)
    with pytest.raises(ModelUnknown, match="lungs-9"):
        serve_model(database, "lungs-9")
    assert [each.served for each in list_models(database)] == [True]


def shipped(version: str) -> bool:
    return version.startswith("lungs-")


def served(database: Database) -> str | None:
    found = served_model(database)
    return None if found is None else found.version


def test_the_first_shipped_network_is_served(database: Database) -> None:
    register_shipped(database, "lungs-1", "a" * 64, CARD, shipped=shipped)
    assert served(database) == "lungs-1"


def test_a_newer_shipped_network_replaces_an_older_shipped_one(database: Database) -> None:
    register_shipped(database, "lungs-1", "a" * 64, CARD, shipped=shipped)
    register_shipped(database, "lungs-2", "b" * 64, CARD, shipped=shipped)
    assert served(database) == "lungs-2"


def test_starting_the_program_keeps_a_promoted_network(database: Database) -> None:
    register_shipped(database, "lungs-1", "a" * 64, CARD, shipped=shipped)
    register_model(database, "ours", "c" * 64, CARD, serve=False)
    serve_model(database, "ours")
    register_shipped(database, "lungs-1", "a" * 64, CARD, shipped=shipped)
    assert served(database) == "ours"
    register_shipped(database, "lungs-2", "b" * 64, CARD, shipped=shipped)
    assert served(database) == "ours"


def test_going_back_to_an_older_shipped_network_stays(database: Database) -> None:
    register_shipped(database, "lungs-1", "a" * 64, CARD, shipped=shipped)
    register_shipped(database, "lungs-2", "b" * 64, CARD, shipped=shipped)
    serve_model(database, "lungs-1")
    register_shipped(database, "lungs-2", "b" * 64, CARD, shipped=shipped)
    assert served(database) == "lungs-1"


def test_a_network_is_found_by_its_version(database: Database) -> None:
    register_model(database, "lungs-1", "a" * 64, CARD, serve=False)
    assert find_model(database, "lungs-1").card == CARD
    with pytest.raises(ModelUnknown, match="lungs-9"):
        find_model(database, "lungs-9")
