"""The compose file: valid by the Compose Specification, and according to our requirements."""

from __future__ import annotations

import re
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

#: What one service alone sees.
OWN = {"/backup", "/etc/thoraq/connections.toml"}
COMPOSE = Path(__file__).parents[2] / "deploy" / "compose.yaml"


@pytest.fixture(scope="module")
def compose() -> dict[str, Any]:
    loaded: dict[str, Any] = YAML(typ="safe").load(COMPOSE)
    return loaded


def own_services(compose: dict[str, Any]) -> dict[str, dict[str, Any]]:
    """Return the services that run the image of thoraq."""
    return {
        name: service
        for name, service in compose["services"].items()
        if service["image"].startswith("thoraq:")
    }


def schema_says(document: Path) -> subprocess.CompletedProcess[str]:
    """Check a file against the Compose Specification in check-jsonschema."""
    schema = "vendor.compose-spec"
    return subprocess.run(
        [sys.executable, "-m", "check_jsonschema", "--builtin-schema", schema, str(document)],
        capture_output=True,
        text=True,
        check=False,
    )


def test_the_compose_specification_accepts_the_file() -> None:
    result = schema_says(COMPOSE)
    assert result.returncode == 0, result.stdout + result.stderr


def test_the_check_rejects_a_wrong_key(tmp_path: Path) -> None:
    wrong = tmp_path / "compose.yaml"
    wrong.write_text("services: {worker: {image: thoraq, restarts: always}}\n", encoding="utf-8")
    result = schema_says(wrong)
    assert result.returncode == 1
    assert "restarts" in result.stdout + result.stderr


def test_every_service_depended_on_exists(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert set(service.get("depends_on", {})) <= set(compose["services"]), name


def test_passwords_come_from_the_environment_and_are_never_written_down() -> None:
    text = COMPOSE.read_text(encoding="utf-8")
    used = re.findall(r"\$\{(\w*PASSWORD)(.*?)\}", text)
    assert {name for name, _ in used} == {"BROKER_PASSWORD", "DATABASE_PASSWORD", "FLOWER_PASSWORD"}
    assert all(rest.startswith(":?") for _, rest in used), "an empty password would be accepted"


def test_flower_is_published_to_this_machine_only_and_the_listener_to_its_senders(
    compose: dict[str, Any],
) -> None:
    published = {
        name: service["ports"]
        for name, service in compose["services"].items()
        if "ports" in service
    }
    assert published == {
        "flower": ["127.0.0.1:5555:5555"],
        "listen": ["${LISTEN_PORT:-11112}:11112"],
    }
    assert compose["services"]["listen"]["profiles"] == ["listen"]


def test_only_flower_has_its_password(
    compose: dict[str, Any],
) -> None:
    flower = compose["services"]["flower"]
    assert "0.0.0.0" in flower["command"]  # noqa: S104 - within its container
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


def mounts(service: dict[str, Any]) -> dict[str, tuple[str, bool]]:
    """Return the source of each mount path of a service, and whether it is writable."""
    found = {}
    for each in service["volumes"]:
        source, target = each.removesuffix(":ro").rsplit(":", 1)
        found[target] = (source, not each.endswith(":ro"))
    return found


def test_every_service_of_ours_sees_the_same_folders(compose: dict[str, Any]) -> None:
    seen = {
        name: {path: source for path, (source, _) in mounts(service).items() if path not in OWN}
        for name, service in own_services(compose).items()
    }
    assert all(each == seen["scheduler"] for each in seen.values()), seen


def test_only_the_watch_writes_to_the_inbox_and_all_write_to_the_state(
    compose: dict[str, Any],
) -> None:
    writing = {
        name: {path for path, (_, writes) in mounts(service).items() if writes}
        for name, service in own_services(compose).items()
    }
    assert writing.pop("watch") == {"/var/lib/thoraq", "/inbox"}
    assert writing.pop("backup") == {"/var/lib/thoraq", "/backup"}
    assert set(map(frozenset, writing.values())) == {frozenset({"/var/lib/thoraq"})}


def test_memory_and_logs_of_every_service_have_a_limit(compose: dict[str, Any]) -> None:
    for name, service in compose["services"].items():
        assert re.search(r"\d+g\}?$", service["mem_limit"]), name
        assert service["logging"]["options"] == {"max-size": "20m", "max-file": "5"}, name


def test_every_long_running_service_has_a_health_check_of_its_process(
    compose: dict[str, Any],
) -> None:
    checked = {
        name: service["healthcheck"]["test"][2:]
        for name, service in own_services(compose).items()
        if service["healthcheck"].get("test", ["", ""])[1] == "thoraq"
    }
    assert checked == {
        "scheduler": ["health", "scheduler"],
        "watch": ["health", "watch"],
        "listen": ["health", "listen"],
        **{f"worker-{kind}": ["health", "worker"] for kind in ("cpu", "rocm", "cuda")},
        **{f"train-{kind}": ["health", "train"] for kind in ("cpu", "rocm", "cuda")},
    }
    others = {name for name in compose["services"] if name not in checked}
    assert others == {"broker", "database", "flower", "migrate", "backup"}
    assert all("healthcheck" in compose["services"][name] for name in others)


def test_each_kind_of_device_has_one_service_that_trains(compose: dict[str, Any]) -> None:
    for kind in ("cpu", "rocm", "cuda"):
        train, worker = (compose["services"][f"{name}-{kind}"] for name in ("train", "worker"))
        assert train["profiles"] == [f"train-{kind}"]
        assert train["command"][:3] == ["worker", "--queues", "training"]
        for key in ("devices", "group_add", "deploy"):
            assert train.get(key) == worker.get(key)


def test_third_party_images_are_pinned(compose: dict[str, Any]) -> None:
    ours = own_services(compose)
    others = [service["image"] for name, service in compose["services"].items() if name not in ours]
    assert others
    assert [image for image in others if not re.search(r":\d+\.\d+", image)] == []
