"""`thoraq health --json`: its keys for each process are documented."""

from __future__ import annotations

import json

from cli.exits import Exit
from testbed.commands import Commands
from tests.cli.json_keys import unknown_keys


def test_health_names_absent_processes_in_json(commands: Commands) -> None:
    ran = commands.run("health", "scheduler", "--json")
    assert ran.returncode == Exit.UNSOUND, ran.stderr
    said = json.loads(ran.stdout)
    assert said == [{"process": "scheduler", "name": None, "fault": "does not run"}]
    assert unknown_keys(said) == set()
