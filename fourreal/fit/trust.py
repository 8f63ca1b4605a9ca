"""How far a critic is believed: as far as its proposals exceed the errors it makes where the truth is known.

From time to time it is asked about a shot along which every frame was filmed, all but one withheld from it. What it
proposes elsewhere is the right correction plus an error of that size, so the best share of it to take is Wiener's,
1 - error / proposal; and none of it where the error is as large as all that happens in a shot. A video model that makes
up another motion than the reference video's is so left aside.
"""

from collections.abc import Mapping

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.fit.trajectories import KINDS, Kind

MEMORY = 0.5  # of the running mean of errors: the noise level falls, and with it the error
CAUTION = 2.0  # factor on the error, as it is known from few shots


class Trust:
    """The running error of each kind of shot, relative to how much there happens in it; negative: not known yet."""

    def __init__(self) -> None:
        self.error: dict[Kind, float] = dict.fromkeys(KINDS, -1.0)

    def examined(self, kind: Kind, target: Float[Tensor, "F 3 h w"], truth: Float[Tensor, "F 3 h w"]) -> float:
        """Note how far a target is from the frames that were filmed; returns the running error."""
        error = float((target - truth).square().mean()) / _happening(truth)
        before = self.error[kind]
        self.error[kind] = error if before < 0 else MEMORY * before + (1 - MEMORY) * error
        return self.error[kind]

    def share(self, kind: Kind, target: Float[Tensor, "F 3 h w"], video: Float[Tensor, "F 3 h w"]) -> float:
        """The share in [0, 1] of the proposal target - video that is to be believed; 1 before any examination."""
        proposal = float((target - video).square().mean()) / _happening(video)
        error = max(self.error[kind], 0.0)
        return max(0.0, 1 - CAUTION * error / max(proposal, 1e-12)) * max(0.0, 1 - error)

    def state(self) -> dict[str, Tensor]:
        return {f"critic.error.{kind}": torch.tensor(value, dtype=torch.float64) for kind, value in self.error.items()}

    def restore(self, state: Mapping[str, Tensor]) -> None:
        self.error = {kind: float(state[f"critic.error.{kind}"]) for kind in KINDS}


def _happening(video: Float[Tensor, "F 3 h w"]) -> float:
    """Mean squared change against the middle frame: shots of a quarter of the picture show more of it."""
    return max(float((video - video[len(video) // 2]).square().mean()), 1e-8)
