"""Layout of the project: folders, size of modules, imports."""

from __future__ import annotations

import ast
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest

FOLDERS = {
    "radiograph",
    "network",
    "db",
    "scheduler",
    "results",
    "pacs",
    "worker",
    "training",
    "cli",
    "thoraq",
    "migrations",
    "deploy",
    "docs",
    "tests",
    "testbed",
    "benchmarks",
}
LONGEST_MODULE_LINES = 400


def test_the_folders_are_those_of_the_layout(files: list[Path]) -> None:
    top = {path.parts[0] for path in files if len(path.parts) > 1}
    assert {folder for folder in top if not folder.startswith(".")} == FOLDERS


def test_every_folder_with_code_is_in_the_import_contract(root: Path) -> None:
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))
    rooms = project["tool"]["importlinter"]["root_packages"]
    assert set(rooms) == FOLDERS - {"migrations", "deploy", "docs", "tests"}
    [layers] = [
        contract["layers"]
        for contract in project["tool"]["importlinter"]["contracts"]
        if contract["name"] == "the house: who may know whom"
    ]
    assert {room for layer in layers for room in layer.split(" | ")} == set(rooms)


def test_nothing_but_a_test_imports_from_the_tests(root: Path, modules: list[Path]) -> None:
    """Not covered by lint-imports, since tests are not a package."""
    importing = {
        str(path)
        for path in modules
        if path.parts[0] != "tests"
        for node in ast.walk(ast.parse((root / path).read_bytes()))
        for name in imported_by(node)
        if name.partition(".")[0] == "tests"
    }
    assert importing == set(), "what others share with tests belongs in testbed/"


def imported_by(node: ast.AST) -> list[str]:
    """Return the modules that are imported, and those started with `python -m`."""
    if isinstance(node, ast.Import):
        return [each.name for each in node.names]
    if isinstance(node, ast.ImportFrom):
        return [node.module or ""]
    if isinstance(node, ast.Constant) and isinstance(node.value, str):
        return re.findall(r"(?:^|(?:from|import|-m) )(tests\.[\w.]+)", node.value)
    return []


@pytest.mark.parametrize(
    "source",
    [
        "import tests.db.race",
        "from tests.db import race",
        "from tests import db",
        "def late():\n    from tests.db.race import race",
        "run([python, '-m', 'tests.db.race'])",
        "run('python -m tests.db.race')",
    ],
)
def test_the_search_for_imports_finds_every_spelling(source: str) -> None:
    names = [name for node in ast.walk(ast.parse(source)) for name in imported_by(node)]
    assert [name for name in names if name.partition(".")[0] == "tests"]


def test_no_module_is_too_long(root: Path, modules: list[Path]) -> None:
    lengths = {path: len((root / path).read_bytes().splitlines()) for path in modules}
    too_long = {str(path): n for path, n in lengths.items() if n >= LONGEST_MODULE_LINES}
    assert too_long == {}, "split each by its nouns"


def test_imports_point_down(root: Path) -> None:
    linter = Path(sys.executable).with_name("lint-imports")
    ran = subprocess.run([linter], cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stdout + ran.stderr


def test_no_module_has_a_meaningless_name(modules: list[Path]) -> None:
    empty = {"utils", "util", "helpers", "helper", "manager", "misc", "common", "handler"}
    assert [str(path) for path in modules if path.stem in empty] == []
