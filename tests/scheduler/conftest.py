"""Fixtures of the scheduler's tests: settings, an app, a served model."""

from __future__ import annotations

import subprocess
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
    """Return settings with a separate state folder."""
    return Settings(state=tmp_path / "state", chunk_size=2, watch_seconds=0.01, settle_seconds=0)


@pytest.fixture
def app(redis_url: str) -> Iterator[Celery]:
    """Return an app on a real, empty broker."""
    created = create_app(redis_url)
    yield created
    created.close()


@pytest.fixture
def served(database: Database) -> Database:
    """Return a database with a served model."""
    register_model(database, "test-1", "0" * 64, {}, serve=True)
    return database


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Return a file system of two megabytes that a test can fill."""
    place = tmp_path / "disk"
    place.mkdir()
    mounted = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=2m", "tmpfs", str(place)],
        capture_output=True,
        check=False,
    )
    if mounted.returncode:
        pytest.skip("only root can mount a small file system")
    yield place
    subprocess.run(["umount", "--lazy", str(place)], check=True)
