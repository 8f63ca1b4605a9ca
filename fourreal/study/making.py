"""Make a study: film its scenes, bring every film into one form, and lay out what raters get."""

import csv
import json
import shutil
import time
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

from fourreal import clip
from fourreal.errors import UserError
from fourreal.progress import CancelToken, Event, ignore
from fourreal.settings import ClipLimits
from fourreal.study.films import CRF, alike, common_form, film_scene, fitted, rate, scene_folder
from fourreal.study.page import rater_page
from fourreal.study.values import (
    MOST_SIDE,
    RATERS,
    Entry,
    Film,
    Pair,
    PairRequest,
    Study,
    StudyRequest,
    new_id,
    one_line,
)
from fourreal.whole import whole_folder

LIMITS = replace(ClipLimits(), max_frames=1800)  # thirty seconds at sixty frames a second
SUFFIXES = {".mp4", ".webm", ".mov", ".mkv", ".m4v", ".gif", ".avi"}


def make(
    request: StudyRequest,
    out: Path,
    progress: Callable[[Event], None] = ignore,
    cancel: CancelToken | None = None,
    owner: str = "",
    device: str = "cpu",
) -> Study:
    """Make the study in the folder `out`, which is not there yet or empty.

    Raises:
        UserError: a film cannot be had, or the folder cannot be written. Cancelled: on request. Either way nothing
            is left.
    """
    cancel = cancel or CancelToken()
    if out.exists() and (not out.is_dir() or any(out.iterdir())):
        raise UserError(f"{out} is there already: choose a new folder with --out.")
    with whole_folder(out) as fresh:
        return _made(request, fresh, progress, cancel, owner, device)


def _made(
    request: StudyRequest, folder: Path, progress: Callable[[Event], None], cancel: CancelToken, owner: str, device: str
) -> Study:
    work, clips = folder / "work", folder / RATERS / "clips"
    work.mkdir()
    clips.mkdir(parents=True)
    entries = [entry for pair in request.pairs for entry in (pair.first, pair.second)]
    scenes = {entry.source: scene_folder(entry.source) for entry in entries}  # all are looked for before any is filmed
    infos = {source: clip.probe(Path(source), LIMITS) for source, scene in scenes.items() if scene is None}
    fps, paths = rate(request, list(infos.values())), {}
    for number, (source, scene) in enumerate(scenes.items()):
        progress(Event("films", number, len(scenes)))
        paths[source] = Path(source) if scene is None else work / f"{number}.mp4"
        if scene is not None:
            film_scene(scene, paths[source], fps, _quiet(progress), cancel, device)
            infos[source] = clip.probe(paths[source], LIMITS)
    progress(Event("films", len(scenes), len(scenes)))
    form = common_form(request, fps, [((info.width, info.height), info.frames / info.fps) for info in infos.values()])
    pairs, originals, done = [], {}, 0
    for pair in request.pairs:
        films = []
        for entry in (pair.first, pair.second):
            cancel.check()
            name = f"{new_id()}.mp4"
            if entry.source not in originals:
                film = clip.read(paths[entry.source], LIMITS, max_side=MOST_SIDE, thin=True)
                alone, note = fitted(film, form)
                clip.write(alone, clips / name, crf=CRF)
                originals[entry.source] = clips / name, note
            else:
                shutil.copyfile(originals[entry.source][0], clips / name)
            films.append(Film(entry.method, name, originals[entry.source][1]))
            done += 1
            progress(Event("study", done, len(entries), message=_said(entry, films[-1])))
        first, second = films
        pairs.append(Pair(first=first, second=second, prompt=pair.prompt))
    created = time.time()
    alike(sorted(clips.iterdir()), created)
    study = Study(
        id=new_id(),
        key=new_id(),
        name=request.name,
        created=created,
        size=form.size,
        seconds=form.seconds,
        fps=form.fps,
        pairs=tuple(pairs),
        owner=owner,
    )
    (folder / RATERS / "index.html").write_text(rater_page(study), encoding="utf-8")
    shutil.rmtree(work)
    study.write(folder)
    return study


def from_folders(folders: list[Path]) -> tuple[PairRequest, ...]:
    """Pairs out of one folder for each method: the first one's films against those of each other, by equal names.

    A film is a video or a run's folder. Its name, underscores as spaces, is the prompt, unless prompts.csv (name,
    prompt) beside it says another.
    Raises UserError where a folder has no films, or lacks one that the first has.
    """
    if len(folders) < 2:
        raise UserError("Give the folders of two methods or more, yours first, or one JSON file with the pairs.")
    methods = [folder.resolve().name for folder in folders]
    if len(set(methods)) < len(methods):
        raise UserError("Two folders have the same name, which is the method's: rename one of them.")
    films_of_each = [films_of(folder) for folder in folders]
    prompts = prompts_of(folders[0])
    pairs = []
    for method, films in list(zip(methods, films_of_each, strict=True))[1:]:
        if missing := sorted(films_of_each[0].keys() - films.keys()):
            raise UserError(f"{method} has no film called {', '.join(missing[:5])}, which {methods[0]} has: add it.")
        pairs += [
            PairRequest(
                Entry(methods[0], str(ours)), Entry(method, str(films[name])), prompts.get(name, prompt_of(name))
            )
            for name, ours in films_of_each[0].items()
        ]
    return tuple(pairs)


def prompt_of(name: str) -> str:
    """The prompt that a file's name says."""
    return one_line(name.replace("_", " "), 500)


def from_file(path: Path) -> StudyRequest:
    """What a JSON file asks for; sources are looked for beside the file first. Raises UserError."""
    try:
        request = StudyRequest.from_dict(json.loads(path.read_text(encoding="utf-8")))
    except (OSError, ValueError, RecursionError) as error:
        raise UserError(f"{path} cannot be read as JSON ({error}): see docs/study.md.") from error
    beside = lambda entry: replace(
        entry, source=str(near) if (near := path.parent / entry.source).exists() else entry.source
    )
    pairs = (replace(pair, first=beside(pair.first), second=beside(pair.second)) for pair in request.pairs)
    return replace(request, pairs=tuple(pairs))


def films_of(folder: Path, needed: bool = True) -> dict[str, Path]:
    """The videos and finished runs in a folder, by their names. Raises UserError, if `needed` also without any."""
    if not folder.is_dir():
        raise UserError(f"{folder} is no folder: give one with a method's films.")
    films = {
        path.stem if path.is_file() else path.name: path
        for path in sorted(folder.iterdir())
        if path.suffix.lower() in SUFFIXES or (path / "manifest.json").is_file()
    }
    if needed and not films:
        raise UserError(f"{folder} holds neither videos nor finished runs: put some there.")
    return films


def prompts_of(folder: Path) -> dict[str, str]:
    """The prompts that a folder's prompts.csv says, by the films' names."""
    path = folder / "prompts.csv"
    if not path.is_file():
        return {}
    with path.open(encoding="utf-8-sig", newline="") as file:
        return {row[0]: one_line(row[1], 500) for row in csv.reader(file) if len(row) > 1}


def _quiet(progress: Callable[[Event], None]) -> Callable[[Event], None]:
    """Frames of a film under a name of their own."""
    return lambda event: progress(replace(event, stage="film"))


def _said(entry: Entry, film: Film) -> str:
    return f"{entry.method}, {Path(entry.source).name}: {film.note}." if film.note else ""
