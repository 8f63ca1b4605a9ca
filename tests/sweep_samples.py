"""A sweep's folder as one lies there that is half done, made of scenes that ship."""

import json
import shutil
from pathlib import Path

from fourreal.jobs.ready import ready_scene
from fourreal.sweep import runs
from fourreal.sweep.reading import read
from fourreal.sweep.runs import State
from fourreal.sweep.values import Item, Plan

PROMPTS = ["a green ball <b>rolling</b>", "a blue box turning"]


def write_sweep(out: Path) -> Plan:
    """Two prompts, each with and without two parts: of the first all is made, of the second one is being made, one has
    failed and one waits."""
    out.mkdir(parents=True)
    grid = {"prompts": PROMPTS, "models": ["mini"], "presets": ["draft"], "ablations": ["freeze-time", "joint-sds"]}
    (out.parent / f"{out.name}.yaml").write_text(json.dumps(grid))
    plan = read(out.parent / f"{out.name}.yaml")
    runs.write_plan(out, plan)
    first, second = plan.items[:3], plan.items[3:]
    for item, scene in zip(first, ("green_ball", "blue_box", "yellow_crate"), strict=True):
        put_scene(out, item, scene)
    runs.write_state(out, second[0], State(runs.RUNNING))
    runs.write_reached(out, {second[0].id: {"stage": "motion: field", "share": 0.45}})
    runs.write_state(out, second[1], State(runs.FAILED, "The disk is full & <i>closed</i>."))
    return plan


def put_scene(out: Path, item: Item, scene: str) -> None:
    """Has an item be done, with a scene that ships."""
    ready, folder = ready_scene(scene), out / item.id
    runs.write_state(out, item, State(runs.DONE, seconds=75.0))
    shutil.copyfile(ready.viewer, folder / "scene.r4d")
    shutil.copyfile(ready.poster, folder / "thumbnail.jpg")
    for file in ("manifest.json", "scene.safetensors"):
        shutil.copyfile(ready.bundle / file, folder / file)
