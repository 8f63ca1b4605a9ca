"""The cards of step one, in HTML: videos that play, what was seen in them, sliders over their frames."""

from collections.abc import Sequence

from fourreal.jobs.values import Example, Video
from fourreal.jobs.verdicts import Checks, Verdict
from fourreal.web.markup import button, tag, text
from fourreal.web.routes import clip_urls, flaws_url

ROLES = {
    "reference": ("Reference video", "The camera stands still while something moves."),
    "freeze": ("Freeze-time video", "The same scene, frozen, with the camera going around it."),
}
MARKS = {True: ("good", "OK"), None: ("warn", "Look"), False: ("bad", "Problem")}
# What the checks say of each of the two cameras and subjects, by the verdicts' names.
REASONS = {"reference": ("reference_camera",), "freeze": ("freeze_camera", "arc", "frozen_subject")}
KINDS = ("bars", "overlay", "fade", "cut", "repeats", "interlaced")  # of what is put right, see `clip.flaws.Finding`


def card(role: str, video: Video | None, owner: str) -> str:
    """One of the two videos: what it should be, or the chosen one playing."""
    title, what = ROLES[role]
    head = tag("h3", title)
    if video is None:
        return tag("div", head, tag("p", what), class_="clip-card empty")
    source = clip_urls(owner, video.id) + "clip.mp4"
    facts = f"{video.width} × {video.height}, {video.seconds:.1f} s, {video.frames} frames"
    return tag(
        "div",
        head,
        moving(source, f"{title}: {video.name}"),
        tag("p", tag("b", text(video.name)), tag("span", text(facts)), class_="what"),
        button("Choose another", "leave", "quiet", role=role),
        class_="clip-card",
    )


def reasons(role: str, video: Video, other: Video, owner: str, checks: Checks) -> str:
    """Why one of the two videos has its role, and what is put right in it, with a picture where that can be seen."""
    by_name = {verdict.name: verdict for verdict in checks.verdicts}
    verdicts = [by_name[name] for name in REASONS[role] if name in by_name]
    why = " ".join(verdict.sentence for verdict in verdicts if verdict.ok is not False)  # problems are told beneath
    drawn = ""
    if role in checks.pictures:
        title = f"{ROLES[role][0]}: "  # needless on its own card
        sentences = [one.sentence.removeprefix(title) for one in put_right(role, checks.verdicts)]
        drawn = flaws_picture(flaws_url(owner, video.id, role, other.id), sentences)
    return tag("div", tag("p", text(why), class_="why"), drawn, class_="reasons") if why or drawn else ""


def put_right(role: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those of the verdicts that tell of something in this video that is no scene."""
    names = {f"{role}_{kind}" for kind in KINDS}
    return [verdict for verdict in verdicts if verdict.name in names]


def flaws_picture(address: str, sentences: Sequence[str]) -> str:
    """A frame on which is drawn what is put right, with the sentences about it."""
    return tag(
        "figure",
        tag("img", src=address, alt="A frame with what is put right: " + " ".join(sentences)),
        tag("figcaption", *(tag("span", text(sentence)) for sentence in sentences)),
        class_="flaws",
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
    return tag(
        "div",
        tag("h4", "Or start from an example"),
        tag("div", *cards, class_="cards"),
        class_="examples folded" if folded else "examples",
    )


def verdict_list(checks: Checks) -> str:
    """What was seen in both videos. What is said on their cards and asks for nothing is left to these."""
    drawn = {one.name for role in checks.pictures for one in put_right(role, checks.verdicts)}
    said = {name for names in REASONS.values() for name in names}
    on_cards = lambda one: one.ok is not False and one.name in drawn | said
    rows = [verdict_row(verdict) for verdict in checks.verdicts if not on_cards(verdict)]
    lead = "These videos will do." if checks.ok else "These videos may not work out. You can go on, or choose others."
    swapped = tag(
        "p", "Each of the two looks like what the other should be. ", button("Swap the two", "swap"), class_="note warn"
    )
    return tag("div", tag("h4", lead), swapped if checks.swapped else "", tag("ul", *rows), class_="verdicts")


def verdict_row(verdict: Verdict, **video: object) -> str:
    """A verdict with its mark. video: which one a button would trim, where it is not one of the two."""
    kind, mark = MARKS[verdict.ok]
    trimmed = cut_button(verdict.part, **(video or {"role": verdict.name.split("_")[0]}))
    return tag("li", tag("i", mark, class_="mark"), tag("span", text(verdict.sentence), trimmed), class_=kind)


def cut_button(part: tuple[int, int] | None, **video: object) -> str:
    """A button that trims a video to the longest part between its cuts, where it has any."""
    if part is None:
        return ""
    return " " + button("Trim at the cut", "trim", first=part[0], last=part[1], **video)


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
        tag(
            "div",
            tag("img", src=f"{folder}{frame:04d}.jpg", alt=f"{name} frame", class_="frame"),
            slider(f"{name} frame", video.frames, frame, folder, data_field=field),
            class_="scrub",
        )
        for name, field, frame in (("First", "first", 0), ("Last", "last", last))
    ]
    return tag(
        "div",
        tag("h4", f"Trim the {ROLES[role][0].lower()}"),
        tag("div", *ends, class_="ends"),
        button("Keep only this part", "trim", role=role),
        class_="trim",
        data_form=role,
    )


def slider(label: str, frames: int, value: int, folder: str, **data: object) -> str:
    """A range input; static/page.js shows the frame under it while it is dragged."""
    numbers = tag("output", str(value))
    reach = {"min": 0, "max": frames - 1, "step": 1, "value": value}
    field = tag("input", type="range", data_frames=folder, aria_label=label, **reach, **data)
    return tag("label", tag("span", text(label), " ", numbers), field)
