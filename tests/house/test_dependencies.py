"""Dependencies: their licences, and the lock with every version."""

from __future__ import annotations

import re
import tomllib
from importlib.metadata import Distribution, PackageNotFoundError, distribution
from pathlib import Path

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

#: GPL and AGPL in any spelling; the LGPL allows importing.
STRONG_COPYLEFT = re.compile(
    r"(?<![A-Za-z])A?GPL|(?<!Lesser )General Public License", re.IGNORECASE
)


def closure(root: Path, *, checks: bool) -> dict[str, Distribution]:
    """Return the packages installed for thoraq, optionally those of its checks as well."""
    project = tomllib.loads((root / "pyproject.toml").read_text(encoding="utf-8"))["project"]
    lines = [*project["dependencies"]]
    if checks:
        lines += project["optional-dependencies"]["dev"]
    waiting = [Requirement(line) for line in lines]
    found: dict[str, Distribution] = {}
    walked: set[str] = set()
    while waiting:
        wanted = waiting.pop()
        if str(wanted) in walked:
            continue
        walked.add(str(wanted))
        try:
            package = distribution(wanted.name)
        except PackageNotFoundError:
            continue  # depends on the build of torch
        found[canonicalize_name(wanted.name)] = package
        for requirement in map(Requirement, package.requires or []):
            marker = requirement.marker
            extras = wanted.extras or {""}
            if marker is None or any(marker.evaluate({"extra": extra}) for extra in extras):
                waiting.append(requirement)
    return found


def licences(package: Distribution) -> list[str]:
    """Return the licence metadata of a package, without full licence texts."""
    about = package.metadata
    classifiers = [
        line.removeprefix("License ::")
        for line in about.get_all("Classifier", [])
        if line.startswith("License ::")
    ]
    expressions = [about.get("License-Expression", ""), about.get("License", "").partition("\n")[0]]
    return [text for text in [*classifiers, *expressions] if text]


def test_no_package_of_the_product_is_under_the_gpl_or_agpl(root: Path) -> None:
    packages = closure(root, checks=False)
    assert {"torch", "celery", "pydicom", "redis", "torchvision"} <= set(packages)
    strong = {
        name: licences(package)
        for name, package in packages.items()
        if any(STRONG_COPYLEFT.search(text) for text in licences(package))
    }
    assert strong == {}


def test_the_search_distinguishes_gpl_and_lgpl() -> None:
    strong = ["GPL-3.0-only", "AGPLv3", "GNU General Public License v3 (GPLv3)"]
    weak = ["LGPL-3.0-only", "GNU Lesser General Public License v3 (LGPLv3)", "MIT"]
    assert [bool(STRONG_COPYLEFT.search(text)) for text in strong] == [True] * len(strong)
    assert [bool(STRONG_COPYLEFT.search(text)) for text in weak] == [False] * len(weak)


def test_the_lock_has_a_version_of_every_installed_package(root: Path) -> None:
    lines = (root / "constraints.txt").read_text(encoding="utf-8").splitlines()
    pins = [Requirement(line) for line in lines if line and not line.startswith("#")]
    assert [str(pin) for pin in pins if not str(pin.specifier).startswith("==")] == []
    assert [str(pin) for pin in pins if pin.url or "+" in str(pin.specifier)] == []
    pinned = {canonicalize_name(pin.name) for pin in pins}
    assert set(closure(root, checks=True)) - pinned == set(), "make lock"
