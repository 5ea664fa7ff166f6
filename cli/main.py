"""The `thoraq` command: a group that loads a command only when it is called.

`SECTIONS` holds the summary line of each command, so that `thoraq --help` imports no command.
"""

from __future__ import annotations

import errno
import gc
import importlib
from types import MappingProxyType
from typing import Any, NoReturn

import click

from cli.exits import Exit, exit_of
from cli.output.closed_pipe import ending_quietly
from cli.output.printing import say
from results.errors import PlaceUnusable
from scheduler.terminal import print_faults, printable_lines

#: section -> command -> (``module:object``, summary line).
SECTIONS = MappingProxyType(
    {
        "Measure": {
            "process": (
                "cli.commands.process:process",
                "Measure folders and files, and write a report.",
            ),
            "submit": (
                "cli.commands.submit:submit",
                "Queue folders and files for running workers.",
            ),
            "watch": ("cli.commands.watch:watch", "Watch a folder and queue each new file once."),
            "listen": (
                "cli.commands.listen:listen",
                "Receive DICOM objects by network and queue them.",
            ),
            "remeasure": (
                "cli.commands.remeasure:remeasure",
                "Measure known radiographs again with another network.",
            ),
        },
        "Read": {
            "status": ("cli.commands.status:status", "Show the progress of batches."),
            "results": ("cli.commands.results:results", "List measurements."),
            "failures": (
                "cli.commands.failures:failures",
                "List files that failed or were set aside, and why.",
            ),
            "show": ("cli.commands.show:show", "Show one STUDY and draw its landmarks."),
            "sheet": ("cli.commands.sheet:sheet", "Draw results as contact sheets."),
            "export": (
                "cli.commands.export:export",
                "Export measurements to a CSV, Parquet, JSON or FHIR file.",
            ),
            "report": (
                "cli.commands.report:report",
                "Write a batch's results, failures and pictures.",
            ),
        },
        "Train": {
            "train": (
                "cli.commands.train:train",
                "Train networks on annotated images, through the queue.",
            ),
            "dataset": ("cli.commands.dataset:dataset", "Check and describe annotated images."),
        },
        "Control": {
            "retry": ("cli.commands.retry:retry", "Requeue failed or cancelled files."),
            "recompute": (
                "cli.commands.recompute:recompute",
                "Apply the current settings to stored results.",
            ),
            "cancel": (
                "cli.commands.cancel:cancel",
                "Remove a batch's waiting files from the queue.",
            ),
            "pause": ("cli.commands.pause:pause", "Pause a batch or a queue."),
            "resume": ("cli.commands.pause:resume", "Resume a paused batch or queue."),
        },
        "Operate": {
            "up": ("cli.commands.up:up", "Run the broker, workers and scheduler until Ctrl-C."),
            "scheduler": (
                "cli.commands.scheduler:scheduler",
                "Send queued work to the workers until Ctrl-C.",
            ),
            "worker": ("cli.commands.worker:worker", "Run one worker on one device."),
            "flower": ("cli.commands.flower:flower", "Monitor the workers in a browser."),
            "forget": (
                "cli.commands.forget:forget",
                "Delete the stored data of a batch or a patient.",
            ),
            "logs": ("cli.commands.logs:logs", "Show the logs of this machine's processes."),
            "audit": ("cli.commands.audit:audit", "Show the audit log."),
            "doctor": (
                "cli.commands.doctor:doctor",
                "Check what thoraq needs, and say how to repair it.",
            ),
            "health": ("cli.commands.health:health", "Check that this host's processes go on."),
            "bench": (
                "cli.commands.bench:bench",
                "Benchmark this machine and show what limits it.",
            ),
            "db": (
                "cli.commands.database:database",
                "Create, upgrade, check, back up and restore the database.",
            ),
            "models": (
                "cli.commands.models:models",
                "List, compare, register and promote networks.",
            ),
            "evaluate": (
                "cli.commands.evaluate:evaluate",
                "Evaluate a network on annotated images.",
            ),
        },
    }
)

#: Errors of writing to an open file; their message does not name the file.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """A click group over ``COMMANDS`` that prints thoraq's own errors without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names in the order of the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        # Imported objects stay alive; collecting garbage among them is a tenth of a short command.
        gc.disable()
        command: click.Command = getattr(importlib.import_module(module), attribute)
        gc.freeze()
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the called command; the error for an unknown name suggests similar ones."""
        try:
            return super().resolve_command(ctx, args)
        except click.exceptions.NoSuchCommand as error:
            # Click compares with loaded commands only, and none is loaded yet.
            raise click.exceptions.NoSuchCommand(
                error.command_name, possibilities=COMMANDS, ctx=ctx
            ) from None

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the table by section, without importing a command."""
        del ctx
        for section, commands in SECTIONS.items():
            with formatter.section(section):
                formatter.write_dl([(name, line) for name, (_, line) in commands.items()], 10)

    def main(self, *args: Any, **extra: Any) -> Any:
        """Run the program; end quietly if standard output or error is closed."""
        with ending_quietly():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Parse the options; end quietly if the reader of the help has gone."""
        with ending_quietly():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print thoraq's own errors as one line and exit with their code."""
        print_faults()
        with ending_quietly():
            return self._run(ctx)

    def _run(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say(err=True)
            say("interrupted; run the same command again to continue", err=True)
            ctx.exit(Exit.INTERRUPTED)
        except click.ClickException as error:
            raise printable_error(error) from error
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and (error.filename or error.errno in _FULL):
                reason = f"{error.filename or 'the output file'}: {error.strerror}"
                error = PlaceUnusable.because(reason)
            code = exit_of(error)
            if code is None:
                raise
            fail(ctx, error, code)


def printable_error(error: click.ClickException) -> click.ClickException:
    """Return a command-line error whose message has no control characters."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error  # its message is the help
    message = printable_lines(error.format_message())
    if isinstance(error, click.UsageError):
        return click.UsageError(message, error.ctx)
    return click.ClickException(message)


def fail(ctx: click.Context, error: Exception, code: Exit) -> NoReturn:
    """Print ``error [code]: message`` and exit."""
    say(f"error [{getattr(error, 'code', '')}]", fg="red", nl=False, err=True)
    say(f": {error}", err=True)
    ctx.exit(code)


@click.group(
    cls=Commands,
    context_settings={"help_option_names": ["-h", "--help"], "max_content_width": 100},
)
@click.version_option(package_name="thoraq")
def thoraq() -> None:
    """Measure archives of chest radiographs: landmarks and the cardiothoracic index.

    \b
    Example: measure a folder, then list the enlarged hearts
      thoraq process /archive/2024
      thoraq results --enlarged
    """
