"""The compose file: the Compose Specification's schema holds, and so do our promises on it."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

COMPOSE = Path(__file__).parents[2] / "deploy" / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


def own_services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Pick the services that run thoraq's own image."""
    return {
        name: service
        for name, service in compose["services"].items()
        if service["image"].startswith("thoraq:")
    }


def schema_says(document: Path) -> subprocess.CompletedProcess[str]:
    """Check a file against the Compose Specification as check-jsonschema carries it."""
    schema = "vendor.compose-spec"
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(document)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_compose_specification_accepts_the_file() -> None:
    said = schema_says(COMPOSE)
    assert said.returncode == 0, said.stdout + said.stderr


def test_the_check_would_notice_a_wrong_key(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {worker: {image: thoraq, restarts: always}}\n", encoding="utf-8")
    said = schema_says(wrong)
    assert said.returncode == 1
    assert "restarts" in said.stdout + said.stderr


def test_every_service_depended_on_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name


def test_passwords_are_demanded_from_outside_and_never_written_down() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    used = re.findall(r"\$\{(\w*PASSWORD)(.*?)\}", text)
    assert {name for name, _ in used} == {"BROKER_PASSWORD", "DATABASE_PASSWORD", "FLOWER_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in used), "an empty password would be accepted"


def test_flower_is_published_to_this_machine_alone_and_nothing_else_is_published(
    compose: dict[str, Any],
) -> None:
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert published == {"flower": ["127.0.0.1:5555:5555"]}


def test_flower_has_the_password_that_it_asks_for_on_all_addresses(
    compose: dict[str, Any],
) -> None:
    flower = compose["services"]["flower"]
    assert "0.0.0.0" in flower["command"]  # noqa: S104 - of its container
    assert flower["environment"]["THORAQ_FLOWER_PASSWORD"]
    others = own_services(compose)["scheduler"]["environment"]
    assert {"THORAQ_FLOWER_PASSWORD"} == flower["environment"].keys() - others.keys()


def test_each_kind_of_device_has_one_worker_behind_its_profile(compose: dict[str, Any]) -> None:
    workers = {
        name: service["profiles"]
        for name, service in own_services(compose).items()
        if name.startswith("worker-")
    }
    assert workers == {
        "worker-cpu": ["cpu"],
        "worker-rocm": ["rocm"],
        "worker-cuda": ["cuda"],
    }
    assert compose["services"]["worker-rocm"]["devices"] == ["/dev/kfd", "/dev/dri"]


def test_every_service_of_ours_sees_the_same_folders(compose: dict[str, Any]) -> None:
    seen = {name: tuple(service["volumes"]) for name, service in own_services(compose).items()}
    assert len(set(seen.values())) == 1, seen


def test_images_of_others_are_pinned(compose: dict[str, Any]) -> None:
    ours = own_services(compose)
    others = [service["image"] for name, service in compose["services"].items() if name not in ours]
    assert others
    assert [image for image in others if not re.search(r":\d+\.\d+", image)] == []
