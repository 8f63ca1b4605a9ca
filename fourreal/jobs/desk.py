"""What a run at work asks of the store and says to it, wherever it is at work."""

from collections.abc import Callable, Mapping
from typing import Any, Protocol

from fourreal.jobs.claims import Claim
from fourreal.jobs.store import Store
from fourreal.progress import CancelToken


class Desk(Protocol):
    """See the module. Candidates are those of a creation, named by their numbers."""

    def name(self) -> str:
        """How the person calls the run by now."""

    def anyone_waits(self) -> bool:
        """Whether somebody waits for what this run computes on."""

    def candidates(self) -> list[dict[str, Any]]:
        """The rows of all that are there, see `CandidateRows.of`."""

    def has(self, number: int) -> bool:
        """Whether a candidate is still wanted."""

    def begin(self, number: int) -> None:
        """This one is made now."""

    def is_made(self, number: int) -> None:
        """Its video and scores are there."""

    def fail(self, number: int, error: str) -> None:
        """It cannot be made, for the reason in this sentence."""


class StoreDesk:
    """On the machine of the store."""

    def __init__(self, store: Store, claim: Claim) -> None:
        self._store, self._claim, self._rows = store, claim, store.candidates

    def name(self) -> str:
        row = self._store.run(self._claim.run)
        return "" if row is None else row["name"]

    def anyone_waits(self) -> bool:
        return self._store.anyone_waits()

    def candidates(self) -> list[dict[str, Any]]:
        return self._rows.of(self._claim.run)

    def has(self, number: int) -> bool:
        return self._rows.has(self._claim.run, number)

    def begin(self, number: int) -> None:
        self._rows.begin(self._claim.run, number, self._claim.number)

    def is_made(self, number: int) -> None:
        self._rows.is_made(self._claim.run, number)

    def fail(self, number: int, error: str) -> None:
        self._rows.fail(self._claim.run, number, error)


class NodeDesk:
    """On a node, which knows of the store what it was handed with the run.

    question: see `engine_executor`. say: takes what `engine_executor` is to write into the store: {"begin": number},
    {"made": number} or {"fail": number, "error": sentence}. cancel: set where somebody waits for the node.
    """

    def __init__(
        self, question: Mapping[str, Any], say: Callable[[Mapping[str, Any]], None], cancel: CancelToken
    ) -> None:
        self._name, self._say, self._cancel = question["row"]["name"], say, cancel
        self._rows = {row["number"]: dict(row) for row in question["candidates"]}

    def name(self) -> str:
        return self._name

    def anyone_waits(self) -> bool:
        return self._cancel.cancelled

    def candidates(self) -> list[dict[str, Any]]:
        return list(self._rows.values())

    def has(self, number: int) -> bool:
        return number in self._rows

    def begin(self, number: int) -> None:
        self._say({"begin": number})

    def is_made(self, number: int) -> None:
        self._rows[number]["made"] = 1
        self._say({"made": number})

    def fail(self, number: int, error: str) -> None:
        self._rows[number]["error"] = error
        self._say({"fail": number, "error": error})
