"""The page as a whole: one viewer that stays, and beside it the steps from a prompt, or two videos, to a scene."""

from pathlib import Path

import gradio as gr
from gradio.events import Dependency

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
    strip,
    study,
    sweep_folders,
    sweeps,
    videos,
    watch,
)
from fourreal.web.lean import LeanConfig, forget_once, tell_once
from fourreal.web.markup import piece
from fourreal.web.parts import INTAKE, THREADS, Page, Then, event
from fourreal.web.session import SAME_PERSON, Visitor, browser_state, personal
from fourreal.web.things import opening
from fourreal.web.uploads import Uploads
from fourreal.web.videos import Checking, Videos
from fourreal.web.viewer_box import shown, viewer_box
from fourreal.web.way import NEW, After, Step, first_step

FIRST_EXAMPLE = "fox_yard"
HEADER = (
    '<header class="top"><h1><a href="." class="mark">four<b>real</b></a></h1>'
    "<span>A prompt, or two short videos, become a scene you can look around in.</span></header>"
)


class Panel:
    """A new scene step by step, earlier scenes, comparison: the components of every step, and the tabs that do
    something when they are opened."""

    def __init__(self, service: Service) -> None:
        self.sweeps: sweeps.Sweeps | None = None
        with gr.Tabs(selected=NEW, elem_id="tabs") as self.tabs:
            with (
                gr.Tab("New scene", id=NEW) as self.new_tab,
                gr.Tabs(selected=Step.CREATE.value, elem_id="steps") as self.steps,
            ):
                with gr.Tab("Create", id=Step.CREATE.value):
                    self.create = create.Create(service)
                with gr.Tab("Videos", id=Step.VIDEOS.value):
                    self.videos = videos.Videos(service)
                with gr.Tab("Reconstruct", id=Step.RECONSTRUCT.value) as self.reconstruct_tab:
                    self.reconstruct = reconstruct.Reconstruct()
                with gr.Tab("Watch", id=Step.WATCH.value):
                    self.watch = watch.Watch()
                with gr.Tab("Explore", id=Step.EXPLORE.value):
                    self.explore = explore.Explore()
            with gr.Tab("My scenes", id=Step.SCENES.value) as self.scenes_tab:
                self.gallery = piece(elem_id="gallery")
            with gr.Tab("Compare", id=Step.COMPARE.value) as self.compare_tab:
                self.compare = compare.Compare()
            with gr.Tab("Study", id=Step.STUDY.value) as self.study_tab:
                self.study = study.MakeStudy()
            if sweep_folders.sweeps():  # named by the owner of the page
                with gr.Tab("Sweeps", id=Step.SWEEPS.value) as self.sweeps_tab:
                    self.sweeps = sweeps.Sweeps()


def build(service: Service, uploads: Uploads, data: Path) -> gr.Blocks:
    """The Blocks of the page and of its API."""
    blocks = gr.Blocks(title="fourreal", analytics_enabled=False, fill_width=True, delete_cache=(600, 3600))
    blocks.default_config = LeanConfig(blocks)
    ready = opening(service)
    with blocks:
        me = browser_state(data)
        api.add(service, uploads)  # first, as a page's event of the same name would take it away
        header = gr.HTML(HEADER, padding=False, apply_default_css=False)
        with gr.Row(elem_id="room", equal_height=False):
            with gr.Column(elem_id="stage"):
                candidates = choice.choice_box()
                viewer = viewer_box(shown(ready.url, title=ready.title, preview=ready.picture), elem_id="viewer")
                with gr.Row(elem_id="under"):
                    caption = piece(compare.about(ready), elem_id="caption")
                    example = gr.Button(
                        "Try with the fox's videos", variant="secondary", size="lg", elem_id="try", scale=0
                    )
                strip.lay_out()
                film = piece(elem_id="film-made")
            with gr.Column(elem_id="panel"):
                panel = Panel(service)
        chip = forming.Forming()
        page = Page(
            service=service,
            uploads=uploads,
            me=me,
            viewer=viewer,
            choice=candidates,
            caption=caption,
            tabs=panel.tabs,
            steps=panel.steps,
            timer=gr.Timer(0.5, active=False),  # a new scene is shown within two seconds of being written
            cursor=gr.State(None),
            making=gr.Timer(1.0, active=False),
            seen=gr.State({}),
        )
        films.wire(page, film)
        wire(page, panel, chip, example, blocks)
        tell_once(blocks.default_config, header)
    blocks.max_threads = THREADS
    blocks.queue(default_concurrency_limit=None, max_size=512)
    forget_once(blocks._queue)
    return blocks


def wire(page: Page, panel: Panel, chip: forming.Forming, example: gr.Button, blocks: gr.Blocks) -> None:
    """What happens in the steps, and what in one of them follows from what was done in another."""
    checking = videos.wire(page, panel.videos)
    creating = create.wire(page, panel.create, panel.videos, checking)
    follow = watch.wire_following(page, panel.watch, panel.explore)
    look_for_forming = forming.wire(page, chip, follow)

    def begun(press: Dependency) -> Dependency:
        """A run that was started or continued is followed at once, not only at the next tick."""
        hide = event(lambda: gr.update(visible=False), None, example)
        return press.success(**follow).success(**hide).success(**look_for_forming)

    estimate, suited = reconstruct.wire(page, panel.reconstruct, begun)
    watch.wire(page, panel.watch, begun)
    explore.wire(page, panel.explore, panel.videos, begun, creating.after)
    failed.wire(page, panel.watch.progress, panel.videos, checking)
    comparing = compare.wire(page, panel.compare)

    def acted(press: Dependency) -> Dependency:
        """To open a scene is to follow it, as what it shows depends on how far it is."""
        return press.success(**follow).success(**estimate)

    list_scenes = scenes.wire(page, panel.gallery, panel.videos, panel.reconstruct, panel.compare, acted)
    list_studies = study.wire(page, panel.study)
    wire_example(page, panel.videos, example, checking, begun)

    onward = panel.videos.onward.click(**event(lambda: page.to(After.CHOOSING_TWO_VIDEOS), None, page.places))
    onward.then(**estimate)
    panel.reconstruct_tab.select(**estimate)
    panel.scenes_tab.select(**list_scenes)
    panel.study_tab.select(**list_studies)
    panel.compare_tab.select(**comparing.choices).success(**comparing.show)
    for tab in (panel.new_tab, panel.scenes_tab, panel.study_tab):
        tab.select(**comparing.end)
    if panel.sweeps is not None:
        following = sweeps.wire(page, panel.sweeps, panel.compare)
        panel.sweeps_tab.select(**following.open)
        panel.sweeps_tab.select(**comparing.end)
        for tab in (panel.new_tab, panel.scenes_tab, panel.compare_tab, panel.study_tab):
            tab.select(**following.leave)
    arrived = wire_arrival(page, panel.videos, example, blocks)
    arrived.success(**look_for_forming)
    shown_again = checking.after(creating.after(arrived.success(**follow)))
    link_opening.wire(
        page, panel.compare, follow, shown_again
    )  # last: what a link asks for is stronger than what was open
    blocks.load(**suited)
    models = blocks.load(**creating.suited)
    for restore, tell in creating.restored:
        models.success(**restore).success(**tell)


def wire_arrival(page: Page, step: Videos, example: gr.Button, blocks: gr.Blocks) -> Dependency:
    """What happens when the page is opened."""

    @personal
    def arrive(me: Visitor):
        return {
            **videos.show_pair(page, step, me),
            example: gr.update(visible=not page.service.runs.all(page.owner(me))),
            page.making: gr.Timer(active=bool(me.making or me.freezing)),
            page.steps: gr.Tabs(selected=first_step(me).value),
        }

    outputs = [page.me, *step.shown, example, page.making, page.steps]
    arrived = blocks.load(**event(arrive, page.me, outputs), js=SAME_PERSON)
    arrived.then(**event(None), js="() => document.documentElement.classList.add('arrived')")
    return arrived


def wire_example(page: Page, step: Videos, example: gr.Button, checking: Checking, begun: Then) -> None:
    """The button for a newcomer: takes an example's videos and makes a scene of them."""

    @personal
    def choose(me: Visitor):
        me = videos.with_example(page, me, FIRST_EXAMPLE)
        return videos.show_pair(page, step, me) | {example: gr.update(interactive=False, value="Taking the videos")}

    @personal
    def begin(me: Visitor):
        name = next(one.title for one in page.service.library.examples() if one.name == FIRST_EXAMPLE)
        run = page.service.runs.submit(page.owner(me), me.reference, me.freeze, Options(preset="draft"), name)
        return page.follow(me, run.id)

    chosen = example.click(**event(choose, page.me, [page.me, *step.shown, example], INTAKE))
    checked = chosen.success(**checking.pair)
    begun(checked.success(**event(begin, page.me, page.following)))
    for failing in (chosen, checked):
        failing.failure(**event(lambda: gr.update(interactive=True, value="Try with the fox's videos"), None, example))
