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
for chunk_id in range(1, int(chunks) + 1):  # the same order for all, so that they meet
    claim = claim_chunk(db, chunk_id, worker, 600.0)
    if claim is not None:
        mine += [job.job_id for job in claim.jobs]
        time.sleep(0.005)  # lest one has taken all before the others had a core
db.dispose()
sys.stdout.write(json.dumps(mine))
