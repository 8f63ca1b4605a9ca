"""The scenes that ship, as a strip of pictures under the viewer: a press opens one, without loading the page again."""

from fourreal.jobs.ready import ready_scenes
from fourreal.web.links import address
from fourreal.web.markup import piece, pieces
from fourreal.web.routes import ready_urls


def lay_out() -> None:
    cards = [
        (scene, address([f"ready:{scene.name}"]), f"{ready_urls(scene.name)}picture.jpg") for scene in ready_scenes()
    ]
    piece(pieces("strip").strip(cards), elem_id="strip")
