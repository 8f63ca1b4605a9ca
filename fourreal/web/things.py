"""What can be compared and linked to: own scenes and videos, and what ships, each under a short name.

scene:<run>, input:<run> (the reference video it was made from), video:<video>, shared:<token> (what another person
shares), ready:<name>, example:<name>/<role>, sweep:<sweep>/<run>
"""

import json
import re
from dataclasses import dataclass, field

from fourreal.errors import UserError
from fourreal.jobs.ready import first, ready_scene, ready_scenes
from fourreal.jobs.service import Service
from fourreal.jobs.values import Example
from fourreal.sweep.watching import PICTURE, SCENE
from fourreal.web.routes import clip_urls, file_urls, ready_urls
from fourreal.web.sweep_folders import sweep_run, sweep_urls
from fourreal.web.sweep_runs import title as sweep_title

PREVIEW = "page/ready.jpg"  # of the page as such: the scene that it opens with, larger than on the strip
ROLES = {"reference": "reference video", "freeze": "freeze-time video"}
NAME = re.compile(
    r"(shared|scene|input|video):[0-9a-f]{32}|ready:[a-z_]{1,40}|example:[a-z_]{1,40}/(reference|freeze)|sweep:[0-9a-f]{16}/[0-9a-f]{16}",
    re.ASCII,
)


@dataclass(frozen=True)
class Thing:
    """name: as above. kind: "scene" or "video". url: its file's. figures: numbers, nested as in metrics.json.
    picture: the address of a still that everybody may see. made: a sentence on what it was made of. credits: a line for
    each work that it rests on."""

    name: str
    kind: str
    title: str
    url: str
    figures: dict = field(default_factory=dict)
    picture: str | None = None
    made: str = ""
    credits: tuple[str, ...] = ()

    @property
    def embed(self) -> str | None:
        """Where it is by itself, for frames in other pages; None where it is not."""
        kind, _, id = self.name.partition(":")
        return f"embed/{id}" if kind in ("ready", "shared") else None

    @property
    def shown(self) -> dict:
        """What the viewer takes."""
        return {"url": self.url, "kind": self.kind, "title": self.title}


def choices(service: Service, owner: str) -> list[tuple[str, str]]:
    """(title, name) of all that somebody can compare: own scenes first, then what ships, then own videos."""
    runs = [run for run in service.runs.all(owner) if run.has_scene]
    own = [(run.name, f"scene:{run.id}") for run in runs]
    ready = [(scene.title, f"ready:{scene.name}") for scene in ready_scenes()]
    inputs = [(f"{run.name}: {ROLES['reference']}", f"input:{run.id}") for run in runs]
    videos = [(video.name, f"video:{video.id}") for video in service.library.videos(owner)]
    shipped = [
        (title_of_example(example, role), f"example:{example.name}/{role}")
        for example in service.library.examples()
        for role in ROLES
    ]
    return [*own, *ready, *inputs, *videos, *shipped]


def thing(service: Service, owner: str, name: object) -> Thing:
    """What is called so. Raises UserError for what is not there and for what is another person's, in the same words."""
    if not isinstance(name, str) or not NAME.fullmatch(name):
        raise UserError("There is nothing of that name to compare. Choose from the list.")
    kind, _, id = name.partition(":")
    if kind in ("scene", "input"):
        run = service.runs.get(owner, id)
        if not run.has_scene:
            raise UserError(f"{run.name} has no scene yet. Wait for it.")
        if kind == "input":
            return Thing(name, "video", f"{run.name}: {ROLES['reference']}", f"{file_urls(id)}inputs/reference.mp4")
        # the moment it was finished is part of the address: a scene that was continued is another file
        figures = service.runs.metrics(owner, id) | {"took": run.seconds}
        return Thing(name, "scene", run.name, f"{file_urls(id)}scene.r4d?{int(run.finished or 0)}", figures)
    if kind == "video":
        video = service.library.video(owner, id)
        figures = {"frames": video.frames, "bytes": {"video": video.bytes}}
        return Thing(name, "video", video.name, f"{clip_urls(owner, id)}clip.mp4", figures)
    if kind == "shared":
        url = f"shared/{id}/"
        return Thing(name, "scene", service.shares.name(id), f"{url}scene.r4d", picture=f"{url}thumbnail.jpg")
    if kind == "sweep":
        return swept(name)
    return shipped(service, name)


def of_sweep(sweep: str, run: str) -> str:
    """The name of a sweep's scene, by the keys of both."""
    return f"sweep:{sweep}/{run}"


def swept(name: str) -> Thing:
    """The same of a sweep's scene, which is there for everybody. Raises UserError where it has none for the viewer."""
    watched, run = sweep_run(*name.partition(":")[2].split("/"))
    file, url = watched.file(run, SCENE), sweep_urls(watched.key, run.key)
    stat = file.stat()
    figures = {"took": run.seconds, "bytes": {SCENE: stat.st_size}} if run.seconds else {"bytes": {SCENE: stat.st_size}}
    title = sweep_title(watched.look().runs, run)
    picture = f"{url}{PICTURE}" if watched.has(run, PICTURE) else None
    return Thing(
        name=name,
        kind="scene",
        title=title,
        url=f"{url}{SCENE}?{stat.st_mtime_ns:x}",
        figures=figures,
        picture=picture,
        made=f"Sweep {watched.name}.",
    )


def shipped(service: Service, name: str) -> Thing:
    """The same of what is there for everybody."""
    kind, _, id = name.partition(":")
    if kind == "ready":
        scene = ready_scene(id)
        manifest = json.loads((scene.bundle / "manifest.json").read_text(encoding="utf-8"))
        figures = {key: manifest[key] for key in ("splats", "moving_splats", "frames")}
        url = ready_urls(id)
        return Thing(
            name,
            "scene",
            scene.title,
            f"{url}scene.r4d",
            figures | {"bytes": {"scene.r4d": scene.viewer.stat().st_size}},
            picture=PREVIEW if id == first().name else f"{url}picture.jpg",
            made=f"Made {scene.made}.",
            credits=scene.credits,
        )
    if kind == "example":
        example_name, _, role = id.partition("/")
        for example in service.library.examples():
            if example.name == example_name:
                size = getattr(example, role).stat().st_size
                url, title = f"examples/{example_name}/{role}.mp4", title_of_example(example, role)
                return Thing(name, "video", title, url, {"bytes": {"video": size}})
    raise UserError("There is nothing of that name to compare. Choose from the list.")


def title_of_example(example: Example, role: str) -> str:
    """What a video that ships is called: as the ready scene made of it, where there is one, as that is shorter."""
    title = next((scene.title for scene in ready_scenes() if scene.name == example.name), example.title)
    return f"{title}: {ROLES[role]}"


def opening(service: Service) -> Thing:
    """What a newcomer sees."""
    return shipped(service, f"ready:{first().name}")
