"""What was seen in videos before a run."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any


@dataclass(frozen=True)
class Verdict:
    """One thing that was checked. ok: None where it cannot be told; sentence: for people; value: what was measured.

    part: of a hard cut, the first and the last frame of the longest part without one.
    """

    name: str
    ok: bool | None
    sentence: str
    value: float | None = None
    part: tuple[int, int] | None = None

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Verdict":
        part = values.get("part")
        return cls(**{**values, "part": None if part is None else tuple(part)})


@dataclass(frozen=True)
class Checks:
    """What was seen in two videos.

    canonical_frame: the reference frame that was frozen; freeze_frame: the freeze-time frame of the same pose; None
    where no two frames show the same thing. swapped: whether each looks like what the other should be.
    pictures: of which videos ("reference", "freeze") there is a picture of what was put right.
    """

    verdicts: tuple[Verdict, ...]
    canonical_frame: int | None
    freeze_frame: int | None
    swapped: bool = False
    pictures: tuple[str, ...] = ()

    @property
    def meeting(self) -> tuple[int, int] | None:
        """Both frames, as `pipeline.Request.meeting` wants them."""
        if self.canonical_frame is None or self.freeze_frame is None:
            return None
        return self.canonical_frame, self.freeze_frame

    @property
    def ok(self) -> bool:
        """Whether nothing speaks against a reconstruction."""
        return all(verdict.ok is not False for verdict in self.verdicts)

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "Checks":
        verdicts = tuple(map(Verdict.from_dict, values["verdicts"]))
        later = values.get("swapped", False), tuple(values.get("pictures", ()))  # earlier versions looked for neither
        return cls(verdicts, values["canonical_frame"], values["freeze_frame"], *later)


@dataclass(frozen=True)
class FurtherChecks:
    """What was seen in a further video.

    role: which one it seems to be, with the reason in a sentence. reference, freeze: what there is to say of it in
    either role. pictures: in which roles there is a picture of what is put right.
    """

    role: str
    sentence: str
    reference: tuple[Verdict, ...]
    freeze: tuple[Verdict, ...]
    pictures: tuple[str, ...] = ()

    def verdicts(self, role: str) -> tuple[Verdict, ...]:
        return self.freeze if role == "freeze" else self.reference

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]) -> "FurtherChecks":
        said = {role: tuple(map(Verdict.from_dict, values[role])) for role in ("reference", "freeze")}
        return cls(values["role"], values["sentence"], **said, pictures=tuple(values["pictures"]))
