"""One of several processes that record the same contents: URL BATCH FOLDER CONTENTS SEED."""

from __future__ import annotations

import json
import random
import sys
from dataclasses import asdict

from db.database import Database, pieces
from db.intake import open_batch, record_files
from db.states import Priority
from testbed.records import MODEL, seen

url, name, folder, contents, seed = sys.argv[1:]
db = Database.open(url)
with db.read():
    pass  # connected
files = [seen(number, path=f"{folder}/{number}") for number in range(int(contents))]
random.Random(int(seed)).shuffle(files)  # each in another order, so that deadlocks are possible
sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
batch = open_batch(db, name, Priority.ROUTINE)
counts = [asdict(record_files(db, batch, some, MODEL, chunk_size=16)) for some in pieces(files, 50)]
db.dispose()
sys.stdout.write(json.dumps({key: sum(each[key] for each in counts) for key in counts[0]}))
