"""One colour for all: what white balance, exposure and gamma make of a take, undone by a smooth curve a channel."""

from dataclasses import dataclass

import numpy as np
import torch
from jaxtyping import Float
from scipy.optimize import least_squares
from torch import Tensor

MOST = 20_000  # pixels that are compared
OUTLIER = 0.03  # difference from which a pixel counts less: what moves, or what the scene does not show well
DARK, BRIGHT = 0.03, 0.97  # beyond these a picture may be clipped
NOTICED = 0.012  # mean change under which the colours are the same, and are left alone
GAMMA = (0.5, 2.0)


@dataclass(frozen=True)
class Tone:
    """x -> gain * x ** gamma + bias, a channel each: from a take's colours to the standard's.

    curve: (3, 3) rows gain, gamma, bias.
    """

    curve: Float[Tensor, "3 3"]

    @classmethod
    def identity(cls) -> "Tone":
        return cls(torch.tensor([[1.0] * 3, [1.0] * 3, [0.0] * 3]))

    @property
    def is_identity(self) -> bool:
        return bool((self.curve == Tone.identity().curve.to(self.curve)).all())

    def __call__(self, image: Float[Tensor, "*B 3"]) -> Float[Tensor, "*B 3"]:
        """The colours as the standard has them, cut to [0, 1]."""
        if self.is_identity:
            return image
        gain, gamma, bias = self.curve.to(image)
        return (gain * image.clamp(min=1e-4) ** gamma + bias).clamp(0, 1)


def tone_between(seen: Float[Tensor, "P 3"], standard: Float[Tensor, "P 3"]) -> Tone:
    """The curve that brings the colours `seen` closest to `standard`, those of the same places; both in [0, 1].

    What differs for other reasons is outvoted (Cauchy loss). A difference that nobody would notice is left: it is
    rather an error of what is compared.
    """
    step = max(1, len(seen) // MOST)
    x, y = (colours[::step].double().cpu().numpy() for colours in (seen, standard))
    usable = ((x > DARK) & (x < BRIGHT) & (y > DARK) & (y < BRIGHT)).all(1)
    if usable.sum() < 100:
        return Tone.identity()
    x, y = x[usable], y[usable]
    curve = np.stack([_channel(x[:, c], y[:, c]) for c in range(3)], axis=1)
    tone = Tone(torch.from_numpy(curve).float())
    pixels = torch.from_numpy(x).float()
    return tone if float((tone(pixels) - pixels).abs().mean()) > NOTICED else Tone.identity()


def _channel(x: np.ndarray, y: np.ndarray) -> np.ndarray:
    """(gain, gamma, bias) of one channel."""
    # gamma and bias are told from a gain by a spread of brightness only; without one they stay where they are
    hold = 0.02 * np.sqrt(len(x)) * OUTLIER

    def misses(p: np.ndarray) -> np.ndarray:
        return np.append(p[0] * x ** p[1] + p[2] - y, hold * np.array([0.0, (p[1] - 1) * 5, p[2] * 50]))

    gain = float(np.median(y / x))
    bounds = ([0.2, GAMMA[0], -0.3], [5.0, GAMMA[1], 0.3])
    return least_squares(misses, [np.clip(gain, 0.25, 4.0), 1.0, 0.0], bounds=bounds, loss="cauchy", f_scale=OUTLIER).x
