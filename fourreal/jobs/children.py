"""Child processes that may die: bounded in time and memory, gone when their parent is, answering in one JSON object."""

import json
import logging
import os
import resource
import signal
import subprocess
import sys
import tempfile
import traceback
from collections.abc import Callable, Mapping, Sequence
from typing import Any

from fourreal import installed, system
from fourreal.errors import UserError, out_of_space
from fourreal.jobs.confine import confine, without_secrets
from fourreal.jobs.database import disk_full

MOST_ANSWER = 4 * 1024**2
LARGEST_FILE = 2 * 1024**3
NICE = 5  # a person waits for this one, but others for the page itself


class BrokeOff(Exception):
    """A child ended without an answer. why: "time", "memory" or "crash"."""

    def __init__(self, why: str) -> None:
        super().__init__(why)
        self.why = why


def environment(**changes: str) -> dict[str, str]:
    """See `installed.environment`, with changes."""
    return installed.environment() | changes


def ask(module: str, question: Mapping[str, Any], seconds: float | int, memory: int) -> dict[str, Any]:
    """What `python -m module` answers to `question`, which it finds on its standard input; see `answer`.

    Args:
        seconds: after which it is killed with all it started. memory: bytes of address space.

    Raises:
        UserError: what the child says a person can mend.
        BrokeOff: it was killed, or died.
    """
    # arenas and thread buffers only reserve address space, but that is what is limited
    frugal = {name: "1" for name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MALLOC_ARENA_MAX")}
    limits = {"seconds": seconds, "memory": memory}
    with tempfile.TemporaryFile() as errors:
        child = subprocess.Popen(
            installed.command(module),
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            stderr=errors,
            env=without_secrets(environment(**frugal)),
            start_new_session=True,
        )
        try:
            payload = json.dumps({"question": dict(question), "limits": limits})  # too long for an argument at times
            said, _ = child.communicate(payload.encode(), timeout=seconds)
        except subprocess.TimeoutExpired:
            raise BrokeOff("time") from None
        finally:
            system.bury(child)
        result = _parsed(said)
        if result is None:
            errors.seek(0, os.SEEK_END)
            errors.seek(max(0, errors.tell() - 4000))
            text = errors.read().decode(errors="replace")
            logging.getLogger(__name__).warning("%s ended with %d:\n%s", module, child.returncode, text)
            raise BrokeOff({-signal.SIGXCPU: "time"}.get(child.returncode, "crash"))
    if "error" in result:
        raise UserError(str(result["error"]))
    if "memory" in result:
        raise BrokeOff("memory")
    return result["answer"]


def answer(
    work: Callable[[dict[str, Any]], dict[str, Any]], reads: Sequence[str] = (), writes: Sequence[str] = ()
) -> None:
    """The whole of a child's main: read the question, obey its limits, print what `work` returns.

    reads, writes: entries of the question that name files and folders. Where there are any, nothing else can be opened.
    """
    payload = json.loads(sys.stdin.read())
    limits = payload["limits"]
    system.limit_memory(limits["memory"])
    system.limit(resource.RLIMIT_CPU, max(1, int(limits["seconds"])))
    system.limit(resource.RLIMIT_FSIZE, LARGEST_FILE)
    system.limit(resource.RLIMIT_CORE, 0)
    os.nice(NICE)
    if reads or writes:  # before there is a second thread
        confine(*([payload["question"][name] for name in names] for names in (reads, writes)))
    system.end_with_parent()
    try:
        result: dict[str, Any] = {"answer": work(payload["question"])}
    except UserError as error:
        result = {"error": str(error)}
    except MemoryError:
        result = {"memory": True}
    except OSError as error:
        if not out_of_space(error):
            raise
        result = {"error": str(disk_full())}
    except Exception:
        traceback.print_exc()
        sys.exit(1)
    print("\n" + json.dumps(result), flush=True)


def in_words(error: Exception) -> str:
    """What to say of an error to somebody who cannot read its traceback."""
    if out_of_space(error):
        return str(disk_full())
    if isinstance(error, UserError):
        return str(error)
    if isinstance(error, MemoryError) or type(error).__name__ == "OutOfMemoryError":
        return "There was not enough memory. Choose a smaller preset or size, or run it where there is more."
    return "Something went wrong here, and it is not your fault. The details are in the run's log.txt."


def _parsed(said: bytes) -> dict[str, Any] | None:
    """The last line, as libraries may have printed before."""
    lines = said[-MOST_ANSWER:].splitlines()
    try:
        value = json.loads(lines[-1]) if lines else None
    except ValueError:
        return None
    return value if isinstance(value, dict) else None
