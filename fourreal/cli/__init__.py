"""The command line: reconstruct, render, evaluate, export; and from a prompt: models, generate, run."""

import errno
import sys
from pathlib import Path

from fourreal.cli.parsers import parser
from fourreal.cli.reporting import reporting, stopping
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken

__all__ = ["main", "parser"]

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
        print(f"fourreal: {error} {error.option}".rstrip(), file=sys.stderr)
        return 2
    except OSError as error:
        if error.errno != errno.ENAMETOOLONG:
            raise
        name = Path(error.filename or "").name
        print(f"fourreal: {name[:40]}... is too long for a name on this disk. Choose a shorter one.", file=sys.stderr)
        return 2
    except (Cancelled, KeyboardInterrupt):
        print(f"Stopped. {arguments.resume}", file=sys.stderr)
        return STOPPED
    return 0
