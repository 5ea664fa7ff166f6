"""One of several processes that upgrade the same database: URL."""

from __future__ import annotations

import sys

from db import schema

sys.stdout.write("ready\n")
sys.stdout.flush()
sys.stdin.readline()
sys.stdout.write(str(schema.upgrade(sys.argv[1]).current))
