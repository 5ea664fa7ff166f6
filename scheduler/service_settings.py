"""Settings of the services around the queue: state folder, database, broker, logs, Flower."""

from __future__ import annotations

from pathlib import Path

from pydantic import Field, SecretStr, field_validator
from pydantic_settings import BaseSettings


class ServiceSettings(BaseSettings):
    """The first fields of `scheduler.settings.Settings`, which says how they are read."""

    state: Path = Field(
        default=Path("~/.local/state/thoraq").expanduser(),
        description="state folder: embedded database, embedded broker, logs",
    )
    group: str | None = Field(
        default=None,
        description="group that may read the state folder, except broker and key; by default only"
        " its user may",
    )
    database_url: SecretStr | None = Field(
        default=None,
        description="SQLAlchemy URL of the database; by default SQLite in the state folder",
    )
    broker_url: SecretStr | None = Field(
        default=None,
        description="Redis URL; by default an embedded server in the state folder",
    )
    log_mb: int = Field(
        default=20,
        ge=1,
        le=1 << 20,
        description="size in MB at which a log file of the state folder is rotated",
    )
    log_files: int = Field(
        default=5,
        ge=1,
        le=20,
        description="rotated files kept per log; with the defaults a log takes at most 120 MB",
    )
    flower_user: str = Field(default="thoraq", description="user name for Flower")
    flower_password: SecretStr | None = Field(
        default=None,
        description="password for Flower; without one it listens on this machine only",
    )
    remote_control: bool = Field(
        default=False,
        description="let workers obey Celery's remote commands that change something, such as"
        " shutdown; by default they only answer queries",
    )

    @field_validator("database_url")
    @classmethod
    def _refuse_memory(cls, value: SecretStr | None) -> SecretStr | None:
        # Each process would have its own empty database.
        url = "" if value is None else value.get_secret_value().partition("?")[0]
        if url in {"sqlite://", "sqlite:///", "sqlite:///:memory:"}:
            raise ValueError("names no file; use sqlite:///PATH")
        return value

    @property
    def database(self) -> str:
        """SQLAlchemy URL of the database in use."""
        if self.database_url is not None:
            return self.database_url.get_secret_value()
        from db.address import sqlite_url  # noqa: PLC0415 - loads SQLAlchemy

        return sqlite_url(self.state / "thoraq.db")
