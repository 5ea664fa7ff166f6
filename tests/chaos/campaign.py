"""One night: an archive submitted in portions to a real stack, with or without faults."""

from __future__ import annotations

import itertools
import os
import random
import shutil
import subprocess
import tempfile
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path

from db import schema
from db.database import Database
from db.errors import DatabaseError
from db.intake import open_batch
from db.models import register_model
from db.query.status import batch_status
from db.states import Priority
from network.card import shipped_card
from scheduler.intake.submission import enqueue
from scheduler.settings import Settings
from testbed.servers.postgres import PostgresServer
from testbed.servers.redis import RedisServer
from tests.chaos.faults import Night, hurt
from tests.chaos.owner import Owner
from tests.chaos.proxy import Proxy
from tests.chaos.witness import Testimony, call_witness, testify

BATCH = "night"
#: Enough for the database, and quickly filled.
_DISK_MB = 64
#: A night has lost something if its ledger is still open so long after its last fault.
_PATIENCE_SECONDS = 120.0
_TOLERANCE_PX = 1e-3
_TOLERANCE_ICT = 1e-5


@dataclass(frozen=True, slots=True)
class NightReport:
    """The results of a night, compared row by row with an undisturbed one."""

    database: str
    seed: int
    files: int
    faults: Counter[str]
    seconds: float
    lost: int
    twice: int
    differing: int
    unexplained: int
    left: int  # processes that outlived the night
    owners: int  # restarts of the process that owns the stack
    apart_px: float  # largest distance of a point from the undisturbed night's

    @property
    def sound(self) -> bool:
        """Return whether no file was lost or measured twice, and nothing differs."""
        return not (self.lost or self.twice or self.differing or self.unexplained or self.left)


@dataclass(frozen=True, slots=True)
class Spent:
    """A night's outcome; seconds from the first portion to the last outcome."""

    testimony: Testimony
    seconds: float
    faults: Counter[str]
    left: int = 0
    owners: int = 0


def spend_night(
    files: Sequence[Path],
    *,
    postgres: bool,
    seed: int,
    portions: int,
    hurting: bool,
    pause_seconds: float,
    tell: Callable[[str], None],
) -> Spent:
    """Submit ``files`` in portions, with a fault after each if ``hurting``."""
    done: Counter[str] = Counter()
    ends = [number * len(files) // portions for number in range(portions + 1)]
    parts = [files[start:end] for start, end in itertools.pairwise(ends)]
    with tempfile.TemporaryDirectory(prefix="thoraq-chaos-") as place, ExitStack() as opened:
        night, database = _begin(Path(place), postgres, seed, files, opened)
        began = time.monotonic()
        for number, part in enumerate(parts):
            until = began + (number + 1) * pause_seconds
            _submit(night.settings, part)
            night.coming = parts[min(number + 1, portions - 1)]
            if hurting and (fault := hurt(night)) is not None:
                done[fault] += 1
            while time.monotonic() < until:
                _tend(night)
            tell(f"seed {seed}: {number + 1} of {portions} portions, {done.total()} faults")
        while any(thread.is_alive() for thread in night.going_on):
            _tend(night)
        _submit(night.settings, files)  # files whose submission a fault prevented
        deadline = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < deadline and _is_open(database):
            _tend(night)
        seconds = time.monotonic() - began
        # Stop everything first: the final state is judged, with late writes of any process.
        left = night.owner.stop()
        testimony = testify(database)
        database.dispose()
    return Spent(testimony, seconds, done, left, night.owner.restarts)


def compare(
    files: Sequence[Path], expected: Testimony, found: Testimony
) -> tuple[int, int, int, int]:
    """Return the numbers of lost, repeated, differing and unexplained files."""
    lost, twice, differing = 0, found.twice, 0
    for path in files:
        rows = found.files.get(str(path), [])
        ended = [each for each in rows if each.state not in {"queued", "running"}]
        lost += not ended
        twice += max(0, len(rows) - 1)
    # Which of two equal files is the duplicate depends on which was recorded first.
    differing += sum(
        sorted({(each.state, each.code) for each in _of_content(expected, path)})
        != sorted({(each.state, each.code) for each in _of_content(found, path)})
        for path in map(str, files)
        if not _is_copied(expected, found, path)
    )
    for content, (points, ict) in expected.results.items():
        if content not in found.results:
            lost += 1
            continue
        others, other_ict = found.results[content]
        if ict is None or other_ict is None:
            alike = ict is other_ict
        else:
            alike = abs(ict - other_ict) <= _TOLERANCE_ICT
        differing += not (alike and _apart(points, others) <= _TOLERANCE_PX)
    differing += len(found.results.keys() - expected.results.keys())
    differing += len(found.files.keys() - set(map(str, files)))
    return lost, twice, differing, found.unexplained


def furthest(expected: Testimony, found: Testimony) -> float:
    """Return the largest distance of a point between two nights, in pixels; 0 if identical."""
    both = expected.results.keys() & found.results.keys()
    return max(
        (_apart(expected.results[each][0], found.results[each][0]) for each in both), default=0.0
    )


def _apart(points: Sequence[float], others: Sequence[float]) -> float:
    return max(abs(one - other) for one, other in zip(points, others, strict=True))


def _of_content(testimony: Testimony, path: str) -> list[_Row]:
    return [_Row(each.state, each.code or "") for each in testimony.files.get(path, [])]


def _is_copied(one: Testimony, other: Testimony, path: str) -> bool:
    return any(
        each.duplicate for testimony in (one, other) for each in testimony.files.get(path, [])
    )


@dataclass(frozen=True, slots=True, order=True)
class _Row:
    state: str
    code: str


def _begin(
    place: Path, postgres: bool, seed: int, files: Sequence[Path], opened: ExitStack
) -> tuple[Night, Database]:
    disk = opened.enter_context(_small_disk(place / "disk"))
    redis = RedisServer((disk or place) / "redis")
    redis.start()
    opened.callback(redis.kill)
    broker = opened.enter_context(Proxy(redis.port))
    server = proxy = standby = None
    if postgres:
        server = PostgresServer.in_temporary_folder()
        opened.callback(server.remove)
        server.start()
        follower = server.start_standby()
        opened.callback(follower.remove)
        alone = server.create()
        url = server.url_with(follower, alone)
        proxy, other = (opened.enter_context(Proxy(each.socket)) for each in (server, follower))
        standby = (follower, other)
        through = f"postgresql://thoraq@{alone.partition('@')[2].partition('?')[0]}"
        through += f"?host=127.0.0.1:{proxy.port}&host=127.0.0.1:{other.port}"
        through += "&target_session_attrs=read-write"
    else:
        url = through = f"sqlite:///{(disk or place) / 'thoraq.db'}"
    schema.upgrade(url)
    database = Database.open(url)
    call_witness(database)
    card = shipped_card()
    register_model(database, card.version, card.weights_digest, card.card, serve=True)
    state = (disk or place) / "state"
    state.mkdir()
    settings = Settings(
        state=state,
        database_url=through,
        broker_url=f"redis://127.0.0.1:{broker.port}/0",
        chunk_size=16,
        device_batch=8,
        lease_seconds=3.0,
        upkeep_seconds=0.5,
        resend_seconds=5.0,
        retry_seconds=0.2,
        readers=1,
    )
    owner = Owner(settings, place / "owner.log")
    owner.start()
    opened.callback(owner.stop)
    night = Night(
        settings=settings,
        owner=owner,
        redis=redis,
        broker=broker,
        postgres=server,
        database=proxy,
        standby=standby,
        disk=disk,
        random=random.Random(seed),
        batch=BATCH,
        submit_again=lambda: _submit(settings, files, tries=1),
    )
    return night, database


def _submit(settings: Settings, files: Sequence[Path], tries: int = 100) -> None:
    """Submit as an operator does: a failed command is repeated."""
    for _ in range(tries):
        database = Database.open(settings.database)
        try:
            batch = open_batch(database, BATCH, Priority.ROUTINE)
            enqueue(database, files, batch, settings)
        except DatabaseError as exc:
            if exc.permanent:
                raise
            time.sleep(0.3)
        else:
            return
        finally:
            database.dispose()
    if tries > 1:
        raise RuntimeError("the archive could not be submitted")


def _tend(night: Night) -> None:
    night.owner.tend()
    time.sleep(0.05)


def _is_open(database: Database) -> bool:
    try:
        return bool(batch_status(database, BATCH).open)
    except DatabaseError:
        return True


@contextmanager
def _small_disk(place: Path) -> Iterator[Path | None]:
    """Mount a file system that can be filled; yield None without root."""
    place.mkdir()
    if os.geteuid() != 0 or shutil.which("mount") is None:
        yield None
        return
    command = ["mount", "-t", "tmpfs", "-o", f"size={_DISK_MB}m", "tmpfs", str(place)]
    mounted = subprocess.run(command, capture_output=True, check=False).returncode == 0
    try:
        yield place if mounted else None
    finally:
        if mounted:
            subprocess.run(["umount", "--lazy", str(place)], check=False)
