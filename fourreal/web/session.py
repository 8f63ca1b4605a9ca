"""Who is looking: an unguessable token that the browser keeps, and what this browser was busy with."""

import functools
import inspect
import logging
import secrets
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import asdict, dataclass, field, fields, replace
from pathlib import Path
from typing import Any

import gradio as gr

from fourreal.errors import UserError
from fourreal.jobs.take_values import MOST_FRAME, TAKE_ROLES
from fourreal.settings import MOST_TAKES
from fourreal.web.words import reading
from fourreal.whole import writing

log = logging.getLogger(__name__)
STORAGE_KEY = "fourreal"
ROLES_OF_FURTHER = (*TAKE_ROLES, "out")
WORDS, PICTURE, OWN = STARTS = "words", "picture", "own"
SECRET_FILE = "page.secret"  # in the data folder: with another one browsers would forget who they are

CREATION_OF = {"reference": "making", "freeze": "freezing"}  # the visitor's field, by a video's role
Entry = dict[str, Any]  # a further video: {video, role, at}, see `further_entries`


@dataclass(frozen=True)
class Visitor:
    """Who is looking, and what their browser keeps for them.

    token: who it is. reference, freeze: chosen videos. further: videos besides the two. example: their example's name,
    if any. canonical: the reference frame that the person chose, None while it is the one that was computed.
    run: what they follow or look at. again: the run whose videos are to be taken once more. making, freezing: creations
    of the two videos. reference_pick, freeze_pick: which candidate a chosen video is, "video:creation:number".
    start: what the scene starts from, of `STARTS`. picture: the creation whose picture its videos begin with.
    """

    token: str
    reference: str = ""
    freeze: str = ""
    further: list[Entry] = field(default_factory=list)
    example: str = ""
    canonical: int | None = None
    run: str = ""
    again: str = ""
    making: str = ""
    freezing: str = ""
    reference_pick: str = ""
    freeze_pick: str = ""
    start: str = WORDS
    picture: str = ""

    def video(self, role: str) -> str:
        """The chosen video's id, "" where there is none."""
        return self.freeze if role == "freeze" else self.reference

    def creation(self, role: str) -> str:
        """The id of the creation of one of the two videos, "" where there is none."""
        return getattr(self, CREATION_OF[role])

    def pick(self, role: str) -> str:
        return self.freeze_pick if role == "freeze" else self.reference_pick

    def following(self, role: str, creation: str) -> "Visitor":
        """The same with another creation of one of the two videos."""
        changes: dict[str, Any] = {CREATION_OF[role]: creation}
        return replace(self, **changes)

    @property
    def has_pair(self) -> bool:
        return bool(self.reference and self.freeze)

    def with_videos(self, **changes: Any) -> "Visitor":
        """The same with other videos, of which nothing was chosen yet but what `changes` says."""
        return replace(self, **({"example": "", "canonical": None, "again": ""} | changes))


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
    """The component that keeps a `Visitor` in the browser, over reloads and restarts of the server; or, under a name of
    its own, something else."""
    key = f"{STORAGE_KEY} {what}".strip()
    return gr.BrowserState(None, storage_key=key, secret=secret_in(data / SECRET_FILE))


def secret_in(path: Path) -> str:
    """The secret in `path`, made on the first call."""
    try:
        return path.read_text(encoding="ascii")
    except FileNotFoundError:
        with writing(path) as temporary:
            temporary.touch(mode=0o600)
            temporary.write_text(secrets.token_hex(16), encoding="ascii")
        return path.read_text(encoding="ascii")


def visitor(stored: object) -> Visitor:
    """What the browser kept, made whole: whatever is missing or of another kind is as for a newcomer."""
    if isinstance(stored, Visitor):
        return stored
    stored = stored if isinstance(stored, dict) else {}
    texts = [one.name for one in fields(Visitor) if one.name not in ("further", "canonical")]
    whole = {name: stored[name] for name in texts if isinstance(stored.get(name), str)}
    whole["start"] = whole["start"] if whole.get("start") in STARTS else WORDS
    whole["token"] = whole.get("token") or secrets.token_urlsafe(32)
    frame = stored.get("canonical")
    chosen = isinstance(frame, int) and not isinstance(frame, bool) and frame >= 0
    return Visitor(**whole, further=further_entries(stored.get("further")), canonical=frame if chosen else None)


def further_entries(stored: object) -> list[Entry]:
    """[{video, role, at}] with a video's id; the role that the person chose, "reference", "freeze" or "out", and ""
    where it is the one that the checks gave; and the frame that they typed, if any."""
    entries = []
    for one in stored if isinstance(stored, list) else ():
        if isinstance(one, dict) and isinstance(one.get("video"), str):
            role, at = one.get("role"), one.get("at")
            number = isinstance(at, int) and not isinstance(at, bool) and abs(at) <= MOST_FRAME
            entries.append(
                {"video": one["video"], "role": role if role in ROLES_OF_FURTHER else "", "at": at if number else None}
            )
    return entries[:MOST_TAKES]


def sentence_of(error: Exception) -> str:
    """What a person reads of an error: its own sentence if it is for people, else that it was noted."""
    if isinstance(error, UserError):
        return str(error)
    log.error("the page failed", exc_info=error)
    return "Something went wrong here, and it was noted in the server's log. Trying again may help."


def safely(function: Callable) -> Callable:
    """An event's function whose errors are shown as sentences; only bugs are logged. It may be a generator."""

    @contextmanager
    def guard() -> Iterator[None]:
        try:
            yield
        except gr.Error:
            raise
        except Exception as error:
            sentence = sentence_of(error)
            raise gr.Error(sentence, duration=reading(sentence), print_exception=False) from None

    @functools.wraps(function)
    def guarded(*arguments, **named):
        with guard():
            return function(*arguments, **named)

    @functools.wraps(function)
    def guarded_steps(*arguments, **named):
        with guard():
            yield from function(*arguments, **named)

    return guarded_steps if inspect.isgeneratorfunction(function) else guarded


def personal(function: Callable) -> Callable:
    """`safely` for a function whose first argument is the visitor: it is read from what the browser sent, and wherever
    one is among the results, it is written as the browser keeps it."""

    @functools.wraps(function)
    def called(stored: object, *arguments, **named):
        return written(function(visitor(stored), *arguments, **named))

    return safely(called)


def written(result: Any) -> Any:
    """An event's result with its visitor, if there is one, as JSON; updates of nothing change nothing."""
    if result == {}:
        return gr.skip()
    if isinstance(result, Visitor):
        return asdict(result)
    if isinstance(result, list):
        return [written(one) if isinstance(one, Visitor) else one for one in result]
    if isinstance(result, dict):
        return {key: written(one) if isinstance(one, Visitor) else one for key, one in result.items()}
    return result
