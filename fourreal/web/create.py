"""Step zero: from a prompt to the two videos, a person choosing. First reference videos, then freeze-time videos."""

import secrets

import gradio as gr

from fourreal.errors import UserError
from fourreal.web import create_start
from fourreal.web.create_draft import TEXTS, readable, restored, saved
from fourreal.web.create_follow import earlier, follow, freezing
from fourreal.web.create_form import FIXED, RANDOM, Part, part, recalled, suit, tell, wishes_of
from fourreal.web.create_press import anew, done, used, wire_stage
from fourreal.web.markup import piece, pressed
from fourreal.web.parts import CREATE, INTAKE, PRIVATE, VIDEOS, Parts
from fourreal.web.session import OWN, PICTURE, WORDS, browser_state, known, safely
from fourreal.web.videos import show_pair, uploaded, whole

MOST_RANDOM = 10**6  # seeds that are drawn stay short enough to be read out


def build(page: Parts) -> None:
    """Lay the step out. `wire` does the rest, once the other steps are there."""
    lead = "Describe a scene. Video models make it move, then freeze it and go around it."
    gr.Markdown(lead, elem_classes="lead", elem_id="create-lead")
    # here, as a browser's state within a hidden column is not read
    drafts = [browser_state(page.service.workspace.places.data, f"{role} form") for role in ("reference", "freeze")]
    before = gr.Dropdown([], label="Earlier prompts", visible=False, elem_id="earlier")
    with create_start.build(page):
        reference = part("reference", drafts[0])
    reference.extra = [page.named["start_from"], page.named["picture_file"]]
    with gr.Column(visible=False, elem_id="freezing") as freezing:
        gr.HTML("<h3>Now freeze a moment, and go around it</h3>", padding=False, apply_default_css=False)
        frame = piece(elem_id="picked-frame")
        freeze = part("freeze", drafts[1])
    skip = gr.Button("I have two videos already", variant="secondary", elem_id="to-videos")
    page.named |= {
        "create": (reference, freeze),
        "freezing": freezing,
        "picked_frame": frame,
        "to_videos": skip,
        "earlier": before,
    }
    page.making, page.seen = gr.Timer(1.0, active=False), gr.State({})


def wire(page: Parts) -> None:
    """What happens within the step, and how it leads to the next one."""
    halves = page.named["create"]
    outputs = [page.me, page.seen, page.making, page.choice, *(part for half in halves for part in half.watched)]

    @safely
    def tick(me: dict, seen: dict | None):
        return follow(page, known(me), seen or {}, outputs)

    page.named["making_event"] = {"fn": tick, "inputs": [page.me, page.seen], "outputs": outputs, **PRIVATE}
    page.making.tick(**page.named["making_event"])
    page.named["to_videos"].click(lambda: gr.Tabs(selected=VIDEOS), None, page.steps, **PRIVATE)

    @safely
    def show(me: dict, seen: dict | None, draft: object):
        """The chosen videos, where the next step shows them and where they lead on; nothing if they are there."""
        me, seen = known(me), seen or {}
        names = ("reference", "freeze", "making", "freezing", "start", "picture", "reference_pick")
        pair = [me[name] for name in names]
        if seen.get("pair") == pair:
            return [gr.skip()] * len(shown)
        return [
            seen | {"pair": pair},
            *show_pair(page, me),
            earlier(page, me),
            *create_start.showing(page, me),
            *freezing(page, me, readable(halves[1], draft)),
        ]

    prompt, width, height = (halves[1].fields[name] for name in ("prompt", "width", "height"))
    opened = [page.named["freezing"], page.named["picked_frame"], prompt, width, height]
    shown = [page.seen, *page.named["pair"], page.named["earlier"], *page.named["start_shown"], *opened]
    given = [page.me, page.seen, halves[1].draft]
    page.named["picked_event"] = {"fn": show, "inputs": given, "outputs": shown, **PRIVATE}

    @safely
    def choose_frame(me: dict, event: gr.EventData):
        return known(me) | {"canonical": whole(pressed(event), "value")}

    page.named["picked_frame"].select(choose_frame, page.me, page.me, **PRIVATE)

    @safely
    def reopen(me: dict, id: str | None):
        me = known(me)
        found = page.service.creations.get(page.owner(me), id or "")
        if found.wishes.role == "freeze":
            gone = {"freezing": found.id, "reference": found.reference, "canonical": found.wishes.frame, "freeze": ""}
        else:
            gone = {"making": found.id, "freezing": "", "reference": "", "freeze": ""}
        start = PICTURE if found.picture else WORDS
        begun = {} if found.wishes.role == "freeze" else {"start": start, "picture": found.id if found.picture else ""}
        forms = [
            value
            for half in halves
            for value in (recalled(half, found) if half.role == found.wishes.role else [gr.skip()] * len(half.form))
        ]
        return [me | {"example": "", "again": ""} | gone | begun, gr.Timer(active=True), *forms]

    forms = [field for half in halves for field in half.form]
    reopened = page.named["earlier"].input(
        reopen, [page.me, page.named["earlier"]], [page.me, page.making, *forms], **PRIVATE
    )
    reopened.success(**page.named["making_event"]).success(**page.named["picked_event"])
    for half in halves:
        page.named[f"{half.role}_restored"] = {
            "fn": safely(lambda me, draft, half=half: restored(page, half, me, draft)),
            "inputs": [page.me, half.draft],
            "outputs": half.form,
            **PRIVATE,
        }
    page.named["usual_event"] = suit(page, halves)
    for half in halves:
        wire_part(page, half)
    wire_stage(page, halves)
    making, picked = page.named["making_event"], page.named["picked_event"]
    create_start.wire(page, lambda event: event.success(**making).success(**picked))


def wire_part(page: Parts, half: Part) -> None:
    page.named[f"{half.role}_told"] = tell(page, half)

    def look(event):
        """What was changed is seen at once, not only at the next tick."""
        return event.success(**page.named["making_event"])

    @safely
    def begin(me: dict, *given):
        me = known(me)
        freeze = half.role == "freeze"
        start, path = given[: len(half.extra)] or (WORDS, None)
        given = given[len(half.extra) :]
        picture = uploaded(page, path) if start == PICTURE and path else None
        if start == PICTURE and not (picture or me["picture"]):
            raise UserError("Choose the picture that the video begins with.")
        wishes, count, seeds, seed = wishes_of(half, me["canonical"] or 0 if freeze else None, *given)
        owner, reference = page.owner(me), me["reference"] if freeze else ""
        if seeds != FIXED:
            following = page.service.creations.next_seed(owner, wishes, reference)
            seed = secrets.randbelow(MOST_RANDOM) if seeds == RANDOM else following
        before = me["picture"] if start == PICTURE and picture is None else ""
        made = page.service.creations.create(owner, wishes, count, seed, reference, picture, before)
        if picture is not None:
            page.uploads.forget(picture)
        me = me | ({} if half.extra == [] else anew(me)) | {half.kept: made.id}
        me = me | ({"picture": made.id} if made.picture else {})
        return [me, gr.Timer(active=True), seed, *([None] if half.extra else [])]

    outputs = [page.me, page.making, half.fields["seed"], *half.extra[1:]]
    begun = half.start.click(begin, [page.me, *half.extra, *half.form], outputs, **INTAKE)
    keep = {"fn": lambda me, *given: saved(half, me, *given), "inputs": [page.me, *half.form], "outputs": half.draft}
    texts = [half.fields[name].blur for name in TEXTS]
    typed = [field.input for name, field in half.fields.items() if name not in TEXTS]
    gr.on([*typed, *texts], trigger_mode="always_last", **keep, **PRIVATE)
    for event in (begun, page.named[f"{half.role}_said"]):
        event.success(**keep, **PRIVATE)
    look(begun).success(**page.named["picked_event"])

    @safely
    def take_own(me: dict, path: str | None):
        me, file = known(me), uploaded(page, path)
        try:
            page.service.candidates.add_own(page.owner(me), me[half.kept], file, file.name)
        finally:
            page.uploads.forget(file)
        return gr.Timer(active=True)

    taken = half.own.upload(take_own, [page.me, half.own], page.making, **INTAKE)
    taken.then(lambda: None, None, half.own, **PRIVATE)
    look(taken)

    @safely
    def end(me: dict):
        me = known(me)
        page.service.jobs.cancel(page.owner(me), me[half.kept])
        gr.Info("Stopping. Finished candidates stay.", title="", duration=4)

    @safely
    def go_on(me: dict):
        me = known(me)
        page.service.creations.resume(page.owner(me), me[half.kept])
        return gr.Timer(active=True)

    half.stop.click(end, page.me, None, **PRIVATE)
    look(half.resume.click(go_on, page.me, page.making, **PRIVATE))

    @safely
    def act(me: dict, event: gr.EventData):
        return [*done(page, known(me), half, pressed(event)), *used(page, known(me), half, pressed(event))]

    outputs = [page.me, page.making, page.steps, *half.form]
    acted = half.candidates.select(act, page.me, outputs, **INTAKE)
    page.named[f"{half.role}_picked"] = look(acted).success(**page.named["picked_event"])


def first_step(me: dict) -> int:
    """Where a visitor begins: at the videos if they have chosen some and made none, else at the prompt."""
    made = me["making"] or me["freezing"] or me["reference_pick"] == f"{me['reference']}:{OWN}"
    return VIDEOS if (me["reference"] or me["freeze"]) and not made else CREATE
