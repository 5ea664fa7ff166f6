"""The Python API: fast to import, typed, with tested examples."""

from __future__ import annotations

import ast
import doctest
import inspect
import re
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

import thoraq
import thoraq.connection
import thoraq.files
from testbed.checkout import ROOT
from tests.cli.processed import Processed
from tests.docs.pages import texts


def loaded_by(code: str) -> set[str]:
    """Return the top-level modules loaded in a new interpreter after running code."""
    tell = "import sys; print(' '.join({name.partition('.')[0] for name in sys.modules}))"
    ran = subprocess.run(
        [sys.executable, "-c", f"{code}\n{tell}"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=True,
    )
    return set(ran.stdout.split())


def test_importing_thoraq_loads_nothing_but_itself() -> None:
    assert loaded_by("import thoraq") - loaded_by("") - sys.stdlib_module_names == {"thoraq"}


def test_asking_a_database_loads_no_torch_and_no_worker() -> None:
    loaded = loaded_by("import thoraq; thoraq.connect('/nowhere').close()")
    assert "sqlalchemy" in loaded
    assert loaded & {"torch", "torchvision", "openvino", "worker"} == set()


def test_every_name_exists_and_is_typed() -> None:
    tree = ast.parse((ROOT / "thoraq" / "__init__.py").read_bytes())
    typed = {
        alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and node.module != "__future__"
        for alias in node.names
        if alias.asname is not None
    }
    assert typed == set(thoraq._HOMES)
    assert typed <= set(dir(thoraq))
    for name in typed:
        assert getattr(thoraq, name).__module__.partition(".")[0] in {
            *("thoraq", "db", "worker", "radiograph", "results", "scheduler", "network")
        }
    assert re.fullmatch(r"\d+\.\d+\.\d+", thoraq.__version__)
    with pytest.raises(AttributeError, match="nothing_of_the_kind"):
        _ = thoraq.nothing_of_the_kind  # type: ignore[attr-defined]


def examples() -> Iterator[tuple[str, str]]:
    """Yield every text with an example: pages, and docstrings of the API."""
    for page, text in texts():
        for number, block in enumerate(re.findall(r"```pycon\n(.*?)```", text, re.DOTALL)):
            yield f"{page} {number}", block
    for module in (thoraq, thoraq.files, thoraq.connection):
        yield module.__name__, module.__doc__ or ""
    yield "measure", thoraq.measure.__doc__ or ""
    yield "connect", thoraq.connect.__doc__ or ""
    for name, method in vars(thoraq.Connection).items():
        if inspect.isfunction(method):
            yield name, method.__doc__ or ""


class FiguresMasked(doctest.OutputChecker):
    """Compares outputs without numbers, whose last digits depend on the CPU."""

    def check_output(self, want: str, got: str, optionflags: int) -> bool:
        """Return whether an output is the expected one."""
        masked = [re.sub(r"\d+\.\d+", "#", each) for each in (want, got)]
        return super().check_output(masked[0], masked[1], optionflags)


def test_every_example_prints_its_documented_output(processed: Processed, tmp_path: Path) -> None:
    places = {"/srv/elsewhere": str(tmp_path / "state"), "/srv": str(processed.world.folder)}
    ran = 0
    for name, written in examples():
        example = written
        for shown, real in places.items():
            example = example.replace(shown, real)
        test = doctest.DocTestParser().get_doctest(example, {}, name, None, None)
        said: list[str] = []
        runner = doctest.DocTestRunner(FiguresMasked())
        runner.run(test, out=said.append)
        assert runner.failures == 0, "".join(said)
        ran += bool(test.examples)
    assert ran >= 7
