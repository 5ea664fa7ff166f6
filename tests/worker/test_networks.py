"""A worker uses only networks with the registered weights."""

from __future__ import annotations

from pathlib import Path

import pytest

from network.card import shipped_card
from scheduler.settings import Settings
from testbed.networks import make_network
from worker.errors import ModelUnavailable
from worker.networks import Networks


def test_a_network_whose_files_were_replaced_after_registration_is_not_used(
    tmp_path: Path,
) -> None:
    settings = Settings(state=tmp_path / "state")
    make_network(settings.models_folder / "ours", "ours")
    networks = Networks(settings, device="cpu", name="cpu0")
    with pytest.raises(ModelUnavailable, match="are not the registered ones"):
        networks.measurement("ours", lambda _: "0" * 64)
    digest = shipped_card().weights_digest
    assert networks.measurement("ours", {"ours": digest}.get) is networks.measurement("ours")
