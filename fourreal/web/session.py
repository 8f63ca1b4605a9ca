"""Who is looking: an unguessable token that the browser keeps, and what this browser was busy with."""

import functools
import logging
import secrets
from collections.abc import Callable
from pathlib import Path

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.take_values import MOST_FRAME, TAKE_ROLES
from fourreal.settings import MOST_TAKES
from fourreal.whole import writing

log = logging.getLogger(__name__)
STORAGE_KEY = "fourreal"
ROLES_OF_FURTHER = (*TAKE_ROLES, "out")
WORDS, PICTURE, OWN = STARTS = "words", "picture", "own"
SECRET_FILE = "page.secret"  # in the data folder: with another one browsers would forget who they are

# What a browser keeps. token: who it is. reference, freeze: chosen videos. example: their example's name, if any.
# canonical: the reference frame that the person chose, None while it is the found one. run: what it follows or shows.
# again: the run whose videos are to be taken once more. making, freezing: creations of the two videos.
# reference_pick, freeze_pick: which candidate a chosen video is, "video:creation:number".
# start: what the scene starts from, of `STARTS`. picture: the creation whose picture its videos begin with.
# further: videos besides the two, see `further_entries`.
FORGOTTEN = {
    "token": "",
    "reference": "",
    "freeze": "",
    "further": [],
    "example": "",
    "canonical": None,
    "run": "",
    "again": "",
    "making": "",
    "freezing": "",
    "reference_pick": "",
    "freeze_pick": "",
    "start": "",
    "picture": "",
}

# What a browser keeps in `me` is written only when the server has answered, and two tabs may be opened before. So the
# token is made in the browser, by whichever tab is first, and all of them have the same.
SAME_PERSON = """async (me) => {
  const key = 'fourreal person';
  const mine = () => {
    const token = me?.token || localStorage.getItem(key)
      || Array.from(crypto.getRandomValues(new Uint8Array(32)), (byte) => byte.toString(16).padStart(2, '0')).join('');
    localStorage.setItem(key, token);
    return { ...me, token };
  };
  return navigator.locks ? navigator.locks.request(key, mine) : mine();
}"""


def browser_state(data: Path, what: str = "") -> gr.BrowserState:
    """The component that keeps `FORGOTTEN`'s entries in the browser, over reloads and restarts of the server; or,
    under its own name, something else."""
    key = f"{STORAGE_KEY} {what}".strip()
    return gr.BrowserState(None, storage_key=key, secret=kept_secret(data / SECRET_FILE))


def kept_secret(path: Path) -> str:
    """The secret in `path`, made on the first call."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        with writing(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_hex(16), encoding="ascii")
        return path.read_text(encoding="ascii")


def known(me: object) -> dict:
    """What the browser kept, made whole: whatever is missing or of another kind is as for a newcomer."""
    stored = me if isinstance(me, dict) else {}
    whole = {key: stored.get(key) if isinstance(stored.get(key), str) else "" for key in FORGOTTEN}
    whole["further"] = further_entries(stored.get("further"))
    frame = stored.get("canonical")
    whole["canonical"] = frame if isinstance(frame, int) and not isinstance(frame, bool) and frame >= 0 else None
    whole["start"] = whole["start"] if whole["start"] in STARTS else WORDS
    whole["token"] = whole["token"] or secrets.token_urlsafe(32)
    return whole


def further_entries(stored: object) -> list[dict]:
    """[{video, role, at}] with a video's id; of its role, what the person chose: "reference", "freeze" or "out", and ""
    where it is as it was found; and the frame that they gave, if any."""
    entries = []
    for one in stored if isinstance(stored, list) else ():
        if isinstance(one, dict) and isinstance(one.get("video"), str):
            role, at = one.get("role"), one.get("at")
            number = isinstance(at, int) and not isinstance(at, bool) and abs(at) <= MOST_FRAME
            entries.append(
                {"video": one["video"], "role": role if role in ROLES_OF_FURTHER else "", "at": at if number else None}
            )
    return entries[:MOST_TAKES]


def said(error: Exception) -> str:
    """What a person is told of an error: its own sentence if it is for people, else that it was noted."""
    if isinstance(error, UserError):
        return str(error)
    log.error("the page failed", exc_info=error)
    return "Something went wrong here, and it was noted in the server's log. Trying again may help."


def safely(function: Callable) -> Callable:
    """An event's function whose errors are shown as sentences; only bugs are logged."""

    @functools.wraps(function)
    def guarded(*arguments, **named):
        try:
            return function(*arguments, **named)
        except gr.Error:
            raise
        except Exception as error:
            raise gr.Error(said(error), title="That did not work", duration=12, print_exception=False) from None

    return guarded
