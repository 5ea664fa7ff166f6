"""Errors: one module a folder, a drawn tree, a stable code for each."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
from pathlib import Path

import pytest

ROOMS = (
    "radiograph",
    "network",
    "db",
    "scheduler",
    "results",
    "worker",
    "training",
    "cli",
    "thoraq",
)
ROOT = Path(__file__).parents[2]
WITH_ERRORS = [room for room in ROOMS if (ROOT / room / "errors.py").exists()]


def errors_of(room: str) -> list[type[Exception]]:
    """Collect the exceptions that a folder's errors.py defines itself, bases first."""
    module = importlib.import_module(f"{room}.errors")
    return [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, Exception) and item.__module__ == module.__name__
    ]


def leaves(errors: list[type[Exception]]) -> list[type[Exception]]:
    return [error for error in errors if not any(error in other.__bases__ for other in errors)]


def test_an_exception_is_defined_in_its_folders_errors_module_alone(
    root: Path, modules: list[Path]
) -> None:
    known = {name for name in vars(builtins) if name.endswith(("Error", "Exception"))}
    known |= {error.__name__ for room in WITH_ERRORS for error in errors_of(room)}
    known |= {"ClickException", "UsageError"}
    elsewhere = [
        f"{path}: {node.name}"
        for path in modules
        if path.parts[0] in ROOMS and path.name != "errors.py"
        for node in ast.walk(ast.parse((root / path).read_bytes()))
        if isinstance(node, ast.ClassDef)
        and known & {ast.unparse(base).rpartition(".")[2] for base in node.bases}
    ]
    assert elsewhere == []


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_every_error_has_a_code_and_stands_in_the_drawn_tree(room: str) -> None:
    tree = importlib.import_module(f"{room}.errors").__doc__ or ""
    errors = errors_of(room)
    assert errors, f"{room}/errors.py defines no error: remove it"
    for error in errors:
        assert isinstance(getattr(error, "code", None), str), f"{error.__name__} has no code"
        assert error.__name__ in tree, f"draw {error.__name__} in the tree"
    for error in leaves(errors):
        assert error.code in tree, f"write {error.code} into the tree"  # type: ignore[attr-defined]


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_every_error_says_what_to_do_in_its_docstring(room: str) -> None:
    silent = [error.__name__ for error in errors_of(room) if not (error.__doc__ or "").strip()]
    assert silent == []


def test_a_code_means_one_error_in_the_whole_house() -> None:
    owners: dict[str, set[str]] = {}
    for room in WITH_ERRORS:
        for error in leaves(errors_of(room)):
            code = error.code  # type: ignore[attr-defined]
            owners.setdefault(code, set()).add(f"{room}.{error.__name__}")
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}
