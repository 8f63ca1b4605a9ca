"""Turns at what takes a process and its time: so many go on at once, and no one person takes all of them."""

import threading
from collections import Counter
from collections.abc import Iterator
from contextlib import contextmanager

from fourreal.errors import UserError
from fourreal.settings import TurnLimits


class Turns:
    """Fair turns at one kind of work; any thread may ask for one, in the name of a person.

    Next is the person of whom the fewest go on, of these the one who was served least recently, and then whoever came
    first. what: the work, as a person calls several of it.
    """

    def __init__(self, limits: TurnLimits, what: str) -> None:
        self._limits, self._what = limits, what
        self._changed = threading.Condition()
        self._waiting: list[tuple[str, object]] = []
        self._running: Counter[str] = Counter()
        self._served: dict[str, int] = {}  # of those who wait or go on: the number of their last turn
        self._count = 0

    @contextmanager
    def turn(self, owner: str) -> Iterator[None]:
        """Wait for a turn, and have it until the block ends.

        Raises:
            UserError: this person, or everybody together, has too many that wait or go on.
        """
        mine = owner, object()
        with self._changed:
            self._refuse(owner)
            self._waiting.append(mine)
            try:
                self._changed.wait_for(lambda: self._next() == mine)
                self._running[owner] += 1
                self._count += 1
                self._served[owner] = self._count
            finally:
                self._waiting.remove(mine)
                self._left(owner)
        try:
            yield
        finally:
            with self._changed:
                self._running[owner] -= 1
                self._left(owner)

    def _refuse(self, owner: str) -> None:
        of_one = self._running[owner] + sum(other == owner for other, _ in self._waiting)
        if of_one >= self._limits.held_each:
            raise UserError(
                f"You have {of_one} {self._what} under way already, which is the most a person may have. Wait until "
                "one is finished, then try again."
            )
        if self._running.total() + len(self._waiting) >= self._limits.held:
            raise UserError(f"Too many people have {self._what} under way just now. Try again in a minute.")

    def _next(self) -> tuple[str, object] | None:
        """Whose turn it is, of those that wait; nobody's while as many go on as may."""
        if self._running.total() >= self._limits.at_once:
            return None
        may = [one for one in self._waiting if self._running[one[0]] < self._limits.each]
        return min(may, key=lambda one: (self._running[one[0]], self._served.get(one[0], 0)), default=None)

    def _left(self, owner: str) -> None:
        """Forget who has nothing left here, and let the others look."""
        self._running += Counter()  # drops those with none
        if not self._running[owner] and all(other != owner for other, _ in self._waiting):
            self._served.pop(owner, None)
        self._changed.notify_all()
