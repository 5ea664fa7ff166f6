"""The pages of the documentation, in the order in which their commands run."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

ROOT = Path(__file__).parents[2]
README = ROOT / "README.md"
#: Commands of a page depend on the results of earlier pages.
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
            "objects",
            "operations",  # before anything is queued
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
    """Yield the path and the text of each page."""
    for page in PAGES:
        yield str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")


def whole() -> str:
    """Return the text of all pages, one after another."""
    return "\n".join(text for _, text in texts())
