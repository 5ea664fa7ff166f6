"""`thoraq models`."""

from __future__ import annotations

import click

from cli.columns import plain
from cli.options import settings_option
from cli.printing import Form, Row, form_options, print_rows
from db.database import Database
from db.models import list_models
from db.records import ModelRecord
from scheduler.settings import Settings


@click.group()
def models() -> None:
    """List the registered networks.

    \b
    Example:
      thoraq models list
    """


@models.command("list")
@settings_option
@form_options
def list_(form: Form, settings: Settings) -> None:
    """List the networks, the oldest first; new files are measured by the served one.

    \b
    Example:
      thoraq models list --json
    """
    rows = [model_row(model) for model in list_models(Database.open(settings.database))]
    print_rows(rows, form)
    if not rows and form is Form.TABLE:
        click.echo("no network is registered yet; `process` and `up` register theirs", err=True)


def model_row(model: ModelRecord) -> Row:
    """Return what is listed of a network."""
    return {
        "version": model.version,
        "served": model.served,
        "weights_digest": model.weights_digest,
        "registered_at": plain(model.registered_at),
    }
