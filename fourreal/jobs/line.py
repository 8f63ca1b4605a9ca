"""The fair line: whose run goes next."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass


@dataclass(frozen=True)
class Waiting:
    """A queued run. ticket: ascending with the time of queueing. front: it ran before and was interrupted."""

    run: str
    owner: str
    ticket: int
    front: bool = False


def order(waiting: Sequence[Waiting], served: Mapping[str, int]) -> list[str]:
    """The runs in the order in which they will be claimed, if nobody joins.

    What was interrupted goes on first. Then round robin: the person served least recently goes next, within a person
    first come first served.

    Args:
        served: when each person was last served, as an ascending count; who is not in it never was.
    """
    ahead = sorted((run for run in waiting if run.front), key=lambda run: run.ticket)
    queues: dict[str, list[Waiting]] = {}
    for run in sorted((run for run in waiting if not run.front), key=lambda run: run.ticket):
        queues.setdefault(run.owner, []).append(run)
    turn = {owner: served.get(owner, 0) for owner in queues}
    count = max(served.values(), default=0)
    robin = []
    while queues:
        owner = min(queues, key=lambda owner: (turn[owner], queues[owner][0].ticket))
        robin.append(queues[owner].pop(0).run)
        count += 1
        turn[owner] = count
        if not queues[owner]:
            del queues[owner]
    return [run.run for run in ahead] + robin
