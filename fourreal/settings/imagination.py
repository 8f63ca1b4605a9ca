"""A video model as a second camera man: how many takes it films, and how the motion follows them."""

from dataclasses import dataclass

from fourreal.settings.distillation import FINE_RATES
from fourreal.settings.fit import MotionPhase

# Poses are learned anew: what one camera left undecided was decided wrongly, and is not left by small steps.
FOLLOWED = MotionPhase("imagined motion", 800, unfold=0.5, coarse=0.4, field_scale=2.0, matched=60)
FOLLOWED_AGAIN = MotionPhase("imagined motion", 600, field_scale=2.0, matched=60)
FOLLOWED_JOINTLY = MotionPhase("imagined", 600, "all", "both", field_scale=2.0, rates=FINE_RATES)


@dataclass(frozen=True)
class ImaginationSettings:
    """Takes that a video model films of the moving scene (`fit.imagine`), where a model is given.

    takes: how many; 0 for none. batch: of them in a round; after each round the motion follows, and the next one is
        filmed from the better scene.
    calls: of the model for each part of a film, at falling noise. sigma: level of the first of them, in the first and
        in the last round. last: level of the last call.
    field, again, joint: phases of stage two on the videos and the takes: after the first round, if its films are well
        believed; after each other round; and in the end.
    """

    takes: int = 0
    batch: int = 8
    calls: int = 4
    sigma: tuple[float, float] = (0.8, 0.5)
    last: float = 0.1
    field: MotionPhase = FOLLOWED
    again: MotionPhase = FOLLOWED_AGAIN
    joint: MotionPhase = FOLLOWED_JOINTLY

    @property
    def rounds(self) -> int:
        return -(-self.takes // self.batch)

    @property
    def films(self) -> int:
        """How many there are with those of the examinations."""
        return self.takes + self.rounds

    @property
    def steps(self) -> int:
        """Steps of stage two that follow the takes, at most."""
        if not self.takes:
            return 0
        return self.field.steps + (self.rounds - 1) * self.again.steps + self.joint.steps

    def in_round(self, number: int) -> int:
        """How many takes are filmed in round `number`."""
        return min(self.batch, self.takes - number * self.batch)

    def levels(self, number: int) -> tuple[float, ...]:
        """The falling noise levels at which the model is asked in round `number`."""
        progress = number / max(self.rounds - 1, 1)
        first = self.sigma[0] + (self.sigma[1] - self.sigma[0]) * progress
        return tuple(first + (self.last - first) * call / max(self.calls - 1, 1) for call in range(self.calls))


IMAGINED = ImaginationSettings()
