"""Takes of the moving scene that a video model films where no camera was: it is shown ours, and films it anew.

A film begins as a render. The model is asked repeatedly, at falling noise and each time from its last answer, what it
should look like, the real freeze-time frame given at the canonical moment; so motion is kept and detail is free. What
comes out is judged (`fit.film_judge`), and what is believed becomes a `Take` like any that was filmed.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import torch
from jaxtyping import Float
from torch import Tensor

from fourreal.camera.cameras import Cameras
from fourreal.errors import MemoryRanOut, memory_ran_out
from fourreal.fit import sampling
from fourreal.fit.camera_man import Place, choose, placed, shots
from fourreal.fit.distill import Critic, SceneAt, drawn
from fourreal.fit.film_judge import Verdict, error_of, judged
from fourreal.fit.observations import Observations, Take
from fourreal.fit.trajectories import Shot, looked_at
from fourreal.settings import DistillationSettings, ImaginationSettings


@dataclass(frozen=True, eq=False)
class Film:
    """What was made of a place, at every reference frame.

    rendered: as the scene has it. made: as the model filmed it. cameras: for these pictures, F = 1 or one of each.
    """

    place: Place
    cameras: Cameras
    rendered: Float[Tensor, "T 3 h w"]
    made: Float[Tensor, "T 3 h w"]

    def take(self, trust: float) -> Take:
        """As a further take of the scene. trust: in (0, 1]."""
        _, _, width, height = self.place.window
        whole = self.place.cameras.size
        return Take(
            self.made.permute(0, 2, 3, 1).clamp(0, 1).contiguous(),
            self.cameras,
            tuple(range(len(self.made))),
            trust=trust,
            part=width * height / (whole[0] * whole[1]),
        )


@dataclass(frozen=True, eq=False)
class Reel:
    """A film, judged. frame: of the freeze-time video, from whose camera it is. take: None where it is not believed."""

    frame: int
    verdict: Verdict
    take: Take | None


class CameraMan:
    """Films the scene of `observations` with a critic's model. frames: that it is asked for at a time, at most.

    calls: of the model so far.
    """

    def __init__(
        self,
        critic: Critic,
        observations: Observations,
        settings: ImaginationSettings,
        distillation: DistillationSettings,
        seed: int,
        report: Callable[[str], None] = lambda text: None,
    ) -> None:
        """distillation: how the model is asked. report: hears what is being done."""
        self.critic, self.observations, self.settings, self.distillation = critic, observations, settings, distillation
        self.seed, self.report, self.calls = seed, report, 0
        self.frames = critic.model.capabilities.nearest_frames(distillation.frames)
        self.background = torch.full((3,), 0.5, device=observations.freeze.device)

    def examine(self, number: int, scene_at: SceneAt) -> float:
        """How far off the model is in round `number` where the truth is known, see `film_judge.error_of`."""
        self.report("the video model is examined: it films what was filmed")
        return error_of(self.film(-1, number, scene_at), self.observations)

    def shoot(
        self, number: int, scene_at: SceneAt, error: float, filmed: Sequence[int], tried: Sequence[int]
    ) -> Reel | None:
        """The next film of round `number`; None where every camera was tried.

        error: see `examine`. filmed: freeze-time frames whose cameras filmed and were believed, in any round. tried:
        those of this round.
        """
        frame = self._next(scene_at, filmed, tried)
        if frame is None:
            return None
        self.report(f"the video model films from the camera of freeze-time frame {frame}")
        film = self.film(frame, number, scene_at)
        verdict = judged(film, error, self.observations.canonical)
        return Reel(frame, verdict, film.take(verdict.trust) if verdict.trust > 0 else None)

    def _next(self, scene_at: SceneAt, filmed: Sequence[int], tried: Sequence[int]) -> int | None:
        """The next camera to film from: away from all of this round, and from those whose films were believed in any.

        Where none is left, those of earlier rounds may film again.
        """
        seen = self.observations
        eyes = [seen.reference_camera.centres[0], *(take.cameras.centres[0] for take in seen.others)]
        centres = seen.freeze_cameras.centres
        frame = choose(seen, scene_at, [*eyes, *(centres[one] for one in (*filmed, *tried))], tried)
        if frame is None:  # as if only this round's had been filmed
            frame = choose(seen, scene_at, [*eyes, *(centres[one] for one in tried)], tried)
        return frame

    @torch.no_grad()
    def film(self, frame: int, number: int, scene_at: SceneAt) -> Film:
        """The moving scene from the camera of a freeze-time frame (-1: of the reference video), filmed anew.

        Raises MemoryRanOut where the model has no memory even for its shortest clips.
        """
        able, seen = self.critic.model.capabilities, self.observations
        place = placed(seen, scene_at, able, frame)
        while True:
            try:
                parts = shots(seen, place, able, self.frames, self.critic.fps)
                done = [self._shot(shot, number, frame, at, scene_at) for at, shot in enumerate(parts)]
                break
            except Exception as error:
                if not memory_ran_out(error):
                    raise
                self._shrink()
        real = looked_at(place.picture, place.window, parts[0].size)
        canonical = torch.from_numpy(real.copy()).permute(2, 0, 1).to(self.background) / 255
        rendered, made = {}, {seen.canonical: canonical}
        for shot, (before, after) in zip(parts, done, strict=True):
            for at, code in enumerate(shot.codes):
                if code == int(code):
                    rendered[int(code)] = before[at]
                    if int(code) != seen.canonical:
                        made[int(code)] = after[at]
        ordered = range(len(seen.reference))
        left, top, width, height = place.window
        cameras = place.cameras.cropped(left, top, (width, height)).resized(parts[0].size)
        stack = lambda pictures: torch.stack([pictures[code] for code in ordered])
        return Film(place, cameras, stack(rendered), stack(made))

    def _shot(self, shot: Shot, number: int, frame: int, part: int, scene_at: SceneAt) -> tuple[Tensor, Tensor]:
        """A shot as it is rendered and as the model has it after its last call."""
        rendered = drawn(shot, scene_at, self.background).clamp(0, 1)
        random = sampling.generator(self.seed, 5, 1000 * number + 10 * (frame + 1) + part)
        video = rendered
        for sigma in self.settings.levels(number):
            seed = int(random.integers(2**31))
            video = self.critic.target(shot, video, sigma, self.distillation, seed).clamp(0, 1)
            self.calls += 1
        return rendered, video

    def _shrink(self) -> None:
        """Ask for shorter clips from now on."""
        torch.cuda.empty_cache()
        fewer = self.critic.model.capabilities.halved_frames(self.frames)
        if fewer >= self.frames:
            raise MemoryRanOut(f"Memory ran out for a film, even in parts of {self.frames} frames.")
        self.critic.tally.notes.append(
            f"Memory ran out: the video model films {fewer} frames at a time instead of {self.frames}."
        )
        self.frames = fewer
