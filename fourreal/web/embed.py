"""A page with nothing but the viewer and one scene: for frames in other pages, which may show it wherever they are."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse

from fourreal.jobs.service import Service
from fourreal.jobs.shares import TOKEN
from fourreal.web.markup import render
from fourreal.web.routes import AGAIN
from fourreal.web.things import thing


def router(service: Service) -> APIRouter:
    """`/embed/<name>`: of a scene that ships its name, of a shared one its token."""
    routes = APIRouter()

    @routes.get("/embed/{name}", response_class=HTMLResponse)
    def embed(name: str) -> HTMLResponse:
        shown = thing(service, "", f"shared:{name}" if TOKEN.fullmatch(name) else f"ready:{name}")
        page = render("embed", title=shown.title, url=shown.url)
        return HTMLResponse(page, headers={"cache-control": AGAIN})

    return routes
