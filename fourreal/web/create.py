"""Step zero: from a prompt to the two videos, a person choosing. First reference videos, then freeze-time videos."""

import secrets
from dataclasses import dataclass, replace

import gradio as gr
from gradio.blocks import Block
from gradio.events import Dependency

from fourreal.errors import UserError
from fourreal.jobs.service import Service
from fourreal.web import create_form, create_freeze, create_start
from fourreal.web.create_draft import TEXTS, draft_of, restored
from fourreal.web.create_follow import follow
from fourreal.web.create_form import FIXED, RANDOM, Form, recalled, suit, wishes_of
from fourreal.web.create_freeze import Freezing
from fourreal.web.create_press import act, anew, started_as
from fourreal.web.create_start import Start
from fourreal.web.dropped import emptied, uploaded, using
from fourreal.web.fields import by_name, when
from fourreal.web.markup import pressed
from fourreal.web.parts import INTAKE, Event, Page, Updates, event
from fourreal.web.session import PICTURE, WORDS, Visitor, browser_state, personal
from fourreal.web.videos import Checking, Videos, show_pair
from fourreal.web.way import After

MOST_RANDOM = 10**6  # seeds that are drawn stay short enough to be read out


class Create:
    """earlier: the list of what was asked for before. skip: for whoever has both videos."""

    def __init__(self, service: Service) -> None:
        lead = "Describe a scene. Video models film it, then freeze it."
        gr.Markdown(lead, elem_classes="lead", elem_id="create-lead")
        # here, as a browser's state within a hidden column is not read
        draft, freeze_draft = (
            browser_state(service.workspace.places.data, f"{role} form") for role in ("reference", "freeze")
        )
        self.earlier = gr.Dropdown([], label="Earlier prompts", visible=False, elem_id="earlier")
        self.start = Start()
        with self.start.ask:
            self.reference = Form("reference", draft)
        self.freezing = Freezing(freeze_draft)
        self.skip = gr.Button("I have two videos already", variant="secondary", elem_id="to-videos")

    @property
    def forms(self) -> list[Form]:
        return [self.reference, self.freezing.form]

    @property
    def fields(self) -> list[Block]:
        """What is asked for in either form."""
        return [field for form in self.forms for field in form.fields.values()]


@dataclass(frozen=True)
class Creating:
    """The events that look how far candidates are, that show the chosen videos and where they lead on, and those that
    fill the forms when the page is opened: for this machine, then as they were left, with what that takes."""

    making: Event
    chosen: Event
    suited: Event
    restored: list[tuple[Event, Event]]

    def after(self, begun: Dependency) -> Dependency:
        """What was changed is seen at once, not only at the next tick."""
        return begun.success(**self.making).success(**self.chosen)


def wire(page: Page, step: Create, videos: Videos, checking: Checking) -> Creating:
    """checking: the events that look at the videos once both were taken."""
    forms = step.forms

    @personal
    def look(me: Visitor, seen: dict | None):
        return follow(page, forms, me, seen or {})

    @personal
    def show(me: Visitor, seen: dict | None, draft: object):
        """The chosen videos, where the next step shows them and where they lead on; nothing if they are there."""
        seen = seen or {}
        chosen = [me.reference, me.freeze, me.making, me.freezing, me.start, me.picture, me.reference_pick]
        if seen.get("chosen") == chosen:
            return {}
        return {
            **show_pair(page, videos, me),
            page.seen: seen | {"chosen": chosen},
            step.earlier: earlier(page, me),
            **create_start.showing(page, step.start, me),
            **create_freeze.showing(page, step.freezing, me, draft),
        }

    watched = [part for form in forms for part in form.watched]
    shown = [*videos.shown, step.earlier, *step.start.shown, *step.freezing.shown]
    draft = step.freezing.form.draft
    estimates = [create_form.wire(page, form) for form in forms]
    creating = Creating(
        making=event(look, [page.me, page.seen], [page.me, page.seen, page.making, page.choice, *watched]),
        chosen=event(show, [page.me, page.seen, draft], [page.me, page.seen, *shown]),
        suited=suit(page, forms),
        restored=[(restoring(page, form), estimate) for form, (estimate, _) in zip(forms, estimates, strict=True)],
    )
    page.making.tick(**creating.making)
    step.skip.click(**event(lambda: page.to(After.SAYING_THAT_BOTH_VIDEOS_EXIST), None, page.places))

    @personal
    def reopen(me: Visitor, id: str | None):
        creation = page.service.creations.get(page.owner(me), id or "")
        me, role = replace(me, example="", again="", freeze=""), creation.wishes.role
        if role == "freeze":
            me = replace(me, freezing=creation.id, reference=creation.reference, canonical=creation.wishes.frame)
        else:
            me = started_as(replace(me, making=creation.id, freezing="", reference=""), creation)
        form = next(form for form in forms if form.role == role)
        return {page.me: me, page.making: gr.Timer(active=True), **recalled(form, creation)}

    reopened = step.earlier.input(**event(reopen, [page.me, step.earlier], [page.me, page.making, *step.fields]))
    creating.after(reopened)
    for form, (_, worded) in zip(forms, estimates, strict=True):
        wire_form(page, form, step.start, worded, creating, checking)
    wire_stage(page, step, creating, checking)
    create_freeze.wire(page, step.freezing)
    create_start.wire(page, step.start, creating.after)
    return creating


def restoring(page: Page, form: Form) -> Event:
    restore = personal(lambda me, draft: restored(page, form, me, draft))
    return event(restore, [page.me, form.draft], list(form.fields.values()))


def wire_form(page: Page, form: Form, start: Start, worded: Dependency, creating: Creating, checking: Checking) -> None:
    """worded: what happens once a word was put into the prompt by a press."""
    # only reference videos begin with a picture
    fields = (
        form.fields if form.role == "freeze" else {"start": start.choice, "picture": start.picture_file, **form.fields}
    )

    @personal
    def begin(me: Visitor, *values):
        return begun(page, form, start, me, by_name(fields, values))

    outputs: list[Block] = [page.me, page.making, form.fields["seed"], start.picture_file]
    making = form.start.click(**event(begin, [page.me, *fields.values()], outputs, INTAKE))
    creating.after(making)

    save = personal(lambda me, *values: draft_of(me, by_name(form.fields, values)))
    keep = event(save, [page.me, *form.fields.values()], form.draft)
    texts = [when(form.fields[name], "blur") for name in TEXTS]
    typed = [when(field, "input") for name, field in form.fields.items() if name not in TEXTS]
    gr.on([*typed, *texts], trigger_mode="always_last", **keep)
    for done in (making, worded):
        done.success(**keep)

    @personal
    def take_own(me: Visitor, path: str | None):
        with using(page, path) as file:
            page.service.candidates.add_own(page.owner(me), me.creation(form.role), file, file.name)
        return gr.Timer(active=True)

    taken = form.own.upload(**event(take_own, [page.me, form.own], page.making, INTAKE))
    emptied(taken, form.own)
    taken.success(**creating.making)

    @personal
    def stop(me: Visitor):
        page.service.jobs.cancel(page.owner(me), me.creation(form.role))
        gr.Info("Stopping. Finished candidates stay.", duration=6)

    @personal
    def go_on(me: Visitor):
        page.service.creations.resume(page.owner(me), me.creation(form.role))
        return gr.Timer(active=True)

    form.stop.click(**event(stop, page.me))
    form.resume.click(**event(go_on, page.me, page.making)).success(**creating.making)

    @personal
    def press(me: Visitor, pressing: gr.EventData):
        return act(page, form, me, pressed(pressing))

    outputs = [page.me, page.making, *page.places, *form.fields.values()]
    checking.after(creating.after(form.candidates.select(**event(press, page.me, outputs, INTAKE))))


def wire_stage(page: Page, step: Create, creating: Creating, checking: Checking) -> None:
    """What is pressed on the stage does the same as on the cards, which are there for one of the two videos each."""

    @personal
    def press(me: Visitor, pressing: gr.EventData):
        sent = pressed(pressing)
        form = next((form for form in step.forms if form.role == sent.get("role")), step.reference)
        return act(page, form, me, sent)

    outputs = [page.me, page.making, *page.places, *step.fields]
    # multiple: who presses quickly means each press
    acted = page.choice.select(**event(press, page.me, outputs, INTAKE), trigger_mode="multiple")
    checking.after(creating.after(acted))


def begun(page: Page, form: Form, start: Start, me: Visitor, values: dict) -> Updates:
    """Candidates are asked for. values: of the form by name, and `start` and `picture` where it has them."""
    kind, path = values.pop("start", WORDS), values.pop("picture", None)
    picture = uploaded(page, path) if kind == PICTURE and path else None
    if kind == PICTURE and not (picture or me.picture):
        raise UserError("Choose the picture that the video begins with.")
    freeze = form.role == "freeze"
    wishes, count, seeds, seed = wishes_of(form.role, me.canonical or 0 if freeze else None, values)
    owner, reference = page.owner(me), me.reference if freeze else ""
    if seeds != FIXED:
        following = page.service.creations.next_seed(owner, wishes, reference)
        seed = secrets.randbelow(MOST_RANDOM) if seeds == RANDOM else following
    before = me.picture if kind == PICTURE and picture is None else ""
    creation = page.service.creations.create(owner, wishes, count, seed, reference, picture, before)
    if picture is not None:
        page.uploads.forget(picture)
    me = (me if freeze else anew(me)).following(form.role, creation.id)
    me = replace(me, picture=creation.id) if creation.picture else me
    change: Updates = {page.me: me, page.making: gr.Timer(active=True), form.fields["seed"]: seed}
    return change if freeze else change | {start.picture_file: None}


def earlier(page: Page, me: Visitor) -> dict:
    """Update of the list of everything that was asked for before; it is there once there is a choice."""
    what = {"reference": "", "freeze": "Frozen: "}
    creations = page.service.creations.all(page.owner(me))
    choices = [(what[one.wishes.role] + one.wishes.prompt[:90], one.id) for one in creations]
    here = next((id for id in (me.freezing, me.making) if id in [one.id for one in creations]), None)
    return gr.update(choices=choices, value=here, visible=len(choices) > 1)
