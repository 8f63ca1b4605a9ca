"""Share: a link to one scene, which its owner makes and takes back."""

import gradio as gr
from markupsafe import Markup

from fourreal.web.links import address
from fourreal.web.markup import pieces, pressed
from fourreal.web.parts import Page, event
from fourreal.web.session import Visitor, personal


def wire(page: Page, shared: gr.HTML) -> None:
    """shared: where the links are."""

    @personal
    def act(me: Visitor, press: gr.EventData):
        action, owner = pressed(press).get("action"), page.owner(me)
        if action == "share":
            return box(page.service.shares.share(owner, me.run))
        if action == "unshare":
            page.service.shares.unshare(owner, me.run)
        return box(page.service.shares.token(owner, me.run))

    shared.select(**event(act, page.me, shared))


def box(token: str | None) -> Markup:
    """The button that shares a scene; of a shared one its links, and the button that takes them back."""
    html = pieces("explore")
    return html.unshared() if token is None else html.shared(address([f"shared:{token}"]), f"embed/{token}")
