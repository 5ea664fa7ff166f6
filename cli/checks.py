"""What thoraq needs to run, each thing checked without changing it."""

from __future__ import annotations

import json
import os
import platform
import shutil
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from importlib.metadata import PackageNotFoundError, requires, version
from pathlib import Path

from cli.listener_check import listener_state
from cli.output.absences import command, since_when, waiting_files
from cli.output.printing import Row
from cli.output.shell import in_state, quoted
from cli.owners import nearest, other_owner, run_as, user_name
from cli.path_check import paths_fault
from cli.repairs import broker_repair, database_repair
from db import schema
from db.access import read_only_reason
from db.address import sqlite_path
from db.errors import DatabaseError, DatabaseReadOnly
from network.card import shipped_card, verify_weights
from network.errors import NetworkError
from scheduler.absences import Part, find_absences, is_closed
from scheduler.archive import open_database
from scheduler.broker import ask, broker_url, ping, server_binary
from scheduler.broker_keys import SET_ASIDE
from scheduler.cores import usable_cores
from scheduler.errors import BrokerUnavailable, MessageSetAside, SchedulerError
from scheduler.set_aside_messages import count_set_aside
from scheduler.settings import Settings
from scheduler.settings_origin import find_origin

#: Torch reports its devices within this time, even from a cold disk.
DEVICES_SECONDS = 180
#: A state folder wants at least this much room for database, queue, logs and reports.
LEAST_FREE_BYTES = 1 << 30
INSTALL = "make setup"


@dataclass(frozen=True, slots=True)
class Check:
    """One thing looked at. ``repair``: the command that mends it, where it fails.

    ``ok``: None where it cannot be told from here.
    """

    name: str
    ok: bool | None
    found: str
    repair: str | None = None

    @property
    def row(self) -> Row:
        """Return the check as JSON holds it."""
        return asdict(self)


def examine(settings: Settings, *, here: bool = False) -> Iterator[Check]:
    """Return the checks one by one, as they are done; ``here``: of this machine alone."""
    yield check_python()
    yield check_packages()
    yield from check_devices()
    yield check_weights()
    yield check_settings()
    yield check_state(settings)
    yield check_broker(settings)
    yield check_database(settings)
    yield from check_paths(settings)
    yield from check_listener(settings)
    if not here:
        yield from check_messages(settings)
        yield from check_processes(settings)


def check_python() -> Check:
    """Look at the interpreter."""
    found = f"{platform.python_version()} on {platform.system()} {platform.machine()}"
    ok = sys.version_info >= (3, 11)
    return Check("python", ok, found, None if ok else "make setup PYTHON=python3.12")


def check_packages() -> Check:
    """Look for everything thoraq's metadata names."""
    try:
        wanted = [line for line in requires("thoraq") or [] if "extra ==" not in line]
    except PackageNotFoundError:
        return Check("packages", ok=False, found="thoraq is not installed", repair=INSTALL)
    found, missing = [], []
    for line in wanted:
        name = line.partition(";")[0].translate(str.maketrans("[<>=!~", "      ")).split()[0]
        try:
            found.append(f"{name} {version(name)}")
        except PackageNotFoundError:
            missing.append(name)
    if missing:
        return Check("packages", ok=False, found=f"missing: {', '.join(missing)}", repair=INSTALL)
    return Check("packages", ok=True, found=", ".join(found))


def check_devices() -> Iterator[Check]:
    """Have torch name its devices, in a process of its own; a check a device."""
    command = [sys.executable, "-m", "network.devices", "--json"]
    try:
        asked = subprocess.run(
            command, capture_output=True, text=True, timeout=DEVICES_SECONDS, check=True
        )
        devices = json.loads(asked.stdout)
    except subprocess.CalledProcessError as exc:
        last = (exc.stderr.strip().splitlines() or ["no message"])[-1]
        yield Check("device", ok=False, found=f"torch does not start: {last}", repair=INSTALL)
        return
    except (subprocess.TimeoutExpired, ValueError):
        yield Check(
            "device",
            ok=False,
            found="torch does not answer",
            repair="python -m network.devices",
        )
        return
    for device in devices:
        memory = f"{device['memory_bytes'] / 2**30:.1f} GiB"
        if device["kind"] == "cpu":
            found = f"cpu  {usable_cores()} cores, {memory}"
        else:
            found = f"cuda:{device['index']}  {device['name']} ({device['kind']}), {memory}"
        yield Check("device", ok=True, found=found)


def check_weights() -> Check:
    """Compare the shipped weights with their card."""
    try:
        card = shipped_card()
        verify_weights(card)
    except NetworkError as exc:
        return Check("weights", ok=False, found=str(exc), repair="git checkout -- network/weights")
    return Check("weights", ok=True, found=f"{card.version}  sha256 {card.weights_digest[:16]}...")


def check_settings() -> Check:
    """Say which file of settings is read, and whether its passwords are for every user to read."""
    origin = find_origin()
    if origin.file is None:
        found = "the environment alone; no settings file was found"
    else:
        found = f"{origin.file}"
        if origin.overridden:
            found += f"; the environment decides instead: {', '.join(origin.overridden)}"
    if origin.passed_over:
        found += f"; {Settings.MACHINE_FILE} is not read"
    if origin.exposed:
        found += "; every user of this machine reads its passwords"
        return Check("settings", ok=False, found=found, repair=f"chmod o-rwx {origin.file}")
    return Check("settings", ok=True, found=found)


def check_state(settings: Settings) -> Check:
    """Look whether the state folder can be written, and how much room it has."""
    folder = Path(os.path.realpath(settings.state))
    seen = nearest(folder)
    owner = other_owner(seen)
    fault = _access_fault(folder, seen, owner)
    if fault is not None:
        return fault
    free = shutil.disk_usage(seen).free
    found = f"{settings.state.absolute()}, {free / 2**30:.1f} GiB free"
    if free < LEAST_FREE_BYTES:
        return Check("state", ok=False, found=found, repair="export THORAQ_STATE=/larger/disk")
    if seen != folder:
        found += ", not made yet"
    elif owner is not None and not os.access(folder, os.W_OK):
        found += f", read only for you; `sudo -u {quoted(owner)} thoraq ...` writes"
    return Check("state", ok=True, found=found)


def _access_fault(folder: Path, seen: Path, owner: str | None) -> Check | None:
    """Return the check of a state folder that this user can neither use nor make.

    One that belongs to another user is never given away: a service that uses it would lose it.
    """
    read = os.access(seen, os.R_OK | os.X_OK if seen == folder else os.X_OK)
    write = os.access(seen, os.W_OK)
    if not os.path.isdir(seen):  # noqa: PTH112 - pathlib raises where it may not look
        found, repair = f"{seen} is not a folder", "export THORAQ_STATE=/another/folder"
    elif owner is not None and not read:
        found = f"{seen} belongs to {owner} and is closed to you: run commands as that user"
        repair = run_as(owner, folder, "doctor")
    elif read and not write and os.statvfs(seen).f_flag & os.ST_RDONLY:
        found = f"{folder} cannot be written: its disk is mounted read only"
        repair = f"findmnt --target {quoted(seen)}"
    elif owner is None and not (read and write):
        found = f"{seen} is yours, and its mode denies you what thoraq needs"
        repair = f"chmod u+rwx {quoted(seen)}"
    elif not write and seen != folder:
        found = f"{folder} does not exist and cannot be made by you"
        repair = f"sudo install -d -m 0700 -o {quoted(user())} {quoted(folder)}"
    else:
        return None
    return Check("state", ok=False, found=found, repair=repair)


def user() -> str:
    """Return the name of the user of this process."""
    return user_name(os.geteuid()).removeprefix("#")


def check_broker(settings: Settings) -> Check:
    """Ask the broker for its version; an embedded one may rest."""
    if settings.broker_url is not None:
        repair = broker_repair(settings.broker_url.get_secret_value())
        try:
            answer = ask(broker_url(settings))
        except BrokerUnavailable as exc:
            found = f"THORAQ_BROKER_URL does not answer ({exc.code})"
            return Check("broker", ok=False, found=found, repair=repair)
        except SchedulerError as exc:
            found = f"{exc} ({exc.code})"
            return Check("broker", ok=False, found=found, repair=repair)
        return Check("broker", ok=True, found=f"Redis {answer} at THORAQ_BROKER_URL")
    return _check_embedded(settings)


def _check_embedded(settings: Settings) -> Check:
    if is_closed(settings):
        found = f"embedded; cannot be told from here: {_closed_broker(settings)}"
        return Check("broker", ok=None, found=found)
    try:
        running = ping(broker_url(settings))
        if running is not None:
            return Check("broker", ok=True, found=f"embedded, Redis {running}, running")
        found = f"embedded, resting; {server_binary().name} starts with `process` and `up`"
        return Check("broker", ok=True, found=found)
    except SchedulerError as exc:
        return Check("broker", ok=False, found=str(exc), repair="apt-get install redis-server")


def check_messages(settings: Settings) -> Iterator[Check]:
    """Look for messages that ended workers; a check where there are some."""
    try:
        url = broker_url(settings)
    except SchedulerError:
        return  # the broker's check says so
    if count := count_set_aside(url):
        one = "message crashed workers and was"
        said = one if count == 1 else "messages crashed workers and were"
        found = f"{count} {said} set aside in the broker ({MessageSetAside.code})"
        repair = broker_repair(url, f"lrange {SET_ASIDE} 0 -1 # then: del {SET_ASIDE}")
        yield Check("messages", ok=False, found=found, repair=repair)


def check_database(settings: Settings) -> Check:
    """Reach the database, see that it takes writes, and compare its schema with the program's."""
    kinds = ("sqlite", "postgresql")
    kind = next((k for k in kinds if settings.database.startswith(k)), "THORAQ_DATABASE_URL")
    owner = None
    try:
        owner = _database_owner(settings.database)
        reason = read_only_reason(settings.database)
        if reason is not None and owner is None:
            found = f"{kind}: {reason} ({DatabaseReadOnly.code})"
            repair = database_repair(settings.database, DatabaseReadOnly())
            return Check("database", ok=False, found=found, repair=repair)
        state = schema.check(settings.database)
    except DatabaseError as exc:
        found = f"{kind}: {exc} ({exc.code})"
        repair = database_repair(settings.database, exc)
        if owner is not None:
            repair = run_as(owner, settings.state.absolute(), "doctor")
        return Check("database", ok=False, found=found, repair=repair)
    mine = "" if reason is None else "; read only for you"
    if state.current is None:
        found = f"{kind}, not made yet; `process` and `up` make it{mine}"
        return Check("database", ok=True, found=found)
    if state.pending:
        found = f"{kind}, schema {state.current}, this program's is {state.head}"
        repair = in_state("thoraq db upgrade")
        if owner is not None:
            repair = run_as(owner, settings.state.absolute(), "db upgrade")
        return Check("database", ok=False, found=found, repair=repair)
    return Check("database", ok=True, found=f"{kind}, schema {state.current} is up to date{mine}")


def _database_owner(url: str) -> str | None:
    """Return the other user who keeps a SQLite file where this one cannot write.

    Raises DatabaseUrlInvalid.
    """
    path = sqlite_path(url)
    if path is None:
        return None
    seen = nearest(path)
    return None if os.access(seen, os.W_OK) else other_owner(seen)


def check_paths(settings: Settings) -> Iterator[Check]:
    """Compare stored paths with the settings; a check where they differ."""
    if (fault := paths_fault(settings)) is not None:
        yield Check("paths", ok=False, found=fault.found, repair=fault.repair)


def check_listener(settings: Settings) -> Iterator[Check]:
    """Look at the port of the listener; a check where one is configured."""
    if (state := listener_state(settings)) is not None:
        yield Check("listener", ok=state.repair is None, found=state.found, repair=state.repair)


def check_processes(settings: Settings) -> Iterator[Check]:
    """Look who answers: a check for each part that does not; an embedded installation may rest."""
    absent = find_absences(settings)
    if absent is None:
        yield _unknown_processes(settings)
    elif not absent:
        yield Check("processes", ok=True, found="scheduler and workers answer")
    elif absent[0].part is not Part.BROKER:
        for each in absent:
            found = f"no {each.part} has answered {since_when(each)}"
            yield Check("processes", ok=False, found=found, repair=command(each, settings))
    elif settings.broker_url is None:  # another broker has a check that says so
        waiting = count_waiting(settings)
        if waiting is None:
            found = "nothing runs; whether files wait cannot be told while the database fails"
            yield Check("processes", ok=None, found=found)
            return
        found = f"nothing runs, and {waiting} files wait" if waiting else "resting, nothing waits"
        yield Check("processes", not waiting, found, in_state("thoraq up") if waiting else None)


def _unknown_processes(settings: Settings) -> Check:
    """Return the check where this user cannot ask who answers."""
    if settings.broker_url is not None:
        found = "cannot be told from here: this user of the broker may only send"
        return Check("processes", ok=None, found=found)
    found = f"cannot be told from here: {_closed_broker(settings)}"
    return Check("processes", ok=None, found=found)


def _closed_broker(settings: Settings) -> str:
    """Say whose the embedded broker is, and how that user asks it."""
    owner = other_owner(nearest(settings.state / "broker")) or "another user"
    ask_owner = run_as(owner, settings.state.absolute(), "doctor")
    return f"the embedded broker belongs to {owner}; `{ask_owner}` tells"


def count_waiting(settings: Settings) -> int | None:
    """Return how many files wait; None where the database does not tell, and its check says why."""
    try:
        state = schema.check(settings.database)
        if state.current is None:
            return 0  # not made yet
        if not state.up_to_date:
            return None
        database = open_database(settings)
        try:
            return waiting_files(database)
        finally:
            database.dispose()
    except DatabaseError:
        return None
