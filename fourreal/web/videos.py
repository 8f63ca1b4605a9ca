"""Step one: choose the videos, trim them, see which moment was frozen, and hear whether they will do."""

from pathlib import Path

import gradio as gr

from fourreal.errors import UserError
from fourreal.settings import MOST_TAKES
from fourreal.web import further, stood
from fourreal.web.clip_cards import ROLES, card, example_cards, frozen_moment, reasons, trimmer, verdict_list
from fourreal.web.guide import guide
from fourreal.web.markup import note, piece, pressed, waiting
from fourreal.web.parts import CHECK, INTAKE, PRIVATE, Parts
from fourreal.web.session import known, safely

FRESH = {"example": "", "canonical": None, "again": ""}  # of what the browser keeps, with other videos


def build(page: Parts) -> None:
    """Lay the step out and wire what happens within it."""
    gr.Markdown("Choose two short videos of one scene.", elem_classes="lead")
    with gr.Accordion("Film it yourself", open=False, elem_id="guide"):
        piece(guide())
    with gr.Row(elem_classes="pair"):
        cards, whys, drops = {}, {}, {}
        for role, (title, _) in ROLES.items():
            with gr.Column(min_width=180, elem_classes="clip"):
                cards[role] = piece(card(role, None, ""), elem_id=f"card-{role}")
                whys[role] = piece(elem_id=f"why-{role}")
                drops[role] = gr.File(
                    label=title,
                    show_label=False,
                    file_count="single",
                    type="filepath",
                    height=122,
                    elem_id=f"drop-{role}",
                    elem_classes="drop",
                )
    checks = piece(elem_id="checks")
    takes = piece(elem_id="takes")
    more = gr.File(
        label="More videos",
        show_label=False,
        file_count="multiple",
        type="filepath",
        height=122,
        elem_id="drop-more",
        elem_classes="drop",
    )
    examples = piece(example_cards(page.service.library.examples()), elem_id="examples")
    with gr.Accordion("Trim, and the frozen moment", open=False, visible=False, elem_id="tune") as tune:
        moment = piece(elem_id="moment")
        trims = piece(elem_id="trims")
        gr.HTML("<h4>Known cameras, if you have a cameras.json</h4>", padding=False, apply_default_css=False)
        cameras = gr.File(show_label=False, type="filepath", height=122, elem_id="cameras-file", elem_classes="drop")
        known_cameras = piece(elem_id="cameras-known")
    stand = stood.build(page)
    onward = gr.Button("Continue", variant="primary", size="lg", visible=False, elem_id="to-reconstruct")

    shown = [
        page.me,
        *cards.values(),
        *whys.values(),
        *drops.values(),
        takes,
        more,
        examples,
        tune,
        moment,
        trims,
        known_cameras,
        checks,
        onward,
        *stand,
    ]
    page.named |= {"pair": shown, "checks": checks, "moment": moment, "onward": onward, "show_pair": show_pair}

    def show_pair_now(me: dict):
        return show_pair(page, known(me))

    page.named["show_pair_now"] = show_pair_now
    look = {
        "fn": safely(lambda me: check(page, known(me))),
        "inputs": page.me,
        "outputs": [checks, moment, *whys.values()],
        **CHECK,
    }
    look_further = {
        "fn": safely(lambda me: further.looked(page, further.there(page, known(me)))),
        "inputs": page.me,
        "outputs": takes,
        **CHECK,
    }
    page.named |= {"look": look, "look_further": look_further}
    restore = {"fn": safely(show_pair_now), "inputs": page.me, "outputs": shown, **PRIVATE}

    def patiently(event, function, inputs: list, sentence: str) -> None:
        """What takes its time: a line says so meanwhile, and what failed leaves the step as it was."""
        event(lambda: waiting(sentence), None, checks, **PRIVATE)
        done = event(safely(function), inputs, shown, **INTAKE)
        done.success(**look).success(**look_further)
        done.failure(**restore).then(**look)

    def take_example(me: dict, event: gr.EventData):
        me, name = known(me), pressed(event).get("name", "")
        return show_pair(page, with_example(page, me, name))

    patiently(examples.select, take_example, [page.me], "Taking the videos")

    for role in ROLES:

        def take(me: dict, path: str | None, role: str = role):
            return show_pair(page, with_upload(page, known(me), role, path))

        def leave(me: dict, event: gr.EventData, role: str = role):
            return show_pair(page, known(me) | {role: "", **FRESH})

        patiently(drops[role].upload, take, [page.me, drops[role]], "Reading the video")
        cards[role].select(safely(leave), page.me, shown, **PRIVATE)

    def take_more(me: dict, paths: list[str] | None):
        files = [uploaded(page, path) for path in paths or ()]
        return show_pair(page, further.added(page, known(me), files))

    patiently(more.upload, take_more, [page.me, more], "Reading the videos")

    def change_further(me: dict, event: gr.EventData):
        me = further.changed(page, known(me), pressed(event))
        return [me, further.cards(page, further.there(page, me)), *stood.hidden(me)]

    altered = takes.select(safely(change_further), page.me, [page.me, takes, *stand], **INTAKE)
    altered.success(**look_further)
    altered.failure(**look_further)  # what was typed is set back

    def give_cameras(me: dict, path: str | None):
        me = known(me)
        file = None
        try:
            file = uploaded(page, path)
            count = page.service.library.add_cameras(page.owner(me), me["reference"], me["freeze"], file)
        except UserError as error:
            return note(str(error), "bad")
        finally:
            if file is not None:
                page.uploads.forget(file)
        return note(f"{count} cameras taken.", "good")

    given = cameras.upload(safely(give_cameras), [page.me, cameras], known_cameras, **INTAKE)
    given.then(lambda: None, None, cameras, **PRIVATE)
    given.success(**look)
    given.success(safely(lambda me: stood.hidden(known(me))), page.me, stand, **PRIVATE)

    def trim(me: dict, event: gr.EventData):
        me, sent = known(me), pressed(event)
        if sent.get("action") == "swap":
            return show_pair(page, swapped(me))
        role = sent.get("role", "")
        if role not in ROLES:
            raise UserError("Choose which of the videos to trim.")
        first, last = whole(sent, "first"), whole(sent, "last")
        if last < first:
            raise UserError("The last frame comes before the first one. Move the sliders.")
        video = page.service.library.trim(page.owner(me), me[role], first, last)
        return show_pair(page, me | {role: video.id, **FRESH})

    patiently(trims.select, trim, [page.me], "Cutting the video")
    patiently(checks.select, trim, [page.me], "Changing the videos")

    @safely
    def choose_moment(me: dict, event: gr.EventData):
        me = known(me) | {"canonical": whole(pressed(event), "value")}
        return [me, *stood.hidden(me)]

    moment.select(choose_moment, page.me, [page.me, *stand], **PRIVATE)


def swapped(me: dict) -> dict:
    """`me` with the two videos in each other's place."""
    return me | {"reference": me["freeze"], "freeze": me["reference"], **FRESH}


def with_example(page: Parts, me: dict, name: str) -> dict:
    """`me` with an example's two videos chosen."""
    reference, freeze = page.service.library.add_example(page.owner(me), name)
    return me | {"reference": reference.id, "freeze": freeze.id, "further": [], **FRESH, "example": name}


def with_upload(page: Parts, me: dict, role: str, path: str | None) -> dict:
    """`me` with an uploaded file taken in as one of the two videos; the upload itself is gone afterwards."""
    file = uploaded(page, path)
    try:
        video = page.service.library.add_video(page.owner(me), file, file.name)
    finally:
        page.uploads.forget(file)
    return me | {role: video.id, **FRESH}


def uploaded(page: Parts, path: str | None) -> Path:
    """A file that came in by the page. Raises UserError where it is not there."""
    if not path or not page.uploads.holds(path):
        raise UserError("The file did not arrive. Try again.")
    return Path(path)


def show_pair(page: Parts, me: dict) -> list:
    """Updates of everything in this step for what `me` has chosen, the checks still to come."""
    me, owner = further.there(page, me), page.owner(me)
    videos = {role: page.service.library.video(owner, me[role]) if me[role] else None for role in ROLES}
    both = all(videos.values())
    return [
        me,
        *(card(role, videos[role], owner) for role in ROLES),
        *("" for _ in ROLES),
        *(gr.update(visible=videos[role] is None, value=None) for role in ROLES),
        further.cards(page, me),
        gr.update(value=None, visible=len(me["further"]) < MOST_TAKES),
        example_cards(page.service.library.examples(), me["example"], folded=any(videos.values())),
        gr.update(visible=both),
        "",
        "".join(trimmer(role, videos[role], owner) for role in ROLES) if both else "",
        "",
        waiting("Looking at both videos") if both else "",
        gr.update(visible=both),
        *stood.hidden(me),
    ]


def check(page: Parts, me: dict) -> list:
    """Updates of the verdicts, the frozen moment, and the reasons on the two cards.

    Of nothing else: it may come while somebody is typing in the next step.
    """
    if not (me["reference"] and me["freeze"]):
        return [gr.skip()] * 4
    owner = page.owner(me)
    checks = page.service.inspections.check(owner, me["reference"], me["freeze"])
    pair = {role: page.service.library.video(owner, me[role]) for role in ROLES}
    chosen = me["canonical"] if me["canonical"] is not None else checks.canonical_frame
    whys = [
        reasons("reference", pair["reference"], pair["freeze"], owner, checks),
        reasons("freeze", pair["freeze"], pair["reference"], owner, checks),
    ]
    return [verdict_list(checks), frozen_moment(pair["reference"], owner, chosen or 0), *whys]


def whole(sent: dict, name: str) -> int:
    value = sent.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        raise UserError("That is not a frame's number.")
    return int(value)
