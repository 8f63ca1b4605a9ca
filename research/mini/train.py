"""Training of the embedded model: python -m research.mini.train --out DIR [--clips N]

The same command goes on where it was stopped. Clips, noise and what is known follow from the seed and the number of the
step, so on one machine the same command gives the same weights. DIR gets the training's state, the weights so far,
a log of losses, and sheets of samples.
"""

import argparse
import json
import math
import time
from dataclasses import asdict, dataclass
from pathlib import Path

import torch
from safetensors.torch import load_file, save_file
from torch import Tensor

from fourreal.errors import UserError
from fourreal.splat.rasterize.threads import set_thread_count
from fourreal.video import shelf
from fourreal.video.mini import edm
from fourreal.video.mini.network import MiniNetwork
from fourreal.whole import writing
from research.mini import data, sheet
from research.mini.feed import Feed, Wanted

CHECKS = (0.1, 0.5, 2.0, 8.0, 30.0)  # noise levels of the held-out losses
LOOK = 20  # steps between two looks at the loss
HELD_OUT = 1_000_003  # seed of the clips that are not trained on


@dataclass(frozen=True)
class Plan:
    """clips: in all; batch: of a step; repeats: at how many steps a clip is seen, so that a batch has fewer new ones.
    minutes: if not zero, it ends after so long instead, however many clips that are. muon, adam: learning rates, of
    matrices within blocks and of all else. decay: share of the training over which they fall to zero at its end.
    ema: of the weights that are kept. noise: mean and spread of ln sigma; late_noise: in the last part, when what is
    large is still to be learnt. start: folder of the weights to begin with, if not with random ones; then all of it
    is such a last part."""

    clips: int = 24_000
    batch: int = 8
    repeats: int = 1
    minutes: float = 0.0
    seed: int = 0
    muon: float = 0.02
    adam: float = 1.5e-3
    warm_steps: int = 60
    decay: float = 0.4
    ema: float = 0.995
    noise: tuple[float, float] = (0.6, 1.5)
    late_noise: tuple[float, float] = (0.9, 1.7)
    clip_gradient: float = 1.0
    start: str = ""

    @property
    def fresh(self) -> int:
        """New clips a step."""
        return self.batch // self.repeats

    def share(self, step: int, seconds: float) -> float:
        """How much of the training is done, 0 to 1."""
        return min(1.0, seconds / 60 / self.minutes if self.minutes else step * self.fresh / self.clips)

    def progress(self, share: float) -> float:
        """How far along what is drawn is, 0 to 1."""
        return data.LATE + (1 - data.LATE) * share if self.start else share

    def rate(self, step: int, share: float) -> float:
        """Factor on the learning rates."""
        return max(0.0, min(1.0, (step + 1) / self.warm_steps, (1 - share) / self.decay))


class Training:
    """A network on its way: weights, their running mean, both optimisers, and the number of steps done."""

    def __init__(self, plan: Plan, network: MiniNetwork, device: torch.device) -> None:
        torch.manual_seed(plan.seed)
        self.plan, self.device, self.step = plan, device, 0
        self.network = network.to(device)
        self.mean = MiniNetwork.from_config(network.config).to(device).requires_grad_(False)
        self.mean.load_state_dict(network.state_dict())
        within = lambda name: name.startswith(("low.", "high_", "down"))
        inner = [(name, p) for name, p in network.named_parameters() if p.ndim >= 2 and within(name)]
        self.matrices = [parameter for _, parameter in inner]
        # Muon wants matrices: those of convolutions are seen as such, in the same memory
        self.views = [torch.nn.Parameter(p.data.view(len(p), -1), requires_grad=True) for p in self.matrices]
        names = {name for name, _ in inner}
        self.others = [p for n, p in network.named_parameters() if n not in names]
        self.muon = torch.optim.Muon(self.views, lr=plan.muon, weight_decay=0.01, momentum=0.95)
        self.adam = torch.optim.AdamW(self.others, lr=plan.adam, betas=(0.9, 0.98), weight_decay=0.0)

    def advance(self, clips: data.Clips, share: float) -> Tensor:
        """One step; returns its loss. share: how much of the training is done."""
        plan = self.plan
        random = torch.Generator(self.device).manual_seed(plan.seed * 1_000_003 + self.step)
        middle, spread = plan.noise if plan.progress(share) < data.LATE else plan.late_noise
        sigma = (torch.randn(len(clips.video), generator=random, device=self.device) * spread + middle).exp()
        sigma = sigma.clamp(edm.SIGMA_MIN / 2, 2 * edm.SIGMA_MAX)
        noise = torch.randn(clips.video.shape, generator=random, device=self.device)
        loss = losses(self.network, clips, sigma, noise).mean()
        self.network.zero_grad(set_to_none=True)
        loss.backward()
        torch.nn.utils.clip_grad_norm_(self.others, plan.clip_gradient)
        for view, parameter in zip(self.views, self.matrices, strict=True):
            view.grad = parameter.grad.reshape(view.shape)
        factor = plan.rate(self.step, share)
        for optimiser, rate in ((self.muon, plan.muon), (self.adam, plan.adam)):
            for group in optimiser.param_groups:
                group["lr"] = rate * factor
            optimiser.step()
        self.step += 1
        keep = min(plan.ema, self.step / (self.step + 10))
        with torch.no_grad():
            torch._foreach_lerp_(list(self.mean.parameters()), list(self.network.parameters()), 1 - keep)
        return loss.detach()

    def state(self) -> dict[str, Tensor]:
        """All of it as tensors by name."""
        out = {f"network.{name}": value for name, value in self.network.state_dict().items()}
        out |= {f"mean.{name}": value for name, value in self.mean.state_dict().items()}
        for kind, optimiser in (("muon", self.muon), ("adam", self.adam)):
            for number, values in optimiser.state_dict()["state"].items():
                out |= {f"{kind}.{number}.{key}": torch.as_tensor(value) for key, value in values.items()}
        return {name: value.detach().cpu().contiguous().clone() for name, value in out.items()}

    def restore(self, state: dict[str, Tensor], step: int) -> None:
        part = lambda prefix: {k.removeprefix(prefix): v for k, v in state.items() if k.startswith(prefix)}
        self.network.load_state_dict(part("network."))
        self.mean.load_state_dict(part("mean."))
        for kind, optimiser in (("muon", self.muon), ("adam", self.adam)):
            states: dict[int, dict[str, Tensor]] = {}
            for name, value in part(f"{kind}.").items():
                number, _, key = name.partition(".")
                states.setdefault(int(number), {})[key] = value
            optimiser.load_state_dict({"state": states, "param_groups": optimiser.state_dict()["param_groups"]})
        self.step = step


def losses(network: MiniNetwork, clips: data.Clips, sigma: Tensor, noise: Tensor) -> Tensor:
    """(B,) mean squared error of the network's raw answer, where frames are not known: EDM's weight is one there."""
    spread = sigma[:, None, None, None, None]
    c_skip, c_out, _ = edm.scales(sigma)
    noisy = clips.video + spread * noise
    wanted = (clips.video - c_skip * noisy) / c_out
    error = (edm.predicted(network, noisy, sigma, clips.conditions()) - wanted).square().mean((2, 3, 4))  # (B, F)
    unknown = (~clips.mask).to(error)
    return (error * unknown).sum(1) / unknown.sum(1)


@torch.no_grad()
def held_out(network: MiniNetwork, device: torch.device, count: int = 16) -> dict[str, list[float]]:
    """Losses at the noise levels of CHECKS over clips that are never trained on, by what is known and moves."""
    clips = data.draw(list(range(count)), HELD_OUT).to(device)
    noise = torch.randn(clips.video.shape, generator=torch.Generator().manual_seed(1)).to(device)
    first = torch.zeros_like(clips.mask)
    first[:, 0] = True
    out = {}
    for name, which, mask in (
        ("moving, nothing known", ~clips.frozen, torch.zeros_like(first)),
        ("frozen, first known", clips.frozen, first),
    ):
        some = data.Clips(*(value[which] for value in clips._replace(mask=mask)))
        out[name] = [
            float(losses(network, some, torch.full((len(some.video),), sigma, device=device), noise[which]).mean())
            for sigma in CHECKS
        ]
    return out


def train(
    plan: Plan,
    out: Path,
    network: MiniNetwork | None = None,
    device: str = "cpu",
    every: float = 300.0,
    workers: int = 0,
) -> Path:
    """Train to the end of the plan; returns the file with the weights.

    every: seconds between two checkpoints. workers: processes that draw clips; 0 draws them in a thread.
    """
    out.mkdir(parents=True, exist_ok=True)
    where = torch.device(device)
    torch.manual_seed(plan.seed)
    training = Training(plan, network or _begin(plan.start), where)
    spent = _restore(training, out)
    with Feed(Wanted(plan.fresh, plan.repeats, plan.seed), training.step, where, workers) as feed:
        start = saved = time.monotonic()
        seconds = lambda: spent + time.monotonic() - start
        recent: list[Tensor] = []
        while (share := plan.share(training.step, seconds())) < 1:
            recent.append(training.advance(feed.next(data.mix(plan.progress(share))), share))
            if training.step % LOOK and time.monotonic() - saved < every:
                continue  # a look waits for the device
            loss = float(torch.stack(recent[-200:]).mean())
            if not math.isfinite(loss):
                raise UserError(f"The loss is no number at step {training.step}: lower the rates, or change the seed.")
            if time.monotonic() - saved >= every:
                _keep(training, out, seconds(), loss)
                saved = time.monotonic()
        if recent:
            _keep(training, out, seconds(), float(torch.stack(recent[-200:]).mean()))
    return out / "weights" / "diffusion_pytorch_model.safetensors"


def _begin(start: str) -> MiniNetwork:
    """A network with random weights, or with those of a folder."""
    if not start:
        return MiniNetwork()
    if not (Path(start) / "config.json").is_file():
        raise UserError(f"{start} holds no weights to begin with: name a training's folder `weights`.")
    return MiniNetwork.from_pretrained(start, use_safetensors=True, local_files_only=True, torch_dtype=torch.float32)


def _restore(training: Training, out: Path) -> float:
    """Goes on from what lies in `out`; returns the seconds spent before."""
    file = out / "training.json"
    if not file.is_file():
        return 0.0
    record = json.loads(file.read_text(encoding="utf-8"))
    wanted = json.loads(json.dumps(asdict(training.plan)))
    free = ("clips", "minutes")
    differing = [key for key in wanted if key not in free and record["plan"].get(key, wanted[key]) != wanted[key]]
    if differing:
        raise UserError(f"{out} holds a training with another {', '.join(differing)}. Choose another folder.")
    training.restore(load_file(out / record["state"]), record["step"])
    return record["seconds"]


def _keep(training: Training, out: Path, seconds: float, loss: float) -> None:
    """Write state, weights, a line of the log and a sheet: the newest state is named only once it is whole."""
    old = sorted(out.glob("state-*.safetensors"))
    name = f"state-{training.step:07d}.safetensors"
    with writing(out / name) as part:
        save_file(training.state(), part)
    record = {"plan": asdict(training.plan), "step": training.step, "seconds": seconds, "state": name}
    shelf.write_json(out / "training.json", record)
    for path in old:
        if path.name != name:
            path.unlink(missing_ok=True)
    training.mean.save_pretrained(out / "weights", safe_serialization=True)
    checks = held_out(training.mean, training.device)
    line = f"{seconds:.0f} s, step {training.step}, loss {loss:.4f}"
    line += "".join(f"; {name} " + " ".join(f"{value:.3f}" for value in values) for name, values in checks.items())
    print(line, flush=True)
    with (out / "log.txt").open("a", encoding="utf-8") as log:
        log.write(line + "\n")
    sheet.write(training.mean, out / "samples.png")


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m research.mini.train", description=__doc__.split("\n\n")[0])
    add = parser.add_argument
    add("--out", type=Path, required=True, help="folder of the training; the same one goes on")
    add("--clips", type=int, default=Plan.clips, help="clips to learn from (default %(default)s)")
    add("--batch", type=int, default=Plan.batch, help="clips a step (default %(default)s)")
    add("--repeats", type=int, default=1, help="steps at which each clip is seen (default %(default)s)")
    add("--minutes", type=float, default=0.0, help="learn for so long, instead of from so many clips")
    add("--workers", type=int, default=0, help="processes that draw clips (default: a thread)")
    add("--seed", type=int, default=0, help="what chance follows from (default %(default)s)")
    add("--start", default="", help="folder of weights to begin with, of an earlier training")
    add("--device", default="cuda" if torch.cuda.is_available() else "cpu", help="cpu or cuda")
    add("--threads", type=int, default=0, help="of a CPU; all unless given")
    add("--every", type=float, default=300.0, help="seconds between checkpoints (default %(default)s)")
    given = parser.parse_args()
    if given.threads:
        torch.set_num_threads(given.threads)
    set_thread_count(1)
    torch.set_flush_denormal(True)
    if not 1 <= given.repeats <= given.batch:
        raise SystemExit(f"--repeats: a clip can be seen at 1 to {given.batch} steps, the batch, not {given.repeats}.")
    plan = Plan(
        clips=given.clips,
        batch=given.batch,
        repeats=given.repeats,
        minutes=given.minutes,
        seed=given.seed,
        start=given.start,
    )
    try:
        print(train(plan, given.out, device=given.device, every=given.every, workers=given.workers))
    except UserError as error:
        raise SystemExit(str(error)) from None


if __name__ == "__main__":
    main()
