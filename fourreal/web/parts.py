"""What the steps of the page share: the service behind it, and the components that more than one of them moves."""

from dataclasses import dataclass, field

import gradio as gr

from fourreal.description import usual_preset
from fourreal.jobs.service import Service
from fourreal.jobs.values import Run
from fourreal.settings import JobLimits
from fourreal.web.cursor import fresh
from fourreal.web.uploads import Uploads

NEW, SCENES, COMPARE, STUDY = "new", "scenes", "compare", "study"  # tabs
CREATE, VIDEOS, RECONSTRUCT, WATCH, EXPLORE = range(5)  # steps of a new scene, in order

# How the page's own events are wired: none is part of the API, and none waits for another person's.
PRIVATE = {"api_visibility": "private", "concurrency_limit": None, "show_progress": "hidden"}
# What waits for a child process has a lane for each kind, so that a crowd in one leaves room in the others. The service
# gives turns and refuses whoever has too many; a lane is wider than that, as a refusal has to get through.
LIMITS = JobLimits()
SPARE = 4
LANES = {
    name: {"concurrency_id": name, "concurrency_limit": most}
    for name, most in (
        ("intakes", LIMITS.intakes.held + SPARE),
        ("checks", LIMITS.checks.held + SPARE),
        ("exports", LIMITS.exports.held + SPARE),
        ("estimates", 8),
        ("placings", LIMITS.placings.held + SPARE),
        ("studies", LIMITS.studies.held + SPARE),
    )
}
INTAKE, CHECK, EXPORT, ESTIMATE, PLACING, STUDYING = (PRIVATE | lane for lane in LANES.values())
THREADS = 40 + sum(lane["concurrency_limit"] for lane in LANES.values())  # what waits in a lane holds one


@dataclass
class Parts:
    """Components, filled in as the page is laid out."""

    service: Service
    uploads: Uploads
    me: gr.BrowserState
    viewer: gr.HTML | None = None
    choice: gr.HTML | None = None  # what is on the stage while there is something to choose
    caption: gr.HTML | None = None
    tabs: gr.Tabs | None = None
    steps: gr.Tabs | None = None  # inside the tab of a new scene
    timer: gr.Timer | None = None  # ticks while a run is being watched
    cursor: gr.State | None = None  # what of the run's journal has been shown
    making: gr.Timer | None = None  # ticks while candidates are being made
    seen: gr.State | None = None  # what of the candidates has been shown
    named: dict[str, object] = field(default_factory=dict)  # components of one step that another one changes

    def owner(self, me: dict) -> str:
        """Whose things an event is about."""
        return self.service.owner(me["token"])


def suited_preset(page: Parts) -> str:
    """The preset that this machine is for, as the command line would choose."""
    return usual_preset(any(device["kind"] == "cuda" for device in page.service.workspace.devices()))


def followed(me: dict, run: Run) -> list:
    """Updates of `me`, steps, timer and cursor that turn the page to a run that is being worked on."""
    return [me | {"run": run.id}, gr.Tabs(selected=WATCH), gr.Timer(active=True), fresh(run.id)]
