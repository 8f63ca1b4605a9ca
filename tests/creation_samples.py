"""What is asked for in tests of videos from a prompt."""

import json
from dataclasses import replace

from job_samples import ANNA

from fourreal.description import Wishes
from fourreal.settings import JobLimits

VACE, SANA = "wan-vace-1.3b", "sana-wm"
SMALL = {"frames": 9, "size": (64, 64), "steps": 2}
LIMITS = replace(JobLimits(), free_bytes=0)


def reference(**changes) -> Wishes:
    return Wishes(**({"role": "reference", "prompt": "a fox looks around", "model": VACE, **SMALL} | changes))


def finished(service, wishes: Wishes, count: int, **options) -> str:
    """A creation whose candidates are there, as far as the store and the disk say; its id."""
    made = service.creations.create(ANNA, wishes, count, **options)
    claim = service.workspace.store.claims.take("cpu:0")
    folder = service.workspace.places.run(made.id) / "candidates"
    folder.mkdir()
    for number in range(count):
        (folder / f"{wishes.role}-{number}.mp4").write_bytes(b"video")
        (folder / f"{wishes.role}-{number}.json").write_text('{"total": 0.5}')
        content = {"frames": 9, "fps": 16.0, "best_frame": 3}
        (folder / f"{wishes.role}-{number}.clip.json").write_text(json.dumps(content))
        assert service.workspace.store.candidates.is_made(made.id, number)
    assert service.workspace.store.claims.finish(claim, "done")
    return made.id
