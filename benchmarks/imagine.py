"""A video model as a second camera man, against distillation: the same fit, as many questions, and who gains more.

    python -m benchmarks.imagine oracle --out DIR [--scenes 0 1 2 3] [--seeds 0 1] [--ways without imagined]
    python -m benchmarks.imagine mini --out DIR [--scenes 0 1 2 3] [--seeds 0 1]

`oracle` tests our machinery as `benchmarks.distillation oracle` does, and from the same start: the last phase without a
model, or distilled with the true clip among the oracle's; and what was made without goes on with takes that an oracle
filmed: one with the true clip among decoys, one with decoys alone, a drifting one (right motion, wrong texture, sizes
1.5 % off), and for comparison with the same phases and no takes. `mini` has the embedded model film its own world. The
score is PSNR of the moving region over held-out views; calls are all questions, examinations included. What is in DIR
is not run again; beside each score lies a sheet, the truth above and the fit beneath.
"""

import argparse
import json
import time
from copy import deepcopy
from dataclasses import replace
from functools import cached_property
from pathlib import Path

import numpy as np
import torch

from benchmarks.distillation import MOTION, ORACLE_SIZE, SETTINGS, prepared, save_sheet
from fourreal.fit import loop
from fourreal.fit.distill import Critic, Distillation
from fourreal.fit.motion import MotionStage
from fourreal.fit.moving import Moving
from fourreal.pipeline.imagine import Imagining
from fourreal.progress import CancelToken, ignore
from fourreal.settings import DRAFT, IMAGINED, MotionPhase
from fourreal.video import registry
from fourreal.video.prompt import freeze_prompt
from research.oracle import DriftingOracle, Oracle
from research.world.solo import make_solo
from research.world.worlds import caption, make_world, other_motion, other_shape

TAKES = replace(IMAGINED, takes=16)
PRESET = replace(DRAFT, motion=MOTION, distillation=SETTINGS, imagination=TAKES)
FOR_MINI = replace(PRESET, distillation=replace(SETTINGS, frames=16), imagination=replace(IMAGINED, takes=4))
WAYS = {
    "oracle": ("without", "distilled", "longer", "imagined", "drifting", "decoys"),
    "mini": ("without", "longer", "imagined"),
}
LAST = SETTINGS.place_in(MOTION).phases[-1]


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("what", choices=tuple(WAYS))
    parser.add_argument("--out", type=Path, required=True)
    parser.add_argument("--scenes", type=int, nargs="+", default=[0, 1, 2, 3])
    parser.add_argument("--seeds", type=int, nargs="+", default=[0, 1])
    parser.add_argument("--ways", nargs="+", choices=WAYS["oracle"])
    options = parser.parse_args()
    options.out.mkdir(parents=True, exist_ok=True)
    ways = [way for way in WAYS[options.what] if way in (options.ways or WAYS[options.what])]
    rows: dict[str, dict[tuple[int, int], dict]] = {way: {} for way in ways}
    for seed in options.seeds:
        for scene in options.scenes:
            trial = None
            for way in ways:
                path = options.out / f"{options.what}-{scene}-{seed}-{way}.json"
                if not path.exists():
                    trial = trial or Trial(options.what, scene, seed)
                    path.write_text(json.dumps(trial.of(way, path.with_suffix(".png"))))
                    print(path.read_text(), flush=True)
                rows[way][scene, seed] = json.loads(path.read_text())
    base = rows[ways[0]]
    print(f"| scene | {' | '.join(ways)} |\n|---|{'---|' * len(ways)}")
    for scene in [*options.scenes, None]:
        runs = [run for run in base if scene in (None, run[0])]
        cells = [f"{np.mean([base[run]['psnr'] for run in runs]):.2f}"]
        for way in ways[1:]:
            gains = [rows[way][run]["psnr"] - base[run]["psnr"] for run in runs]
            cells.append(f"{np.mean(gains):+.2f} ({min(gains):+.2f} to {max(gains):+.2f})")
        print(f"| {'all' if scene is None else scene} | {' | '.join(cells)} |")
    for name in ("calls", "seconds"):
        print(f"| {name} | {' | '.join(f'{np.mean([row[name] for row in rows[way].values()]):.0f}' for way in ways)} |")


class Trial:
    """A world fitted up to the last phase, and the ways in which it goes on."""

    def __init__(self, what: str, scene: int, seed: int) -> None:
        self.what, self.seed = what, seed
        self.world = (make_world if what == "oracle" else make_solo)(scene)
        self.observations, self.similarity, self.judge, self.canonical, self.start = prepared(self.world, seed)

    def of(self, way: str, sheet: Path) -> dict:
        """Score, seconds, calls, and what was told of one way."""
        without = None if way in ("without", "distilled") else self.without
        begin, row = time.monotonic(), {"calls": 0}
        critic = self.critic(way)
        if way == "without":
            made = self.without
        elif way == "distilled":
            made = self._last_phase(critic)
            row["calls"] = len(critic.model.agreements)
        elif way == "longer":
            made = self._longer(without)
        else:
            preset = PRESET if self.what == "oracle" else FOR_MINI
            work = Imagining(self.observations, self.canonical, preset, self.seed, None, ignore, CancelToken(), critic)
            done = work.run(without)
            made, row = done.moving, {"calls": work.man.calls, "note": done.note, **done.report}
        row |= {"psnr": self.judge.moving_psnr(made), "seconds": time.monotonic() - begin}
        save_sheet(sheet, [self.judge.truth, self.judge.pictures(made)])
        return row

    @cached_property
    def without(self) -> Moving:
        """The last phase without a model."""
        return self._last_phase(None)

    def critic(self, way: str) -> Critic | None:
        """The model that the way has, None where it has none."""
        if way in ("without", "longer"):
            return None
        if self.what == "mini":
            words = caption(self.world)
            return Critic(registry.load("mini", device="cpu"), words, freeze_prompt(words))
        decoys = [other_motion(self.world, 1), other_shape(self.world, 1)]
        kind = DriftingOracle if way == "drifting" else Oracle
        worlds = decoys if way == "decoys" else [self.world, *decoys]
        model = kind(worlds, self.similarity, len(self.observations.reference), ORACLE_SIZE)
        return Critic(model, "", "", on_shot=model.tell)

    def _last_phase(self, critic: Critic | None) -> Moving:
        """That phase, distilled if there is a critic."""
        distillation = None
        if critic is not None:
            distillation = Distillation(critic, SETTINGS, self.observations, SETTINGS.motion_steps, True, self.seed)
        return self._run(LAST, self.start, self.seed, distillation)

    def _longer(self, moving: Moving) -> Moving:
        """As many steps as the takes are followed for, without any."""
        for number, phase in enumerate([TAKES.field, *[TAKES.again] * (TAKES.rounds - 1), TAKES.joint]):
            moving = self._run(phase, moving, self.seed + 100 + number)
        return moving

    def _run(self, phase: MotionPhase, start: Moving, seed: int, distillation: Distillation | None = None) -> Moving:
        start = Moving(start.gaussians, deepcopy(start.field))
        stage = MotionStage(self.observations, start, self.canonical, MOTION, phase, seed, distillation)
        loop.run(stage, None, ignore, CancelToken())
        return stage.result()


if __name__ == "__main__":
    torch.set_num_threads(1)  # torch's own threads spin beside our kernels'
    main()
