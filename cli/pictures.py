"""Pictures of what was measured; the files are read again, nothing is stored."""

from __future__ import annotations
