"""How something that a person may ask for is described: a frozen dataclass, each field with its range and its words.

The command line, the page's forms, what is stored and the tables of docs/api.md are made of these fields.
"""

import contextlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field, fields
from functools import cache, wraps
from typing import Any, dataclass_transform

import pydantic
from pydantic import ConfigDict, ValidationError
from pydantic.dataclasses import dataclass as checked_dataclass
from pydantic.fields import FieldInfo

from fourreal.errors import UserError

CONFIG = ConfigDict(strict=True, extra="forbid", arbitrary_types_allowed=True)


@dataclass(frozen=True)
class About:
    """What a field says of itself besides its type and default.

    help: for the command line and docs/api.md, without a full stop.
    unset: what is taken where it is left out, in words, where its default does not say so.
    title: its label in a form. group: the part of the form that it is in. blank: where a
    form may leave it out, the words for that, of a number "0".
    unit: of a number, or what a list holds. metavar: of the command line.
    choices: the values there are, each with its words. called: what a refusal calls such a value.
    bounds: the range, as pydantic has it. refusal: the sentence for what is outside, with {value} and the bounds.
    local: only whoever has this machine may choose it, as it names files or was not made for strangers.
    remote: only programs and the page have it, as the command line says it otherwise.
    decides: what follows from it besides the scene: "cost", for which earlier runs are looked at, and "cameras", where
    they stood.
    """

    help: str = ""
    unset: str = ""
    title: str = ""
    unit: str = ""
    metavar: str = ""
    choices: Mapping[str, str] | None = None
    called: str = ""
    refusal: str = ""
    bounds: Mapping[str, float] = field(default_factory=dict)
    local: bool = False
    remote: bool = False
    group: str = ""
    blank: str = ""
    decides: tuple[str, ...] = ()


def option(default: Any = ..., help: str = "", *, bounds: Mapping[str, float] | None = None, **about: Any) -> Any:
    """A field of a description: its default, none if it has to be given, and what `About` has."""
    said = About(help=help, bounds=bounds or {}, **about)
    limits: dict[str, Any] = dict(bounds or {})
    extra: dict[str, Any] = {"about": said}
    return pydantic.Field(default, description=help, json_schema_extra=extra, **limits)


@dataclass_transform(frozen_default=True, kw_only_default=True)
def described(cls: type) -> type:
    """A frozen dataclass whose fields, all by keyword, are checked as they are given.

    Raises UserError, with what would do, where one is of another kind, out of range, or none of the choices.
    """
    made = checked_dataclass(frozen=True, kw_only=True, config=CONFIG)(cls)
    begin = made.__init__

    @wraps(begin)
    def __init__(self, **values: Any) -> None:
        try:
            begin(self, **values)
        except ValidationError as error:
            raise UserError(refused(type(self), error)) from error

    made.__init__ = __init__  # type: ignore[method-assign]
    return made


def about(cls: type) -> dict[str, About]:
    """What the fields of a description say of themselves, by name, in order; those that say nothing are left out."""
    return _about(cls)


@cache
def _about(cls: type) -> dict[str, About]:
    extra = {one.name: _field(cls, one.name).json_schema_extra for one in fields(cls)}
    said: dict[str, Any] = {name: one["about"] for name, one in extra.items() if isinstance(one, dict)}
    return said


def remote(cls: type) -> dict[str, About]:
    """Those that programs and the page may choose, and that are stored."""
    return {name: said for name, said in about(cls).items() if not said.local}


def _field(cls: Any, name: str) -> FieldInfo:
    return cls.__pydantic_fields__[name]


def annotation_of(cls: type, name: str) -> Any:
    return _field(cls, name).annotation


def default_of(cls: type, name: str) -> Any:
    return _field(cls, name).default


def refused(cls: type, error: ValidationError) -> str:
    """Why values are no description: the first reason in words."""
    first = error.errors(include_url=False)[0]
    name, given = str(first["loc"][0]), first["input"]
    said = about(cls).get(name)
    if said is None:
        return f"There is no option {name[:40]!r}: choose from {', '.join(remote(cls))}."
    if first["type"].startswith("missing") and len(first["loc"]) == 1:
        return f"Say {name}: {said.help}."
    if said.refusal and (len(first["loc"]) > 1 or first["type"] in _OUT_OF_RANGE):
        return said.refusal.format(value=given, **said.bounds)
    return f"{str(given)[:40]!r} is no value for the option {name}."


_OUT_OF_RANGE = ("greater_than", "greater_than_equal", "less_than", "less_than_equal", "too_long", "too_short")


def among(called: str, value: object, choices: tuple) -> None:
    """Raise UserError where `value` is none of the choices."""
    if value not in choices:
        names = ", ".join(str(choice) for choice in choices if choice is not None)
        raise UserError(f"There is no {called} {str(value)[:40]!r}: choose from {names}.")


class Description:
    """What the descriptions can do. Subclasses are `described`."""

    def __post_init__(self) -> None:
        for name, said in about(type(self)).items():
            if said.choices is None:
                continue
            value = getattr(self, name)
            for one in sorted(value) if isinstance(value, frozenset) else [value]:
                if isinstance(one, str) and one != default_of(type(self), name):
                    among(said.called or name, one, tuple(said.choices))

    def values(self) -> dict[str, Any]:
        """All that it describes, by name."""
        return {name: getattr(self, name) for name in about(type(self))}

    def as_dict(self) -> dict[str, Any]:
        """What programs may choose of it, JSON-able; `from_dict` reads it."""
        values = {name: value for name, value in self.values().items() if name in remote(type(self))}
        return {name: _plain(value) for name, value in values.items()}

    @classmethod
    def from_dict(cls, values: Mapping[str, Any]):
        """From what a program, a browser or the store says. Raises UserError for what it may not choose."""
        for name in values:
            among("option", name, tuple(remote(cls)))
        return cls(**values)

    def deciding(self, what: str) -> dict[str, Any]:
        """As `as_dict`, those of its values that decide about one thing, see `About.decides`."""
        return {name: value for name, value in self.as_dict().items() if what in about(type(self))[name].decides}


def _plain(value: Any) -> Any:
    """As JSON has it."""
    if isinstance(value, frozenset):
        return sorted(value)
    return list(value) if isinstance(value, tuple) else value


def as_far_as_valid(read: Callable[[dict[str, Any]], Any], values: Mapping[str, Any]) -> tuple[Any, list[str]]:
    """What `read` makes of those `values` that it takes, one after the other, and the names of the others."""
    with contextlib.suppress(UserError):
        return read(dict(values)), []
    valid: dict[str, Any] = {}
    gone = []
    for name, value in values.items():
        try:
            read(valid | {name: value})
        except UserError:
            gone.append(name)
        else:
            valid[name] = value
    return read(valid), gone


def unset(cls: type, name: str) -> str:
    """What is taken where a field is left out, in words; "" where nothing needs to be said."""
    default = default_of(cls, name)
    words = f"{default:g}" if isinstance(default, float) else str(default)
    plain = isinstance(default, str | int | float) and not isinstance(default, bool) and default != ""
    return about(cls)[name].unset or (words if plain else "")
