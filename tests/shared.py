"""What all processes of one run of the tests share, as one browser and one server: each is started once.

Run as a program this is the keeper. The process that controls the tests starts it, and any process of theirs asks it to
start something. It ends all of that when the tests end, however they do: it notices by its standard input.
"""

import fcntl
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from pathlib import Path
from selectors import EVENT_READ, DefaultSelector

PLACE = "FOURREAL_TESTS_SHARED"  # the environment variable that names the folder of what is shared
SOCKET = "keeper"
END_SECONDS = 15.0  # for what is asked to end
PATIENCE = 300.0  # seconds until something has failed: far more than it takes, as others may use the machine


def keep() -> Callable[[], None]:
    """Start the keeper; what ends it, and all that it started by then, is returned."""
    folder = os.environ[PLACE] = tempfile.mkdtemp(prefix="fourreal-tests-")
    keeper = subprocess.Popen(
        [sys.executable, "-I", "-S", __file__, folder],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
    )

    def end() -> None:
        keeper.stdin.close()
        keeper.stdout.close()
        keeper.wait()

    assert keeper.stdout.readline(), "the keeper of what tests share did not start"
    return end


def folder() -> Path:
    """Where what is shared may put its files. They go when the tests end."""
    return Path(os.environ[PLACE])


def started(name: str, command: Sequence[str], place: Mapping[str, str] | None = None, **facts) -> dict:
    """Have a process, unless it was started under this name already.

    place: more of its environment. facts: JSON-able. Returns those of whoever came first, with `log`: where the
    process writes what it has to say.
    """
    with socket.socket(socket.AF_UNIX) as asking:
        asking.connect(str(folder() / SOCKET))
        wish = {"name": name, "command": [*map(str, command)], "env": os.environ | (place or {}), "facts": facts}
        asking.sendall(json.dumps(wish).encode() + b"\n")
        with asking.makefile() as answer:
            return json.loads(answer.readline())


@contextmanager
def alone(name: str) -> Iterator[None]:
    """One process at a time."""
    with open(folder() / f"{name}.lock", "w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def wait(true, what: str, seconds: float | int = PATIENCE):
    """What `true` returns once that is something. Fails, naming `what`, where it never comes."""
    end = time.monotonic() + seconds
    while time.monotonic() < end:
        if value := true():
            return value
        time.sleep(0.05)
    raise AssertionError(f"waited {seconds} s in vain: {what}")


class _Keeper:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.processes: list[subprocess.Popen] = []
        self.facts: dict[str, dict] = {}

    def run(self) -> None:
        with socket.socket(socket.AF_UNIX) as listening, DefaultSelector() as selector:
            listening.bind(str(self.folder / SOCKET))
            listening.listen()
            print("ready", flush=True)
            selector.register(listening, EVENT_READ)
            selector.register(sys.stdin, EVENT_READ)
            while True:
                ready = [key.fileobj for key, _ in selector.select()]
                if sys.stdin in ready:  # nobody writes to it: it has ended
                    return
                self.answer(listening.accept()[0])

    def answer(self, asking: socket.socket) -> None:
        with asking, asking.makefile("rw") as line:
            wish = json.loads(line.readline())
            if wish["name"] not in self.facts:
                self.start(**wish)
            line.write(json.dumps(self.facts[wish["name"]]) + "\n")

    def start(self, name: str, command: list[str], env: dict[str, str], facts: dict) -> None:
        path = self.folder / f"{name}.log"
        with open(path, "ab") as log:
            process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=log, stderr=log, env=env, start_new_session=True
            )
        self.processes.append(process)
        self.facts[name] = facts | {"log": str(path)}

    def end(self) -> None:
        """The last first: it may need the others."""
        for process in reversed(self.processes):
            process.terminate()
            with suppress(subprocess.TimeoutExpired):
                process.wait(END_SECONDS)
            with suppress(ProcessLookupError):
                os.killpg(process.pid, signal.SIGKILL)
            process.wait()
        shutil.rmtree(self.folder, ignore_errors=True)


if __name__ == "__main__":
    keeper = _Keeper(Path(sys.argv[1]))
    try:
        keeper.run()
    finally:
        keeper.end()
