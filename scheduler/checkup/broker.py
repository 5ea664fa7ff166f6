"""Checks of the broker, and of the messages that were set aside in it."""

from __future__ import annotations

from collections.abc import Iterator

from scheduler.absences import is_closed
from scheduler.broker import ask, broker_url, ping, server_binary
from scheduler.broker_keys import SET_ASIDE
from scheduler.checkup.check import Check
from scheduler.checkup.owners import nearest, other_owner
from scheduler.checkup.remedy import run_as
from scheduler.checkup.repairs import broker_repair
from scheduler.errors import BrokerUnavailable, MessageSetAside, SchedulerError
from scheduler.set_aside_messages import count_set_aside
from scheduler.settings import Settings


def check_broker(settings: Settings) -> Check:
    """Check that the broker answers; an embedded one need not run."""
    if settings.broker_url is None:
        return _check_embedded(settings)
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


def _check_embedded(settings: Settings) -> Check:
    if is_closed(settings):
        found = f"embedded; cannot be told from here: {closed_broker(settings)}"
        return Check("broker", ok=None, found=found)
    try:
        running = ping(broker_url(settings))
        if running is not None:
            return Check("broker", ok=True, found=f"embedded, Redis {running}, running")
        found = f"embedded, resting; {server_binary().name} starts with `process` and `up`"
        return Check("broker", ok=True, found=found)
    except SchedulerError as exc:
        return Check("broker", ok=False, found=str(exc), repair="apt-get install redis-server")


def closed_broker(settings: Settings) -> str:
    """Return to whom an embedded broker belongs that is closed to this user, and what to run."""
    owner = other_owner(nearest(settings.state / "broker")) or "another user"
    ask_owner = run_as(owner, settings.state.absolute(), "doctor")
    return f"the embedded broker belongs to {owner}; `{ask_owner}` tells"


def check_messages(settings: Settings) -> Iterator[Check]:
    """Check for messages that crashed workers; no check where there are none."""
    try:
        url = broker_url(settings)
    except SchedulerError:
        return  # the check of the broker says so
    if count := count_set_aside(url):
        one = "message crashed workers and was"
        said = one if count == 1 else "messages crashed workers and were"
        found = f"{count} {said} set aside in the broker ({MessageSetAside.code})"
        repair = broker_repair(url, f"lrange {SET_ASIDE} 0 -1 # then: del {SET_ASIDE}")
        yield Check("messages", ok=False, found=found, repair=repair)
