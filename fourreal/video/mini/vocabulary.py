"""The few words that the embedded model understands, and how a prompt is read with them."""

import difflib
import re
from dataclasses import dataclass

from fourreal.errors import UserError
from fourreal.video.words import EMOJI

COLOURS: dict[str, tuple[str, ...]] = {
    "red": ("red", "crimson", "scarlet"),
    "yellow": ("yellow", "golden"),
    "green": ("green",),
    "blue": ("blue", "navy"),
    "purple": ("purple", "violet"),
    "white": ("white",),
}
THINGS: dict[str, tuple[str, ...]] = {
    "ball": ("ball", "sphere", "orb"),
    "crate": ("crate", "box", "cube", "block"),
    "drum": ("drum", "barrel", "cylinder", "can"),
}
VERBS: dict[str, tuple[str, ...]] = {
    "hops": ("hop", "bounce", "jump", "leap"),
    "slides": ("slide", "glide", "move", "roll"),
    "circles": ("circle", "orbit"),
}
FLOORS: dict[str, tuple[str, ...]] = {
    "tiled": ("tiled", "tile", "stone", "grey", "gray"),
    "wooden": ("wooden", "wood", "brown"),
    "grassy": ("grassy", "grass", "meadow", "lawn"),
    "sandy": ("sandy", "sand", "beach", "desert"),
}
# Words that carry no meaning here and are passed over in silence, those of the freeze-time prompt among them.
_PASSED = frozenset(
    {
        "a",
        "an",
        "the",
        "on",
        "in",
        "of",
        "at",
        "to",
        "and",
        "next",
        "beside",
        "near",
        "by",
        "with",
        "that",
        "which",
        "is",
        "are",
        "it",
        "its",
        "up",
        "down",
        "around",
        "round",
        "over",
        "across",
        "floor",
        "ground",
        "surface",
        "field",
        "scene",
        "video",
        "clip",
        "photo",
        "camera",
        "circulating",
        "time",
        "elapse",
        "standing",
        "still",
        "frozen",
        "moment",
        "one",
        "single",
        "small",
        "little",
        "big",
        "large",
        "toy",
        "fast",
        "slowly",
        "quickly",
        "gently",
        "while",
        "left",
        "right",
    }
)
_FROZEN = ("camera circulating", "time elapse", "frozen", "freeze")
_WORD = re.compile(rf"[^\W\d_]+|{EMOJI}")  # of any language; pictures are words that it does not know

Slots = tuple[int, int, int, int, int, int, int]
_TABLES = (COLOURS, THINGS, VERBS)


def _forms(stem: str) -> tuple[str, ...]:
    """bounce -> bounce, bounces, bouncing; hop -> hop, hops, hopping."""
    if stem.endswith("e"):
        return stem, f"{stem}s", f"{stem[:-1]}ing"
    doubled = stem + stem[-1] if re.search(r"[^aeiou][aeiou][bdgmnpt]$", stem) else stem
    return stem, f"{stem}s", f"{doubled}ing"


def _lookup(table: dict[str, tuple[str, ...]], forms) -> dict[str, str]:
    return {form: name for name, stems in table.items() for stem in stems for form in forms(stem)}


_nouns = lambda stem: (stem, f"{stem}s", f"{stem}es")
_plain = lambda stem: (stem,)
_COLOUR, _THING = _lookup(COLOURS, _plain), _lookup(THINGS, _nouns)
_VERB, _FLOOR = _lookup(VERBS, _forms), _lookup(FLOORS, _plain)
# To choose from: one word for each meaning, as it stands in a sentence.
WORDS: dict[str, tuple[str, ...]] = {
    "colours": tuple(COLOURS),
    "things": ("ball", "box", "cylinder"),
    "motions": ("bouncing", "sliding", "circling"),
    "floors": tuple(f"on a {name} floor" for name in FLOORS),
}
VOCABULARY = frozenset(_COLOUR) | frozenset(_THING) | frozenset(_VERB) | frozenset(_FLOOR)


@dataclass(frozen=True)
class Reading:
    """What was understood of a prompt.

    actors: (colour, thing, verb) of each that was named, "" where it was not said. floor: or "". frozen: whether it
    speaks of a camera that goes around while time stands still. unknown: words that mean nothing here, as written.
    """

    actors: tuple[tuple[str, str, str], ...]
    floor: str = ""
    frozen: bool = False
    unknown: tuple[str, ...] = ()

    def slots(self, actors: int = 1) -> Slots:
        """Colour, thing and verb of two actors, and the floor, each by its number; 0 is unsaid.

        actors: how many of them are told of.
        """
        named = (*self.actors[:actors], ("", "", ""), ("", "", ""))[:2]
        number = lambda table, name: 1 + list(table).index(name) if name else 0
        words = zip(_TABLES, zip(*named, strict=True), strict=True)
        colours, things, verbs = ([number(table, word) for word in said] for table, said in words)
        return colours[0], things[0], verbs[0], colours[1], things[1], verbs[1], number(FLOORS, self.floor)

    @property
    def sentence(self) -> str:
        """The prompt in the plainest words."""
        join = lambda *words: " ".join(word for word in words if word)
        who = [join("a", colour, thing or "thing", "" if self.frozen else verb) for colour, thing, verb in self.actors]
        return join(" and ".join(who), f"on a {self.floor} floor" if self.floor else "")


def read(prompt: str) -> Reading:
    """Read a prompt from left to right: a colour or a thing opens an actor, a verb belongs to the last one."""
    lowered = prompt.lower()
    actors: list[list[str]] = []
    floor, unknown = "", []
    words = _WORD.findall(lowered)
    for at, word in enumerate(words):
        following = words[at + 1] if at + 1 < len(words) else ""
        if word in _FLOOR and not (word in _COLOUR and following in _THING):
            floor = floor or _FLOOR[word]
        elif word in _COLOUR:
            actors.append([_COLOUR[word], "", ""])
        elif word in _THING:
            if not actors or actors[-1][1]:
                actors.append(["", "", ""])
            actors[-1][1] = _THING[word]
        elif word in _VERB:
            if not actors:
                actors.append(["", "", ""])
            actors[-1][2] = actors[-1][2] or _VERB[word]
        elif word not in _PASSED:
            unknown.append(word)
    return Reading(
        tuple((colour, thing, verb) for colour, thing, verb in actors),
        floor,
        any(mark in lowered for mark in _FROZEN),
        tuple(dict.fromkeys(unknown)),
    )


def nearest(word: str) -> str:
    """The word of the vocabulary that is written most alike; "" where none is."""
    close = difflib.get_close_matches(word, sorted(VOCABULARY), 1, 0.6)
    return close[0] if close else ""


def remark(prompt: str, actors: int = 1) -> str:
    """What of a prompt means nothing to a model that is told of `actors` things at most, for people; "" if all does."""
    reading, said = read(prompt), []
    if reading.unknown:
        alike = {word: nearest(word) for word in reading.unknown}
        doubts = [f'"{word}" (do you mean "{near}"?)' if near else f'"{word}"' for word, near in alike.items()]
        said.append(f"Mini does not know {', '.join(doubts)} and goes on without.")
    if len(reading.actors) > actors:
        rest = " and ".join(" ".join(filter(None, (colour, thing))) for colour, thing, _ in reading.actors[actors:])
        said.append(
            f"It learnt one thing at a time, so the {rest} is left out."
            if actors == 1
            else f"It learnt {actors} things at a time, so the {rest} is left out."
        )
    return " ".join(said)


def check(prompt: str) -> None:
    """Raise UserError for a prompt of which nothing at all is understood."""
    reading = read(prompt)
    wordless = reading.unknown or not _WORD.search(prompt)
    if wordless and not reading.actors and not reading.floor:
        vocabulary = "; ".join(f"{name}: {', '.join(words)}" for name, words in WORDS.items())
        raise UserError(
            f"Mini knows no word of this prompt. It knows {vocabulary}. Use some of them, or a larger model."
        )
