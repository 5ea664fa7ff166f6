"""Two batches for tests of `thoraq forget`, and a shell."""

from __future__ import annotations

from pathlib import Path
from subprocess import CompletedProcess

from cli.exits import Exit
from db.database import Database
from db.query.status import all_statuses
from scheduler.pseudonym import Pseudonyms
from scheduler.settings import Settings
from testbed.commands import Commands
from testbed.records import BROKEN, claim, measured, refusing, seen, send, store, submit
from tests.cli.forked import run_forked

KEY = "0123456789abcdef" * 4
NUMBER = "7391846250"


class Shell:
    """Runs commands on a database."""

    def __init__(self, url: str, folder: Path) -> None:
        self.state = folder / "state"
        extra = {"THORAQ_DATABASE_URL": url, "THORAQ_PATIENT_KEY": KEY}
        self.environment = Commands(self.state, extra).environment

    def run(self, words: str, **settings: str) -> CompletedProcess[str]:
        """Run one command to its end."""
        ran = run_forked(words.split(), self.environment | settings)
        assert ran.returncode == Exit.OK, ran.stderr
        return ran


def shell_on_two_batches(database: Database, database_url: str, tmp_path: Path) -> Shell:
    """Return a shell on two batches; the patient is stored hashed in one, in clear in the other."""
    submit(database, [seen(n, path=f"{tmp_path}/in/failed/{n}.dcm") for n in range(4)])
    submit(database, [seen(n, path=f"{tmp_path}/day/{n}.dcm") for n in range(3, 6)], name="day")
    settings = Settings(state=tmp_path / "state", patient_key=KEY)
    hashed = Pseudonyms.of(settings).stored(NUMBER)
    for chunk_id in send(database):
        taken = claim(database, chunk_id)
        numbers = {0: hashed, 3: hashed, 4: NUMBER}
        outcomes = []
        for each in taken.jobs:
            number = int(Path(each.paths[0]).stem)
            if number == 1:
                outcomes.append(refusing(each, BROKEN))
            else:
                outcomes.append(measured(each, patient_id=numbers.get(number, "another")))
        store(database, taken, outcomes)
    return Shell(database_url, tmp_path)


def seen_files(db: Database) -> dict[str, int]:
    return {each.batch.name: each.seen for each in all_statuses(db)}
