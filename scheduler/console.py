"""The console of progress bars and tables: plain texts without control characters."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from scheduler.terminal import printable_lines


class PlainConsole(Console):
    """Rich's console without markup and emoji; control characters are escaped."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text to be shown."""
        return super().render_str(printable_lines(text), **options)
