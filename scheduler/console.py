"""The console of progress bars and tables: texts are shown as they are, without controls."""

from __future__ import annotations

from typing import Any

from rich.console import Console
from rich.text import Text

from scheduler.terminal import printable_lines


class PlainConsole(Console):
    """Rich's console, to which brackets in a name are no markup and escapes no commands."""

    def __init__(self, **options: Any) -> None:
        super().__init__(markup=False, emoji=False, **options)

    def render_str(self, text: str, **options: Any) -> Text:
        """Return the text to be shown."""
        return super().render_str(printable_lines(text), **options)
