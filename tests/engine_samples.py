"""An engine that does nothing by itself, for those that hand runs to one."""

from fourreal.engine.values import Heard


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
