"""Every step by name, for `gradio_client`; docs/api.md describes them. The first argument is the caller's token."""

import functools
import inspect
import secrets
from collections.abc import Callable
from dataclasses import asdict

import gradio as gr

from fourreal.description import Options
from fourreal.jobs.films import FilmWish
from fourreal.jobs.service import Service
from fourreal.jobs.take_values import further_videos
from fourreal.jobs.values import Run
from fourreal.web.api_create import CreateCalls
from fourreal.web.api_study import StudyCalls
from fourreal.web.api_sweeps import SweepCalls
from fourreal.web.links import address
from fourreal.web.metrics import differences
from fourreal.web.parts import LANES
from fourreal.web.routes import file_urls
from fourreal.web.session import safely
from fourreal.web.uploads import Uploads

# Those that wait for a child process, by lane.
PATIENT_CALLS = {
    "intakes": {"add_example", "add_video", "add_cameras", "trim", "add_candidate", "cut", "take"},
    "checks": {"check", "check_further"},
    "exports": {"export"},
    "placings": {"place"},
    "studies": {"make_study"},
}
LANE_OF = {call: LANES[lane] for lane, calls in PATIENT_CALLS.items() for call in calls}


def add(service: Service, uploads: Uploads) -> None:
    """Add the endpoints to the Blocks that are being built."""
    calls = Calls(service, uploads)
    for name, call in inspect.getmembers(calls, inspect.ismethod):
        if not name.startswith("_"):
            function = call if name == "new_token" else _for_owner(service, call)
            gr.api(safely(function), api_name=name, **LANE_OF.get(name, {"concurrency_limit": None}))


class Calls(CreateCalls, StudyCalls, SweepCalls):
    """The endpoints: a public method each, under its own name. Values are JSON; ids and addresses are text.

    Callers of all but `new_token` send a token in place of its owner; what belongs to another is not there.
    """

    def new_token(self) -> str:
        """A fresh token nobody can guess. Keep it: it is the only way back to what is made with it."""
        return secrets.token_urlsafe(32)

    def examples(self, owner: str) -> list:
        """The pairs of videos that ship with the product: [{name, title}]."""
        return [{"name": one.name, "title": one.title} for one in self._service.library.examples()]

    def add_example(self, owner: str, name: str) -> dict:
        """Take an example's two videos: {reference, freeze}, a video each."""
        reference, freeze = self._service.library.add_example(owner, name)
        return {"reference": self._video(owner, reference), "freeze": self._video(owner, freeze)}

    def add_video(self, owner: str, file: dict, start: float = 0.0, end: float | None = None) -> dict:
        """Take an uploaded file (`gradio_client.handle_file`) in as a video, from second `start` to `end`."""
        with self._uploaded(file) as path:
            return self._video(owner, self._service.library.add_video(owner, path, path.name, start, end))

    def trim(self, owner: str, video: str, first: int, last: int) -> dict:
        """A new video with the frames `first` to `last` of one that is there."""
        return self._video(owner, self._service.library.trim(owner, video, first, last))

    def add_cameras(self, owner: str, reference: str, freeze: str, file: dict) -> int:
        """Take an uploaded cameras.json for these two videos; answers with how many cameras it has."""
        with self._uploaded(file) as path:
            return self._service.library.add_cameras(owner, reference, freeze, path)

    def check(self, owner: str, reference: str, freeze: str) -> dict:
        """Whether two videos will do: {ok, verdicts: [{name, ok, sentence, value}], canonical_frame, freeze_frame}."""
        checks = self._service.inspections.check(owner, reference, freeze)
        return asdict(checks) | {"ok": checks.ok}

    def estimate(
        self, owner: str, reference: str, freeze: str, options: dict | None = None, further: list | None = None
    ) -> dict:
        """What a run would take: {seconds, memory_mb, disk_mb, device, fits, reason, place}."""
        more = len(further_videos(further))
        return asdict(self._service.runs.estimate(owner, reference, freeze, Options.from_dict(options or {}), more))

    def check_further(self, owner: str, video: str, reference: str, freeze: str) -> dict:
        """What a video besides these two is: {role, sentence, reference: [verdicts], freeze: [verdicts], pictures}."""
        return asdict(self._service.inspections.check_further(owner, video, reference, freeze))

    def place(
        self, owner: str, reference: str, freeze: str, options: dict | None = None, further: list | None = None
    ) -> dict:
        """Where the cameras of such a run would be: {cameras, reference, takes, points, colors, notes}."""
        chosen = Options.from_dict(options or {})
        return self._service.placements.place(owner, reference, freeze, chosen, further_videos(further))

    def reconstruct(
        self,
        owner: str,
        reference: str,
        freeze: str,
        options: dict | None = None,
        name: str = "",
        further: list | None = None,
    ) -> dict:
        """Put a reconstruction in the line; answers with the run. further: [{video, role, at}], see docs/api.md."""
        chosen = Options.from_dict(options or {})
        return _run(self._service.runs.submit(owner, reference, freeze, chosen, name, further_videos(further)))

    def status(self, owner: str, run: str) -> dict:
        """A run as it is now: {id, name, state, place, options, progress, error, has_scene, seconds, ...}."""
        return _run(self._service.runs.get(owner, run))

    def journal(self, owner: str, run: str, offset: int = 0) -> dict:
        """What happened since `offset`: {entries, offset}; call again with that offset."""
        entries, following = self._service.jobs.journal(owner, run, max(0, offset))
        return {"entries": entries, "offset": following}

    def stop(self, owner: str, run: str, keep: bool = False) -> dict:
        """Stop a run; with `keep` its scene as it is now is kept."""
        self._service.jobs.cancel(owner, run, keep=keep)
        return _run(self._service.runs.get(owner, run))

    def resume(self, owner: str, run: str) -> dict:
        """Go on with a stopped or failed run where it was."""
        self._service.runs.resume(owner, run)
        return _run(self._service.runs.get(owner, run))

    def scenes(self, owner: str) -> list:
        """All runs of this token, newest first."""
        return [_run(run) for run in self._service.runs.all(owner)]

    def rename(self, owner: str, run: str, name: str) -> dict:
        """Give a run another name."""
        self._service.runs.rename(owner, run, name)
        return _run(self._service.runs.get(owner, run))

    def duplicate(self, owner: str, run: str, options: dict | None = None) -> dict:
        """The same videos once more with other options; what they do not touch is not computed again."""
        return _run(self._service.runs.duplicate(owner, run, Options.from_dict(options or {})))

    def delete(self, owner: str, run: str) -> bool:
        """Delete a run and all its files; one that is running is stopped."""
        self._service.jobs.delete(owner, run)
        return True

    def export(
        self,
        owner: str,
        run: str,
        format: str,
        trajectory: str | None = None,
        upright: bool = False,
        keyframes: dict | None = None,
        size: str | None = None,
        fps: int | None = None,
    ) -> str:
        """Make a file of a scene (a name of `FORMATS`); answers with its address. The last three are for films."""
        film = FilmWish.of(trajectory, keyframes, size, fps)
        path = self._service.exports.make(owner, run, format, upright=upright is True, film=film)
        return file_urls(run) + ("scene.r4d" if format == "r4d" else f"exports/{path.name}")

    def share(self, owner: str, run: str) -> dict:
        """Make a link to a scene that anybody may open: {token, page, embed, scene}, addresses but the first."""
        shared = self._service.shares.share(owner, run)
        page = address([f"shared:{shared}"])
        return {"token": shared, "page": page, "embed": f"embed/{shared}", "scene": f"shared/{shared}/scene.r4d"}

    def unshare(self, owner: str, run: str) -> bool:
        """Take that link back: it leads nowhere any more."""
        self._service.shares.unshare(owner, run)
        return True

    def metrics(self, owner: str, run: str) -> dict:
        """Numbers of a finished run."""
        return self._service.runs.metrics(owner, run)

    def compare(self, owner: str, first: str, second: str) -> dict:
        """Both runs' metrics and what lies between: {name: {first, second, difference}}."""
        return differences(self._service.runs.metrics(owner, first), self._service.runs.metrics(owner, second))


def _run(run: Run) -> dict:
    """A run as JSON, with the addresses of its files."""
    value = asdict(run) | {"options": run.options.as_dict()}
    return value | {"url": file_urls(run.id) + "scene.r4d" if run.has_scene else None}


def _for_owner(service: Service, method: Callable) -> Callable:
    """A method as a function, off which Gradio reads names and types, with a token where the method has its owner."""

    @functools.wraps(method)
    def call(token: str, *arguments, **named):
        return method(service.owner(token), *arguments, **named)

    signature = inspect.signature(method)
    owner, *others = signature.parameters.values()
    shown = signature.replace(parameters=[owner.replace(name="token"), *others])
    call.__signature__ = shown  # type: ignore[attr-defined]
    call.__annotations__ = {"token": str, **method.__annotations__}
    return call
