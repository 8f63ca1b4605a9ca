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
    if scene.startswith("ready/"):
        ready = ready_scene(scene.split("/")[1])
        file = page.service.exports.ready_film(owner, ready.name, wish)
        name, address = ready.title, f"{ready_urls(ready.name)}{file.name}"
    elif scene.startswith("sweeps/"):
        raise UserError("Films of a sweep's scenes are not made here: save the path, and use `fourreal export`.")
    else:
        run = scene.removeprefix("files/").split("/")[0]
        file = page.service.exports.make(owner, run, "mp4", film=wish)
        name, address = page.service.jobs.public_name(run), f"{file_urls(run)}exports/{file.name}"
    return made_box(name, address)


def made_box(name: str, address: str) -> Markup:
    """A file that was made of a scene, to be saved under its name; a film can be looked at as well."""
    return pieces("explore").made(address, saved_name(name, address.rsplit("/", 1)[-1]))
