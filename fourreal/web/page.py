"""The page as a whole: one viewer that stays, and beside it the steps from a prompt, or two videos, to a scene."""

from pathlib import Path

import gradio as gr

from fourreal.description import Options
from fourreal.jobs.service import Service
from fourreal.web import (
    api,
    choice,
    compare,
    create,
    explore,
    failed,
    films,
    forming,
    link_opening,
    reconstruct,
    scenes,
    study,
    videos,
    watch,
)
from fourreal.web.lean import LeanConfig, tell_once
from fourreal.web.markup import piece, tag
from fourreal.web.parts import (
    COMPARE,
    CREATE,
    EXPLORE,
    INTAKE,
    NEW,
    PRIVATE,
    RECONSTRUCT,
    SCENES,
    STUDY,
    THREADS,
    VIDEOS,
    WATCH,
    Parts,
    followed,
)
from fourreal.web.session import SAME_PERSON, browser_state, known, safely
from fourreal.web.things import READY
from fourreal.web.uploads import Uploads
from fourreal.web.viewer_box import shown, viewer_box

FIRST_EXAMPLE = "fox_yard"
HEADER = (
    '<header class="top"><h1><a href="." class="mark">four<b>real</b></a></h1>'
    "<span>A prompt or two short videos in. A scene you can look around in, at any moment, out.</span></header>"
)
WELCOME = tag(
    "div",
    tag("h2", "A fox in a yard"),
    tag("p", "Made from two short videos. Drag to look around, scroll to come closer, scrub through time."),
    class_="caption",
)


def build(service: Service, uploads: Uploads, data: Path) -> gr.Blocks:
    """The Blocks of the page and of its API."""
    blocks = gr.Blocks(title="fourreal", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600))
    blocks.default_config = LeanConfig(blocks)
    with blocks:
        page = Parts(service, uploads, me=browser_state(data))
        api.add(service, uploads)  # first, as a page's event of the same name would take it away
        page.timer = gr.Timer(0.5, active=False)  # a new scene is shown within two seconds of being written
        page.cursor = gr.State(None)
        header = gr.HTML(HEADER, padding=False, apply_default_css=False)
        with gr.Row(elem_id="room", equal_height=False):
            with gr.Column(elem_id="stage"):
                page.choice = choice.choice_box()
                page.viewer = viewer_box(shown(READY, title="A fox in a yard"), elem_id="viewer")
                with gr.Row(elem_id="under"):
                    page.caption = piece(WELCOME, elem_id="caption")
                    example = gr.Button("Try with this example", variant="secondary", size="lg", elem_id="try", scale=0)
                films.build(page)
            with gr.Column(elem_id="panel"):
                steps(page)
        forming.build(page)
        wire(page, blocks, example)
        tell_once(blocks.default_config, header)
    blocks.max_threads = THREADS
    blocks.queue(default_concurrency_limit=None, max_size=512)
    return blocks


def steps(page: Parts) -> None:
    """The panel: a new scene step by step, earlier scenes, comparison."""
    with gr.Tabs(selected=NEW, elem_id="tabs") as page.tabs:
        with gr.Tab("New scene", id=NEW), gr.Tabs(selected=CREATE, elem_id="steps") as page.steps:
            with gr.Tab("Create", id=CREATE):
                create.build(page)
            with gr.Tab("Videos", id=VIDEOS):
                videos.build(page)
            with gr.Tab("Reconstruct", id=RECONSTRUCT) as page.named["reconstruct_step"]:
                reconstruct.build(page)
            with gr.Tab("Watch", id=WATCH):
                watching = gr.Column()
            with gr.Tab("Explore", id=EXPLORE):
                explore.build(page)
            with watching:
                watch.build(page)
        with gr.Tab("My scenes", id=SCENES) as page.named["scenes_tab"]:
            mine = gr.Column()
        with gr.Tab("Compare", id=COMPARE) as page.named["compare_tab"]:
            compare.build(page)
        with gr.Tab("Study", id=STUDY) as page.named["study_tab"]:
            study.build(page)
        with mine:
            scenes.build(page)


def wire(page: Parts, blocks: gr.Blocks, example: gr.Button) -> None:
    """What leads from one step to another."""
    create.wire(page)
    follow, estimate = page.named["follow_event"], page.named["estimate_event"]
    formed = page.named["forming_event"]
    making, picked = page.named["making_event"], page.named["picked_event"]

    @safely
    def arrive(me: dict | None):
        me = known(me)
        fresh = not page.service.runs.all(page.owner(me))
        made, step = gr.Timer(active=bool(me["making"] or me["freezing"])), create.first_step(me)
        return [*videos.show_pair(page, me), gr.update(visible=fresh), made, gr.Tabs(selected=step)]

    look, look_further = page.named["look"], page.named["look_further"]
    arrived = blocks.load(
        arrive, page.me, [*page.named["pair"], example, page.making, page.steps], js=SAME_PERSON, **PRIVATE
    )
    arrived.then(None, js="() => document.documentElement.classList.add('arrived')", **PRIVATE)
    arrived.success(**formed)
    restored_all = arrived.success(**follow).success(**making).success(**picked).success(**look).success(**look_further)
    link_opening.wire(page, restored_all)  # last: what a link asks for is stronger than what was open before
    page.named["started_over"].success(**making).success(**picked)
    usual = blocks.load(**page.named["usual_event"])
    for role in ("reference", "freeze"):
        usual.success(**page.named[f"{role}_restored"]).success(**page.named[f"{role}_told"])
    for pressed in ("reference_picked", "freeze_picked", "stage_picked"):
        page.named[pressed].success(**look).success(**look_further)

    blocks.load(**page.named["suited_event"])
    failed.wire(page)
    next_step = {"fn": lambda: gr.Tabs(selected=RECONSTRUCT), "inputs": None, "outputs": page.steps, **PRIVATE}
    page.named["onward"].click(**next_step).then(**estimate)
    page.named["reconstruct_step"].select(**estimate)
    page.named["scenes_tab"].select(**page.named["gallery_event"])
    page.named["study_tab"].select(**page.named["sources_event"])
    page.named["compare_tab"].select(**page.named["choices_event"]).success(**page.named["compare_event"])
    # A run that was started or continued is followed at once, not only at the next tick.
    for begun in (page.named["started"], page.named["resumed"], page.named["resumed_here"]):
        begun.success(**follow).success(lambda: gr.update(visible=False), None, example, **PRIVATE).success(**formed)
    page.named["forming_followed"].success(**follow)

    @safely
    def choose(me: dict | None):
        me = videos.with_example(page, known(me), FIRST_EXAMPLE)
        return [*videos.show_pair(page, me), gr.update(interactive=False, value="Taking the videos")]

    @safely
    def begin(me: dict):
        me = known(me)
        name = next(one.title for one in page.service.library.examples() if one.name == FIRST_EXAMPLE)
        run = page.service.runs.submit(page.owner(me), me["reference"], me["freeze"], Options(preset="draft"), name)
        return [*followed(me, run), gr.update(visible=False)]

    restored = gr.update(interactive=True, value="Try with this example")
    chosen = example.click(choose, page.me, [*page.named["pair"], example], **INTAKE)
    checked = chosen.success(**look)
    checked.success(begin, page.me, [page.me, page.steps, page.timer, page.cursor, example], **PRIVATE).success(
        **follow
    ).success(**formed)
    for event in (chosen, checked):
        event.failure(lambda: restored, None, example, **PRIVATE)
