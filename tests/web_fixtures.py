"""The page, served by this process, and what Anna has there: fixtures, loaded by `pytest_plugins`."""

import asyncio
import io
import logging
import traceback
from pathlib import Path

import httpx
import pytest
from fastapi import FastAPI
from gradio_client import handle_file
from inline_children import inline_children
from job_samples import hand
from page_child import LIVE, tiny
from web_samples import ANNA, PATIENCE, answering, calling, wait

from fourreal.jobs import live
from fourreal.jobs.devices import CPU
from fourreal.jobs.service import Service
from fourreal.web.server import create_app


class Page:
    """The page served by this process, which does its runs with tiny presets and what else children would do."""

    def __init__(self, data: Path, url: str) -> None:
        self.data, self.url, self._log = data, url, io.StringIO()

    def log(self) -> str:
        """What is told the administrator."""
        return self._log.getvalue()

    def print_exc(self, *_, **__) -> None:
        """In place of `traceback.print_exc`, which is how Gradio tells of errors."""
        self._log.write(traceback.format_exc())


async def application(data: Path, service: Service) -> FastAPI:
    """The page, made within a loop of events: Gradio opens loops where there is none, and leaves them open."""
    return create_app(data, service)


@pytest.fixture(scope="module")
def page(tmp_path_factory):
    data = tmp_path_factory.mktemp("page") / "data"
    with pytest.MonkeyPatch.context() as patch, inline_children():
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):  # the application sets them
            patch.setenv(name, "")
        for name, value in LIVE.items():
            patch.setattr(live, name, value)
        service = Service(data)
        service.workspace.store.remember("devices", [CPU])
        with answering(asyncio.run(application(data, service))) as url, hand(data, tiny(60)):
            running = Page(data, url)
            patch.setattr(traceback, "print_exc", running.print_exc)
            handler = logging.StreamHandler(running._log)
            for logger in (logging.getLogger(), logging.getLogger("uvicorn")):
                logger.addHandler(handler)
            yield running
            for logger in (logging.getLogger(), logging.getLogger("uvicorn")):
                logger.removeHandler(handler)
            for row in service.workspace.store.all_runs("running"):  # of a test that failed
                service.workspace.store.cancel(row["id"], keep=False)
        service.close()
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module")
def client(page):
    # each request by a connection of its own: the server may close one that was kept just when it is used again
    limits = httpx.Limits(max_keepalive_connections=0)
    with httpx.Client(base_url=page.url, timeout=PATIENCE, limits=limits) as client:
        yield client


@pytest.fixture(scope="module")
def api(page):
    with calling(page.url) as call:
        yield call


@pytest.fixture(scope="module")
def annas_videos(api, fox_yard):
    """Anna's two videos: the reference one as a file of hers, the other cut from a longer one."""
    reference = api("add_video", token=ANNA, file=handle_file(str(fox_yard / "reference.mp4")))
    freeze = api("add_video", token=ANNA, file=handle_file(str(fox_yard / "freeze.mp4")))
    return reference, freeze


@pytest.fixture(scope="module")
def annas_run(api):
    """A finished run of Anna's of a shipped example, done through the API alone."""
    taken = api("add_example", token=ANNA, name="fox_yard")
    pair = {"reference": taken["reference"]["id"], "freeze": taken["freeze"]["id"]}
    started = api("reconstruct", token=ANNA, **pair, options={"preset": "draft"}, name="Fox <b>&</b>")
    wait(lambda: api("status", token=ANNA, run=started["id"])["state"] in ("done", "failed"), "the run ends")
    ended = api("status", token=ANNA, run=started["id"])
    assert ended["state"] == "done", ended
    return ended
