"""One description: what a field says is what the command line, a form, the API's documentation and the store say."""

import argparse
import asyncio
import json
from pathlib import Path

import gradio as gr
import pytest

from fourreal.cli.options import add_fields, given
from fourreal.description import ABLATIONS, PRESETS, Chain, Options, Wishes, about, described, option
from fourreal.description.base import About, default_of, remote, unset
from fourreal.errors import UserError
from fourreal.settings import ABLATIONS as SWITCHES
from fourreal.settings import PRESETS as SCHEDULES
from fourreal.web.create_form import lay_out_fields, wishes_of
from fourreal.web.fields import group, shown, values_of

BOUNDS = {"gt": "above {}", "ge": "{:,} or more", "le": "{:,} or less"}
KINDS = {
    int: "whole number",
    int | None: "whole number",
    float: "number",
    float | None: "number",
    bool: "true or false",
    str: "text",
    str | None: "text",
}
DOCS = Path(__file__).parents[1] / "docs" / "api.md"


@described
class Sharpened(Options):
    """An option more."""

    sharpness: int | None = option(
        None,
        "how sharp it shall be",
        unset="as it is",
        metavar="N",
        title="Sharpness (0: as it is)",
        blank="0",
        group="advanced",
        bounds={"ge": 1, "le": 9},
        refusal="A sharpness of {value} is none from {ge} to {le}.",
    )


def said_on_the_command_line(cls: type, *words: str):
    parser = argparse.ArgumentParser()
    add_fields(parser.add_argument, cls)
    return cls(**given(parser.parse_args(words), cls)), parser.format_help()


def table(cls: type) -> str:
    """The rows of docs/api.md for the fields that programs may choose: name, values, what it is."""
    return "\n".join(
        f"| `{name}` | {values_said(cls, name, said)} | {sentence(cls, name, said)} |"
        for name, said in remote(cls).items()
    )


def values_said(cls: type, name: str, said: About) -> str:
    if said.choices is not None:
        several = "list of " if isinstance(default_of(cls, name), frozenset) else ""
        return several + ", ".join(f'"{choice}"' for choice in said.choices)
    bounds = [words.format(said.bounds[bound]) for bound, words in BOUNDS.items() if bound in said.bounds]
    kind = KINDS.get(cls.__pydantic_fields__[name].annotation, "")
    return ", ".join([f"{kind} {said.unit}".strip(), *bounds])


def sentence(cls: type, name: str, said: About) -> str:
    return said.help + (f" (left out: {words})" if (words := unset(cls, name)) else "")


def laid_out(cls: type, *names: str) -> dict[str, gr.components.Component]:
    """The parts of a form that have these names."""

    async def fields():  # Gradio opens a loop of its own, and leaves it open, where none is running
        with gr.Blocks():
            return {name: field for part in names for name, field in group(cls, part).items()}

    return asyncio.run(fields())


def test_a_field_is_all_that_an_option_needs():
    options, shown_help = said_on_the_command_line(Sharpened, "--sharpness", "3", "--without", "growth", "exposure")
    assert options == Sharpened(sharpness=3, without=frozenset(["growth", "exposure"]))
    assert "how sharp it shall be (default: as it is)" in " ".join(shown_help.split())
    assert "| `sharpness` | whole number, 1 or more, 9 or less | how sharp it shall be (left out: as it is) |" in table(
        Sharpened
    )
    assert Sharpened.from_dict(json.loads(json.dumps(options.as_dict()))) == options
    assert Options.stored(options.as_dict()) == (
        Options(without=options.without),
        "This was asked for with settings that are not there in this version (sharpness: 3). It cannot be continued; "
        "make it again with other settings.",
    )
    with pytest.raises(UserError, match="A sharpness of 10 is none from 1 to 9"):
        Sharpened(sharpness=10)
    form = laid_out(Sharpened, "advanced")
    assert form["sharpness"].label == "Sharpness (0: as it is)"
    filled = {name: shown(Sharpened, name, getattr(options, name)) for name in form}
    assert Sharpened(**values_of(Sharpened, filled)) == options
    empty = {name: field.value for name, field in form.items()}
    assert Sharpened(**values_of(Sharpened, empty)) == Sharpened()


def test_what_is_documented_is_what_may_be_asked():
    text = DOCS.read_text(encoding="utf-8")
    assert [row for cls in (Options, Wishes) for row in table(cls).splitlines() if f"\n{row}\n" not in text] == []


def test_what_has_words_is_what_there_is():
    assert set(PRESETS) == set(SCHEDULES)
    assert set(ABLATIONS) == set(SWITCHES)


def test_what_a_form_may_choose_is_on_it():
    form = laid_out(Options, "advanced", "critic")
    # the preset stands above, the frame is chosen by looking, and the page runs where its worker does
    assert set(form) == set(remote(Options)) - {"preset", "canonical_frame", "device"}
    assert all(field.label for field in form.values())


@pytest.mark.parametrize("name", [name for name, said in about(Options).items() if said.local])
def test_what_is_for_this_machine_alone_is_no_option_for_others(name):
    with pytest.raises(UserError, match=f"There is no option '{name}'"):
        Options.from_dict({name: None})


def test_every_field_says_what_it_is_for():
    for cls in (Options, Wishes, Chain):
        assert all(said.help and not said.help.endswith(".") for said in about(cls).values())


def test_a_form_as_it_is_laid_out_asks_for_what_the_model_is_best_at():
    async def made():
        with gr.Blocks():
            return lay_out_fields("freeze")

    values = {name: field.value for name, field in asyncio.run(made()).items()}
    wishes, count, seeds, seed = wishes_of("freeze", 3, values | {"prompt": "a red ball"})
    assert wishes == Wishes(
        role="freeze",
        prompt="a red ball",
        model="mini",
        frames=16,
        size=(256, 144),
        steps=6,
        guidance=1.0,
        arc=60,
        frame=3,
    )
    assert (count, seeds, seed) == (2, "next", 0)
