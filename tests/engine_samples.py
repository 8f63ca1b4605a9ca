"""For tests of engines: one that does nothing by itself, and how far a run has come by what it left and said."""

from pathlib import Path

from fourreal.engine.values import Heard
from fourreal.fit.checkpoint import read_checkpoint

STAGES = ("canonical", "field", "growth", "joint")  # in the order in which they are fitted
NOWHERE = (0, 0)


class Engine:
    """Takes tasks and does nothing; what is heard of them is what a test puts into `said`."""

    def __init__(self, slots: int = 2) -> None:
        self.slots, self.tasks, self.stops, self.said, self.closed = slots, [], [], [], False

    def submit(self, task) -> None:
        self.tasks.append(task)

    def hear(self, seconds: float) -> list[Heard]:
        said, self.said = self.said, []
        return said

    def stop(self, id: str, keep: bool = False) -> None:
        self.stops.append((id, keep))

    def close(self) -> None:
        self.closed = True

    def says(self, payload: dict, number: int = -1) -> None:
        self.said.append(Heard(self.tasks[number].id, payload=payload, where="node 7"))

    def ends(self, end: str, why: str = "", number: int = -1) -> None:
        self.said.append(Heard(self.tasks[number].id, end=end, why=why, where="node 7"))


def step(executor) -> None:
    executor.look()
    executor.fill()


def progress_of(artifact: Path) -> tuple[int, int]:
    """How far a run has come that left this file: the stage's place, and the step in it, or the next stage's start."""
    parts = artifact.name.removesuffix(".checkpoint").split("-")
    stage = next((place for place, name in enumerate(STAGES) if name in (parts[0], parts[-1])), None)
    if stage is None:
        return NOWHERE
    if artifact.suffix != ".checkpoint":
        return stage + 1, 0
    saved = read_checkpoint(artifact)  # None where the stage has just ended
    return (stage, saved[1]) if saved else NOWHERE


def place_of(event: dict) -> tuple[int, int]:
    return STAGES.index(event["stage"].removeprefix("motion: ")), event["step"]
