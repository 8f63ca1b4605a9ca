"""A page with nothing but the viewer and one scene: for frames in other pages, which may show it wherever they are."""

from fastapi import APIRouter
from starlette.responses import HTMLResponse, Response

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.jobs.shares import TOKEN
from fourreal.web.markup import text
from fourreal.web.routes import AGAIN, missing
from fourreal.web.things import thing

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>{title}</title>
<link rel="icon" href="data:,">
<style>html, body {{ height: 100%; margin: 0; background: #0d0f13; color: #e9ecf1; font: 15px system-ui, sans-serif }}
#scene {{ height: 100vh; height: 100dvh }} #failed:not(:empty), noscript {{ display: block; padding: 1rem }}</style>
</head>
<body>
<div id="scene" role="region" aria-label="{title}" data-url="../{url}"></div>
<p id="failed" role="alert"></p>
<noscript>This is a scene in 3D, which a browser draws only with JavaScript: allow it.</noscript>
<script type="module">
const box = document.getElementById("scene");
import("../viewer/viewer.js").then(({{ Viewer }}) => {{
  window.viewer = new Viewer(box);
  return viewer.load(box.dataset.url, {{ name: document.title }});
}}).catch((error) => (document.getElementById("failed").textContent = `The scene cannot be shown: ${{error.message}}`));
</script>
</body>
</html>
"""


def router(service: Service) -> APIRouter:
    """`/embed/<name>`: of a scene that ships its name, of a shared one its token."""
    routes = APIRouter()

    @routes.get("/embed/{name}", response_class=HTMLResponse)
    def embed(name: str) -> Response:
        try:
            shown = thing(service, "", f"shared:{name}" if TOKEN.fullmatch(name) else f"ready:{name}")
        except UserError:
            return missing()
        return HTMLResponse(PAGE.format(title=text(shown.title), url=text(shown.url)), headers={"cache-control": AGAIN})

    return routes
