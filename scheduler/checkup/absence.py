"""What the operator is told of an absence: what does not answer, since when, how to start it."""

from __future__ import annotations

from scheduler.absences import PATIENCE_SECONDS, Absence, Part, find_absences
from scheduler.broker import broker_url, ping
from scheduler.checkup.remedy import in_state
from scheduler.errors import SchedulerError
from scheduler.settings import Settings

#: What does not happen while a part is missing.
_LACK = {
    Part.BROKER: "so nothing runs",
    Part.SCHEDULER: "so nothing is sent to workers or brought back",
    Part.WORKER: "so nothing is measured",
}


def sentences(settings: Settings) -> list[str]:
    """Return a sentence per part that does not answer, as far as this user can tell."""
    return [sentence(each, settings) for each in find_absences(settings) or ()]


def rows(settings: Settings) -> list[dict[str, str | None]]:
    """Return a row per part that does not answer, as far as this user can tell."""
    return [
        {
            "part": str(each.part),
            "since": None if each.since is None else each.since.isoformat(timespec="seconds"),
            "last": each.name,
            "start": start_command(each, settings),
        }
        for each in find_absences(settings) or ()
    ]


def no_broker(settings: Settings) -> list[str]:
    """Return a sentence where the broker does not answer: `process` starts all else by itself."""
    try:
        away = ping(broker_url(settings), PATIENCE_SECONDS) is None
    except SchedulerError:
        away = True
    return [sentence(Absence(Part.BROKER), settings)] if away else []


def sentence(absence: Absence, settings: Settings) -> str:
    """Return what does not answer, since when, and the command that starts it."""
    if absence.part is Part.BROKER:
        where = "" if settings.broker_url is None else " at THORAQ_BROKER_URL"
        return f"no broker answers{where}, {_LACK[absence.part]}: {_remedy(absence, settings)}"
    since = f"has answered {since_when(absence)}"
    return f"no {absence.part} {since}, {_LACK[absence.part]}: {_remedy(absence, settings)}"


def since_when(absence: Absence) -> str:
    """Return since when a part has not answered, and which process was the last."""
    if absence.since is None:
        return "yet"
    since = absence.since.astimezone().isoformat(sep=" ", timespec="minutes")
    return f"since {since} ({absence.name})"


def start_command(absence: Absence, settings: Settings) -> str | None:
    """Return the command that starts a part; None: it is a broker that thoraq does not start."""
    if settings.broker_url is None:
        return in_state("thoraq up", settings)  # the embedded broker belongs to it
    return None if absence.part is Part.BROKER else in_state(f"thoraq {absence.part}", settings)


def _remedy(absence: Absence, settings: Settings) -> str:
    start = start_command(absence, settings)
    if start is None:
        return "see `thoraq doctor`"
    if settings.broker_url is None:
        return f"start `{start}`"
    return f"start `{start}`, or `{in_state('thoraq up', settings)}` for all of a machine"
