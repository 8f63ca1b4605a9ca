"""Films along keyframes: ordered in the viewer's film editor, shown under the viewer, whatever else is on the page."""

import gradio as gr

from fourreal.camera.keyframes import CameraPath
from fourreal.errors import UserError
from fourreal.jobs.films import FilmWish
from fourreal.web.markup import piece, tag, text, waiting
from fourreal.web.parts import EXPORT, PRIVATE, Parts
from fourreal.web.routes import READY_NAME, file_urls
from fourreal.web.saved import saved_name
from fourreal.web.session import known, safely
from fourreal.web.things import READY


def build(page: Parts) -> None:
    made = piece(elem_id="film-made")

    @safely
    def make(me: dict, event: gr.EventData):
        sent = event._data if isinstance(event._data, dict) else {}
        return film(page, page.owner(known(me)), sent)

    page.viewer.select(lambda: waiting("Making your film"), None, made, **PRIVATE)
    page.viewer.select(make, page.me, made, **EXPORT).failure(lambda: "", None, made, **PRIVATE)


def film(page: Parts, owner: str, sent: dict) -> str:
    """The film that the viewer sent a wish for: {scene: an address, keyframes: JSON text, size, fps}."""
    keyframes, scene = sent.get("keyframes"), str(sent.get("scene") or "")
    if not isinstance(keyframes, str):
        raise UserError("A film needs a path. Add two keys in the film editor.")
    path = CameraPath.parse(keyframes.encode(errors="replace"))
    wish = FilmWish.of(None, path.as_dict(), sent.get("size"), sent.get("fps"))
    if scene == READY:
        name, address = READY_NAME, f"assets/films/{page.service.exports.ready_film(owner, wish).name}"
    else:
        run = scene.removeprefix("files/").split("/")[0]
        file = page.service.exports.make(owner, run, "mp4", film=wish)
        name, address = page.service.jobs.public_name(run), f"{file_urls(run)}exports/{file.name}"
    return made_box(name, address)


def made_box(name: str, address: str) -> str:
    """A file that was made of a scene, to be saved under its name; a film can be looked at as well."""
    saved = saved_name(name, address.rsplit("/", 1)[-1])
    shown = {"autoplay": True, "loop": True, "muted": True, "playsinline": True, "controls": True}
    return tag(
        "div",
        tag("video", src=address, **shown) if address.endswith(".mp4") else "",
        tag("a", text(f"Save {saved}"), href=f"{address}?download", download=True, class_="save"),
        class_="made",
    )
