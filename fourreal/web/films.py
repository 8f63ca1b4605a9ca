"""Films along keyframes: ordered in the viewer's film editor, shown under the viewer, whatever else is on the page."""

import gradio as gr
from markupsafe import Markup

from fourreal.camera.keyframes import CameraPath
from fourreal.errors import UserError
from fourreal.jobs.films import FilmWish
from fourreal.jobs.ready import ready_scene
from fourreal.web.lean import sent_with
from fourreal.web.markup import pieces, waiting
from fourreal.web.parts import EXPORT, Page, event
from fourreal.web.routes import file_urls, ready_urls
from fourreal.web.saved import saved_name
from fourreal.web.session import Visitor, personal
from fourreal.web.sweep_folders import films_of, sweep_run, sweep_urls
from fourreal.web.sweep_runs import title


def wire(page: Page, made: gr.HTML) -> None:
    """made: where a film is shown."""

    @personal
    def make(me: Visitor, wish: gr.EventData):
        return film(page, page.owner(me), sent_with(wish))

    page.viewer.select(**event(lambda: waiting("Making your film"), None, made))
    page.viewer.select(**event(make, page.me, made, EXPORT)).failure(**event(lambda: "", None, made))


def film(page: Page, owner: str, sent: dict) -> str:
    """The film that the viewer sent a wish for: {scene: an address, keyframes: JSON text, size, fps}."""
    keyframes, scene = sent.get("keyframes"), str(sent.get("scene") or "")
    if not isinstance(keyframes, str):
        raise UserError("A film needs a path. Add two keys in the film editor.")
    path = CameraPath.parse(keyframes.encode(errors="replace"))
    wish = FilmWish.of(None, path.as_dict(), sent.get("size"), sent.get("fps"))
    kind, *parts = scene.split("/")
    exports = page.service.exports
    if kind == "ready" and len(parts) > 1:
        ready = ready_scene(parts[0])
        file = exports.public_film(owner, ready.bundle, ready.name, wish)
        return made_box(ready.title, f"{ready_urls(ready.name)}{file.name}")
    if kind == "sweeps" and len(parts) > 2:
        watched, run = sweep_run(parts[0], parts[1])
        file = exports.public_film(owner, watched.bundle(run), films_of(watched.key, run.key), wish)
        return made_box(title(watched.look().runs, run), f"{sweep_urls(watched.key, run.key)}{file.name}")
    if kind == "files" and len(parts) > 1:
        file = exports.make(owner, parts[0], "mp4", film=wish)
        return made_box(page.service.jobs.public_name(parts[0]), f"{file_urls(parts[0])}exports/{file.name}")
    if kind == "shared":
        raise UserError("This scene is another person's. Save the path and ask them for the film.")
    raise UserError("A video cannot be filmed. Open a scene first.")


def made_box(name: str, address: str) -> Markup:
    """A file that was made of a scene, to be saved under its name; a film can be looked at as well."""
    return pieces("explore").made(address, saved_name(name, address.rsplit("/", 1)[-1]))
