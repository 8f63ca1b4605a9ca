"""What is served beside Gradio: health, the viewer, scenes, clips. Addresses hold unguessable ids, no paths."""

import json
import os
import re
from pathlib import Path

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import FileResponse, PlainTextResponse, Response

from fourreal.errors import UserError
from fourreal.installed import VIEWER
from fourreal.jobs.places import FLAWS
from fourreal.jobs.ready import ready_scene
from fourreal.jobs.service import Service
from fourreal.web.painter import Painter
from fourreal.web.saved import attachment, saved_name
from fourreal.web.sweep_folders import films_of, sweep_file, sweep_run
from fourreal.web.sweep_runs import title as sweep_title

WEB = Path(__file__).parent
TYPES = {
    ".r4d": "application/octet-stream",
    ".js": "text/javascript",
    ".mp4": "video/mp4",
    ".css": "text/css",
    ".html": "text/html; charset=utf-8",
    ".jpg": "image/jpeg",
    ".json": "application/json",
}
SAVED = {".zip", ".html", ".4dgs"}  # files of a run that are for the disk: a page that holds a scene is none of ours
SMALL = {".r4d", ".jpg", ".json", ".html", ".js", ".css"}  # read whole, as a newer one may replace them at any moment
FOREVER = "private, max-age=31536000, immutable"
LIVE = re.compile(r"live/(scene|preview|critique)-\d{1,9}\.(r4d|jpg)")
AGAIN = "no-cache"  # may be kept, but is asked for anew: the answer is 304 while it is the same


def ready_urls(name: str) -> str:
    """Where the files of a scene that ships are."""
    return f"ready/{name}/"


def file_urls(run: str) -> str:
    """Where the files of a run are."""
    return f"files/{run}/"


def clip_urls(owner: str, video: str) -> str:
    """Where a video's clip.mp4, frames/0000.jpg and pictures of what is put right are."""
    return f"clips/{owner}/{video}/"


def flaws_url(owner: str, video: str, role: str, other: str) -> str:
    """Where the picture is of what is put right in a video in this role beside the other one."""
    return f"{clip_urls(owner, video)}flaws-{role}-{other}.jpg"


def router(service: Service, painter: Painter) -> APIRouter:
    """The routes; every file is looked up by the service, which knows what may be seen. A UserError is `missing`."""
    routes = APIRouter()
    examples = {example.name: example for example in service.library.examples()}

    @routes.get("/healthz", response_class=PlainTextResponse)
    def healthz() -> str:
        return "ok"

    @routes.get("/ready/{name}/{file}")
    def ready_file(request: Request, name: str, file: str) -> Response:
        """Of a scene that ships: the viewer's file, its picture, or a film that was made of it."""
        scene = ready_scene(name)
        path = {"scene.r4d": scene.viewer, "picture.jpg": scene.poster}.get(file)
        path = path or service.exports.public_film_file(scene.name, file)
        return sent(request, path, AGAIN, saved_name(scene.title, file) if "download" in request.query_params else None)

    @routes.get("/shared/{token}/{name}")
    def shared_file(request: Request, token: str, name: str) -> Response:
        return sent(request, service.shares.file(token, name), AGAIN)

    @routes.get("/sweeps/{sweep}/{run}/{name}")
    def swept_file(request: Request, sweep: str, run: str, name: str) -> Response:
        watched, seen = sweep_run(sweep, run)
        film = name.endswith(".mp4")
        path = service.exports.public_film_file(films_of(sweep, run), name) if film else watched.file(seen, name)
        title = sweep_title(watched.look().runs, seen)
        return sent(request, path, AGAIN, saved_name(title, name) if "download" in request.query_params else None)

    @routes.get("/frame.jpg")
    def frame(scene: str, camera: str) -> Response:
        """A scene as a camera sees it, for browsers that cannot draw it."""
        try:
            return Response(painter.draw(scene_at(service, scene), json_object(camera)), media_type="image/jpeg")
        except UserError as error:
            return PlainTextResponse(str(error), 400)

    @routes.get("/viewer/{name}")
    def viewer(request: Request, name: str) -> Response:
        return static(request, VIEWER, name)

    @routes.get("/page/{name}")
    def page(request: Request, name: str) -> Response:
        return static(request, WEB / "static", name)

    @routes.get("/examples/{name}/{role}.mp4")
    def example_clip(request: Request, name: str, role: str) -> Response:
        if name not in examples or role not in ("reference", "freeze"):
            return missing()
        return sent(request, getattr(examples[name], role), AGAIN)

    @routes.get("/ablations/{name}")
    def ablation(request: Request, name: str) -> Response:
        return sent(request, service.ablations.page(name), AGAIN)

    @routes.get("/files/{run}/{name:path}")
    def run_file(request: Request, run: str, name: str) -> Response:
        try:
            # live files have a number each and never change
            path, keep = service.jobs.public_file(run, name), FOREVER if name.startswith("live/") else AGAIN
            saved = path.suffix in SAVED or "download" in request.query_params
            answer = sent(request, path, keep, saved_name(service.jobs.public_name(run), name) if saved else None)
        except UserError:
            answer = missing()
        match = LIVE.fullmatch(name)
        while match and answer.status_code == 404 and (newer := newest(service, run, *match.groups())):
            answer = sent(request, newer, AGAIN)  # which may be gone by now, too
        return answer

    @routes.get("/clips/{owner}/{video}/{name:path}")
    def clip(request: Request, owner: str, video: str, name: str) -> Response:
        frame = name.removeprefix("frames/").removesuffix(".jpg")
        wanted = int(frame) if frame != name and frame.isascii() and frame.isdigit() and len(frame) < 6 else name
        drawn = isinstance(wanted, str) and FLAWS.fullmatch(wanted)
        if wanted != "clip.mp4" and not isinstance(wanted, int) and not drawn:
            return missing()
        return sent(request, service.library.video_file(owner, video, wanted), AGAIN if drawn else FOREVER)

    return routes


def scene_at(service: Service, address: str) -> Path:
    """The file behind a scene's address."""
    address = address.split("?")[0].lstrip("/")
    parts = address.split("/", 2)
    if len(parts) == 3 and parts[0] == "shared":
        return service.shares.file(parts[1], parts[2])
    if len(parts) == 3 and parts[0] == "ready" and parts[2] == "scene.r4d":
        return ready_scene(parts[1]).viewer
    if len(parts) == 3 and parts[0] == "sweeps" and parts[2].count("/") == 1 and parts[2].endswith("/scene.r4d"):
        return sweep_file(parts[1], *parts[2].split("/"))
    if len(parts) != 3 or parts[0] != "files" or not parts[2].endswith(".r4d"):
        raise UserError("There is no such scene.")
    return service.jobs.public_file(parts[1], parts[2])


def json_object(text: str) -> dict:
    try:
        value = json.loads(text)
    except (ValueError, RecursionError):
        value = None
    if not isinstance(value, dict):
        raise UserError("That is not a camera.")
    return value


def newest(service: Service, run: str, kind: str, suffix: str) -> Path | None:
    """The last scene or picture of a run, for a browser that asks for one that newer ones have replaced meanwhile."""
    try:
        live = service.workspace.places.run(run).glob(f"live/{kind}-*.{suffix}")
        names = [f"live/{path.name}" for path in sorted(live, key=lambda path: (len(path.name), path.name))]
        last = {"scene": "scene.r4d", "preview": "thumbnail.jpg"}.get(kind, "")
        return service.jobs.public_file(run, (names or [last])[-1])
    except UserError:
        return None


def static(request: Request, folder: Path, name: str) -> Response:
    """A file of a folder that ships with the page."""
    path = folder / name
    if path.parent != folder or not path.is_file() or name.startswith("."):
        return missing()
    return sent(request, path, AGAIN)


def sent(request: Request, path: Path, keep: str, saved: str | None = None) -> Response:
    """A file, in parts if they are asked for; "not modified" if the browser has it. saved: its name on the disk."""
    try:
        with path.open("rb") as file:  # once opened it stays what it is, whatever takes its place meanwhile
            stat = os.fstat(file.fileno())
            tag = f'"{stat.st_mtime_ns:x}-{stat.st_size:x}"'
            headers = {"cache-control": keep, "etag": tag, **(attachment(saved) if saved else {})}
            if request.headers.get("if-none-match") == tag:
                return Response(status_code=304, headers=headers)
            kind = TYPES.get(path.suffix)
            if path.suffix in SMALL and "range" not in request.headers:
                return Response(file.read(), headers=headers, media_type=kind)
    except FileNotFoundError:
        return missing()
    return FileResponse(path, headers=headers, media_type=kind)


def missing() -> Response:
    """The same answer for what is not there and for what is not to be seen."""
    return PlainTextResponse("Not found", 404)
