"""Run `thoraq` as `python -m cli`."""

from cli.main import thoraq

thoraq(prog_name="thoraq")
