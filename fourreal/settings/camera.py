"""How cameras are found."""

from dataclasses import dataclass


@dataclass(frozen=True)
class SfmSettings:
    """Structure from motion; figures measured on rendered and on generated freeze-time videos."""

    max_side: int = 512  # pixels of the longer side of the picture
    rich_side: int = 1024  # of the second look, where few features were found again
    max_frames: int = 60  # of a longer clip evenly spaced frames are placed and the others interpolated
    peak_threshold: float = 0.002
    overlap: int = 10
    seed: int = 0
    timeout_seconds: float = 240.0
    focal_range: tuple[float, float] = (0.5, 2.5)  # in the longer side of the picture
    long_focal: float = 1.4  # the same, from which it is tried whether the usual one would do as well
    usual_focal: float = 1.0  # phones have 0.75 to 1.1, video models' clips 0.6 to 1.1
    # With which mappers begin once more where nothing they found can be believed: an upright crop of fox_yard, whose
    # lens is as long as that, was placed to 0.5 degrees so, and not at all from 1.2.
    second_lens: float = 2.0
    max_reprojection: float = 2.5  # pixels at max_side; good models of noisy clips had 0.8 to 1.1
    # Share of the matches across each step of the path that a model must explain. At their weakest step good models of
    # noisy clips had 0.63, models that were off by tens of degrees somewhere 0.0 to 0.55.
    min_support: float = 0.58
    min_placed: float = 0.5  # share of the frames; with fewer placed the orbit prior takes over
