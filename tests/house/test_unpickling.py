"""No file or message can execute code when loaded: no pickle in any form."""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

#: Functions that execute code from files, by name; None: with any argument.
FORBIDDEN: dict[str, tuple[str, object] | None] = {
    "pickle.load": None,
    "pickle.loads": None,
    "pickle.Unpickler": None,
    "marshal.load": None,
    "marshal.loads": None,
    "shelve.open": None,
    "joblib.load": None,
    "dill.load": None,
    "dill.loads": None,
    "cloudpickle.load": None,
    "cloudpickle.loads": None,
    "pandas.read_pickle": None,
    "torch.package": None,
    "torch.jit.load": None,
    "torch.hub.load": None,
    "eval": None,
    "exec": None,
    # Allowed with this literal argument.
    "torch.load": ("weights_only", True),
    "load_state_dict_from_url": ("weights_only", True),
    "get_state_dict": ("weights_only", True),
    "numpy.load": ("allow_pickle", False),
}
#: Folders with code that runs unattended.
PRODUCT = {
    *("radiograph", "network", "db", "scheduler", "results", "worker", "training", "cli"),
    *("thoraq", "benchmarks", "migrations"),
}


def full_names(tree: ast.Module) -> dict[str, str]:
    """Return the imported names of a module, mapped to qualified names."""
    names: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            names |= {each.asname or each.name: each.name for each in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            names |= {each.asname or each.name: f"{node.module}.{each.name}" for each in node.names}
    return names


def unsafe_calls(source: str | bytes) -> list[str]:
    tree = ast.parse(source)
    names = full_names(tree)
    found = []
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        first, dot, rest = ast.unparse(node.func).partition(".")
        called = names.get(first, first) + dot + rest
        for name, allowed in FORBIDDEN.items():
            meant = called == name or ("." not in name and "." in called and called.endswith(name))
            given = {each.arg: getattr(each.value, "value", None) for each in node.keywords}
            if name in {"eval", "exec"}:
                meant = called == name
            if meant and (allowed is None or given.get(allowed[0]) is not allowed[1]):
                found.append(f"line {node.lineno}: {called}")
    return found


def test_no_module_unpickles(root: Path, modules: list[Path]) -> None:
    looked_at = [path for path in modules if path.parts[0] in PRODUCT]
    assert {path.parts[0] for path in looked_at} == PRODUCT
    found = {str(path): unsafe_calls((root / path).read_bytes()) for path in looked_at}
    assert {path: calls for path, calls in found.items() if calls} == {}


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(path)",
        "import torch\ntorch.load(path, weights_only=False)",
        "import torch\ntorch.load(path, weights_only=safe)",
        "from torch import load as read\nread(path)",
        "import pickle as p\np.loads(data)",
        "import numpy as np\nnp.load(path)",
        "import numpy as np\nnp.load(path, allow_pickle=True)",
        "WEIGHTS.get_state_dict(progress=False)",
        "eval(text)",
    ],
)
def test_the_search_finds_every_spelling(source: str) -> None:
    assert len(unsafe_calls(source)) == 1


@pytest.mark.parametrize(
    "source",
    [
        "import torch\ntorch.load(path, weights_only=True)",
        "import numpy as np\nnp.load(path, allow_pickle=False)",
        "network.eval()",
        "import json\njson.loads(text)",
        "from safetensors.torch import load_file\nload_file(path)",
    ],
)
def test_the_search_accepts_safe_calls(source: str) -> None:
    assert unsafe_calls(source) == []
