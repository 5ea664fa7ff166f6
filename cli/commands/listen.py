"""`thoraq listen`."""

from __future__ import annotations

import click

from cli.options import settings_option
from cli.output.printing import say
from db.schema import refuse_newer
from pacs.listener.process import serve
from scheduler.settings import Settings


@click.command()
@settings_option
def listen(settings: Settings) -> None:
    """Receive DICOM objects by network and queue them, until Ctrl-C or SIGTERM.

    A storage SCP for CR, DX and secondary capture, as the [listen] section of the file that
    THORAQ_CONNECTIONS names says: titles, callers, TLS and limits. A sender hears success once an
    object is on disk and queued. `thoraq up` runs one itself where the section is there.

    \b
    Example: an X-ray device sends to this machine, whose workers run elsewhere
      export THORAQ_CONNECTIONS=/etc/thoraq/connections.toml
      thoraq listen
    """
    refuse_newer(settings.database)
    serve(settings, told=lambda listener: say(f"listening at port {listener.port}", err=True))
