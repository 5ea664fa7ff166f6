"""Where this checkout is: modules that are run as processes of their own start there."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
