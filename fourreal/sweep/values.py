"""What a sweep consists of. Names of folders follow from contents, so the same item is the same run, today or later."""

import hashlib
import json
import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

LONGEST = 48  # letters of a name that people read; a hash follows


@dataclass(frozen=True)
class Variant:
    """How all items are made once. model: None as is usual on the machine that makes it; likewise preset.

    options: what else `PromptRequest` takes, by name.
    """

    model: str | None = None
    preset: str | None = None
    without: tuple[str, ...] = ()
    seed: int = 0
    options: Mapping[str, Any] = field(default_factory=dict)

    @property
    def name(self) -> str:
        parts = [self.model or "usual", *([self.preset] if self.preset else [])]
        parts += [f"without-{part}" for part in self.without]
        parts += [f"seed{self.seed}"] if self.seed else []
        return "-".join([*parts, *([_digest(dict(self.options), 6)] if self.options else [])])


@dataclass(frozen=True)
class Item:
    """A run of a sweep.

    prompt: what it shows; of a pair only for people and the judges. files: of a pair "reference", "freeze" and
    perhaps "cameras", absolute paths; digests: their contents. line: where it stands in the file.
    """

    prompt: str
    variant: Variant
    files: Mapping[str, str] = field(default_factory=dict)
    digests: Mapping[str, str] = field(default_factory=dict)
    line: int = 0

    @property
    def name(self) -> str:
        """The same for all variants, so that these can be compared."""
        content = [" ".join(self.prompt.split()), dict(self.digests)]
        return f"{slug(self.prompt) or 'pair'}-{_digest(content, 8)}"

    @property
    def id(self) -> str:
        """Its folder in the sweep's: variant/name."""
        return f"{self.variant.name}/{self.name}"

    @property
    def shares(self) -> str:
        """Items of which this is the same make the same videos, which need making once."""
        if self.files:
            return self.id
        return _digest([self.prompt, self.variant.model, self.variant.seed, dict(self.variant.options)], 16)


@dataclass(frozen=True)
class Plan:
    """items: in the order of the file. problems: a sentence for each that was left out."""

    items: tuple[Item, ...]
    problems: tuple[str, ...] = ()


def slug(text: str) -> str:
    """What of a text may be in any folder's name."""
    return re.sub(r"[^a-z0-9]+", "_", text.lower())[:LONGEST].strip("_")


def _digest(value: Any, length: int) -> str:
    return hashlib.sha256(json.dumps(value, sort_keys=True).encode()).hexdigest()[:length]
