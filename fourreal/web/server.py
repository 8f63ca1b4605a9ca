"""The web application: Gradio's page and our own routes behind one guard."""

import asyncio
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import gradio as gr
from fastapi import FastAPI
from starlette.requests import Request
from starlette.responses import Response

from fourreal.errors import UserError
from fourreal.installed import CHECKOUT, PACKAGE, ROOT
from fourreal.jobs.service import Service
from fourreal.settings import JobLimits
from fourreal.web import embed
from fourreal.web.guard import Guard
from fourreal.web.lean import FirstView
from fourreal.web.page import build
from fourreal.web.painter import Painter
from fourreal.web.previews import Previews
from fourreal.web.routes import WEB, missing, router
from fourreal.web.streams import EndedStreams
from fourreal.web.study_routes import StudyLinks, study_router
from fourreal.web.theme import theme
from fourreal.web.upload_form import UploadLimits
from fourreal.web.uploads import Uploads

SWEEP_SECONDS = 600.0
HEAD = (
    '<link rel="modulepreload" href="page/stage.js"><link rel="modulepreload" href="viewer/viewer.js">'
    '<link rel="stylesheet" href="page/around.css"><script type="module" src="page/page.js"></script>'
    '<meta name="color-scheme" content="light dark">'
)


def create_app(data: Path, service: Service | None = None, limits: UploadLimits | None = None) -> FastAPI:
    """The application over a data folder. Nothing of it is started but what serves requests."""
    data = Path(data).absolute()
    service = service or Service(data)
    uploads = Uploads(data / "uploads", limits or upload_limits(service.workspace.limits))
    painter = Painter()
    # Where Gradio thinks uploads are. It copies files that it finds elsewhere, and has no other way to be told.
    os.environ["GRADIO_TEMP_DIR"] = str(uploads.folder)
    # After so many events Gradio sums up how long they took, for a page that is off. Usually it does so after each,
    # and loads pandas for it.
    os.environ["GRADIO_ANALYTICS_CACHE_FREQUENCY"] = str(10**12)

    @asynccontextmanager
    async def lifespan(app: FastAPI) -> AsyncIterator[None]:
        sweeping = asyncio.create_task(sweep(uploads))
        try:
            yield
        finally:
            sweeping.cancel()
            painter.close()

    app = FastAPI(lifespan=lifespan, docs_url=None, redoc_url=None, openapi_url=None)
    app.add_exception_handler(UserError, lambda request, error: missing())  # what is not to be seen is not there
    app.include_router(study_router(service.studies))
    app.include_router(router(service, painter))
    app.include_router(embed.router(service))

    @app.post("/gradio_api/upload")
    async def upload(request: Request) -> Response:
        return await uploads.receive(request)

    @app.get("/gradio_api/upload_progress")
    async def upload_progress(request: Request) -> Response:
        return await uploads.progress(request)

    app.add_middleware(EndedStreams)
    app.add_middleware(Previews, service=service)
    app.add_middleware(FirstView)
    app.add_middleware(StudyLinks)
    app.add_middleware(Guard, holds=uploads.holds)
    return gr.mount_gradio_app(
        app,
        build(service, uploads, data),
        path="/",
        theme=theme(),
        css_paths=[WEB / "static" / name for name in ("page.css", "choice.css")],
        head=HEAD,
        favicon_path=str(WEB / "static" / "icon.png"),
        footer_links=["api"],
        blocked_paths=[str(data), str(ROOT if CHECKOUT else PACKAGE)],
        run_history=False,
        show_error=False,
        ssr_mode=False,
        enable_monitoring=False,
        mcp_server=False,
        pwa=False,
    )


def upload_limits(limits: JobLimits) -> UploadLimits:
    return UploadLimits(
        max_bytes=limits.max_upload_bytes,
        client_bytes=limits.uploads_bytes_per_person,
        all_bytes=limits.uploads_bytes,
        free_bytes=2 * limits.free_bytes,
    )


async def sweep(uploads: Uploads) -> None:
    """Now and then remove uploads that were never used."""
    while True:
        await asyncio.to_thread(uploads.sweep)
        await asyncio.sleep(SWEEP_SECONDS)
