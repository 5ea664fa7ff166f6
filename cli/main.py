"""The `thoraq` command: a group that loads a command only when it is called.

The table below holds each command's one line, so that `thoraq --help` imports none of them.
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

#: section -> command -> (``module:object``, its one line).
SECTIONS = MappingProxyType(
    {
        "Measure": {
            "process": ("cli.commands.process:process", "Measure folders and files, and report."),
            "submit": (
                "cli.commands.submit:submit",
                "Queue folders and files for running workers.",
            ),
            "watch": ("cli.commands.watch:watch", "Queue what arrives in a folder, once each."),
            "listen": (
                "cli.commands.listen:listen",
                "Receive DICOM objects by network and queue them.",
            ),
            "remeasure": (
                "cli.commands.remeasure:remeasure",
                "Measure known radiographs again by another network.",
            ),
        },
        "Read": {
            "status": ("cli.commands.status:status", "Say how far the batches are."),
            "results": ("cli.commands.results:results", "List measurements."),
            "failures": (
                "cli.commands.failures:failures",
                "List what failed or was set aside, and why.",
            ),
            "show": ("cli.commands.show:show", "Show one STUDY and draw its landmarks."),
            "sheet": ("cli.commands.sheet:sheet", "Draw results as pages of pictures."),
            "export": (
                "cli.commands.export:export",
                "Write measurements to a CSV, Parquet or JSON file.",
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
            "dataset": ("cli.commands.dataset:dataset", "Check and look at annotated images."),
        },
        "Steer": {
            "retry": ("cli.commands.retry:retry", "Queue again what failed or was cancelled."),
            "recompute": (
                "cli.commands.recompute:recompute",
                "Judge stored results by today's settings.",
            ),
            "cancel": (
                "cli.commands.cancel:cancel",
                "Take a batch's waiting files out of the queue.",
            ),
            "pause": ("cli.commands.pause:pause", "Hold a batch or a queue back."),
            "resume": ("cli.commands.pause:resume", "Let a paused batch or queue go on."),
        },
        "Operate": {
            "up": ("cli.commands.up:up", "Run broker, workers and scheduler until Ctrl-C."),
            "scheduler": (
                "cli.commands.scheduler:scheduler",
                "Send what waits to the workers, until Ctrl-C.",
            ),
            "worker": ("cli.commands.worker:worker", "Run one worker on one device."),
            "flower": ("cli.commands.flower:flower", "Watch the workers in a browser."),
            "forget": (
                "cli.commands.forget:forget",
                "Remove what is known of a batch or a patient.",
            ),
            "logs": ("cli.commands.logs:logs", "Show what the processes of this machine logged."),
            "audit": ("cli.commands.audit:audit", "Tell who asked for what, and when."),
            "doctor": (
                "cli.commands.doctor:doctor",
                "Check what thoraq needs, and say how to repair it.",
            ),
            "health": ("cli.commands.health:health", "Check that this host's processes go on."),
            "bench": ("cli.commands.bench:bench", "Say how fast this machine measures, and could."),
            "db": (
                "cli.commands.database:database",
                "Create, upgrade, check, copy and restore the database.",
            ),
            "models": (
                "cli.commands.models:models",
                "List the networks, and choose the one that measures.",
            ),
            "evaluate": (
                "cli.commands.evaluate:evaluate",
                "Test the network against annotated images.",
            ),
        },
    }
)

#: Errors of writing to a file that is open; they do not name it.
_FULL = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG}

COMMANDS = {name: entry for section in SECTIONS.values() for name, entry in section.items()}


class Commands(click.Group):
    """A click group over ``COMMANDS`` that prints errors of thoraq's own without a traceback."""

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Return the names, as they stand in the table."""
        del ctx
        return list(COMMANDS)

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import and return one command."""
        del ctx
        if cmd_name not in COMMANDS:
            return None
        module, _, attribute = COMMANDS[cmd_name][0].partition(":")
        # What is imported stays: looking through it for garbage is a tenth of a short command.
        gc.disable()
        command: click.Command = getattr(importlib.import_module(module), attribute)
        gc.freeze()
        gc.enable()
        return command

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Return the command that is called; a mistyped one names those that it resembles."""
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
        """Run the program; quietly, where nobody reads an error of the command line."""
        with ending_quietly():
            return super().main(*args, **extra)

    def make_context(self, *args: Any, **extra: Any) -> click.Context:
        """Read the options, and print the help where it is asked for."""
        with ending_quietly():
            return super().make_context(*args, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; print an error of ours as one line and leave with its exit code."""
        print_faults()
        with ending_quietly():
            return self._invoked(ctx)

    def _invoked(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt:
            say(err=True)
            say("interrupted; the same command goes on where this one stopped", err=True)
            ctx.exit(Exit.INTERRUPTED)
        except click.ClickException as error:
            raise told(error) from error
        except (click.exceptions.Exit, click.Abort):
            raise
        except Exception as error:
            if isinstance(error, OSError) and (error.filename or error.errno in _FULL):
                said = f"{error.filename or 'what is written'}: {error.strerror}"
                error = PlaceUnusable.because(said)
            code = exit_of(error)
            if code is None:
                raise
            fail(ctx, error, code)


def told(error: click.ClickException) -> click.ClickException:
    """Return an error of the command line whose message holds no controls."""
    if isinstance(error, click.exceptions.NoArgsIsHelpError):
        return error  # its message is the help
    message = printable_lines(error.format_message())
    if isinstance(error, click.UsageError):
        return click.UsageError(message, error.ctx)
    return click.ClickException(message)


def fail(ctx: click.Context, error: Exception, code: Exit) -> NoReturn:
    """Print ``error [code]: message`` and leave."""
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
