"""Options of the command line: made from what is described, and from text to values, refused with what is possible."""

import argparse
import math
from collections.abc import Callable, Collection
from pathlib import Path
from typing import Any

from pydantic_core import PydanticUndefined

from fourreal.description.base import about, annotation_of, default_of, unset
from fourreal.scene.film import SIZES


def add_fields(add: Callable, cls: type, skip: Collection[str] = ()) -> None:
    """An option for each field of a description that a person at this machine may choose.

    add: a parser's `add_argument`. A field without a default becomes an argument by its place. What is left out is
    None, so that the description alone has defaults; `given` reads them.
    """
    for name, said in sorted(about(cls).items(), key=lambda one: one[1].group == "critic"):
        if said.remote or name in skip:
            continue
        kind, sentence = annotation_of(cls, name), said.help
        if words := unset(cls, name):
            sentence += f" (default: {words})"
        several = isinstance(default_of(cls, name), frozenset)
        if said.choices is not None and several:
            sentence += ". " + "; ".join(f"{choice}: {what}" for choice, what in said.choices.items())
        if kind is bool:
            add(flag(name), action="store_true", default=None, help=sentence)
        elif kind == bool | None:
            add(flag(name), action=argparse.BooleanOptionalAction, help=sentence)
        elif default_of(cls, name) is PydanticUndefined:
            add(name, metavar=name.upper(), help=sentence)
        elif said.choices is not None and not said.metavar:
            add(flag(name), choices=tuple(said.choices), help=sentence)
        elif said.choices is not None and several:
            add(
                flag(name),
                type=one_of(tuple(said.choices)),
                nargs="+",
                action="extend",
                metavar=said.metavar,
                help=sentence,
            )
        else:
            add(flag(name), type=reader(cls, name), metavar=said.metavar, help=sentence)


def flag(name: str) -> str:
    return "--" + name.replace("_", "-")


def given(arguments: argparse.Namespace, cls: type) -> dict[str, Any]:
    """What of a description's fields was said, by name."""
    named = {name: getattr(arguments, name, None) for name, said in about(cls).items() if not said.remote}
    values = {name: value for name, value in named.items() if value is not None}
    return {name: tuple(value) if isinstance(value, list) else value for name, value in values.items()}


def reader(cls: type, name: str) -> Callable[[str], Any]:
    """What makes a field's value of text."""
    annotation = annotation_of(cls, name)
    if about(cls)[name].unit == "[width, height]":
        return width_height
    if default_of(cls, name) == ():
        return frame_list
    kinds: dict[Any, Callable[[str], Any]] = {
        int: whole,
        float: degrees if "of degrees" in about(cls)[name].unit else positive,
        Path: Path,
        str: str,
    }
    return next(read for kind, read in kinds.items() if annotation in (kind, kind | None))


def whole(text: str) -> int:
    if not text.isascii() or not text.isdigit() or len(text) > 9:
        raise argparse.ArgumentTypeError(f"{text!r} is not a whole number from 0 on")
    return int(text)


def integer(text: str) -> int:
    sign = text[:1] == "-"
    return -whole(text[1:]) if sign else whole(text)


def frozen_at(text: str) -> tuple[Path, int | None]:
    """A video, and after an @ the frame that it shows frozen; a file that is called so comes first."""
    name, at, frame = text.rpartition("@")
    if not at or not name or Path(text).exists() or not (frame.isascii() and frame.isdigit()):
        return Path(text), None
    return Path(name), whole(frame)


def positive(text: str) -> float:
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0 < value < math.inf:
        raise argparse.ArgumentTypeError(f"{text!r} is not a number above 0")
    return value


def frame_list(text: str) -> tuple[int, ...]:
    try:
        return tuple(sorted({whole(part.strip()) for part in text.split(",")}))
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} is not a list of frames such as 4,12,20: {error}") from error


def video_and_frame(text: str) -> tuple[Path, int]:
    name, equals, frame = text.rpartition("=")  # the last one, as a path may have others
    if not (name and equals):
        raise argparse.ArgumentTypeError(f"{text!r} is not a video and its freeze-time frame such as side.mp4=7")
    try:
        return Path(name), whole(frame)
    except argparse.ArgumentTypeError as error:
        raise argparse.ArgumentTypeError(f"{text!r} does not end in a frame, as side.mp4=7 does: {error}") from error


def film_size(text: str) -> tuple[int, int]:
    return SIZES[text] if text in SIZES else width_height(text)


def width_height(text: str) -> tuple[int, int]:
    parts = text.lower().split("x")
    if len(parts) != 2:
        raise argparse.ArgumentTypeError(f"{text!r} is not a size such as 512x288")
    return whole(parts[0]), whole(parts[1])


def degrees(text: str) -> float:
    value = positive(text)
    if value > 360:
        raise argparse.ArgumentTypeError(f"{text!r} is not an angle from 1 to 360 degrees")
    return value


def one_of(choices: tuple[str, ...]) -> Callable[[str], str]:
    def read(text: str) -> str:
        if text not in choices:
            raise argparse.ArgumentTypeError(f"no part is called {text!r}; choose from {', '.join(choices)}")
        return text

    return read
