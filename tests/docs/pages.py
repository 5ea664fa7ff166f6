"""The pages of the documentation, in the order in which they are read and their commands run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
#: Commands of a later page find what those of an earlier one left.
PAGES = (
    README,
    *(
        ROOT / "docs" / f"{name}.md"
        for name in (
            "index",
            "first-steps",
            "installing",
            "measuring",
            "hospital",
            "results",
            "operations",  # the doctor finds nothing waiting yet
            "training",
            "troubleshooting",
            "security",
            "reliability",
            "performance",
            "model",
            "reading",
            "architecture",
            "reference/commands",
            "reference/settings",
            "reference/codes",
            "reference/columns",
            "reference/json-keys",
        )
    ),
)


def texts() -> Iterator[tuple[str, str]]:
    """Return each page's path below the root, and its text."""
    for page in PAGES:
        yield str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")


def whole() -> str:
    """Return the text of all pages, one after another."""
    return "\n".join(text for _, text in texts())
