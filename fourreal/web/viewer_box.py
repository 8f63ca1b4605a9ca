"""The one viewer of the page: a frame around viewer/dist/viewer.js that lives as long as the page."""

import gradio as gr

TEMPLATE = '<div class="viewer-box" role="region" aria-label="Scene viewer"></div>'

# The template is fixed, so the viewer's canvas is never drawn anew; what changes comes in by `watch`.
SCRIPT = """
const box = element.querySelector('.viewer-box');
const order = (wish) => trigger('select', wish);
const ready = import(new URL('page/stage.js', document.baseURI).href).then((stage) => stage.open(box, order));
const show = () => ready.then((stage) => stage.show(props.value)).catch((error) => {
  box.textContent = 'The viewer could not be loaded: ' + error.message;
});
watch('value', show);
addEventListener('popstate', () => trigger('submit', { search: location.search }));
show();
"""


def viewer_box(value: dict, **options) -> gr.HTML:
    """The viewer. Value: see `shown`; only what differs from what is there is loaded."""
    return gr.HTML(value, html_template=TEMPLATE, js_on_load=SCRIPT, padding=False, apply_default_css=False, **options)


def shown(
    scene: str | None = None,
    *,
    title: str = "",
    kind: str = "scene",
    others: list[dict] | None = None,
    layout: str = "single",
    preview: str | None = None,
    status: str = "",
    live: bool = False,
    address: str | None = None,
) -> dict:
    """What the viewer shall show.

    scene: address of a .r4d file, None to leave what is there. title: its caption. kind: "video" if it is a video's.
    others: up to three that are beside it in Compare, {"url", "kind", "title"} each. layout: "single", "side", "wipe".
    preview: address of a picture, shown until the scene is drawn. status: a short line over it. live: the scene
    is still forming, the camera stays where the person left it. address: what the browser's says then, see `links`;
    None leaves it.
    """
    return {
        "scene": scene,
        "title": title,
        "kind": kind,
        "others": others or [],
        "layout": layout,
        "preview": preview,
        "status": status,
        "live": live,
        "address": address,
    }
