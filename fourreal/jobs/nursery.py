"""A process that has imported what runs need and forks runners from itself: begun so, a run need not wait for imports.

`Nursery` is the worker's side, `serve` the process's own. Only where the system hands orphans over (Linux): a runner
is forked twice, so that it becomes a child of the worker like any other that the worker starts.
"""

import importlib
import json
import os
import select
import signal
import subprocess
import sys
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import IO

from fourreal import system
from fourreal.jobs.children import environment

IMPORTS = (  # nothing that starts threads or a GPU, which no fork inherits
    "fourreal.pipeline",
    "fourreal.scene.r4d",
    "fourreal.pipeline.candidates",
    "fourreal.jobs.reconstructing",
    "fourreal.jobs.creating",
)
REST_SECONDS = 60.0  # without a run to begin, then it goes: it holds a third of a gigabyte
FORK_SECONDS = 20.0  # until it is taken for dead; it takes milliseconds
READY = b"ready\n"
COLD = 75  # exit code of a runner that waited for another creation in vain
LOG = "log.txt"  # of a run, in its folder


class Forked:
    """A runner that was forked: of `subprocess.Popen` what the worker uses."""

    def __init__(self, pid: int) -> None:
        self.pid = pid
        self.returncode: int | None = None

    def terminate(self) -> None:
        """Send SIGTERM."""
        os.kill(self.pid, signal.SIGTERM)

    def poll(self) -> int | None:
        """The exit code, None as long as it runs."""
        if self.returncode is None and (ended := os.waitpid(self.pid, os.WNOHANG))[0]:
            self.returncode = os.waitstatus_to_exitcode(ended[1])
        return self.returncode

    def wait(self) -> int:
        """The exit code, negative for a signal, once it has ended."""
        if self.returncode is None:
            self.returncode = os.waitstatus_to_exitcode(os.waitpid(self.pid, 0)[1])
        return self.returncode


class Nursery:
    """See the module. command: starts `serve`, told so by --nursery."""

    def __init__(self, command: Sequence[str]) -> None:
        self.command = [*command, "--nursery"]
        self.process: subprocess.Popen[bytes] | None = None
        self.ready, self.used = False, 0.0

    def warm(self) -> bool:
        """Whether a run can begin now. Begins to import where that was not done yet, and never waits."""
        if self.process is None:
            # asked in this way whether there is a GPU, torch does not begin to use it
            asking = environment(PYTORCH_NVML_BASED_CUDA_CHECK="1")
            self.process = subprocess.Popen(
                self.command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=asking, start_new_session=True
            )
            self.used = time.monotonic()
        answers = self._pipes[1]
        if not self.ready:
            # at its end as well: what is wrong is then seen by the runner that is started without it
            self.ready = bool(select.select([answers], [], [], 0)[0]) and self._line() == READY
        return self.ready or answers.closed

    def fork(self, arguments: Sequence[str], changes: Mapping[str, str], log: Path) -> Forked | None:
        """A runner with `arguments`, these changes of the environment, and its output in `log`; None if that failed."""
        if not self.ready:
            return None
        payload = {"arguments": list(arguments), "environment": environment(**changes), "log": str(log)}
        try:
            questions, answers = self._pipes
            questions.write(json.dumps(payload).encode() + b"\n")
            questions.flush()
            there = select.select([answers], [], [], FORK_SECONDS)[0]
            pid = int(self._line()) if there else 0
        except (OSError, ValueError):
            pid = 0
        if not pid:
            self.close()
            return None
        self.used = time.monotonic()
        return Forked(pid)

    def rest(self) -> None:
        """Let it go where it was not used for a while."""
        if self.process is not None and time.monotonic() - self.used > REST_SECONDS:
            self.close()

    def close(self) -> None:
        """End it. Runners that it forked go on."""
        if self.process is not None:
            system.bury(self.process)
        self.process, self.ready = None, False

    @property
    def pids(self) -> set[int]:
        return set() if self.process is None else {self.process.pid}

    @property
    def _pipes(self) -> tuple[IO[bytes], IO[bytes]]:
        """To the process and from it."""
        assert self.process is not None
        assert self.process.stdin is not None
        assert self.process.stdout is not None
        return self.process.stdin, self.process.stdout

    def _line(self) -> bytes:
        answers = self._pipes[1]
        line = answers.readline()
        if not line:
            answers.close()
        return line


def serve(run: Callable[[Sequence[str]], int]) -> int:
    """The whole of the process's main: import, then fork a child that does `run(arguments)` for each line of stdin.

    It ends when the worker does, which closes its stdin.
    """
    for module in IMPORTS:
        importlib.import_module(module)
    os.write(sys.stdout.fileno(), READY)
    while line := sys.stdin.buffer.readline():
        first = os.fork()
        if not first:
            _hand_over(json.loads(line), run)
        os.waitpid(first, 0)
    return 0


def _hand_over(payload: Mapping, run: Callable[[Sequence[str]], int]) -> None:
    """In a child: fork once more and end, so that the worker gets the grandchild; it does the run and never returns."""
    between, code = os.getpid(), 1
    if os.fork():
        os._exit(0)
    os.setsid()
    while os.getppid() == between:
        time.sleep(0.001)
    try:
        os.write(sys.stdout.fileno(), f"{os.getpid()}\n".encode())
        with open(payload["log"], "ab") as log, open(os.devnull, "rb") as nothing:
            for fd, file in enumerate((nothing, log, log)):
                os.dup2(file.fileno(), fd)
        os.environ.clear()
        os.environ.update(payload["environment"])
        code = run(payload["arguments"])
    except BaseException:
        traceback.print_exc()
    finally:  # not the interpreter's end: what the parent had registered for it is the parent's
        sys.stdout.flush()
        sys.stderr.flush()
        os._exit(code)
