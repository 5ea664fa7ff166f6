"""One of several processes that claim the same chunks: URL WORKER CHUNKS."""

from __future__ import annotations

import json
import sys
import time

from db.claims import claim_chunk
from db.database import Database

url, worker, chunks = sys.argv[1:]
db = Database.open(url)
with db.read():
    pass  # connected
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
mine = []
for chunk_id in range(1, int(chunks) + 1):  # in the same order, so that they compete
    claim = claim_chunk(db, chunk_id, worker, 600.0)
    if claim is not None:
        mine += [job.job_id for job in claim.jobs]
        time.sleep(0.005)  # so that no process claims all before the others get a core
db.dispose()
sys.stdout.write(json.dumps(mine))
