"""What the owner of a page lets its visitors start: which video models, and whether weights may be downloaded for it.

FOURREAL_MODELS_OFFERED: names with commas between, "all" (the default). FOURREAL_DOWNLOADS: "yes" or "no"; by default
"no" on a Hugging Face Space, where only what is on the disk may be started, and "yes" elsewhere.
"""

import json
import os
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.video import hub, registry

MODELS, DOWNLOADS, SPACE = "FOURREAL_MODELS_OFFERED", "FOURREAL_DOWNLOADS", "SPACE_ID"
ANSWERS = {"yes": True, "no": False}


@dataclass(frozen=True)
class Offered:
    """names: of the models that may be started. downloads: whether their weights may be fetched first."""

    names: tuple[str, ...]
    downloads: bool

    def refusal(self, entry: registry.Entry) -> str:
        """Why a model may not be started, in a sentence; "" where it may."""
        if entry.name not in self.names:
            return f"{entry.title} is not offered here. Choose {self._others(entry)}."
        if not (self.downloads or hub.on_disk(entry)):
            missing = f"{entry.title} is not on this machine, and nothing is downloaded here."
            return f"{missing} Choose {self._others(entry)}."
        return ""

    def models(self, role: str) -> list[registry.Entry]:
        """Those that may be started for a role."""
        return [one for one in registry.MODELS.values() if role in one.roles and not self.refusal(one)]

    def _others(self, entry: registry.Entry) -> str:
        there = [one for one in registry.MODELS.values() if one.name in self.names and one is not entry]
        titles = [one.title for one in there if self.downloads or hub.on_disk(one)]
        return " or ".join(titles) or "two videos of your own"


def offered(environment: Mapping[str, str] = os.environ) -> Offered:
    """As the environment says. Raises UserError where it says what there is not."""
    said = environment.get(MODELS, "").strip() or "all"
    names = tuple(registry.MODELS) if said == "all" else tuple(filter(None, (part.strip() for part in said.split(","))))
    for name in names:
        if name not in registry.MODELS:
            raise UserError(f"{MODELS} names {name!r}, which is no model. There are: {', '.join(registry.MODELS)}.")
    answer = environment.get(DOWNLOADS, "").strip().lower() or ("no" if environment.get(SPACE) else "yes")
    if answer not in ANSWERS:
        raise UserError(f"{DOWNLOADS} is {answer!r}. Set it to yes or no.")
    return Offered(names, ANSWERS[answer])


def check_makeable(row: Mapping[str, Any]) -> None:
    """row: of a creation, from the store. Raises UserError where no more can be made for it: it asked for what is no
    more, or for what is not offered here."""
    wishes = Wishes.current(json.loads(row["options"]))
    if refusal := offered().refusal(registry.entry(wishes.model)):
        raise UserError(refusal)
