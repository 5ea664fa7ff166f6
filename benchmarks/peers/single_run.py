"""Run one engine once, in a separate process.

``python -m benchmarks.peers.single_run ENGINE ORDER``
"""

from __future__ import annotations

import argparse
import csv
import importlib
import json
import logging
import time
import warnings
from pathlib import Path

from benchmarks.peers.file_rows import Plan, Row

COLUMNS = [each for each in Row.__dataclass_fields__ if each != "taken_at"]


def main() -> None:
    """Run the order; write the rows and the times."""
    parser = argparse.ArgumentParser(
        prog="python -m benchmarks.peers.single_run", description=__doc__
    )
    parser.add_argument("engine")
    parser.add_argument("order", type=Path, help="JSON: plan, paths, rows and times to write")
    asked = parser.parse_args()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # warnings of decoders about files
    order = json.loads(asked.order.read_text())
    plan = Plan(order["cores"], order["batch"], tuple(order["sample"]))
    engine = importlib.import_module(f"benchmarks.peers.{asked.engine}")
    first = float("inf")
    with engine.opened(plan) as measured, Path(order["rows"]).open("w", newline="") as stream:
        table = csv.DictWriter(stream, COLUMNS, extrasaction="ignore")
        table.writeheader()
        for row in measured(order["paths"]):
            first = min(first, row.taken_at)
            table.writerow(row.plain())
        stream.flush()
        last = time.time()
    Path(order["times"]).write_text(json.dumps({"first": first, "last": last}))


if __name__ == "__main__":
    main()
