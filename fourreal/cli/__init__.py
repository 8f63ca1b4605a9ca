"""The command line: reconstruct, render, evaluate, export; and from a prompt: models, generate, run."""

import sys

from fourreal.cli.options import ABLATIONS
from fourreal.cli.parsers import parser
from fourreal.cli.reporting import reporting, stopping
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken

__all__ = ["ABLATIONS", "main", "parser"]

STOPPED = 130


def main(argv: list[str] | None = None) -> int:
    """Run one command; returns the exit code."""
    arguments = parser().parse_args(argv)
    cancel = CancelToken()
    try:
        with reporting() as report, stopping(cancel, report.say):
            result = arguments.command(arguments, report.event, cancel)
        print(result)
    except UserError as error:
        print(f"fourreal: {error}", file=sys.stderr)
        return 2
    except (Cancelled, KeyboardInterrupt):
        print(f"Stopped. {arguments.resume}", file=sys.stderr)
        return STOPPED
    return 0
