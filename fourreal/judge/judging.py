"""Judging many videos: in batches, nothing asked twice; where one cannot be judged the others go on."""

import csv
import hashlib
import io
import json
from collections.abc import Callable, Sequence
from dataclasses import asdict, replace
from pathlib import Path

from fourreal import clip
from fourreal.errors import UserError
from fourreal.judge.offers import titles
from fourreal.judge.values import Item, Judge, Question, Row
from fourreal.progress import CancelToken, Event, ignore
from fourreal.settings import ClipLimits
from fourreal.study.exchange import safe_cell
from fourreal.study.films import USUAL_FPS, film_scene, scene_folder
from fourreal.study.making import films_of, prompt_of, prompts_of
from fourreal.whole import json_of, replace_files, writing

LIMITS = replace(ClipLimits(), max_frames=1800)
MOST_SIDE = 1024
FILE, TABLE, CACHE, FILMS = "scores.json", "scores.csv", "cache", "films"


def items_of(
    folders: Sequence[Path],
    out: Path,
    truth: Path | None = None,
    device: str = "cpu",
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> tuple[list[Item], list[str]]:
    """What lies in folders, one for each method or one that holds them, and sentences about what is missing.

    Finished runs are filmed into `out`/films, once. truth: a folder with videos of the same names.
    Raises UserError where there is nothing to judge.
    """
    cancel, methods = cancel or CancelToken(), _methods(folders, truth and truth.resolve())
    names = {name for films in methods.values() for name in films}
    prompts = {name: text for folder in folders for name, text in prompts_of(folder).items()}
    real = films_of(truth) if truth is not None else {}
    items, notes = [], []
    for method, films in methods.items():
        if missing := sorted(names - films.keys()):
            notes.append(f"{method} has no film of {', '.join(missing)}: its means are over the others.")
        for name, path in films.items():
            cancel.check()
            if (scene := scene_folder(str(path))) is not None:
                path = _filmed(scene, out / FILMS / method / f"{name}.mp4", device, progress, cancel)
            items.append(Item(method, name, path, prompts.get(name, prompt_of(name)), real.get(name)))
    return items, notes


def judge(
    items: Sequence[Item],
    judges: Sequence[Judge],
    out: Path,
    notes: Sequence[str] = (),
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
) -> list[Row]:
    """Ask all judges about all items, and write `out`/scores.json and scores.csv. What was asked before is not again.

    An item that cannot be read or judged has a sentence in its row, and the others go on.
    Raises UserError where the folder cannot be written. Cancelled: on request; what was found is remembered.
    """
    cancel = cancel or CancelToken()
    rows = {number: Row(item.method, item.name, item.prompt, str(item.video)) for number, item in enumerate(items)}
    keys = {number: _key(item) for number, item in enumerate(items)}
    for judge_ in judges:
        todo = []
        for number in rows:
            cached = json_of(_place(out, judge_, keys[number]))
            if cached is None:
                todo.append(number)
            else:
                rows[number] = _with(rows[number], cached)
        for start in range(0, len(todo), judge_.batch):
            cancel.check()
            some = todo[start : start + judge_.batch]
            for number, answer in zip(some, _answers(judge_, [items[number] for number in some]), strict=True):
                if isinstance(answer, dict):
                    _remember(out, judge_, keys[number], answer)
                rows[number] = _with(rows[number], answer)
            progress(Event(judge_.name, start + len(some), len(todo)))
    results = list(rows.values())
    text = json.dumps({"rows": [asdict(row) for row in results], "notes": list(notes)}, indent=1, allow_nan=False)
    replace_files(out, {TABLE: as_csv(results).encode(), FILE: text.encode()})
    return results


def read(folder: Path) -> tuple[list[Row], list[str]]:
    """The rows and notes that `judge` wrote. Raises UserError where there are none."""
    try:
        content = json.loads((folder / FILE).read_text(encoding="utf-8"))
        return [Row(**{**row, "errors": tuple(row["errors"])}) for row in content["rows"]], list(content["notes"])
    except FileNotFoundError as error:
        raise UserError(f"{folder} has no {FILE}: run `fourreal judge` with --out {folder} first.") from error
    except (ValueError, TypeError, KeyError) as error:
        raise UserError(f"{folder / FILE} is damaged ({error}): run `fourreal judge` again.") from error


def as_csv(rows: Sequence[Row]) -> str:
    """A line for each video."""
    names = [name for name in titles() if any(name in row.scores for row in rows)]
    out = io.StringIO()
    lines = csv.writer(out)
    lines.writerow(("method", "name", "prompt", *names, "errors"))
    for row in rows:
        cells = ("" if (value := row.scores.get(name)) is None else f"{value:.4f}" for name in names)
        words = (safe_cell(text) for text in (row.method, row.name, row.prompt))
        lines.writerow((*words, *cells, " ".join(row.errors)))
    return out.getvalue()


def _answers(judge_: Judge, items: Sequence[Item]) -> list[dict | str]:
    """For each item its scores, or why there are none."""
    questions: dict[int, Question] = {}
    answers: dict[int, dict | str] = {}
    for number, item in enumerate(items):
        try:
            questions[number] = Question(_read(item.video), item.prompt, _read(item.truth) if item.truth else None)
        except UserError as error:
            answers[number] = str(error)
    try:
        answers |= dict(zip(questions, judge_(list(questions.values())), strict=True))
    except UserError as error:
        if len(questions) > 1:  # one of them, so each by itself
            answers |= {number: _answers(judge_, [items[number]])[0] for number in questions}
        else:
            answers |= {number: str(error) for number in questions}
    return [answers[number] for number in range(len(items))]


def _read(path: Path) -> clip.Clip:
    return clip.read(path, LIMITS, max_side=MOST_SIDE, thin=True)


def _with(row: Row, answer: dict | str) -> Row:
    if isinstance(answer, dict):
        return replace(row, scores=row.scores | answer)
    return row if answer in row.errors else replace(row, errors=(*row.errors, answer))


def _key(item: Item) -> str:
    """What an answer depends on, besides the judge: contents, not names. A video that cannot be read has one too."""
    parts = [item.prompt]
    for path in (item.video, item.truth):
        parts.append("" if path is None or not path.is_file() else hashlib.sha256(path.read_bytes()).hexdigest())
    return json.dumps(parts)


def _place(out: Path, judge_: Judge, key: str) -> Path:
    name = hashlib.sha256(json.dumps([judge_.name, judge_.version, key]).encode()).hexdigest()
    return out / CACHE / f"{name}.json"


def _remember(out: Path, judge_: Judge, key: str, answer: dict) -> None:
    with writing(_place(out, judge_, key)) as temporary:
        temporary.write_text(json.dumps(answer), encoding="utf-8")


def _methods(folders: Sequence[Path], truth: Path | None) -> dict[str, dict[str, Path]]:
    """The films of each method, by its folder's name. truth: a folder that is none."""
    results: dict[str, dict[str, Path]] = {}
    for folder in folders:
        if not folder.is_dir():
            raise UserError(f"{folder} is no folder: give one for each method, or one that holds them.")
        films = films_of(folder, needed=False)
        parts = (
            {folder.resolve().name: films}
            if films
            else {
                one.name: inner
                for one in sorted(folder.iterdir())
                if one.is_dir() and one.resolve() != truth and (inner := films_of(one, needed=False))
            }
        )
        if twice := parts.keys() & results.keys():
            raise UserError(f"Two folders are called {sorted(twice)[0]}, which is the method's name: rename one.")
        if not parts:
            raise UserError(f"{folder} holds neither videos nor finished runs: put some there.")
        results |= parts
    return results


def _filmed(scene: Path, path: Path, device: str, progress: Callable[[Event], None], cancel: CancelToken) -> Path:
    """The film of a scene along the path with four stops, made unless it is newer than the scene."""
    if not path.is_file() or path.stat().st_mtime < (scene / "manifest.json").stat().st_mtime:
        film_scene(scene, path, USUAL_FPS, lambda event: progress(replace(event, stage="film")), cancel, device)
    return path
