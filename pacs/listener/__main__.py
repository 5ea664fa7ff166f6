"""``python -m pacs.listener``: the listener that `thoraq up` runs."""

from __future__ import annotations

import sys
from contextlib import ExitStack

from db.errors import SchemaNewer
from db.schema import refuse_newer
from pacs.errors import PacsError
from pacs.listener.process import serve
from scheduler.errors import MISCONFIGURED, SchedulerError
from scheduler.logs import configure_logs
from scheduler.rights import private_files
from scheduler.settings import read_settings
from scheduler.terminal import printable


def main() -> None:
    """Listen until stopped."""
    configure_logs()
    with ExitStack() as stack:
        try:
            settings = read_settings()
            refuse_newer(settings.database)
            stack.enter_context(private_files(settings, new=True))
            serve(settings)
        except (SchedulerError, PacsError, SchemaNewer) as exc:
            sys.stderr.write(printable(f"{exc.code}: {exc}") + "\n")
            sys.exit(MISCONFIGURED if exc.permanent else 1)


if __name__ == "__main__":
    main()
