"""Errors: one module per folder with its tree, and a stable code for each."""

from __future__ import annotations

import ast
import builtins
import importlib
import inspect
import pickle
import re
from pathlib import Path

import pytest

from cli.exits import Exit
from db.records import Refusal
from radiograph.errors import ErrorKind, FileUnavailable, ThoraqError

ROOMS = (
    "radiograph",
    "network",
    "db",
    "scheduler",
    "results",
    "pacs",
    "worker",
    "training",
    "benchmarks",
    "cli",
    "thoraq",
)
ROOT = Path(__file__).parents[2]
WITH_ERRORS = [room for room in ROOMS if (ROOT / room / "errors.py").exists()]


def errors_of(room: str) -> list[type[Exception]]:
    """Return the exceptions defined in the errors.py of a folder, bases first."""
    module = importlib.import_module(f"{room}.errors")
    return [
        item
        for _, item in inspect.getmembers(module, inspect.isclass)
        if issubclass(item, Exception) and item.__module__ == module.__name__
    ]


def leaves(errors: list[type[Exception]]) -> list[type[Exception]]:
    return [error for error in errors if not any(error in other.__bases__ for other in errors)]


def test_an_exception_is_defined_only_in_the_errors_module_of_its_folder(
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
def test_every_error_has_a_code_and_is_in_the_tree(room: str) -> None:
    tree = importlib.import_module(f"{room}.errors").__doc__ or ""
    errors = errors_of(room)
    assert errors, f"{room}/errors.py defines no error: remove it"
    for error in errors:
        assert isinstance(getattr(error, "code", None), str), f"{error.__name__} has no code"
        assert error.__name__ in tree, f"draw {error.__name__} in the tree"
    for error in leaves(errors):
        assert error.code in tree, f"write {error.code} into the tree"  # type: ignore[attr-defined]


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_every_docstring_of_an_error_names_the_remedy(room: str) -> None:
    silent = [error.__name__ for error in errors_of(room) if not (error.__doc__ or "").strip()]
    assert silent == []


def test_a_code_is_unique_in_the_project() -> None:
    owners: dict[str, set[str]] = {}
    for room in WITH_ERRORS:
        for error in leaves(errors_of(room)):
            code = error.code  # type: ignore[attr-defined]
            owners.setdefault(code, set()).add(f"{room}.{error.__name__}")
    assert {code: names for code, names in owners.items() if len(names) > 1} == {}


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_every_error_derives_from_the_base_and_its_constructor(room: str) -> None:
    errors = errors_of(room)
    assert [each.__name__ for each in errors if not issubclass(each, ThoraqError)] == []
    own = {"__init__", "__str__", "__reduce__", "because", "about", "remedy"}
    assert [
        each.__name__ for each in errors if each is not ThoraqError and own & set(vars(each))
    ] == []


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_every_error_can_be_pickled(room: str) -> None:
    for error in errors_of(room):
        assert issubclass(error, ThoraqError)
        for sent in (error(), error("found"), error.because("found"), error.about("a file")):
            sent.add_note("what was being done")
            arrived = pickle.loads(pickle.dumps(sent))  # noqa: S301 - our own bytes
            assert (type(arrived), str(arrived)) == (error, str(sent))
            assert vars(arrived) == vars(sent)


@pytest.mark.parametrize("room", WITH_ERRORS)
def test_the_remedy_of_an_error_ends_its_message_once(room: str) -> None:
    for error in errors_of(room):
        assert issubclass(error, ThoraqError)
        assert str(error()) == error.remedy()
        assert str(error.because("7 of 9 bytes")) == f"7 of 9 bytes. {error.remedy()}"
        assert str(error.about("a.dcm")) == f"a.dcm: {error.remedy()}"
        assert str(error("no such user; correct it")) == "no such user; correct it"
        assert "\n" not in error.remedy()


def test_messages_with_a_remedy_are_composed_in_one_module(root: Path, modules: list[Path]) -> None:
    elsewhere = [
        f"{path}: {found}"
        for path in modules
        if path.parts[0] in ROOMS
        for found in re.findall(r"\b[A-Z]\w+\.__doc__", (root / path).read_text())
    ]
    assert elsewhere == []


def test_a_refusal_is_created_from_an_error_in_one_module(root: Path, modules: list[Path]) -> None:
    makers = [
        f"{path}:{node.lineno}"
        for path in modules
        if path.parts[0] in ROOMS
        for node in ast.walk(ast.parse((root / path).read_bytes()))
        if isinstance(node, ast.Call) and ast.unparse(node.func) == "Refusal"
        if any(word in ast.unparse(node) for word in (".code", "str("))
    ]
    assert makers == []
    error = FileUnavailable.because("no such share")
    made = Refusal.of(error)
    assert (made.code, made.detail) == (error.code, str(error))
    assert (made.disposition, made.permanent) == (error.disposition, error.permanent)


def test_the_kind_of_an_error_is_the_exit_code_of_its_command() -> None:
    assert {kind.name: int(kind) for kind in ErrorKind} == {
        kind.name: int(Exit[kind.name]) for kind in ErrorKind
    }
    unexplained = [
        f"{room}.{error.__name__}"
        for room in WITH_ERRORS
        for error in leaves(errors_of(room))
        if issubclass(error, ThoraqError) and error.kind == ErrorKind.BUG
    ]
    assert unexplained == []
