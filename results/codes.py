"""Every error code that thoraq prints or stores, from the error trees of its folders."""

from __future__ import annotations

import importlib
import inspect
from dataclasses import dataclass

from radiograph.errors import ThoraqError
from results.rows import Row

#: Folders with an ``errors`` module, from the lowest layer to the highest.
FOLDERS = (
    "radiograph",
    "network",
    "db",
    "scheduler",
    "results",
    "training",
    "worker",
    "benchmarks",
    "cli",
)


@dataclass(frozen=True, slots=True)
class Code:
    """One code. ``set_aside``: intact but not a frontal chest radiograph; ``sentence``: remedy."""

    code: str
    folder: str
    permanent: bool
    set_aside: bool
    sentence: str


#: Codes that the database assigns itself; no error is raised for them.
GIVEN_BY_DB = (
    Code(
        "quarantined",
        "db",
        permanent=True,
        set_aside=False,
        sentence="Two workers died while reading this file alone; keep it for a bug report. It is"
        " not tried again without `thoraq retry`.",
    ),
    Code(
        "worker-lost",
        "db",
        permanent=False,
        set_aside=False,
        sentence="The worker that held the file died or stopped responding; another takes it.",
    ),
    Code(
        "training-worker-lost",
        "db",
        permanent=False,
        set_aside=False,
        sentence="The training worker died or stopped responding; the run continues from its last"
        " checkpoint.",
    ),
    Code(
        "training-crashes",
        "db",
        permanent=True,
        set_aside=False,
        sentence="Several workers died before the run's next evaluation; check their logs, then run"
        " `thoraq train resume`.",
    ),
)


def known_codes() -> dict[str, Code]:
    """Return the codes of every error class without subclasses, by code."""
    codes = {code.code: code for code in GIVEN_BY_DB}
    for folder in FOLDERS:
        try:
            module = importlib.import_module(f"{folder}.errors")
        except ModuleNotFoundError:  # the folder defines no errors
            continue
        for error in vars(module).values():
            if inspect.isclass(error) and error.__module__ == module.__name__:
                code = described(folder, error)
                if code is not None:
                    codes[code.code] = code
    return codes


def described(folder: str, error: type) -> Code | None:
    """Return the code of an error class; None if it is a base class, or not an error."""
    if not issubclass(error, ThoraqError) or error.__subclasses__():
        return None
    return Code(
        code=error.code,
        folder=folder,
        permanent=error.permanent,
        set_aside=getattr(error, "disposition", None) == "set_aside",
        sentence=error.remedy(),
    )


def code_rows() -> list[Row]:
    """Return the table of codes, one row per code."""
    rows: list[Row] = []
    for code in known_codes().values():
        kind = "permanent" if code.permanent else "transient"
        rows.append(
            {
                "code": code.code,
                "from": code.folder,
                "kind": "set aside" if code.set_aside else kind,
                "meaning and remedy": code.sentence,
            }
        )
    return rows
