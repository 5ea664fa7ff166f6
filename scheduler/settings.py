"""Every setting of thoraq, read once at the edge of a process and passed down as values.

A setting is an environment variable with the prefix ``THORAQ_`` or a line of one file: that which
``THORAQ_ENV_FILE`` names, else ``thoraq.env`` of the working directory, else
``/etc/thoraq/thoraq.env``. Commands override some with options.
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
from scheduler.settings_file import MACHINE, VARIABLE, open_settings

_DAY = 86_400.0  # seconds; whatever waits longer is a slip of the pen


class Settings(BaseSettings):
    """One field a setting; the description is what docs/reference/settings.md prints."""

    model_config = SettingsConfigDict(
        env_prefix="THORAQ_", extra="ignore", frozen=True, allow_inf_nan=False
    )

    MACHINE_FILE: ClassVar[Path] = MACHINE

    state: Path = Field(
        default=Path("~/.local/state/thoraq").expanduser(),
        description="state folder: embedded database, embedded broker, logs",
    )
    group: str | None = Field(
        default=None,
        description="group that may read the state folder, but for broker and key; nobody else"
        " than its user where absent",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL; SQLite in the state folder where absent",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="Redis URL; an embedded server in the state folder where absent",
    )
    log_mb: int = Field(
        default=20,
        ge=1,
        le=1 << 20,
        description="size at which a log file of the state folder is rotated",
    )
    log_files: int = Field(
        default=5,
        ge=1,
        le=20,
        description="rotated files kept of each log: by default a process has 120 MB at most",
    )
    flower_user: str = Field(default="thoraq", description="who may look at Flower")
    flower_password: SecretStr | None = Field(
        default=None,
        description="password Flower asks for; without one it listens on this machine alone",
    )
    remote_control: bool = Field(
        default=False,
        description="have workers obey Celery's remote commands that change something, such as"
        " shutdown; they answer questions alone otherwise",
    )
    chunk_size: int = Field(default=64, ge=1, le=4096, description="radiographs a message")
    lease_seconds: float = Field(
        default=120.0,
        gt=0,
        le=_DAY,
        description="how long a silent worker keeps its chunk",
    )
    upkeep_seconds: float = Field(
        default=5.0,
        gt=0,
        le=3600,
        description="pause between two rounds of sending and recovery",
    )
    resend_seconds: float = Field(
        default=900.0,
        gt=0,
        le=30 * _DAY,
        description="a chunk nobody took for this long is sent again",
    )
    max_attempts: int = Field(default=5, ge=1, le=1000, description="tries of a transient failure")
    retry_seconds: float = Field(
        default=30.0,
        gt=0,
        le=_DAY,
        description="pause before the second try; doubles with each, jittered",
    )
    readers: int | None = Field(
        default=None,
        ge=1,
        le=1024,
        description="reading processes a worker; from its cores where absent",
    )
    read_timeout_seconds: float = Field(
        default=60.0,
        gt=0,
        le=_DAY,
        description="time one file may take to read",
    )
    read_memory_mb: int = Field(
        default=4096, ge=256, le=1 << 20, description="memory one reading process may take"
    )
    runtime: Runtime = Field(
        default=Runtime.AUTO,
        description="what computes the network: auto (OpenVINO on a CPU, torch in fp16 on an"
        " accelerator), torch (in fp32, the reference) or openvino",
    )
    device_batch: int | None = Field(
        default=None,
        ge=1,
        le=4096,
        description="radiographs a forward pass; 16 on a CPU, measured on an accelerator where"
        " absent",
    )
    device_workers: int | None = Field(
        default=None,
        ge=1,
        le=26,
        description="workers that share an accelerator; one for every four cores and 4 GiB of its"
        " memory, up to four, where absent",
    )
    max_file_mb: int = Field(
        default=512, ge=1, le=1 << 20, description="largest file that is opened"
    )
    max_megapixels: int = Field(
        default=100, ge=1, le=100_000, description="largest image that is decoded"
    )
    min_side_px: int = Field(
        default=128, ge=16, le=65_535, description="smaller images are set aside"
    )
    reduced_decoding: bool = Field(
        default=True,
        description="decode JPEG 2000 and JPEG no larger than the network needs; such films get no"
        " pixel digest",
    )
    runs: Path | None = Field(
        default=None,
        description="folder of training runs and their checkpoints, shared by the hosts that train;"
        " in the state folder where absent",
    )
    models: Path | None = Field(
        default=None,
        description="folder of trained networks, shared by the hosts that measure; in the state"
        " folder where absent",
    )
    converted: Path | None = Field(
        default=None,
        description="folder of networks converted for this machine's CPU, so that workers start"
        " sooner; in the state folder where absent",
    )
    converted_key: SecretStr | None = Field(
        default=None,
        description="key converted networks are signed with; a file in the state folder where"
        " absent. Machines that share THORAQ_CONVERTED convert once if they have the same key",
    )
    training_lease_seconds: float = Field(
        default=120.0,
        gt=0,
        le=_DAY,
        description="how long a silent worker keeps its training run",
    )
    training_memory_share: float = Field(
        default=0.5,
        gt=0,
        le=1,
        description="share of an accelerator's memory training may take",
    )
    training_threads: int = Field(
        default=1,
        ge=1,
        le=1024,
        description="cores a training worker computes on; give every host that trains the same"
        " number, or a run that changes hosts ends with other last digits",
    )
    checkpoint_seconds: float = Field(
        default=60.0,
        gt=0,
        le=_DAY,
        description="pause between two checkpoints of a training run",
    )
    watch_seconds: float = Field(
        default=2.0,
        gt=0,
        le=_DAY,
        description="pause between two scans of a watched folder",
    )
    settle_seconds: float = Field(
        default=2.0,
        ge=0,
        le=_DAY,
        description="a watched file that nobody was seen to close is complete once it was"
        " unchanged for so long; 10 or more on a share that others write to",
    )
    roots: str | None = Field(
        default=None,
        description="folders that files may be read from, separated by colons, each /FOLDER or"
        " LABEL=/FOLDER; all where absent",
    )
    connections: Path | None = Field(
        default=None, description="TOML file of the DICOM listener and other nodes; none if absent"
    )
    received: Path | None = Field(
        default=None, description="folder of received objects; in the state folder where absent"
    )
    store_patient_ids: bool = Field(
        default=False,
        description="store patient and accession numbers as they are;"
        " hashed with a local key otherwise",
    )
    store_paths: StoredPaths = Field(
        default=StoredPaths.FULL,
        description="how the database holds file paths: full, relative to one of THORAQ_ROOTS by"
        " its label, or hashed with the key of patients' numbers once their work has ended; the"
        " same on every machine",
    )
    show_paths: PathForm | None = Field(
        default=None,
        description="how commands print and export file paths: full, relative (to the one of"
        " THORAQ_ROOTS they are in; hashed in none), or hashed with the key of patients' numbers;"
        " as THORAQ_STORE_PATHS where absent",
    )
    audit_reads: ReadAudit = Field(
        default=ReadAudit.ON,
        description="whether commands that print or write paths, UIDs or pictures are in the audit:"
        " on, off, or required, which refuses to read where the audit takes no entry",
    )
    patient_key: SecretStr | None = Field(
        default=None,
        description="key patient numbers are hashed with, 32 random bytes or more as hex, base64 or"
        " text (`openssl rand -hex 32`); a file in the state folder where absent. Give the same key"
        " to every machine that shares a database",
    )
    ict_adult: float = Field(default=0.50, gt=0, lt=1, description="ICT line for adults, PA view")
    ict_infant: float = Field(
        default=0.60,
        gt=0,
        lt=1,
        description="ICT line under one year, PA view",
    )
    ict_newborn: float = Field(
        default=0.66, gt=0, lt=1, description="ICT line under 28 days, PA view"
    )
    ict_assume_adult: bool = Field(
        default=False, description="treat patients of unknown age as adults"
    )
    ict_assume_pa: bool = Field(
        default=False, description="take frontal views without a view for PA"
    )

    @field_validator("*", mode="before")
    @classmethod
    def _refuse_empty(cls, value: Any) -> Any:
        # As no path, no key or no folder at all it would mean something that nobody meant.
        said = value.get_secret_value() if isinstance(value, SecretStr) else value
        if isinstance(said, str) and not said.strip():
            raise ValueError("empty; give a value, or leave the setting out")
        return value

    @field_validator("database_url")
    @classmethod
    def _refuse_memory(cls, value: SecretStr | None) -> SecretStr | None:
        # Each process would have an empty database of its own.
        url = "" if value is None else value.get_secret_value().partition("?")[0]
        if url in {"sqlite://", "sqlite:///", "sqlite:///:memory:"}:
            raise ValueError("names no file; give sqlite:///PATH")
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
        """Read one file where nobody else may have written it. Raises as `open_settings` does."""
        del file_secret_settings
        named = isinstance(dotenv_settings, DotEnvSettingsSource) and dotenv_settings.env_file
        if named:
            return init_settings, env_settings, dotenv_settings
        with open_settings(process_environment().get(VARIABLE), cls.MACHINE_FILE) as found:
            content = None if found is None else found.content
            file = DotEnvSettingsSource(settings_cls, env_file=content, env_file_encoding="utf-8")
        return init_settings, env_settings, file

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database in use."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        from db.address import sqlite_url  # noqa: PLC0415 - SQLAlchemy, which not all need

        return sqlite_url(self.state / "thoraq.db")

    @property
    def allowed_roots(self) -> tuple[Path, ...]:
        """Folders that files may be read from, links resolved; empty: everywhere."""
        return tuple(root.folder.resolve() for root in roots_of(self.roots))

    @property
    def runs_folder(self) -> Path:
        """Where training runs keep what they leave; one folder a run."""
        return self.runs or self.state / "runs"

    @property
    def models_folder(self) -> Path:
        """Where trained networks lie, each in the folder of its version."""
        return self.models or self.state / "models"

    @property
    def converted_folder(self) -> Path:
        """Where networks lie that were converted for the CPU."""
        return self.converted or self.state / "converted"

    @property
    def ict_thresholds(self) -> IctThresholds:
        """The ICT lines as the measuring code takes them."""
        return IctThresholds(
            adult=self.ict_adult,
            infant=self.ict_infant,
            newborn=self.ict_newborn,
            assume_adult=self.ict_assume_adult,
            assume_pa=self.ict_assume_pa,
        )


def read_settings(state: Path | None = None) -> Settings:
    """Read the settings of this process; ``state`` overrides the state folder.

    Raises WrongSetting, which names every variable that is wrong and no value, SettingsUntrusted,
    SettingsUnreadable and SettingsMissing.
    """
    try:
        return Settings() if state is None else Settings(state=state.absolute())
    except ValidationError as exc:
        raise WrongSetting("; ".join(map(_fault, exc.errors(include_input=False)))) from None
    except UnicodeDecodeError:
        raise WrongSetting(f"{VARIABLE} or thoraq.env is no UTF-8 text") from None


def _fault(told: ErrorDetails) -> str:
    """Name a variable, what is wrong with it, and the file unless the environment has it."""
    variable = f"THORAQ_{'_'.join(map(str, told['loc'])).upper()}"
    where = ""
    environment = process_environment()
    if variable not in environment:
        with open_settings(environment.get(VARIABLE), Settings.MACHINE_FILE) as found:
            where = "" if found is None else f" ({found.path})"
    return f"{variable}: {told['msg'].removeprefix('Value error, ')}{where}"


def process_environment() -> dict[str, str]:
    """Return the environment of this process, for a child that needs it with changes."""
    return dict(os.environ)  # noqa: TID251 - the one place that reads it


def child_environment(settings: Settings) -> dict[str, str]:
    """Return the environment in which a child process reads these very settings.

    Options of a command reach the processes it starts this way, secrets unseen by ``ps``.
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
