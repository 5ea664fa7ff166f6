"""Where the settings of a process come from."""

from __future__ import annotations

import os
from dataclasses import dataclass
from pathlib import Path

from pydantic import SecretStr
from pydantic_settings import DotEnvSettingsSource

from scheduler.settings import Settings, process_environment
from scheduler.settings_file import LOCAL, VARIABLE, open_settings


@dataclass(frozen=True, slots=True)
class SettingsOrigin:
    """Where the settings of this process come from.

    ``file``: the file that is read, if any. ``overridden``: its variables that the environment
    sets to another value. ``exposed``: whether it contains a password or key that every user can
    read. ``passed_over``: whether the working directory's file is read instead of the machine's.
    """

    file: Path | None
    overridden: tuple[str, ...]
    exposed: bool
    passed_over: bool


def find_origin() -> SettingsOrigin:
    """Return where the settings come from. Raises as `read_settings`."""
    environment = process_environment()
    machine = Settings.MACHINE_FILE
    with open_settings(environment.get(VARIABLE), machine) as found:
        if found is None:
            return SettingsOrigin(None, (), exposed=False, passed_over=False)
        file = DotEnvSettingsSource(Settings, env_file=found.content, env_file_encoding="utf-8")
        held = {name.upper(): value for name, value in file.env_vars.items() if value is not None}
        secret = {
            f"THORAQ_{name.upper()}"
            for name, field in Settings.model_fields.items()
            if field.annotation == SecretStr | None
        }
        return SettingsOrigin(
            found.path,
            tuple(
                name
                for name, value in held.items()
                if name.startswith("THORAQ_") and environment.get(name, value) != value
            ),
            exposed=found.everybody_reads and not secret.isdisjoint(held),
            passed_over=found.path == LOCAL.absolute() and os.path.lexists(machine),
        )
