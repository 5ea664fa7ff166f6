"""A hundred thousand files at once in a watched folder: ``python -m benchmarks.watched_folder``."""

from __future__ import annotations

import argparse
import resource
import tempfile
import time
from pathlib import Path

from db import schema
from db.database import Database
from db.models import register_model
from scheduler.intake.watch import Watch
from scheduler.settings import Settings


def main() -> None:
    """Print the time and memory of the scans."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.watched_folder", description=__doc__
    )
    parser.add_argument("--count", type=int, default=100_000)
    asked = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="thoraq-watching-") as place:
        folder = Path(place) / "inbox"
        for number in range(asked.count):
            if number % 1000 == 0:
                below = folder / f"{number // 1000:04}"
                below.mkdir(parents=True)
            (below / f"{number:07}.dcm").write_bytes(bytes(128) + b"DICM%d" % number)
        settings = Settings(
            state=Path(place) / "state",
            database_url=f"sqlite:///{Path(place) / 'thoraq.db'}",
            settle_seconds=0,
        )
        schema.upgrade(settings.database)
        database = Database.open(settings.database)
        register_model(database, "bench-1", "0" * 64, {}, serve=True)
        watch = Watch(database, folder, settings)
        print("| scan | seconds | taken | peak memory, MB |")  # noqa: T201
        print("|---|---|---|---|")  # noqa: T201
        for name in ("first sight", "taken", "nothing new"):
            began = time.perf_counter()
            count = watch.scan()
            seconds = time.perf_counter() - began
            peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
            print(f"| {name} | {seconds:.1f} | {count.seen} | {peak:.0f} |")  # noqa: T201
        database.dispose()


if __name__ == "__main__":
    main()
