"""One of several processes that record the same contents and cancel: URL BATCH CONTENTS.

The batch called "kept" is never cancelled.
"""

from __future__ import annotations

import random
import sys

from db.database import Database, pieces
from db.intake import open_batch, record_files
from db.operations import cancel
from db.states import Priority
from testbed.records import MODEL, seen

url, name, contents = sys.argv[1:]
db = Database.open(url)
with db.read():
    pass  # connected
files = [seen(number, path=f"/{name}/{number}") for number in range(int(contents))]
random.Random(name).shuffle(files)  # each in another order, so that deadlocks are possible
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
batch = open_batch(db, name, Priority.ROUTINE)
for some in pieces(files, 20):
    record_files(db, batch, some, MODEL, chunk_size=16)
    if name != "kept":
        cancel(db, name, 16)
db.dispose()
