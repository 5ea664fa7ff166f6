"""Renew generated parts and command output of the pages: ``make docs``.

With ``--generated`` only the parts generated from the code; no command is run.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Callable
from pathlib import Path

from tests.docs.generated import filled
from tests.docs.pages import PAGES, ROOT
from tests.docs.transcript import Transcript, World


def renew(renewed: Callable[[str], str]) -> None:
    """Rewrite every page, and print which changed."""
    changed = []
    for page in PAGES:
        before = page.read_text(encoding="utf-8")
        after = renewed(filled(before))
        if after != before:
            page.write_text(after, encoding="utf-8")
            changed.append(str(page.relative_to(ROOT)))
    sys.stdout.write(f"renewed: {', '.join(changed) or 'nothing'}\n")


if "--generated" in sys.argv[1:]:
    renew(str)
else:
    with tempfile.TemporaryDirectory(prefix="thoraq-docs-") as folder:
        world = World(Path(folder))
        world.make_archive()
        world.make_network()
        world.make_radiographs()
        renew(Transcript(world).renewed)
