"""Videos besides the two: dropped, shown with the role that each was found to have, and given another one."""

from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

import gradio as gr
from markupsafe import Markup

from fourreal.errors import UserError
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.values import Run, Video
from fourreal.jobs.verdicts import FurtherChecks
from fourreal.settings import MOST_TAKES, ClipLimits, JobLimits
from fourreal.web.markup import note, number_in, pieces
from fourreal.web.parts import Page
from fourreal.web.routes import clip_urls, flaws_url
from fourreal.web.session import Entry, Visitor
from fourreal.web.words import reading

ROLES = {"reference": "Another camera that filmed the motion", "freeze": "Another frozen moment", "out": "Leave out"}
# By role: the frame of the reference video at which a further one begins, or which it shows frozen.
FRAMES = {
    "reference": {"label": "begins at frame", "empty": "0"},
    "freeze": {"label": "shows frame", "empty": "looked for"},
}
LIMITS = ClipLimits()
LEAD = (
    f"Up to {MOST_TAKES}, of other cameras or frozen moments; "
    f"each {JobLimits.max_upload_bytes // 2**20}\N{NO-BREAK SPACE}MB and {LIMITS.max_seconds:.0f}\N{NO-BREAK SPACE}s"
    " at most."
)


# --- What a person does ----------------------------------------------------------------------------------------------


def added(page: Page, me: Visitor, files: list[Path]) -> Visitor:
    """The visitor with uploaded files taken in as further videos; the uploads are gone afterwards.

    Files that cannot be taken are told of, and the others stay. Raises UserError where there are too many.
    """
    try:
        room = MOST_TAKES - len(me.further)
        if len(files) > room:
            raise UserError(f"At most {MOST_TAKES} further videos are taken; there is room for {room}. Choose fewer.")
        entries, refused = [], []
        for file in files:
            try:
                video = page.service.library.add_video(page.owner(me), file, file.name)
            except UserError as error:
                refused.append(str(error))
            else:
                entries.append({"video": video.id, "role": "", "at": None})
    finally:
        for file in files:
            page.uploads.forget(file)
    if refused and not entries:
        raise UserError(" ".join(refused))
    for sentence in refused:
        gr.Warning(sentence, duration=reading(sentence))
    return replace(me, further=[*me.further, *entries], again="")


def changed(page: Page, me: Visitor, sent: dict[str, str]) -> Visitor:
    """The visitor after a press or a change on one of the cards. Raises UserError where that makes no sense."""
    action, id = sent.get("action", ""), sent.get("video", "")
    entries = [dict(one) for one in me.further]
    entry = next((one for one in entries if one["video"] == id), None)
    if entry is None:
        raise UserError("This video is not among the further ones any more. Reload the page.")
    if action == "role":
        entry |= {"role": sent.get("value", "") if sent.get("value") in ROLES else "", "at": None}
    elif action == "at":
        entry["at"] = frame(sent.get("value", ""))
    elif action == "remove":
        entries.remove(entry)
    elif action == "trim":
        first, last = number_in(sent, "first"), number_in(sent, "last")
        entry["video"] = page.service.library.trim(page.owner(me), id, first, last).id
    return replace(me, further=entries, again="")


def frame(value: str) -> int | None:
    """A frame's number as it was typed, which may be negative; None of an empty field."""
    value = value.strip()
    if not value:
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise UserError("That is not a frame's number. Give a whole number, or leave the field empty.")
    return int(value)


def chosen(me: Visitor) -> list[FurtherVideo]:
    """What a run is to be made of besides the two videos; roles that nobody chose are found."""
    return [
        FurtherVideo(video=one["video"], role=one["role"] or None, at=one["at"])
        for one in me.further
        if one["role"] != "out"
    ]


def entries_of(run: Run) -> list[Entry]:
    """What the browser keeps of a run's further videos."""
    return [{"video": take.video, "role": take.role, "at": take.at} for take in run.further]


def there(page: Page, me: Visitor) -> Visitor:
    """The visitor without videos that were deleted meanwhile, as if they had not been chosen."""
    reference, freeze = (id if exists(page, me, id) else "" for id in (me.reference, me.freeze))
    return replace(
        me, reference=reference, freeze=freeze, further=[one for one in me.further if exists(page, me, one["video"])]
    )


def exists(page: Page, me: Visitor, id: str) -> bool:
    try:
        page.service.library.video(page.owner(me), id)
    except UserError:
        return False
    return True


# --- What a person sees ----------------------------------------------------------------------------------------------


def looked(page: Page, me: Visitor) -> Markup:
    """The cards once all further videos were looked at; seconds for each that was not yet."""
    refused = {}
    for one in me.further:
        if me.has_pair and one["role"] != "out":
            try:
                page.service.inspections.check_further(page.owner(me), one["video"], me.reference, me.freeze)
            except UserError as error:
                refused[one["video"]] = str(error)
    return cards(page, me, refused)


def cards(page: Page, me: Visitor, refused: Mapping[str, str] | None = None) -> Markup:
    """All further videos. refused: why some could not be looked at, by their ids."""
    owner, shown = page.owner(me), []
    for entry in me.further:
        video = page.service.library.video(owner, entry["video"])
        pair = me.reference, me.freeze
        checks = page.service.inspections.further_checks(owner, video.id, *pair) if me.has_pair else None
        shown.append(card(entry, video, owner, checks, me.freeze, (refused or {}).get(video.id, "")))
    return pieces("videos").further(LEAD, shown)


def card(entry: Entry, video: Video, owner: str, checks: FurtherChecks | None, freeze: str, refused: str) -> Markup:
    """A further video playing, its role and why, and what is put right in it."""
    role, html = entry["role"] or ("" if checks is None else checks.role), pieces("videos")
    remarks = note(refused, "bad")
    if not refused and role != "out" and checks is not None:
        verdicts = checks.verdicts(role)
        rows = [(one, {"video": video.id}) for one in verdicts if one.ok is False]
        rest = [one for one in verdicts if one.ok is not False]
        if role in checks.pictures:
            address = flaws_url(owner, video.id, role, freeze)
            remarks = html.flaws(address, [one.sentence for one in rest]) + html.marks(rows)
        else:
            remarks = html.marks([*rows, *((one, {"video": video.id}) for one in rest)])
    return html.take(
        video=video,
        folder=clip_urls(owner, video.id),
        roles=ROLES,
        role=role,
        why=why(entry, role, checks, bool(freeze), refused),
        field=FRAMES.get(role),
        at=entry["at"],
        remarks=remarks,
    )


def why(entry: Entry, role: str, checks: FurtherChecks | None, pair: bool, refused: str) -> str:
    """One sentence on why a further video has its role."""
    if role == "out":
        return "The scene is made without it."
    if refused:
        return ""
    if checks is None:
        return "It is being looked at." if pair else "It is looked at once the two videos above are there."
    if entry["role"] and entry["role"] != checks.role:
        return f"You chose this. {checks.sentence}"
    return checks.sentence
