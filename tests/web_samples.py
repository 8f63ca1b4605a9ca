"""What the tests of the page share: the page in a process of its own, a bare application in this one, small files."""

import os
import random
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import uvicorn
from gradio_client import Client
from shared import PATIENCE, wait

HERE = Path(__file__).parent
ANNA, BEN = "token-of-anna-" + "a" * 24, "token-of-ben-" + "b" * 24
FORM = {"content-type": "multipart/form-data; boundary=limit"}


def form(content: bytes, name: str = "video.mp4", field: str = "files") -> bytes:
    """A multipart form with one file, for the headers `FORM`."""
    head = f'--limit\r\nContent-Disposition: form-data; name="{field}"; filename="{name}"\r\n\r\n'
    return head.encode() + content + b"\r\n--limit--\r\n"


def free_port() -> int:
    """A port that nobody listens at, and that the system gives to no connection while nobody does."""
    while True:
        port = random.randrange(20_000, 30_000)  # those given to connections begin higher
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port


def lying(folder: Path) -> set[str]:
    """All files below a folder, which may go while it is looked through."""
    return {os.path.join(place, name) for place, _, names in os.walk(folder) for name in names}


@contextmanager
def answering(app) -> Iterator[str]:
    """An ASGI application in a thread of this process; yields its address."""
    # without web sockets uvicorn does not load a package that warns
    server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", timeout_graceful_shutdown=1))
    with socket.create_server(("127.0.0.1", 0)) as listening:
        thread = threading.Thread(target=server.run, args=([listening],), daemon=True)
        thread.start()
        wait(lambda: server.started, "the application starts")
        try:
            yield f"http://127.0.0.1:{listening.getsockname()[1]}"
        finally:
            server.should_exit = True
            thread.join()


class Served:
    """The page, started as people start it, and a worker with tiny presets; both can be killed and started again."""

    def __init__(self, data: Path, worker: bool = True) -> None:
        self.data, self.port = data, free_port()
        self.url = f"http://127.0.0.1:{self.port}"
        data.mkdir(parents=True, exist_ok=True)
        self.page = self.worker = None
        if worker:
            lock = data / "worker.lock"
            self.worker = self.start("page_worker.py", str(data))
            wait(lambda: lock.exists() and lock.read_text(), "the worker takes its lock and says so in it")
        self.start_page()

    def start(self, script: str, *arguments: str) -> subprocess.Popen:
        place = {"FOURREAL_DATA": str(self.data), "GRADIO_SERVER_PORT": str(self.port)}
        with open(self.data / f"{Path(script).name}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, str(HERE / script), *arguments], stdout=log, stderr=log, cwd=HERE.parent,
                env=os.environ | place | {"PYTHONPATH": str(HERE.parent)}, start_new_session=True,
            )  # fmt: skip

    def start_page(self) -> None:
        self.page = self.start("../app.py")
        wait(lambda: self.page.poll() is not None or healthy(self.url), "the page starts")
        assert self.page.poll() is None, self.log()

    def log(self) -> str:
        """What the page told its administrator."""
        return "".join(path.read_text(errors="replace") for path in self.data.glob("*.py.log"))

    def kill_page(self) -> None:
        self.page.kill()
        self.page.wait()

    def close(self) -> None:
        for process in filter(None, (self.page, self.worker)):
            process.terminate()
            try:
                process.wait(60)
            except subprocess.TimeoutExpired:
                process.kill()
                process.wait()


@contextmanager
def served(data: Path, worker: bool = True) -> Iterator[Served]:
    page = Served(data, worker)
    try:
        yield page
    finally:
        page.close()


@contextmanager
def calling(url: str) -> Iterator:
    """What calls a step of the page's API by its name: `call(step, **given)`."""
    client = Client(url, verbose=False, analytics_enabled=False)

    def call(step, /, **given):
        try:
            return client.predict(api_name=f"/{step}", **given)
        finally:
            # The server ends the stream of answers after this one. A call that comes before the client has read so
            # would wait in it for ever.
            wait(lambda: not client.stream_open, "the stream of answers ends")

    yield call
    client.close()


def fetched(url: str, **given) -> httpx.Response:
    """The answer to a GET, by a connection of its own: a server may close one that was kept just when it is used."""
    return httpx.get(url, timeout=PATIENCE, **given)


def healthy(url: str) -> bool:
    try:
        return httpx.get(url + "/healthz", timeout=2).text == "ok"
    except httpx.TransportError:
        return False
