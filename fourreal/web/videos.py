"""Step one: choose two videos, trim them, see which moment was frozen, and hear whether they will do."""

from pathlib import Path

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.values import Example, Video
from fourreal.jobs.verdicts import Checks
from fourreal.web.markup import button, note, piece, pressed, tag, text, waiting
from fourreal.web.parts import CHECK, INTAKE, PRIVATE, Parts
from fourreal.web.routes import clip_urls
from fourreal.web.session import known, safely

ROLES = {
    "reference": ("Reference video", "The camera stands still while something moves."),
    "freeze": ("Freeze-time video", "The same scene, frozen, with the camera going around it."),
}
FRESH = {"example": "", "canonical": None, "again": ""}  # of what the browser keeps, with other videos
MARKS = {True: ("good", "OK"), None: ("warn", "Look"), False: ("bad", "Problem")}


def build(page: Parts) -> None:
    """Lay the step out and wire what happens within it."""
    gr.Markdown("Choose two short videos of one scene.", elem_classes="lead")
    with gr.Row(elem_classes="pair"):
        cards, drops = {}, {}
        for role, (title, _) in ROLES.items():
            with gr.Column(min_width=180, elem_classes="clip"):
                cards[role] = piece(card(role, None, ""), elem_id=f"card-{role}")
                drops[role] = gr.File(
                    label=title, show_label=False, file_count="single", type="filepath", height=122,
                    elem_id=f"drop-{role}", elem_classes="drop",
                )  # fmt: skip
    examples = piece(example_cards(page.service.examples()), elem_id="examples")
    checks = piece(elem_id="checks")
    with gr.Accordion("Trim, and the frozen moment", open=False, visible=False, elem_id="tune") as tune:
        moment = piece(elem_id="moment")
        trims = piece(elem_id="trims")
        gr.HTML("<h4>Known cameras, if you have a cameras.json</h4>", padding=False, apply_default_css=False)
        cameras = gr.File(
            show_label=False, type="filepath", height=122, elem_id="cameras-file",
            elem_classes="drop",
        )  # fmt: skip
        known_cameras = piece(elem_id="cameras-known")
    onward = gr.Button("Continue", variant="primary", size="lg", visible=False, elem_id="to-reconstruct")

    shown = [page.me, *cards.values(), *drops.values(), examples, tune, moment, trims, known_cameras, checks, onward]
    page.named |= {"pair": shown, "checks": checks, "moment": moment, "onward": onward, "show_pair": show_pair}

    def show_pair_now(me: dict):
        return show_pair(page, known(me))

    page.named["show_pair_now"] = show_pair_now
    look = safely(lambda me: check(page, known(me)))
    look_again = {"fn": look, "inputs": page.me, "outputs": [checks, moment], **CHECK}

    restore = {"fn": safely(show_pair_now), "inputs": page.me, "outputs": shown, **PRIVATE}

    def patiently(event, function, inputs: list, told: str) -> None:
        """What takes its time: a line says so meanwhile, and what failed leaves the step as it was."""
        event(lambda: waiting(told), None, checks, **PRIVATE)
        done = event(safely(function), inputs, shown, **INTAKE)
        done.success(**look_again)
        done.failure(**restore).then(**look_again)

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

    @safely
    def give_cameras(me: dict, path: str | None):
        me = known(me)
        file = uploaded(page, path)
        try:
            count = page.service.add_cameras(page.owner(me), me["reference"], me["freeze"], file)
        finally:
            page.uploads.forget(file)
        return note(f"{count} cameras taken.", "good")

    given = cameras.upload(give_cameras, [page.me, cameras], known_cameras, **INTAKE)
    given.then(lambda: None, None, cameras, **PRIVATE)
    given.success(**look_again)

    def trim(me: dict, event: gr.EventData):
        me, sent = known(me), pressed(event)
        role = sent.get("role", "")
        if role not in ROLES:
            raise UserError("Choose which of the videos to trim.")
        first, last = whole(sent, "first"), whole(sent, "last")
        if last < first:
            raise UserError("The last frame comes before the first one. Move the sliders.")
        video = page.service.trim(page.owner(me), me[role], first, last)
        return show_pair(page, me | {role: video.id, **FRESH})

    patiently(trims.select, trim, [page.me], "Cutting the video")

    @safely
    def choose_moment(me: dict, event: gr.EventData):
        return known(me) | {"canonical": whole(pressed(event), "value")}

    moment.select(choose_moment, page.me, page.me, **PRIVATE)


def with_example(page: Parts, me: dict, name: str) -> dict:
    """`me` with an example's two videos chosen."""
    reference, freeze = page.service.add_example(page.owner(me), name)
    return me | {"reference": reference.id, "freeze": freeze.id, **FRESH, "example": name}


def with_upload(page: Parts, me: dict, role: str, path: str | None) -> dict:
    """`me` with an uploaded file taken in as one of the two videos; the upload itself is gone afterwards."""
    file = uploaded(page, path)
    try:
        video = page.service.add_video(page.owner(me), file, file.name)
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
    videos = {}
    for role in ROLES:
        videos[role] = None
        if me[role]:
            try:
                videos[role] = page.service.video(page.owner(me), me[role])
            except UserError:  # deleted meanwhile: as if it had not been chosen
                me = me | {role: ""}
    both = all(videos.values())
    owner = page.owner(me)
    return [
        me,
        *(card(role, videos[role], owner) for role in ROLES),
        *(gr.update(visible=videos[role] is None, value=None) for role in ROLES),
        example_cards(page.service.examples(), me["example"], folded=any(videos.values())),
        gr.update(visible=both),
        "",
        "".join(trimmer(role, videos[role], owner) for role in ROLES) if both else "",
        "",
        waiting("Looking at both videos") if both else "",
        gr.update(visible=both),
    ]  # fmt: skip


def check(page: Parts, me: dict) -> list:
    """Updates of the verdicts and the frozen moment.

    Of nothing else: it may come while somebody is typing in the next step.
    """
    if not (me["reference"] and me["freeze"]):
        return [gr.skip()] * 2
    owner = page.owner(me)
    found = page.service.check(owner, me["reference"], me["freeze"])
    video = page.service.video(owner, me["reference"])
    chosen = me["canonical"] if me["canonical"] is not None else found.canonical_frame
    return [verdict_list(found), frozen_moment(video, owner, chosen or 0)]


# --- Markup ----------------------------------------------------------------------------------------------------------


def card(role: str, video: Video | None, owner: str) -> str:
    """One of the two videos: what it should be, or the chosen one playing."""
    title, what = ROLES[role]
    head = tag("h3", title)
    if video is None:
        return tag("div", head, tag("p", what), class_="clip-card empty")
    source = clip_urls(owner, video.id) + "clip.mp4"
    told = f"{video.width} × {video.height}, {video.seconds:.1f} s, {video.frames} frames"
    return tag(
        "div",
        head,
        moving(source, f"{title}: {video.name}"),
        tag("p", tag("b", text(video.name)), tag("span", text(told)), class_="what"),
        button("Choose another", "leave", "quiet", role=role),
        class_="clip-card",
    )


def moving(source: str, label: str, autoplay: bool = True) -> str:
    """A silent clip that plays over and over, from the start or when static/page.js says so."""
    how = {"autoplay": autoplay, "loop": True, "muted": True, "playsinline": True, "preload": "auto"}
    return tag("video", src=source, aria_label=label, **how)


def example_cards(examples: list[Example], chosen: str = "", folded: bool = False) -> str:
    """The shipped pairs as cards that can be pressed, and play under the pointer."""
    cards = [
        tag(
            "button",
            tag("span", *(moving(f"examples/{one.name}/{role}.mp4", role, False) for role in ROLES), class_="two"),
            tag("span", text(one.title), class_="title"),
            type="button",
            class_="example" + (" chosen" if one.name == chosen else ""),
            data_action="example",
            data_name=one.name,
            aria_pressed="true" if one.name == chosen else "false",
        )
        for one in examples
    ]
    return tag("div", tag("h4", "Or start from an example"), tag("div", *cards, class_="cards"),
               class_="examples folded" if folded else "examples")  # fmt: skip


def verdict_list(checks: Checks) -> str:
    rows = []
    for verdict in checks.verdicts:
        kind, mark = MARKS[verdict.ok]
        rows.append(tag("li", tag("i", mark, class_="mark"), tag("span", text(verdict.sentence)), class_=kind))
    lead = (
        "These videos will do." if checks.ok
        else "These videos may not work out. You can go on, or choose others."
    )  # fmt: skip
    return tag("div", tag("h4", lead), tag("ul", *rows), class_="verdicts")


def frozen_moment(video: Video, owner: str, frame: int) -> str:
    """A slider over the reference video's frames with the frame's picture."""
    return freeze_slider(
        "The moment that the freeze-time video shows", video, clip_urls(owner, video.id) + "frames/", frame
    )


def freeze_slider(title: str, video: Video, folder: str, frame: int) -> str:
    """A picture of one of a video's frames over a slider that tells Python which one was chosen."""
    frame = min(max(frame, 0), video.frames - 1)
    return tag(
        "div",
        tag("h4", text(title)),
        tag("img", src=f"{folder}{frame:04d}.jpg", alt="Chosen frame of the reference video", class_="frame"),
        slider("Frame", video.frames, frame, folder, data_change="moment"),
        class_="scrub",
    )


def trimmer(role: str, video: Video, owner: str) -> str:
    """Two sliders for the first and last frame to keep."""
    folder = clip_urls(owner, video.id) + "frames/"
    last = video.frames - 1
    ends = [
        tag("div", tag("img", src=f"{folder}{frame:04d}.jpg", alt=f"{name} frame", class_="frame"),
            slider(f"{name} frame", video.frames, frame, folder, data_field=field), class_="scrub")
        for name, field, frame in (("First", "first", 0), ("Last", "last", last))
    ]  # fmt: skip
    return tag(
        "div", tag("h4", f"Trim the {ROLES[role][0].lower()}"), tag("div", *ends, class_="ends"),
        button("Keep only this part", "trim", role=role), class_="trim", data_form=role,
    )  # fmt: skip


def slider(label: str, frames: int, value: int, folder: str, **data: object) -> str:
    """A range input; static/page.js shows the frame under it while it is dragged."""
    numbers = tag("output", str(value))
    reach = {"min": 0, "max": frames - 1, "step": 1, "value": value}
    field = tag("input", type="range", data_frames=folder, aria_label=label, **reach, **data)
    return tag("label", tag("span", text(label), " ", numbers), field)


def whole(sent: dict, name: str) -> int:
    value = sent.get(name, "")
    if not (value.isascii() and value.isdigit() and len(value) < 7):
        raise UserError("That is not a frame's number.")
    return int(value)
