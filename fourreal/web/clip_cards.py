"""The cards of step one, in HTML: videos that play, what was seen in them, sliders over their frames."""

from collections.abc import Sequence

from markupsafe import Markup

from fourreal.jobs.values import Video
from fourreal.jobs.verdicts import Checks, Verdict
from fourreal.web.markup import pieces
from fourreal.web.routes import clip_urls, flaws_url

ROLES = {
    "reference": ("Reference video", "The camera stands still while something moves."),
    "freeze": ("Freeze-time video", "The same scene frozen, the camera going around it."),
}
# What the checks say of each of the two cameras and subjects, by the verdicts' names.
REASONS = {"reference": ("reference_camera",), "freeze": ("freeze_camera", "arc", "frozen_subject")}
KINDS = ("bars", "overlay", "fade", "cut", "repeats", "interlaced")  # of what is put right, see `clip.flaws.Finding`


def card(role: str, video: Video | None, owner: str) -> Markup:
    """One of the two videos: what it should be, or the chosen one playing."""
    return pieces("videos").card(role, *ROLES[role], video, clip_urls(owner, video.id) if video else "")


def reasons(role: str, video: Video, other: Video, owner: str, checks: Checks) -> Markup:
    """Why one of the two videos has its role, and what is put right in it, with a picture where that can be seen."""
    by_name = {verdict.name: verdict for verdict in checks.verdicts}
    verdicts = [by_name[name] for name in REASONS[role] if name in by_name]
    why = " ".join(verdict.sentence for verdict in verdicts if verdict.ok is not False)  # problems stand beneath
    flaws = Markup()
    if role in checks.pictures:
        title = f"{ROLES[role][0]}: "  # needless on its own card
        told = [one.sentence.removeprefix(title) for one in put_right(role, checks.verdicts)]
        sentences = [sentence[:1].upper() + sentence[1:] for sentence in told]
        flaws = pieces("videos").flaws(flaws_url(owner, video.id, role, other.id), sentences)
    return pieces("videos").reasons(why, flaws)


def put_right(role: str, verdicts: Sequence[Verdict]) -> list[Verdict]:
    """Those of the verdicts that speak of something in this video that is no scene."""
    names = {f"{role}_{kind}" for kind in KINDS}
    return [verdict for verdict in verdicts if verdict.name in names]


def verdict_list(checks: Checks) -> Markup:
    """What was seen in both videos. What stands on their cards and asks for nothing is left to these."""
    on_cards = {name for names in REASONS.values() for name in names}
    on_cards |= {one.name for role in checks.pictures for one in put_right(role, checks.verdicts)}
    rows = [verdict for verdict in checks.verdicts if verdict.ok is False or verdict.name not in on_cards]
    return pieces("videos").verdicts(checks, rows)


def freeze_slider(title: str, video: Video, owner: str, frame: int) -> Markup:
    """A picture of one of a video's frames over a slider that tells Python which one was chosen."""
    frame = min(max(frame, 0), video.frames - 1)
    return pieces("videos").moment(title, video.frames, frame, clip_urls(owner, video.id) + "frames/")


def trimmer(role: str, video: Video, owner: str) -> Markup:
    """Two sliders for the first and last frame to keep."""
    return pieces("videos").trimmer(role, ROLES[role][0], video.frames, clip_urls(owner, video.id) + "frames/")
