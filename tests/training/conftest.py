"""Fixtures of the training tests."""

from __future__ import annotations

from pathlib import Path

import pytest

from testbed.data_sets import write_phantoms


@pytest.fixture(scope="session")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Return a folder with both data sets, four phantoms each."""
    return write_phantoms(tmp_path_factory.mktemp("data"))
