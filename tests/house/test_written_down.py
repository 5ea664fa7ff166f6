"""Written files agree with the code, and contain no path of a development machine."""

from __future__ import annotations

import ast
import re
from pathlib import Path

from deploy.env_example import EXAMPLE, text
from scheduler.settings import Settings

#: Folders of a person or a machine; examples use /srv and /archive.
PRIVATE_FOLDER = re.compile(r"(?<![\w.~$}])/(home|root|work|Users)/\w")


def test_the_example_of_settings_lists_every_setting_with_its_default() -> None:
    assert EXAMPLE.read_text(encoding="utf-8") == text(), "make settings"


def test_the_example_of_settings_can_be_read_as_settings(tmp_path: Path) -> None:
    lines = EXAMPLE.read_text(encoding="utf-8").splitlines()
    taken = [line.removeprefix("#") for line in lines if line.startswith("#THORAQ_")]
    # The example has no key: a published key would not be secret.
    taken = [line + "0123456789abcdef" * 4 if "KEY=" in line else line for line in taken]
    env = tmp_path / "thoraq.env"
    env.write_text("\n".join(taken), encoding="utf-8")
    settings = Settings(_env_file=env)  # type: ignore[call-arg]
    assert len(taken) == len(Settings.model_fields)
    assert settings.state == Path("/var/lib/thoraq")
    assert settings.chunk_size == Settings.model_fields["chunk_size"].default


def test_no_file_contains_a_path_of_a_development_machine(root: Path, files: list[Path]) -> None:
    found: list[str] = []
    for path in files:
        try:
            content = (root / path).read_text(encoding="utf-8")
        except UnicodeDecodeError:
            continue  # binary files
        if PRIVATE_FOLDER.search(content) or f"{root}/" in content:
            found.append(str(path))
    assert found == []


def test_the_search_for_machine_paths_finds_one() -> None:
    assert PRIVATE_FOLDER.search("open('" + "/home" + "/ada/x')")
    assert PRIVATE_FOLDER.search("docker run -v ./work/in:/srv") is None


def can_fail(node: ast.AST) -> bool:
    """Return whether code contains an assertion, or expects an exception or a warning."""
    return any(
        isinstance(part, ast.Assert)
        or (isinstance(part, ast.Attribute) and part.attr in {"raises", "warns", "fail"})
        for part in ast.walk(node)
    )


def test_every_test_can_fail(root: Path, modules: list[Path]) -> None:
    cannot: list[str] = []
    for path in modules:
        if path.parts[0] != "tests" or not path.name.startswith("test_"):
            continue
        tree = ast.parse((root / path).read_bytes())
        functions = [node for node in ast.walk(tree) if isinstance(node, ast.FunctionDef)]
        checking = {node.name for node in functions if can_fail(node)}
        for test in (node for node in functions if node.name.startswith("test_")):
            called = {part.id for part in ast.walk(test) if isinstance(part, ast.Name)}
            if test.name not in checking and not called & checking:
                cannot.append(f"{path}: {test.name}")
    assert cannot == []


def test_the_contributors_guide_names_files_and_classes_that_exist(
    root: Path, files: list[Path]
) -> None:
    guide = (root / "CONTRIBUTING.md").read_text(encoding="utf-8")
    recipes = guide.partition("## How to add\n")[2].partition("\n## ")[0]
    named = re.findall(r"`([^`\s]+)`", recipes)
    paths = [each for each in named if "/" in each or Path(each).suffix]
    classes = [each for each in named if re.fullmatch(r"[A-Z][a-z]\w+", each)]
    known = {str(path) for path in files} | {path.name for path in files}
    known |= {f"{folder}/" for path in files for folder in path.parents}
    code = "".join((root / path).read_text(encoding="utf-8") for path in files if is_code(path))

    assert [each for each in paths if each not in known] == []
    assert [each for each in classes if f"\nclass {each}" not in code] == []
    assert len(paths) > 10
    assert len(classes) > 2


def is_code(path: Path) -> bool:
    return path.suffix == ".py" and path.parts[0] != "tests"
