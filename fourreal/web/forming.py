"""The chip that says, wherever one is on the page, that a scene is forming, and how long it still takes."""

import gradio as gr

from fourreal.jobs.how_far import whole
from fourreal.jobs.values import Run
from fourreal.web.cursor import fresh
from fourreal.web.markup import button, piece, pressed
from fourreal.web.parts import NEW, PRIVATE, WATCH, Parts, suited_preset
from fourreal.web.session import known, safely

SECONDS = 3.0  # between two looks


def build(page: Parts) -> None:
    chip = piece(elem_id="forming")
    timer = gr.Timer(SECONDS, active=False)

    @safely
    def look(me: dict | None):
        run = forming(page, page.owner(known(me)))
        return [chip_of(page, run) if run else "", gr.Timer(active=run is not None)]

    @safely
    def follow(me: dict, event: gr.EventData):
        """To the scene that is forming, whatever else is shown."""
        me = known(me)
        run = page.service.runs.get(page.owner(me), str(pressed(event).get("id", "")))
        return [
            me | {"run": run.id},
            gr.Tabs(selected=NEW),
            gr.Tabs(selected=WATCH),
            gr.Timer(active=True),
            fresh(run.id),
        ]

    page.named["forming_event"] = {"fn": look, "inputs": page.me, "outputs": [chip, timer], **PRIVATE}
    timer.tick(**page.named["forming_event"])
    page.named["forming_followed"] = chip.select(
        follow, page.me, [page.me, page.tabs, page.steps, page.timer, page.cursor], **PRIVATE
    )


def forming(page: Parts, owner: str) -> Run | None:
    """The scene of a person that is worked on; else the one that waits longest."""
    live = [run for run in page.service.runs.all(owner) if run.state in ("running", "queued")]
    return min(live, key=lambda run: (run.state != "running", run.created), default=None)


def chip_of(page: Parts, run: Run) -> str:
    if run.state == "queued":
        words = "Your scene waits in line"
    else:
        left = left_in_words(how_far(page, run)[1])
        words = "Your scene is forming" + (f", {left}" if left else "")
    return button(words, "follow", "chip", id=run.id)


def how_far(page: Parts, run: Run) -> tuple[float, float | None]:
    """(share of the run that is done, seconds left or None)."""
    done = whole(run, run.options.preset or suited_preset(page))
    return done.share, done.seconds_left


def left_in_words(seconds: float | None) -> str:
    """ "about 2 min left", as rough as it is known; "" where it is not."""
    if seconds is None:
        return ""
    minutes = round(seconds / 60)
    if minutes >= 90:
        return f"about {round(minutes / 60)} h left"
    return f"about {minutes} min left" if minutes else "less than a minute left"
