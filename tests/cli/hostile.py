"""A state in which every name, header and message contains terminal control sequences."""

from __future__ import annotations

import os
import shutil
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path

from PIL import Image

from db.claims import claim_chunk, store_outcomes
from db.database import Database
from db.intake import open_batch
from db.models import register_model, serve_model
from db.outbox import mark_sent, unsent_chunks
from db.records import ClaimedJob, IntakeCount, Outcome
from db.states import Priority
from db.training.claims import claim_run, fail_run, record_check, record_phase
from db.training.records import NewRun
from db.training.runs import open_run
from scheduler.intake.submission import enqueue
from scheduler.preparation import prepare
from scheduler.settings import Settings
from testbed.landmark_set import write_landmark_set
from testbed.records import BROKEN, CHECK, PHASE, RETRY, measured, measurement

#: Colours, a link, the clipboard, a title, C1 controls, a carriage return, a bell, a delete,
#: directional marks, zero-width characters, and markup of rich.
CONTROLS = (
    "\x1b[45m\x1b]8;;a:b\x07\x1b]52;c;aGk=\x1b\\\x1b]0;t\x07\x9b2J\x90q\x9c\r\b\x7f"
    "\u202e\u2066\u200b\ufeff\u061c\u2028[red][link=a:b]y[bold]"
)
NAME = f"n{CONTROLS}"
#: For file names also a newline, a byte that is not UTF-8, and a surrogate escape.
FILE_NAMES = (
    f"f\n{CONTROLS}".encode() + b"\x9b\xff.png",
    "\U0010ff80\U0010ff00.png".encode(),
    b"\xff\x80.png",
    b"late.png",
)
YEAR_2500 = 16725225600


@dataclass(frozen=True, slots=True)
class Hostile:
    """The state folder, its archive, and other objects with such names."""

    state: Path
    archive: Path
    films: Path
    taken: IntakeCount

    @property
    def files(self) -> list[str]:
        """Return the paths of the files of the archive."""
        return sorted(str(each) for each in self.archive.iterdir())


def make_hostile(folder: Path) -> Hostile:
    """Return a state as workers would leave it."""
    state = folder / f"state {CONTROLS}"
    archive = folder / f"archive\n{CONTROLS}"
    archive.mkdir()
    for level, name in enumerate(FILE_NAMES):
        path = archive / os.fsdecode(name)
        Image.new("L", (64, 64), level).save(path, "PNG")
        if name == b"late.png":
            os.utime(path, (YEAR_2500, YEAR_2500))
    settings = Settings(state=state)
    database = prepare(settings)
    register_model(database, NAME, "a" * 64, {"parent": NAME}, serve=True)
    for name in (NAME, f"{NAME} again"):
        taken = enqueue(database, [archive], open_batch(database, name, Priority.ROUTINE), settings)
        _measure(database)
        register_model(database, f"{NAME}2", "b" * 64, {"parent": NAME}, serve=True)
    serve_model(database, NAME)
    _train(database)
    database.dispose()
    films = write_landmark_set(folder / f"films {CONTROLS}", 2, 1, 1)
    images = films / "landmarks15" / "images"
    shutil.copy(images / "film 0.png", images / f"{NAME}.png")
    return Hostile(state, archive, films, taken)


def _measure(database: Database) -> None:
    sent = [each.chunk_id for each in unsent_chunks(database, 10)]
    mark_sent(database, sent)
    for chunk_id in sent:
        taken = claim_chunk(database, chunk_id, NAME, 60.0)
        assert taken is not None
        done = list(_outcomes(taken.jobs, taken.model_version))
        assert store_outcomes(database, taken.owner, done, NAME, RETRY) == len(done)


def _outcomes(jobs: tuple[ClaimedJob, ...], model: str) -> Iterator[Outcome]:
    first, *others = jobs
    yield Outcome(first.job_id, refusal=replace(BROKEN, detail=NAME))
    for number, job in enumerate(others):
        outcome = measured(
            job,
            measurement(ict=0.45 if model == NAME else 0.55, enlarged=model != NAME),
            **dict.fromkeys(("patient_id", "accession", "modality", "body_part", "sex"), NAME),
            study_uid=f"{NAME}{number}",
            photometric=NAME,
            transfer_syntax=NAME,
        )
        assert outcome.provenance is not None
        by = replace(outcome.provenance, model_version=model, device=NAME, worker=NAME)
        yield replace(outcome, provenance=by)


def _train(database: Database) -> None:
    plan = {"phases": [{"name": NAME}], "seed": 1}
    for name in (f"{NAME} failed", f"{NAME} waiting", f"{NAME} at work"):
        run = open_run(database, NewRun(name, f"/{NAME}", plan, f"/{NAME}", (NAME,), NAME))
        if name.endswith("waiting"):
            continue
        claim = claim_run(database, run.id, NAME, NAME, 60.0)
        assert claim is not None
        check = replace(CHECK, phase_name=NAME, loss_parts={NAME: 1.0})
        record_check(database, claim.owner, check)
        record_phase(
            database, claim.owner, replace(PHASE, phase_name=NAME, kept=False, reason=NAME)
        )
        if name.endswith("failed"):
            fail_run(database, claim.owner, "training-failed", NAME)
