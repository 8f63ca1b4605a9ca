"""What the tests of the page share: the page in a process of its own, a bare application in this one, small files."""

import contextlib
import json
import os
import random
import shutil
import socket
import subprocess
import sys
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from pathlib import Path

import httpx
import shared
import uvicorn
from gradio_client import Client
from shared import PATIENCE, wait

from fourreal.description import Options
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id

HERE = Path(__file__).parent
ROOT = HERE.parent
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


class Page:
    """A page that is served over a data folder, by whomever."""

    def __init__(self, data: Path, port: int) -> None:
        self.data, self.port, self.url = data, port, f"http://127.0.0.1:{port}"

    def log(self) -> str:
        """What the page told its administrator."""
        return "".join(path.read_text(errors="replace") for path in self.logs())

    def logs(self) -> Iterable[Path]:
        return self.data.glob("*.py.log")

    def place(self) -> dict[str, str]:
        """The environment variables that say where it is."""
        return {"FOURREAL_DATA": str(self.data), "GRADIO_SERVER_PORT": str(self.port), "PYTHONPATH": str(ROOT)}

    def has_worker(self) -> bool:
        lock = self.data / "worker.lock"
        return lock.exists() and bool(lock.read_text())


class SharedPage(Page):
    """The one page of this run of the tests, and its worker with tiny presets. Each test is a person of its own.

    models: a folder for models, empty at first.
    """

    def __init__(self) -> None:
        self.models = shared.folder() / "models"
        data = shared.folder() / "page"
        data.mkdir(exist_ok=True)
        super().__init__(data, free_port())
        place = self.place() | {"FOURREAL_MODELS": str(self.models)}
        worker = [sys.executable, HERE / "page_worker.py", data]
        self._logs = [Path(shared.started("worker", worker, place)["log"])]
        wait(self.has_worker, "the worker takes its lock and says so in it")
        page = shared.started("page", [sys.executable, ROOT / "app.py"], place, port=self.port)
        super().__init__(data, page["port"])
        self._logs.append(Path(page["log"]))
        wait(lambda: healthy(self.url), "the page starts")

    def logs(self) -> Iterable[Path]:
        return self._logs


class Served(Page):
    """The page, started as people start it, and a worker with tiny presets; both can be killed and started again."""

    def __init__(self, data: Path, worker: bool = True) -> None:
        super().__init__(data, free_port())
        data.mkdir(parents=True, exist_ok=True)
        self.page = self.worker = None
        if worker:
            self.worker = self.start("page_worker.py", str(data))
            wait(self.has_worker, "the worker takes its lock and says so in it")
        self.start_page()

    def start(self, script: str, *arguments: str) -> subprocess.Popen:
        with open(self.data / f"{Path(script).name}.log", "ab") as log:
            return subprocess.Popen(
                [sys.executable, str(HERE / script), *arguments],
                stdout=log,
                stderr=log,
                cwd=ROOT,
                env=os.environ | self.place(),
                start_new_session=True,
            )

    def start_page(self) -> None:
        self.page = self.start("../app.py")
        wait(lambda: self.page.poll() is not None or healthy(self.url), "the page starts")
        assert self.page.poll() is None, self.log()

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


def give_scene(page: Page, token: str, name: str, source: Page | None = None) -> str:
    """Give a person a finished scene of a shipped example, and return its id.

    It is a copy of one that somebody has, or will have soon, at `source` (the same page if none is named), and is made
    only where nobody has one.
    """

    def first(*states: str) -> dict | None:
        rows = there.workspace.store.all_runs(*states)
        return next(
            (
                row
                for row in rows
                if row["kind"] == "reconstruct"
                and not row["deleted"]
                and json.loads(row["options"]).get("preset") == "draft"
            ),
            None,
        )

    with (
        contextlib.closing(Service((source or page).data)) as there,
        contextlib.closing(Service(page.data)) as here,
        shared.alone("scenes"),
    ):
        if first("done", "queued", "running") is None:
            maker = there.owner("token-of-a-maker-of-scenes")
            pair = there.library.add_example(maker, "fox_yard")
            there.runs.submit(maker, *(video.id for video in pair), Options(preset="draft"))
        row, id = wait(lambda: first("done"), "a scene is made"), new_id()
        passing = shutil.ignore_patterns("tmp", "*.lock", "*.part")
        shutil.copytree(there.workspace.places.run(row["id"]), here.workspace.places.run(id), ignore=passing)
        row |= {"id": id, "owner": here.owner(token), "name": name}
        with here.workspace.store.database.writing() as db:
            db.execute(f"INSERT INTO runs ({', '.join(row)}) VALUES ({', '.join('?' * len(row))})", [*row.values()])
    return id


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
