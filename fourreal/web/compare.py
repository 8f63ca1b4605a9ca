"""Compare: two scenes, or a scene and a video made by another method, under one camera and one clock."""

import gradio as gr

from fourreal.jobs.values import Run
from fourreal.web.explore import caption, opened
from fourreal.web.markup import duration, piece, tag, text
from fourreal.web.metrics import SHOWN, differences
from fourreal.web.parts import INTAKE, PRIVATE, Parts
from fourreal.web.routes import clip_urls
from fourreal.web.session import known, safely
from fourreal.web.videos import uploaded

LAYOUTS = [("Side by side", "side"), ("Wipe", "wipe")]


def build(page: Parts) -> None:
    gr.Markdown("One camera and one clock for both.", elem_classes="lead")
    hint = piece(elem_id="compare-hint")
    first = gr.Dropdown([], label="Scene", elem_id="compare-first")
    second = gr.Dropdown([], label="With another scene", elem_id="compare-second")
    gr.HTML("<h4>Or with a video of another method</h4>", padding=False, apply_default_css=False)
    other = gr.File(label="Video of another method", show_label=False, file_count="single", type="filepath",
                    height=122, elem_id="compare-video", elem_classes="drop")  # fmt: skip
    layout = gr.Radio(LAYOUTS, value="side", label="Shown", elem_id="compare-layout")
    table = piece(elem_id="compare-table")
    studies = piece(elem_id="studies")
    alone = gr.Button("Show one again", visible=False, elem_id="compare-end")
    video = gr.State(None)
    page.named["compare_first"] = first

    @safely
    def choices(me: dict, now: str | None, beside: str | None):
        runs = [run for run in page.service.runs(page.owner(known(me))) if run.has_scene]
        listed = [(run.name, run.id) for run in runs]
        ids = [run.id for run in runs]
        now = now if now in ids else (known(me)["run"] if known(me)["run"] in ids else next(iter(ids), None))
        beside = beside if beside in ids else None
        found = study_links(page.service.ablations())
        return [gr.update(choices=listed, value=now), gr.update(choices=listed, value=beside), found, wanted(len(runs))]

    page.named["choices_event"] = {
        "fn": choices, "inputs": [page.me, first, second], "outputs": [first, second, studies, hint], **PRIVATE
    }  # fmt: skip

    @safely
    def show(me: dict, one: str | None, two: str | None, clip: str | None, layout: str):
        me = known(me)
        if not one or not (two or clip):
            return [gr.skip(), gr.skip(), "", gr.update(visible=False)]
        return compared(page, me, one, two, clip, layout)

    event = {"fn": show, "inputs": [page.me, first, second, video, layout],
             "outputs": [page.viewer, page.caption, table, alone], **PRIVATE}  # fmt: skip
    for part in (first, layout):
        part.input(**event)
    second.input(lambda: None, None, video, **PRIVATE).then(**event)

    @safely
    def take(me: dict, path: str | None):
        file = uploaded(page, path)
        try:
            return [page.service.add_video(page.owner(known(me)), file, file.name).id, None]
        finally:
            page.uploads.forget(file)

    other.upload(take, [page.me, other], [video, second], **INTAKE).then(lambda: None, None, other, **PRIVATE).success(
        **event
    )

    @safely
    def end(me: dict, one: str | None):
        run = page.service.run(page.owner(known(me)), one or "")
        return [opened(run), caption(run), "", gr.update(visible=False), None, None]

    alone.click(end, [page.me, first], [page.viewer, page.caption, table, alone, second, video], **PRIVATE)


def wanted(count: int) -> str:
    """What is still needed for a comparison, where somebody has `count` scenes."""
    if count > 1:
        return ""
    missing = (
        "Nothing to compare yet: make a scene first, under New scene." if count == 0
        else "One scene so far: compare it with a video, or make another."
    )  # fmt: skip
    return tag("p", missing, class_="quiet")


def compared(page: Parts, me: dict, one: str, two: str | None, clip: str | None, layout: str) -> list:
    """Updates of viewer, caption, table and the button that ends it."""
    owner = page.owner(me)
    left = page.service.run(owner, one)
    if two:
        right = page.service.run(owner, two)
        second = {"url": opened(right)["scene"], "kind": "scene", "title": right.name}
        table = difference(page, owner, left, right)
    else:
        right = page.service.video(owner, clip or "")
        second = {"url": clip_urls(owner, right.id) + "clip.mp4", "kind": "video", "title": right.name}
        table = ""
    title = tag("div", tag("h2", text(f"{left.name} and {right.name}")),
                tag("p", "Left and right, or drag the divider in the wipe."), class_="caption")  # fmt: skip
    value = opened(left) | {"second": second, "layout": layout if layout in ("side", "wipe") else "side"}
    return [value, title, table, gr.update(visible=True)]


def difference(page: Parts, owner: str, left: Run, right: Run) -> str:
    """A table of both runs' metrics and what lies between them."""
    found = differences(*(page.service.metrics(owner, run.id) for run in (left, right)))
    rows = [("Took", duration(left.seconds), duration(right.seconds), f"{right.seconds - left.seconds:+.0f} s")]
    for key, name, form in SHOWN:
        if key in found:
            one, two, between = (found[key][which] for which in ("first", "second", "difference"))
            sign = "+" if between >= 0 else "−"
            rows.append((name, form(one), form(two), sign + form(abs(between))))
    head = tag("tr", *(tag("th", text(cell)) for cell in ("", left.name, right.name, "difference")))
    body = (tag("tr", *(tag("td", text(cell)) for cell in row)) for row in rows)
    return tag("table", tag("thead", head), tag("tbody", *body), class_="difference")


def study_links(names: list[str]) -> str:
    """Links to the ablation studies of this machine; nothing where there are none."""
    how = {"target": "_blank", "rel": "noopener", "class_": "save"}
    links = [tag("a", text(name), href=f"ablations/{name}", **how) for name in names]
    return tag("div", tag("h4", "Ablations"), tag("div", *links, class_="links")) if names else ""
