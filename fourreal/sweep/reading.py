"""Files that say what a sweep makes: prompts.txt, pairs.jsonl, or a YAML file with a grid."""

import hashlib
import itertools
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from fourreal.description import Chain
from fourreal.description.base import remote
from fourreal.errors import UserError
from fourreal.settings import ABLATIONS, PRESETS
from fourreal.sweep.values import Item, Plan, Variant

MOST_BYTES, MOST_ITEMS, LONGEST_PROMPT = 16 * 1024**2, 100_000, 2000
GRID = {"models": str, "presets": str, "ablations": str, "seeds": int}
# Of what may be asked of the chain, all but what the grid says, names a file of one machine or picks one of many.
OPTIONS = [
    name
    for name in remote(Chain)
    if name not in ("prompt", "model", "preset", "seed") and not name.startswith(("pick_", "freeze_"))
]
PAIR = {"reference", "freeze", "cameras", "prompt"}
SHAPE = "see docs/scale.md for what it may hold"


@dataclass(frozen=True)
class Entry:
    """A line as it stands in the file; a sentence in the place of what cannot be used."""

    number: int
    prompt: str = ""
    files: Mapping[str, str] | None = None
    problem: str = ""


def read(path: Path, grid: Mapping[str, Sequence[Any]] | None = None) -> Plan:
    """What a file asks for. grid: takes the place of the file's, name by name.

    Raises UserError where nothing of it can be used, or its grid says what does not exist.
    """
    text = _text(path)
    options: dict[str, Any] = {}
    axes: dict[str, list[Any]] = {}
    if path.suffix.lower() in (".yaml", ".yml"):
        entries, axes, options = _yaml(path, text)
    elif path.suffix.lower() == ".jsonl":
        entries = list(_jsonl(path, text))
    else:
        entries = list(_lines(text))
    variants = _variants(axes | {name: list(values) for name, values in (grid or {}).items() if values}, options)
    problems = [entry.problem for entry in entries if entry.problem]
    firsts: dict[str, int] = {}
    items: list[Item] = []
    for entry in entries:
        if entry.problem:
            continue
        files = dict(entry.files or {})
        digests = {kind: _digest(Path(file)) for kind, file in files.items()}
        made = [Item(entry.prompt, variant, files, digests, entry.number) for variant in _for(files, variants)]
        if (name := made[0].name) in firsts:
            problems.append(f"Line {entry.number} is the same as line {firsts[name]}, and is made once.")
            continue
        firsts[name] = entry.number
        items += made
    if not items:
        raise UserError(" ".join([f"{path} has nothing to make: {SHAPE}.", *problems[:3]]))
    if len(items) > MOST_ITEMS:
        raise UserError(f"{path} asks for {len(items)} runs, more than {MOST_ITEMS}: split it.")
    return Plan(tuple(items), tuple(problems))


def _for(files: Mapping[str, str], variants: Sequence[Variant]) -> list[Variant]:
    """Nothing of a pair depends on a video model, nor on how videos are made."""
    if not files:
        return list(variants)
    device = lambda options: {name: value for name, value in options.items() if name == "device"}
    alike = [Variant("videos", one.preset, one.without, one.seed, device(one.options)) for one in variants]
    return list({one.name: one for one in alike}.values())


def _text(path: Path) -> str:
    try:
        if path.stat().st_size > MOST_BYTES:
            raise UserError(f"{path} is larger than {MOST_BYTES // 1024**2} MB: split it.")
        return path.read_text(encoding="utf-8-sig")
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): give a file of prompts or pairs.") from error
    except UnicodeDecodeError as error:
        raise UserError(f"{path} is no text in UTF-8: save it as such.") from error


def _lines(text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.lstrip().startswith("#"):
            yield _prompt(number, line)


def _prompt(number: int, value: Any) -> Entry:
    if not isinstance(value, str):
        return Entry(number, problem=f"Line {number} is no text, and is left out.")
    if not value.strip():
        return Entry(number, problem=f"Line {number} is empty, and is left out.")
    words = " ".join(value.split())
    if len(words) > LONGEST_PROMPT or not words.isprintable():
        why = f"is longer than {LONGEST_PROMPT} letters or has signs that cannot be printed"
        return Entry(number, problem=f"Line {number} {why}, and is left out.")
    return Entry(number, words)


def _jsonl(path: Path, text: str) -> Iterator[Entry]:
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            yield Entry(number, problem=f"Line {number} is empty, and is left out.")
            continue
        try:
            value = json.loads(line)
        except (ValueError, RecursionError):
            yield Entry(number, problem=f"Line {number} is no JSON, and is left out.")
            continue
        yield _pair(number, value, path.parent)


def _pair(number: int, value: Any, beside: Path) -> Entry:
    """A pair of videos; files are looked for beside the file that names them."""
    left = lambda why: Entry(number, problem=f"Line {number} is left out: {why}.")
    if not isinstance(value, dict) or not all(isinstance(part, str) for part in value.values()):
        return left('it is no object of texts such as {"reference": "a.mp4", "freeze": "b.mp4"}')
    if unknown := sorted(value.keys() - PAIR):
        return left(f"{unknown[0]!r} is none of {', '.join(sorted(PAIR))}")
    if missing := sorted({"reference", "freeze"} - value.keys()):
        return left(f"it names no {missing[0]} video")
    files = {kind: beside / value[kind] for kind in ("reference", "freeze", "cameras") if kind in value}
    for kind, file in files.items():
        if not file.is_file():
            return left(f"{value[kind]} is not there")
    prompt = value.get("prompt", "").strip()
    if prompt and (checked := _prompt(number, prompt)).problem:
        return checked
    video = files["reference"].absolute()
    name = video.parent.name if video.stem == "reference" else video.stem
    words = " ".join((prompt or name.replace("_", " ")).split())
    return Entry(number, words, {kind: str(file.resolve()) for kind, file in files.items()})


def _yaml(path: Path, text: str) -> tuple[list[Entry], dict[str, list], dict[str, Any]]:
    import yaml

    try:
        value = yaml.safe_load(text)
    except (yaml.YAMLError, RecursionError) as error:
        raise UserError(f"{path} is no YAML ({str(error).splitlines()[0]}): {SHAPE}.") from error
    fields = {"prompts", "pairs", "options", *GRID}
    if not isinstance(value, dict) or (foreign := sorted(map(str, value.keys() - fields))):
        wrong = "it has no names at its top"
        if isinstance(value, dict):
            wrong = f"{foreign[0]!r} is none of {', '.join(sorted(fields))}"
        raise UserError(f"{path} cannot be used, as {wrong}: {SHAPE}.")
    prompts, pairs = value.get("prompts", []), value.get("pairs", [])
    if isinstance(prompts, str):
        entries = list(_lines(_text(path.parent / prompts)))
    else:
        entries = [_prompt(number, one) for number, one in enumerate(_list(path, "prompts", prompts), 1)]
    if isinstance(pairs, str):
        entries += _jsonl(path.parent / pairs, _text(path.parent / pairs))
    else:
        numbers = itertools.count(len(entries) + 1)
        entries += [_pair(next(numbers), one, path.parent) for one in _list(path, "pairs", pairs)]
    grid = {name: _list(path, name, value[name]) for name in GRID if name in value}
    options = value.get("options") or {}
    if not isinstance(options, dict):
        raise UserError(f"{path}: options are names and values; {SHAPE}.")
    if foreign := sorted(map(str, options.keys() - OPTIONS)):
        raise UserError(f"{path}: there is no option {foreign[0]!r}; choose from {', '.join(OPTIONS)}.")
    Chain(prompt="any", **options)
    return entries, grid, options


def _list(path: Path, name: str, value: Any) -> list:
    if not isinstance(value, list):
        raise UserError(f"{path}: {name} is a list; {SHAPE}.")
    return value


def _variants(grid: Mapping[str, Sequence[Any]], options: Mapping[str, Any]) -> list[Variant]:
    """All combinations; the whole method comes first, then without each of the ablations. Raises UserError."""
    for name, values in grid.items():
        for value in values:
            if not isinstance(value, GRID[name]) or isinstance(value, bool):
                raise UserError(f"{value!r} cannot be one of {name}: {SHAPE}.")
    for name, names in (("presets", PRESETS), ("ablations", ABLATIONS)):
        for value in grid.get(name, ()):
            if value not in names:
                raise UserError(f"There is no {value!r} among {name}: choose from {', '.join(names)}.")
    if models := grid.get("models"):
        from fourreal.video.registry import entry

        for model in models:
            entry(model)
    if any(not 0 <= seed < 10**9 for seed in grid.get("seeds", ())):
        raise UserError("Seeds are whole numbers from 0 on, below a billion.")
    parts = [(), *((name,) for name in dict.fromkeys(grid.get("ablations", ())))]
    axes = (grid.get("models") or [None], grid.get("presets") or [None], parts, grid.get("seeds") or [0])
    combined = [
        Variant(model=model, preset=preset, without=without, seed=seed, options=dict(options))
        for model, preset, without, seed in itertools.product(*axes)
    ]
    return list({variant.name: variant for variant in combined}.values())


def _digest(path: Path) -> str:
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError as error:
        raise UserError(f"{path} cannot be read ({error.strerror}): take it out, or make it readable.") from error
