"""Small classifiers, trained on procedural clips, that tell what a clip shows: the judges of prompt following."""

import torch
from jaxtyping import Float, Integer
from torch import Tensor, nn
from torch.nn.functional import cross_entropy, gelu

from fourreal.video.mini import vocabulary
from research.mini import data
from research.world.solo import make_solo

ASPECTS: dict[str, tuple[str, ...]] = {
    "colour": tuple(vocabulary.COLOURS),
    "shape": tuple(vocabulary.THINGS),
    "motion": tuple(vocabulary.VERBS),
}
SEED = 500_009  # of the clips they learn from; others test them


class Probe(nn.Module):
    """From a clip to the logits of each aspect: features of single frames, convolved over time, pooled."""

    def __init__(self, width: int = 32) -> None:
        super().__init__()
        self.frame = nn.Sequential(
            nn.Conv2d(3, width, 5, 2, 2),
            nn.GELU(),
            nn.Conv2d(width, 2 * width, 3, 2, 1),
            nn.GELU(),
            nn.Conv2d(2 * width, 2 * width, 3, 2, 1),
            nn.GELU(),
        )
        self.place = nn.Linear(2 * width * 5 * 8, 4 * width)
        self.time = nn.Conv1d(4 * width, 4 * width, 5, padding=2)
        self.heads = nn.ModuleDict({name: nn.Linear(8 * width, len(kinds)) for name, kinds in ASPECTS.items()})

    def forward(self, video: Float[Tensor, "B F 3 H W"]) -> dict[str, Float[Tensor, "B K"]]:
        seen = self.frame(video.flatten(0, 1)).flatten(1)
        seen = gelu(self.place(seen)).unflatten(0, video.shape[:2]).transpose(1, 2)  # (B, C, F)
        seen = seen + gelu(self.time(seen))
        pooled = torch.cat([seen.mean(2), seen.amax(2)], dim=1)
        return {name: head(pooled) for name, head in self.heads.items()}


def clips(count: int, seed: int) -> tuple[Float[Tensor, "B F 3 H W"], Integer[Tensor, "B 3"]]:
    """Moving clips from cameras that stand still, and what they show."""
    videos, labels = [], []
    for number in range(count):
        world = make_solo((seed, number))
        videos.append(data.view(world, data.standing_path(world))[0])
        labels.append([part - 1 for part in data.said(world, False)[:3]])
    return torch.stack(videos), torch.tensor(labels)


def trained(count: int = 1536, rounds: int = 8, batch: int = 32) -> Probe:
    """A probe that learnt from `count` clips, each seen `rounds` times, mirrored and with a little noise."""
    torch.manual_seed(SEED)
    videos, labels = clips(count, SEED)
    probe = Probe()
    adam = torch.optim.AdamW(probe.parameters(), lr=2e-3, weight_decay=0.02)
    steps = rounds * count // batch
    for step in range(steps):
        if step * batch % count == 0:
            order = torch.randperm(count)
        some = order[step * batch % count :][:batch]
        video = videos[some]
        if step % 2:
            video = video.flip(-1)
        video = video + 0.1 * torch.rand(1) * torch.randn(video.shape)
        answers = probe(video)
        loss = sum(cross_entropy(answers[name], labels[some, i]) for i, name in enumerate(ASPECTS))
        adam.zero_grad(set_to_none=True)
        loss.backward()
        for group in adam.param_groups:
            group["lr"] = 2e-3 * min(1.0, (step + 1) / 20, 2 * (1 - step / steps))
        adam.step()
    return probe.eval()


@torch.no_grad()
def answers(probe: Probe, videos: Float[Tensor, "B F 3 H W"]) -> Integer[Tensor, "B 3"]:
    """What a probe sees in clips, by the numbers of ASPECTS."""
    return torch.stack([logits.argmax(1) for logits in probe(videos).values()], dim=1)
