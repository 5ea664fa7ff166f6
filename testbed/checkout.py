"""The folder of this checkout, in which modules are run as separate processes."""

from __future__ import annotations

from pathlib import Path

ROOT = Path(__file__).parents[1]
