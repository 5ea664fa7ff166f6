"""Every setting of thoraq, read once at the start of a process and passed on as values.

A setting is an environment variable with the prefix ``THORAQ_`` or a line of one file: the one
named by ``THORAQ_ENV_FILE``, else ``thoraq.env`` in the working directory, else
``/etc/thoraq/thoraq.env``. Options of commands override some.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, ClassVar

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_core import ErrorDetails
from pydantic_settings import (
    BaseSettings,
    DotEnvSettingsSource,
    PydanticBaseSettingsSource,
    SettingsConfigDict,
)

from network.runtime import Runtime
from radiograph.records import IctThresholds
from scheduler.choices import PathForm, ReadAudit, StoredPaths
from scheduler.errors import WrongSetting
from scheduler.roots import roots_of
from scheduler.secret_length import check_secret
from scheduler.service_settings import ServiceSettings
from scheduler.settings_file import MACHINE, VARIABLE, open_settings

_DAY = 86_400.0  # seconds; longer waits are taken for a typing error


class Settings(ServiceSettings):
    """One field per setting; docs/reference/settings.md prints the descriptions."""

    model_config = SettingsConfigDict(
        env_prefix="THORAQ_", extra="ignore", frozen=True, allow_inf_nan=False
    )

    MACHINE_FILE: ClassVar[Path] = MACHINE

    _state_option: Path | None = None

    chunk_size: int = Field(default=64, ge=1, le=4096, description="radiographs per message")
    lease_seconds: float = Field(
        default=120.0,
        gt=0,
        le=_DAY,
        description="time after which the chunk of a silent worker is requeued",
    )
    upkeep_seconds: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="time between two rounds of sending and recovery",
    )
    resend_seconds: float = Field(
        default=900.0,
        gt=0,
        le=30 * _DAY,
        description="time after which a chunk that no worker took is sent again",
    )
    max_attempts: int = Field(
        default=5, ge=1, le=1000, description="attempts per file while its failures are transient"
    )
    retry_seconds: float = Field(
        default=30.0,
        gt=0,
        le=_DAY,
        description="delay before the second attempt; doubles with each attempt, with jitter",
    )
    readers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="reading processes per worker; by default from the number of cores",
    )
    read_timeout_seconds: float = Field(
        default=60.0, gt=0, le=_DAY, description="longest time to read one file"
    )
    read_memory_mb: int = Field(
        default=4096, ge=256, le=1 << 20, description="address space of a reading process, in MiB"
    )
    runtime: Runtime = Field(
        default=Runtime.AUTO,
        description="runtime of the network: auto (OpenVINO on a CPU, torch in fp16 on an"
        " accelerator), torch (in fp32, the reference) or openvino",
    )
    device_batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="radiographs per forward pass; by default 16 on a CPU, and found by"
        " measurement on an accelerator",
    )
    device_workers: int | None = Field(
        default=None,
        ge=1,
        le=26,
        description="workers per accelerator; by default one for every four cores and 4 GiB of its"
        " memory, at most four",
    )
    max_file_mb: int = Field(
        default=512, ge=1, le=1 << 20, description="larger files are not opened"
    )
    max_megapixels: int = Field(
        default=100, ge=1, le=100_000, description="larger images are not decoded"
    )
    min_side_px: int = Field(
        default=128, ge=16, le=65_535, description="smaller images are set aside"
    )
    reduced_decoding: bool = Field(
        default=True,
        description="decode JPEG 2000 and JPEG no larger than the network needs; such radiographs"
        " have no pixel digest",
    )
    runs: Path | None = Field(
        default=None,
        description="folder of training runs and their checkpoints, shared by the hosts that train;"
        " by default in the state folder",
    )
    models: Path | None = Field(
        default=None,
        description="folder of registered and trained networks, shared by the hosts that measure;"
        " by default in the state folder",
    )
    converted: Path | None = Field(
        default=None,
        description="folder of networks converted for this machine's CPU, so that workers start"
        " sooner; by default in the state folder",
    )
    converted_key: SecretStr | None = Field(
        default=None,
        description="key for signing converted networks; by default a file in the state folder."
        " Machines that share THORAQ_CONVERTED need the same key to convert only once",
    )
    training_lease_seconds: float = Field(
        default=120.0,
        gt=0,
        le=_DAY,
        description="time after which the training run of a silent worker is requeued",
    )
    training_memory_share: float = Field(
        default=0.5, gt=0, le=1, description="largest share of an accelerator's memory for training"
    )
    training_threads: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="cores of a training worker; use the same number on every host that trains,"
        " or a run that changes hosts is not bit-identical",
    )
    checkpoint_seconds: float = Field(
        default=60.0,
        gt=0,
        le=_DAY,
        description="time between two checkpoints of a training run",
    )
    watch_seconds: float = Field(
        default=2.0,
        gt=0,
        le=_DAY,
        description="time between two scans of a watched folder",
    )
    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        le=_DAY,
        description="a watched file without a close event is complete once it has been unchanged"
        " for this time; use 10 or more on a share that others write to",
    )
    roots: str | None = Field(
        default=None,
        description="folders from which files may be read, separated by colons, each /FOLDER or"
        " LABEL=/FOLDER; by default all",
    )
    connections: Path | None = Field(
        default=None, description="TOML file of the DICOM listener and other nodes; none if absent"
    )
    received: Path | None = Field(
        default=None, description="folder of received objects; in the state folder where absent"
    )
    store_patient_ids: bool = Field(
        default=False,
        description="store patient and accession numbers unhashed; by default they are hashed"
        " with a local key",
    )
    store_paths: StoredPaths = Field(
        default=StoredPaths.FULL,
        description="how the database stores file paths: full, relative to one of THORAQ_ROOTS by"
        " its label, or hashed with the patient key once their work has ended; use the same value"
        " on every machine",
    )
    show_paths: PathForm | None = Field(
        default=None,
        description="how commands print and export file paths: full, relative to their root in"
        " THORAQ_ROOTS (hashed outside of all roots), or hashed with the patient key; by default"
        " as THORAQ_STORE_PATHS",
    )
    audit_reads: ReadAudit = Field(
        default=ReadAudit.ON,
        description="whether printing or writing paths, UIDs or pictures is recorded in the audit"
        " log: on, off, or required, which refuses to read if the entry cannot be written",
    )
    patient_key: SecretStr | None = Field(
        default=None,
        description="key for hashing patient numbers, 32 random bytes or more as hex, base64 or"
        " text (`openssl rand -hex 32`); by default a file in the state folder. Use the same key"
        " on every machine that shares a database",
    )
    ict_adult: float = Field(
        default=0.50, gt=0, lt=1, description="ICT threshold of adults, PA view"
    )
    ict_infant: float = Field(
        default=0.60, gt=0, lt=1, description="ICT threshold under one year, PA view"
    )
    ict_newborn: float = Field(
        default=0.66, gt=0, lt=1, description="ICT threshold under 28 days, PA view"
    )
    ict_assume_adult: bool = Field(
        default=False, description="treat patients of unknown age as adults"
    )
    ict_assume_pa: bool = Field(
        default=False, description="treat frontal radiographs of unknown view as PA"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_empty(cls, value: Any) -> Any:
        # An empty value is usually an unset shell variable.
        text = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(text, str) and not text.strip():
            raise ValueError("empty; give a value, or remove the setting")
        return value

    @field_validator("patient_key", "converted_key")
    @classmethod
    def _refuse_weak(cls, value: SecretStr | None) -> SecretStr | None:
        if value is not None:
            check_secret(value.get_secret_value())
        return value

    @classmethod
    def settings_customise_sources(
        cls,
        settings_cls: type[BaseSettings],
        init_settings: PydanticBaseSettingsSource,
        env_settings: PydanticBaseSettingsSource,
        dotenv_settings: PydanticBaseSettingsSource,
        file_secret_settings: PydanticBaseSettingsSource,
    ) -> tuple[PydanticBaseSettingsSource, ...]:
        """Read the settings file if only trusted users can write it. Raises as `open_settings`."""
        del file_secret_settings
        named = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file
        if named:
            return init_settings, env_settings, dotenv_settings
        with open_settings(process_environment().get(VARIABLE), cls.MACHINE_FILE) as found:
            content = None if found is None else found.content
            file = DotEnvSettingsSource(settings_cls, env_file=content, env_file_encoding="utf-8")
        return init_settings, env_settings, file

    @property
    def state_option(self) -> Path | None:
        """The state folder as an option named it; None: the environment or the default does."""
        return self._state_option

    @property
    def allowed_roots(self) -> tuple[Path, ...]:
        """Folders from which files may be read, links resolved; empty: everywhere."""
        return tuple(root.folder.resolve() for root in roots_of(self.roots))

    @property
    def runs_folder(self) -> Path:
        """Folder of training runs, one folder per run."""
        return self.runs or self.state / "runs"

    @property
    def models_folder(self) -> Path:
        """Folder of registered and trained networks, one folder per version."""
        return self.models or self.state / "models"

    @property
    def converted_folder(self) -> Path:
        """Folder of networks converted for the CPU."""
        return self.converted or self.state / "converted"

    @property
    def ict_thresholds(self) -> IctThresholds:
        """The ICT thresholds as a record."""
        return IctThresholds(
            adult=self.ict_adult,
            infant=self.ict_infant,
            newborn=self.ict_newborn,
            assume_adult=self.ict_assume_adult,
            assume_pa=self.ict_assume_pa,
        )


def read_settings(state: Path | None = None) -> Settings:
    """Read the settings of this process; ``state`` overrides the state folder.

    Raises WrongSetting, which names every invalid variable but no value, SettingsUntrusted,
    SettingsUnreadable and SettingsMissing.
    """
    try:
        settings = Settings() if state is None else Settings(state=state.absolute())
    except ValidationError as exc:
        raise WrongSetting("; ".join(map(_fault, exc.errors(include_input=False)))) from None
    except UnicodeDecodeError:
        raise WrongSetting(f"{VARIABLE} or thoraq.env is not UTF-8 text") from None
    settings._state_option = state  # noqa: SLF001 - private to this module
    return settings


def _fault(error: ErrorDetails) -> str:
    """Return a variable, what is wrong with it, and its file unless it is in the environment."""
    variable = f"THORAQ_{'_'.join(map(str, error['loc'])).upper()}"
    where = ""
    environment = process_environment()
    if variable not in environment:
        with open_settings(environment.get(VARIABLE), Settings.MACHINE_FILE) as found:
            where = "" if found is None else f" ({found.path})"
    return f"{variable}: {error['msg'].removeprefix('Value error, ')}{where}"


def process_environment() -> dict[str, str]:
    """Return the environment of this process, for a child with changes."""
    return dict(os.environ)  # noqa: TID251 - read only here


def child_environment(settings: Settings) -> dict[str, str]:
    """Return an environment in which a child process reads these settings.

    This passes a command's options to the processes it starts, with secrets hidden from ``ps``.
    """
    environment = process_environment()
    for name, value in settings:
        variable = f"THORAQ_{name.upper()}"
        if value is None:
            environment.pop(variable, None)
        elif isinstance(value, SecretStr):
            environment[variable] = value.get_secret_value()
        else:
            environment[variable] = str(value)
    return environment
