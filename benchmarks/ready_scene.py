"""Makes a ready scene, of those that a visitor of the page can open at once, and puts it into `assets/scenes`.

    python -m benchmarks.ready_scene NAME RUN

fox_yard is fitted by preset `standard`, the others by `draft`, as their files are to be small: robot_dance from the
example, two from worlds that are rendered here, two from videos of the embedded model. Three things differ from what
the presets do. Motion is held more rigid and turns more readily in most: the preset squashes the fox's head as it
turns towards the camera, which scores 0.1 to 0.2 dB better and looks smeared. The fox's scene begins five frames into
the reference video: before that the head is turned so far that it looks wrong from the side. And what no frame shows
is taken out: inside of what moves, of any colour, it would come into sight where that turns aside; at the rim, where
no camera held it in place, it would come into sight where somebody drags the view to its limits.
"""

import argparse
import json
from collections.abc import Callable
from dataclasses import dataclass, replace
from pathlib import Path

import torch
from jaxtyping import Bool, Float
from PIL import Image

from fourreal.camera.cameras import Cameras
from fourreal.fit.debris import SUPPORT
from fourreal.pipeline import Request, reconstruct
from fourreal.pipeline.from_prompt import from_prompt
from fourreal.pipeline.prompt_request import PromptRequest
from fourreal.progress import Event
from fourreal.scene import bundle
from fourreal.scene.r4d import export_r4d
from fourreal.scene.scene4d import Scene4D
from fourreal.settings import DRAFT, STANDARD, Growth, Preset
from fourreal.splat.fields import build
from fourreal.splat.gaussians import Gaussians
from fourreal.splat.rasterize import rasterize
from research.ready_worlds import hall
from research.world.world import World
from research.world.worlds import make_world
from research.world_files import write_scene

ASSETS = Path(__file__).parents[1] / "assets"
LEAST, LEAST_STILL = 1.0, 0.1  # pixels of some frame that a Gaussian makes up; one that stands still
TOUCHED = 0.3  # of a frame that counts as showing it
EDGE = 0.08  # of the freeze-time frames, at either end
WIDE = 0.1  # standard deviation; the cameras stand at a distance of one
POSTER = (480, 270)


def steadier(preset: Preset) -> Preset:
    """The preset with motion held more rigid, that turns more readily: three and 0.006 are usual."""
    return replace(preset, motion=replace(preset.motion, rigidity=12.0, rotation_rate=0.024))


SMALL = steadier(DRAFT)
# One plain solid on a plain floor needs no more.
PLAIN = replace(
    SMALL,
    canonical=replace(DRAFT.canonical, steps=1500, plain_steps=400, initial=6000, growth=Growth(budget=8000)),
    motion=replace(SMALL.motion, phases=tuple(replace(phase, steps=phase.steps // 2) for phase in DRAFT.motion.phases)),
)


def title(name: str) -> str:
    """What people call a scene."""
    listed = json.loads((ASSETS / "scenes" / "scenes.json").read_text(encoding="utf-8"))
    return next(one["title"] for one in listed if one["name"] == name)


def show(event: Event) -> None:
    print(f"\r{event.stage} {event.step}/{event.steps}", end="", flush=True)


def of_folder(folder: Path, run: Path, preset: Preset) -> Scene4D:
    """The scene of a folder of videos with their cameras, written to `run`."""
    return reconstruct(
        Request(
            reference=folder / "reference.mp4",
            freeze=folder / "freeze.mp4",
            cameras=folder / "cameras.json",
            out=run,
            preset=preset,
            device="cpu",
        ),
        show,
    )


def of_example(name: str, preset: Preset) -> Callable[[Path], Scene4D]:
    return lambda run: of_folder(ASSETS / "examples" / name, run, preset)


def of_world(name: str, world: World, size: tuple[int, int], preset: Preset) -> Callable[[Path], Scene4D]:
    """Of videos of that many pixels that are rendered here."""

    def fit(run: Path) -> Scene4D:
        videos = run / "world"
        if not (videos / "cameras.json").is_file():
            write_scene(world, videos, size, views=0, prompt=title(name))
        return of_folder(videos, run, preset)

    return fit


def of_prompt(prompt: str, seed: int) -> Callable[[Path], Scene4D]:
    """By the embedded model. Without its criticism, which adds nothing (docs/mini.md)."""
    return lambda run: from_prompt(
        PromptRequest(
            prompt=prompt,
            model="mini",
            seed=seed,
            candidates=2,
            pick_reference=seed,
            out=run,
            preset=PLAIN,
            distil=False,
            device="cpu",
        ),
        show,
    )


@dataclass(frozen=True)
class Recipe:
    """fit: makes the scene in a folder; goes on from what an earlier try left there. first: frame of the reference
    video at which the shipped scene begins. poster: the moment that its picture shows, in [0, 1]."""

    fit: Callable[[Path], Scene4D]
    first: int = 0
    poster: float = 0.5


RECIPES = {
    "fox_yard": Recipe(of_example("fox_yard", steadier(STANDARD)), first=5),
    "robot_dance": Recipe(of_example("robot_dance", DRAFT)),
    "robot_hall": Recipe(of_world("robot_hall", hall(), (384, 216), SMALL), first=2, poster=0.3),
    "yellow_crate": Recipe(of_world("yellow_crate", make_world(8), (512, 288), DRAFT), poster=0.25),
    "green_ball": Recipe(of_prompt("a green ball bouncing on a sandy floor", seed=0)),
    "blue_box": Recipe(of_prompt("a blue box sliding on a wooden floor", seed=1), first=2, poster=0.25),
}


def begun_at(scene: Scene4D, first: int) -> Scene4D:
    """The scene without the reference times before number `first`."""
    if not first:
        return scene
    field = scene.field
    config = field.config() | {"frames": field.frames - first, "canonical": field.canonical - first}
    state = field.state_dict()
    later = build(config)
    later.load_state_dict(state | {name: state[name][first:] for name in ("rotation", "translation")})
    return replace(scene, field=later.requires_grad_(False).eval(), moments=())  # read anew from the manifest


def narrowed(scene: Scene4D) -> Scene4D:
    """The scene without the outermost cameras of the freeze-time video, so that a viewer stays away from the rim."""
    cut = round(EDGE * len(scene.freeze))
    inner = slice(cut, len(scene.freeze) - cut)
    return replace(scene, freeze=scene.freeze[inner], freeze_frames=scene.freeze_frames[inner])


def made_up(gaussians: Gaussians, camera: Cameras) -> Float[torch.Tensor, " N"]:
    """How many pixels of a camera's picture (F = 1) each Gaussian makes up."""
    weight = torch.zeros_like(gaussians.colors, requires_grad=True)
    seen = replace(gaussians.detach(), colors=weight)
    drawn = rasterize(seen, camera.world_to_camera[0], camera.intrinsics, camera.size, torch.zeros(3))
    drawn.colour[..., 0].sum().backward()
    return weight.grad[:, 0]


def held(scene: Scene4D) -> Bool[torch.Tensor, " N"]:
    """Which Gaussians the frames hold in place.

    Some frame shows them; those that stand still and are wide are shown by more frames than the few at whose border
    they lie, as `debris` asks of what is near a camera.
    """
    last = scene.frames - 1
    most, count = torch.zeros(len(scene.gaussians)), torch.zeros(len(scene.gaussians))
    for number in range(len(scene.freeze)):
        part = made_up(scene.at(scene.canonical_time), scene.freeze[number])
        most, count = torch.maximum(most, part), count + (part >= TOUCHED)
    for frame in range(scene.frames):
        most = torch.maximum(most, made_up(scene.at(frame / last), scene.reference))
    wide = scene.gaussians.scales.exp().amax(dim=1) > WIDE
    still = ~scene.gaussians.moves
    least = torch.where(still, LEAST_STILL, LEAST)
    return (most >= least) & ~(still & wide & (count < SUPPORT * len(scene.freeze)))


def ship(name: str, scene: Scene4D, manifest: dict) -> None:
    """Put the scene, and what the run's manifest says of it, into the assets."""
    recipe = RECIPES[name]
    manifest = {key: value for key, value in manifest.items() if key not in bundle.STRUCTURE}
    manifest["reference_frames"] = manifest["reference_frames"][recipe.first :]
    shipped = begun_at(scene, recipe.first)
    shipped = narrowed(replace(shipped, gaussians=shipped.gaussians[held(shipped)]))
    bundle.save(shipped, ASSETS / "scenes" / name, manifest)
    export_r4d(shipped, ASSETS / "scenes" / f"{name}.r4d", title(name))
    write_poster(shipped, recipe.poster, ASSETS / "scenes" / f"{name}.jpg")


def write_poster(scene: Scene4D, moment: float, path: Path) -> None:
    """What the reference camera sees at that time, for the page's list of scenes."""
    seen = scene.render(scene.camera(), moment, POSTER).colour.clamp(0, 1)
    Image.fromarray((seen * 255).round().byte().numpy()).save(path, quality=85)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("name", choices=list(RECIPES))
    parser.add_argument("run", type=Path, help="folder to work in; the same command goes on where it stopped")
    options = parser.parse_args()
    ship(options.name, RECIPES[options.name].fit(options.run), bundle.read_manifest(options.run))


if __name__ == "__main__":
    main()
