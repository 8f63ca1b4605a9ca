"""Seconds, peak memory and scores of each real video model whose weights are on this machine.

    python benchmarks/video_models.py [--models NAME ...] [--folders NAME=DIR ...] [--frames 17] [--size 832x480]
                                      [--steps N] [--out out/video_models]

For each model: from text to a reference video (where it takes text alone), from a frame of it (or of the shipped
example) to a freeze-time video, one window of extension, and one `denoise_once`. Weights are looked for in the hub's
local copy and in --folders; nothing is downloaded. A model without weights is listed as not run.
"""

import argparse
import gc
import json
import threading
import time
from pathlib import Path

import torch

from fourreal.clip import read, write
from fourreal.errors import UserError
from fourreal.video import hub, registry
from fourreal.video.extend import How, extend
from fourreal.video.freeze_time import freeze_time
from fourreal.video.memory import free_memory
from fourreal.video.prompt import REFERENCE_NEGATIVE, freeze_prompt
from fourreal.video.score import Candidate, coverage, judge, order

PROMPT = "A fox playing with a ball in a garden, static camera"
EXAMPLE = Path(__file__).parents[1] / "assets" / "examples" / "fox_yard" / "reference.mp4"


class Peak:
    """The most memory that was in use since the start: of the card by torch's count, of the process by polling."""

    def __enter__(self):
        self.host, self._over = 0, threading.Event()
        if torch.cuda.is_available():
            torch.cuda.reset_peak_memory_stats()
        self._poll = threading.Thread(target=self._watch, daemon=True)
        self._poll.start()
        self._start = time.perf_counter()
        return self

    def _watch(self) -> None:
        while not self._over.wait(0.1):
            pages = int(Path("/proc/self/statm").read_text().split()[1])
            self.host = max(self.host, pages * 4096)

    def __exit__(self, *exception) -> None:
        if torch.cuda.is_available():
            torch.cuda.synchronize()
        self.seconds = time.perf_counter() - self._start
        self._over.set()
        self._poll.join()
        self.card = torch.cuda.max_memory_allocated() if torch.cuda.is_available() else 0

    def figures(self) -> dict:
        gigabytes = lambda count: round(count / registry.GB, 2)
        return {"seconds": round(self.seconds, 1), "card_gb": gigabytes(self.card), "host_gb": gigabytes(self.host)}


def scored(candidate: Candidate, role: str, cameras: bool) -> dict:
    scores = judge(candidate, role) + (coverage(candidate.clip) if cameras else ())
    (place,) = order([scores])
    return {"total": round(place.total, 3)} | {score.name: round(score.value, 3) for score in scores}


def measure(name: str, source: Path | None, ask: dict, out: Path) -> dict:
    result = {"model": name, "device": free_memory().device}
    with Peak() as peak:
        model = registry.load(name, source)
    result["load"] = peak.figures()
    able, rounds = model.capabilities, ask.get("steps")
    size, frames = able.nearest_size(ask["size"] or able.native_size), able.nearest_frames(ask["frames"])
    result |= {"size": size, "frames": frames, "steps": rounds or able.steps}
    picked = read(EXAMPLE).frames[11]
    prompt = freeze_prompt(PROMPT)
    if able.text_alone:
        with Peak() as peak:
            clip = model.generate(PROMPT, negative=REFERENCE_NEGATIVE, frames=frames, size=size, steps=rounds)
        result["reference"] = peak.figures() | scored(Candidate(clip), "reference", False)
        write(clip, out / f"{name}-reference.mp4")
        picked = clip.frames[len(clip) // 2]
    with Peak() as peak:
        made = freeze_time(model, prompt, picked, frames=frames, size=size, steps=rounds)
    result["freeze"] = peak.figures() | scored(Candidate(made.clip, picked), "freeze", True)
    with Peak() as peak:
        longer = extend(model, made, How(prompt, steps=rounds), ["right"])
    result["extend"] = peak.figures() | {"frames": len(longer.video.clip)}
    write(longer.video.clip, out / f"{name}-freeze.mp4")
    video = torch.from_numpy(made.clip.frames).permute(0, 3, 1, 2).float() / 255
    model.denoise_once(video, 0.5, prompt, conditioning={0: made.clip.frames[0]})  # the first has more to do
    with Peak() as peak:
        model.denoise_once(video, 0.5, prompt, conditioning={0: made.clip.frames[0]})
    result["denoise_once"] = peak.figures()
    model.release()
    del model
    gc.collect()
    return result


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--models", nargs="*", default=list(registry.MODELS))
    parser.add_argument("--folders", nargs="*", default=[], metavar="NAME=DIR")
    parser.add_argument("--frames", type=int, default=17)
    parser.add_argument("--size", type=lambda text: tuple(map(int, text.split("x"))), default=None)
    parser.add_argument("--steps", type=int, default=None)
    parser.add_argument("--out", type=Path, default=Path("out/video_models"))
    arguments = parser.parse_args()
    folders = dict(pair.split("=", 1) for pair in arguments.folders)
    arguments.out.mkdir(parents=True, exist_ok=True)
    ask = {"frames": arguments.frames, "size": arguments.size, "steps": arguments.steps}
    results = []
    for name in arguments.models:
        entry = registry.entry(name)
        if name not in folders and not hub.on_disk(entry):
            result = {"model": name, "not run": f"no weights of {entry.repository} on this machine"}
        else:
            try:
                result = measure(name, Path(folders[name]) if name in folders else None, ask, arguments.out)
            except UserError as error:
                result = {"model": name, "not run": str(error)}
        results.append(result)
        print(json.dumps(result), flush=True)
    (arguments.out / "results.json").write_text(json.dumps(results, indent=1))


if __name__ == "__main__":
    main()
