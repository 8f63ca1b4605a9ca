"""Every step by name, for `gradio_client`; docs/api.md describes them. The first argument is the caller's token."""

import functools
import inspect
import secrets
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
            gr.api(safely(_plain(call)), api_name=name, **LANE_OF.get(name, {"concurrency_limit": None}))


class Calls(CreateCalls, StudyCalls, SweepCalls):
    """The endpoints: a public method each, under its own name. Values are JSON; ids and addresses are text.

    Every one but `new_token` takes the caller's token first; what belongs to another token is not there.
    """

    def new_token(self) -> str:
        """A fresh token nobody can guess. Keep it: it is the only way back to what is made with it."""
        return secrets.token_urlsafe(32)

    def examples(self, token: str) -> list:
        """The pairs of videos that ship with the product: [{name, title}]."""
        self._service.owner(token)
        return [{"name": one.name, "title": one.title} for one in self._service.library.examples()]

    def add_example(self, token: str, name: str) -> dict:
        """Take an example's two videos: {reference, freeze}, a video each."""
        owner = self._service.owner(token)
        reference, freeze = self._service.library.add_example(owner, name)
        return {"reference": self._video(owner, reference), "freeze": self._video(owner, freeze)}

    def add_video(self, token: str, file: dict, start: float = 0.0, end: float | None = None) -> dict:
        """Take an uploaded file (`gradio_client.handle_file`) in as a video, from second `start` to `end`."""
        owner, path = self._service.owner(token), self._uploaded(file)
        try:
            return self._video(owner, self._service.library.add_video(owner, path, path.name, start, end))
        finally:
            self._uploads.forget(path)

    def trim(self, token: str, video: str, first: int, last: int) -> dict:
        """A new video with the frames `first` to `last` of one that is there."""
        owner = self._service.owner(token)
        return self._video(owner, self._service.library.trim(owner, video, first, last))

    def add_cameras(self, token: str, reference: str, freeze: str, file: dict) -> int:
        """Take an uploaded cameras.json for these two videos; answers with how many cameras it has."""
        owner, path = self._service.owner(token), self._uploaded(file)
        try:
            return self._service.library.add_cameras(owner, reference, freeze, path)
        finally:
            self._uploads.forget(path)

    def check(self, token: str, reference: str, freeze: str) -> dict:
        """Whether two videos will do: {ok, verdicts: [{name, ok, sentence, value}], canonical_frame, freeze_frame}."""
        checks = self._service.inspections.check(self._service.owner(token), reference, freeze)
        return asdict(checks) | {"ok": checks.ok}

    def estimate(
        self, token: str, reference: str, freeze: str, options: dict | None = None, further: list | None = None
    ) -> dict:
        """What a run would take: {seconds, memory_mb, disk_mb, device, fits, reason, place}."""
        owner, more = self._service.owner(token), len(further_videos(further))
        return asdict(self._service.runs.estimate(owner, reference, freeze, Options.from_dict(options or {}), more))

    def check_further(self, token: str, video: str, reference: str, freeze: str) -> dict:
        """What a video besides these two is: {role, sentence, reference: [verdicts], freeze: [verdicts], pictures}."""
        return asdict(self._service.inspections.check_further(self._service.owner(token), video, reference, freeze))

    def place(
        self, token: str, reference: str, freeze: str, options: dict | None = None, further: list | None = None
    ) -> dict:
        """Where the cameras of such a run would be: {cameras, reference, takes, points, colors, notes}."""
        owner, chosen = self._service.owner(token), Options.from_dict(options or {})
        return self._service.placements.place(owner, reference, freeze, chosen, further_videos(further))

    def reconstruct(
        self,
        token: str,
        reference: str,
        freeze: str,
        options: dict | None = None,
        name: str = "",
        further: list | None = None,
    ) -> dict:
        """Put a reconstruction in the line; answers with the run. further: [{video, role, at}], see docs/api.md."""
        owner, chosen = self._service.owner(token), Options.from_dict(options or {})
        return _run(self._service.runs.submit(owner, reference, freeze, chosen, name, further_videos(further)))

    def status(self, token: str, run: str) -> dict:
        """A run as it is now: {id, name, state, place, options, progress, error, has_scene, seconds, ...}."""
        return _run(self._service.runs.get(self._service.owner(token), run))

    def journal(self, token: str, run: str, offset: int = 0) -> dict:
        """What happened since `offset`: {entries, offset}; call again with that offset."""
        entries, following = self._service.jobs.journal(self._service.owner(token), run, max(0, offset))
        return {"entries": entries, "offset": following}

    def stop(self, token: str, run: str, keep: bool = False) -> dict:
        """Stop a run; with `keep` its scene as it is now is kept."""
        owner = self._service.owner(token)
        self._service.jobs.cancel(owner, run, keep=keep)
        return _run(self._service.runs.get(owner, run))

    def resume(self, token: str, run: str) -> dict:
        """Go on with a stopped or failed run where it was."""
        owner = self._service.owner(token)
        self._service.runs.resume(owner, run)
        return _run(self._service.runs.get(owner, run))

    def scenes(self, token: str) -> list:
        """All runs of this token, newest first."""
        return [_run(run) for run in self._service.runs.all(self._service.owner(token))]

    def rename(self, token: str, run: str, name: str) -> dict:
        """Give a run another name."""
        owner = self._service.owner(token)
        self._service.runs.rename(owner, run, name)
        return _run(self._service.runs.get(owner, run))

    def duplicate(self, token: str, run: str, options: dict | None = None) -> dict:
        """The same videos once more with other options; what they do not touch is not computed again."""
        return _run(self._service.runs.duplicate(self._service.owner(token), run, Options.from_dict(options or {})))

    def delete(self, token: str, run: str) -> bool:
        """Delete a run and all its files; one that is running is stopped."""
        self._service.jobs.delete(self._service.owner(token), run)
        return True

    def export(
        self,
        token: str,
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
        path = self._service.exports.make(self._service.owner(token), run, format, upright=upright is True, film=film)
        return file_urls(run) + ("scene.r4d" if format == "r4d" else f"exports/{path.name}")

    def share(self, token: str, run: str) -> dict:
        """Make a link to a scene that anybody may open: {token, page, embed, scene}, addresses but the first."""
        shared = self._service.shares.share(self._service.owner(token), run)
        page = address([f"shared:{shared}"])
        return {"token": shared, "page": page, "embed": f"embed/{shared}", "scene": f"shared/{shared}/scene.r4d"}

    def unshare(self, token: str, run: str) -> bool:
        """Take that link back: it leads nowhere any more."""
        self._service.shares.unshare(self._service.owner(token), run)
        return True

    def metrics(self, token: str, run: str) -> dict:
        """Numbers of a finished run."""
        return self._service.runs.metrics(self._service.owner(token), run)

    def compare(self, token: str, first: str, second: str) -> dict:
        """Both runs' metrics and what lies between: {name: {first, second, difference}}."""
        owner = self._service.owner(token)
        return differences(self._service.runs.metrics(owner, first), self._service.runs.metrics(owner, second))


def _run(run: Run) -> dict:
    """A run as JSON, with the addresses of its files."""
    value = asdict(run) | {"options": run.options.as_dict()}
    return value | {"url": file_urls(run.id) + "scene.r4d" if run.has_scene else None}


def _plain(method):
    """A method as a function: Gradio reads names and types off functions only."""

    @functools.wraps(method)
    def call(*arguments, **named):
        return method(*arguments, **named)

    return call
