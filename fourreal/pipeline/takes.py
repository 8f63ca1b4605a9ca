"""Videos that a person hands in besides the first two."""

from dataclasses import dataclass
from pathlib import Path
from typing import Literal


@dataclass(frozen=True)
class Further:
    """A further video.

    role: "reference", another camera that filmed the same motion; or "freeze", another frozen moment of it.
    at: of a reference take the frame of the first reference video at which it begins, which may be negative; of a
        freeze-time take the frame of it that was frozen, None where it is to be found by looking.
    label: what sentences and a cameras file call it, where that is not its file's name.
    """

    role: Literal["reference", "freeze"]
    path: Path
    at: int | None = None
    label: str = ""

    @property
    def name(self) -> str:
        return self.label or self.path.name
