"""A line that shows how far a campaign is."""

from __future__ import annotations

import sys
import time

#: Pause between two lines where there is no terminal.
_LINE_SECONDS = 20.0


class ProgressLine:
    """Shows a line on standard error: in place of the last on a terminal, else now and then."""

    def __init__(self) -> None:
        self._shown_at = 0.0

    def __call__(self, line: str) -> None:
        """Show it."""
        if sys.stderr.isatty():
            sys.stderr.write(f"\r{line}\x1b[K")
        elif time.monotonic() - self._shown_at > _LINE_SECONDS:
            self._shown_at = time.monotonic()
            sys.stderr.write(f"{line}\n")
        sys.stderr.flush()
