"""What a reference camera that travels costs: worlds filmed by one that stands still and by one that goes around.

    python -m benchmarks.moving_camera --out DIR [--worlds 3,8] [--degrees 0 10 25]

A world is written as a scene with ground truth, once for each number of degrees that the reference camera goes around
it, in the middle of which it stands at the canonical moment. Cameras are estimated. Prints a Markdown table; what is
finished in DIR is not made again.
"""

import argparse
import json
import subprocess
from pathlib import Path

import numpy as np
import torch
from PIL import Image

from benchmarks.commands import reconstruct_command
from fourreal import clip
from fourreal.camera.cameras import Cameras
from fourreal.clip import Clip
from fourreal.evaluate import ground_truth
from fourreal.evaluate.score import score
from fourreal.scene import bundle
from research.world.world import FROZEN as CIRCLING
from research.world.world import Path as Shot
from research.world.world import World, cameras_at, shot
from research.world.worlds import make_world

FRAMES, FROZEN, SIZE, FPS = 24, 33, (512, 288), 12
ASIDE = (-40.0, -25.0, 25.0, 40.0)  # degrees from the reference camera at which held-out pictures are taken
MOVES = 0.5  # of a pixel, from which on the moving subject covers it


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--out", type=Path, required=True)
    add("--worlds", type=lambda text: [int(number) for number in text.split(",")], default=[3, 8])
    add("--degrees", type=float, nargs="+", default=[0.0, 10.0, 25.0])
    add("--preset", default="draft")
    options = parser.parse_args()
    print("| world | camera goes | all | moving | static canonical, moving | poses off |\n|---|---|---|---|---|---|")
    for number in options.worlds:
        for degrees in options.degrees:
            folder = options.out / f"world-{number}" / f"{degrees:g}"
            run = folder / options.preset
            if not (folder / "cameras.json").is_file():
                write(make_world(number), degrees, folder)
            if not (run / bundle.MANIFEST).is_file():
                videos = {name: folder / f"{name}.mp4" for name in ("reference", "freeze")}
                command = reconstruct_command(**videos, out=run, preset=options.preset)
                subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            scores = score(run, bundle.load(run), ground_truth.read(folder))
            still = scores["baseline_static"]["psnr_moving"]
            print(
                f"| {number} | {degrees:g}° | {scores['psnr']:.2f} | {scores['psnr_moving']:.2f} | {still:.2f} | "
                f"{scores['pose']['rotation_deg']}° |",
                flush=True,
            )


def write(world: World, degrees: float, folder: Path) -> None:
    """A world as a scene with ground truth, whose reference camera goes `degrees` around it."""
    (folder / "heldout").mkdir(parents=True, exist_ok=True)
    canonical = round(world.still * (FRAMES - 1))
    times = torch.linspace(0, 1, FRAMES)
    still = times[canonical]
    around = world.azimuth + degrees * (times - still)
    reference = Shot(cameras_at(around, SIZE), times)
    freeze = shot(world, CIRCLING, FROZEN, SIZE, still=float(still))
    views = [(aside, frame) for frame in np.linspace(0, FRAMES - 1, 4).round().astype(int) for aside in ASIDE]
    heldout = Shot(
        cameras_at(torch.tensor([world.azimuth + aside for aside, _ in views], dtype=torch.float32), SIZE),
        times[[int(frame) for _, frame in views]],
    )
    for name, path in (("reference", reference), ("freeze", freeze)):
        clip.write(Clip(pictures(world.view(path).colour), FPS), folder / f"{name}.mp4")
    seen = world.view(heldout)
    entries = []
    for number, (colour, mask) in enumerate(zip(pictures(seen.colour), seen.moving, strict=True)):
        Image.fromarray(colour).save(folder / "heldout" / f"{number:03d}.png")
        Image.fromarray(((mask > MOVES) * 255).byte().numpy()).save(folder / "heldout" / f"{number:03d}_mask.png")
        entries.append(
            {
                "file": f"heldout/{number:03d}.png",
                "mask": f"heldout/{number:03d}_mask.png",
                "time": float(heldout.times[number]),
                "kind": ground_truth.REFERENCE_TIME,
            }
        )
    focal = [float(value) for value in freeze.cameras.intrinsics.reshape(-1)[:4]]
    content = {
        "intrinsics": dict(zip(("fx", "fy", "cx", "cy"), focal, strict=True)) | {"w": SIZE[0], "h": SIZE[1]},
        "canonical_index": canonical,
        "freeze_reference_index": FROZEN // 2,
        "reference": posed(reference.cameras),
        "freeze": posed(freeze.cameras),
        "heldout": [entry | pose for entry, pose in zip(entries, posed(heldout.cameras), strict=True)],
    }
    (folder / "cameras.json").write_text(json.dumps(content), encoding="utf-8")


def posed(cameras: Cameras) -> list[dict]:
    return [{"w2c": pose.tolist()} for pose in cameras.world_to_camera.double()]


def pictures(colour: torch.Tensor) -> np.ndarray:
    return (colour.clamp(0, 1) * 255).round().byte().numpy()


if __name__ == "__main__":
    main()
