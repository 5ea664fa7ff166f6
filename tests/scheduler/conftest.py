"""What tests of the scheduler share: settings of one test, an app, a served model."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from celery import Celery

from db.database import Database
from db.models import register_model
from scheduler.app import create_app
from scheduler.settings import Settings


@pytest.fixture
def settings(tmp_path: Path) -> Settings:
    """Give settings whose state folder is the test's own."""
    return Settings(state=tmp_path / "state", chunk_size=2, watch_seconds=0.01)


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    """Give an app on a real, empty broker."""
    created = create_app(redis_url)
    yield created
    created.close()


@pytest.fixture
def served(database: Database) -> Database:
    """Give a database that has a model to measure with."""
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    return database
