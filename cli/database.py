"""`thoraq db`."""

from __future__ import annotations

from dataclasses import asdict

import click

from cli.exits import Exit
from cli.options import settings_option
from cli.printing import print_json
from db import schema
from scheduler.settings import Settings


@click.group("db")
def database() -> None:
    """Create, upgrade and check the database.

    \b
    Example:
      thoraq db upgrade
      thoraq db check
    """


@database.command()
@settings_option
def upgrade(settings: Settings) -> None:
    """Bring the schema up to date; make the database if there is none.

    Revisions are applied in one transaction; two upgrades at once take turns. `process` and `up`
    do this by themselves.

    \b
    Example: PostgreSQL
      THORAQ_DATABASE_URL=postgresql://queue/thoraq thoraq db upgrade
    """
    before = schema.check(settings.database)
    after = schema.upgrade(settings.database)
    if before.current == after.current:
        click.echo(f"the schema is up to date: {after.current}")
    else:
        click.echo(f"the schema was {before.current or 'not there'} and is now {after.current}")


@database.command()
@click.option("--json", "as_json", is_flag=True, help="a JSON object")
@click.pass_context
@settings_option
def check(ctx: click.Context, *, as_json: bool, settings: Settings) -> None:
    """Compare the schema with this program's; change nothing.

    Leaves with code 4 (UNSOUND) if `thoraq db upgrade` has something to do.

    \b
    Example:
      thoraq db check && thoraq up
    """
    state = schema.check(settings.database)
    if as_json:
        print_json(asdict(state) | {"up_to_date": state.up_to_date})
    elif state.up_to_date:
        click.echo(f"the schema is up to date: {state.current}")
    else:
        click.echo(f"the schema is {state.current or 'not there'}, this program's is {state.head}")
        click.echo("run `thoraq db upgrade`", err=True)
    ctx.exit(Exit.OK if state.up_to_date else Exit.UNSOUND)
