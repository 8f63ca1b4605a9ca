"""Videos besides the two: dropped, shown with the role that each was found to have, and given another one."""

from collections.abc import Mapping
from pathlib import Path

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.take_values import FurtherVideo
from fourreal.jobs.values import Run, Video
from fourreal.jobs.verdicts import FurtherChecks
from fourreal.settings import MOST_TAKES, ClipLimits, JobLimits
from fourreal.web.clip_cards import flaws_picture, moving, verdict_row
from fourreal.web.markup import button, note, tag, text
from fourreal.web.parts import Parts
from fourreal.web.routes import clip_urls, flaws_url

ROLES = {"reference": "Another camera that filmed the motion", "freeze": "Another frozen moment", "out": "Leave out"}
LIMITS = ClipLimits()
LEAD = (
    f"Up to {MOST_TAKES}: other cameras that filmed the motion, other moments frozen. Each may have "
    f"{JobLimits.max_upload_bytes // 2**20} MB and last {LIMITS.max_seconds:.0f} s; of more than {LIMITS.max_frames} "
    "frames some are left out."
)


# --- What a person does ----------------------------------------------------------------------------------------------


def added(page: Parts, me: dict, files: list[Path]) -> dict:
    """`me` with uploaded files taken in as further videos; the uploads are gone afterwards.

    Files that cannot be taken are told of, and the others stay. Raises UserError where there are too many.
    """
    try:
        room = MOST_TAKES - len(me["further"])
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
        gr.Warning(sentence, title="One of them was not taken", duration=12)
    return me | {"further": [*me["further"], *entries], "again": ""}


def changed(page: Parts, me: dict, sent: Mapping[str, str]) -> dict:
    """`me` after a press or a change on one of the cards. Raises UserError where that makes no sense."""
    action, id = sent.get("action", ""), sent.get("video", "")
    entries = [dict(one) for one in me["further"]]
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
        entry |= {"video": page.service.library.trim(page.owner(me), id, frame(sent["first"]), frame(sent["last"])).id}
    return me | {"further": entries, "again": ""}


def frame(value: str) -> int | None:
    """A frame's number as it was typed, which may be negative; None of an empty field."""
    value = value.strip()
    if not value:
        return None
    digits = value.removeprefix("-")
    if not (digits.isascii() and digits.isdigit() and len(digits) < 6):
        raise UserError("That is not a frame's number. Give a whole number, or leave the field empty.")
    return int(value)


def chosen(me: dict) -> list[FurtherVideo]:
    """What a run is to be made of besides the two videos; roles that nobody chose are found."""
    return [
        FurtherVideo(video=one["video"], role=one["role"] or None, at=one["at"])
        for one in me["further"]
        if one["role"] != "out"
    ]


def entries_of(run: Run) -> list[dict]:
    """What the browser keeps of a run's further videos."""
    return [{"video": take.video, "role": take.role, "at": take.at} for take in run.further]


def there(page: Parts, me: dict) -> dict:
    """`me` without videos that were deleted meanwhile, as if they had not been chosen."""
    pair = {role: me[role] if exists(page, me, me[role]) else "" for role in ("reference", "freeze")}
    return me | pair | {"further": [one for one in me["further"] if exists(page, me, one["video"])]}


def exists(page: Parts, me: dict, id: str) -> bool:
    try:
        page.service.library.video(page.owner(me), id)
    except UserError:
        return False
    return True


# --- What a person sees ----------------------------------------------------------------------------------------------


def looked(page: Parts, me: dict) -> str:
    """The cards once all further videos were looked at; seconds for each that was not yet."""
    refused = {}
    for one in me["further"]:
        if me["reference"] and me["freeze"] and one["role"] != "out":
            try:
                page.service.inspections.check_further(page.owner(me), one["video"], me["reference"], me["freeze"])
            except UserError as error:
                refused[one["video"]] = str(error)
    return cards(page, me, refused)


def cards(page: Parts, me: dict, refused: Mapping[str, str] | None = None) -> str:
    """All further videos. refused: why some could not be looked at, by their ids."""
    owner, shown = page.owner(me), []
    pair = me["reference"], me["freeze"]
    for entry in me["further"]:
        video = page.service.library.video(owner, entry["video"])
        checks = page.service.inspections.further_checks(owner, video.id, *pair) if all(pair) else None
        shown.append(card(entry, video, owner, checks, me["freeze"], (refused or {}).get(video.id, "")))
    head = tag("h4", "More videos of the same scene") + tag("p", text(LEAD), class_="quiet")
    return tag("div", head, tag("div", *shown, class_="takes") if shown else "", class_="further")


def card(
    entry: Mapping[str, object], video: Video, owner: str, checks: FurtherChecks | None, freeze: str, refused: str
) -> str:
    """A further video playing, its role and why, and what is put right in it."""
    role = str(entry["role"]) or ("" if checks is None else checks.role)
    said = ""
    if refused:
        said = note(refused, "bad")
    elif role != "out" and checks is not None:
        verdicts = checks.verdicts(role)
        rows = [verdict_row(one, video=video.id) for one in verdicts if one.ok is False]
        rest = [one.sentence for one in verdicts if one.ok is not False]
        if role in checks.pictures:
            said = flaws_picture(flaws_url(owner, video.id, role, freeze), rest)
        else:
            rows += [verdict_row(one) for one in verdicts if one.ok is not False]
        said += tag("ul", *rows, class_="marks") if rows else ""
    size = f"{video.seconds:.1f} s, {video.frames} frames"
    about = [
        tag("p", tag("b", text(video.name)), tag("span", text(size)), class_="what"),
        role_choice(video, role),
        tag("p", text(why(entry, role, checks, bool(freeze), refused)), class_="why"),
        frame_field(entry, video, role),
        said,
        button("Remove", "remove", "quiet", video=video.id),
    ]
    playing = moving(clip_urls(owner, video.id) + "clip.mp4", f"Further video: {video.name}")
    kind = "take out" if role == "out" else "take"
    return tag("article", playing, tag("div", *about, class_="about"), class_=kind)


def why(entry: Mapping[str, object], role: str, checks: FurtherChecks | None, pair: bool, refused: str) -> str:
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


def role_choice(video: Video, role: str) -> str:
    options = [tag("option", "Looking", value="", selected=True, disabled=True)] if not role else []
    options += [tag("option", text(words), value=name, selected=name == role) for name, words in ROLES.items()]
    return tag("select", *options, data_change="role", data_video=video.id, aria_label=f"What {video.name} is")


def frame_field(entry: Mapping[str, object], video: Video, role: str) -> str:
    """The frame of the reference video at which it begins, or which it shows frozen."""
    if role not in ("reference", "freeze"):
        return ""
    label, empty = {"reference": ("begins at frame", "0"), "freeze": ("shows frame", "looked for")}[role]
    field = tag(
        "input",
        type="number",
        step=1,
        value="" if entry["at"] is None else entry["at"],
        placeholder=empty,
        data_change="at",
        data_video=video.id,
        aria_label=f"{video.name} {label} of the reference video",
        min=0 if role == "freeze" else None,
    )
    return tag("label", tag("span", text(label)), field, class_="at", title="Of the reference video")
