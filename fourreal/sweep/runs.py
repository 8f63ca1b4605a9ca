"""A sweep on the disk: sweep.json says what is asked for, each run's folder how far it is.

DIR/sweep.json, prompts.csv, lock
DIR/running.json                how far the runs are that are being made, while somebody leads
DIR/<variant>/<name>/           the run, as `fourreal run` or `reconstruct` makes it
DIR/<variant>/<name>/item.json  its state, written by whoever leads the sweep and by nobody else
"""

import csv
import io
import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass, replace
from pathlib import Path
from typing import Any

from fourreal.errors import UserError
from fourreal.jobs.files import link
from fourreal.sweep.values import Item, Plan, Variant
from fourreal.whole import replace_files, unwritable, whole

SWEEP, STATE, PROMPTS, LOCK, GIVEN = "sweep.json", "item.json", "prompts.csv", "lock", "given"
REACHED = "running.json"
WAITING, RUNNING, STOPPED, DONE, FAILED, SKIPPED = "waiting", "running", "stopped", "done", "failed", "skipped"


@dataclass(frozen=True)
class State:
    """How far a run is. why: a sentence, of one that failed. seconds: of work so far. where: who worked on it last."""

    state: str = WAITING
    why: str = ""
    attempts: int = 0
    seconds: float = 0.0
    where: str = ""


def write_plan(out: Path, plan: Plan) -> None:
    """Write down what is asked for, and for the judges which name stands for which prompt. Raises UserError."""
    table = io.StringIO()
    csv.writer(table).writerows({item.name: (item.name, item.prompt) for item in plan.items}.values())
    content = {"items": [asdict(item) for item in plan.items], "problems": list(plan.problems)}
    replace_files(out, {PROMPTS: table.getvalue().encode(), SWEEP: json.dumps(content, indent=1).encode()})


def read_plan(out: Path) -> Plan:
    """What was asked for last. Raises UserError where that is not to be had."""
    try:
        content = json.loads((out / SWEEP).read_text(encoding="utf-8"))
        items = [
            replace(item, variant=replace(variant, without=tuple(variant.without)))
            for one in content["items"]
            for variant in [Variant(**one.pop("variant"))]
            for item in [Item(variant=variant, **one)]
        ]
        return Plan(tuple(items), tuple(content["problems"]))
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(f"{out} holds no sweep: give a folder that `fourreal sweep --out` wrote.") from error
    except (OSError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise UserError(f"{out / SWEEP} cannot be read: give the command as before, it is written anew.") from error


def state_of(out: Path, item: Item) -> State:
    """A finished scene is what counts: with it a run is done, whoever made it and whatever was written down."""
    folder = out / item.id
    try:
        state = State(**json.loads((folder / STATE).read_text(encoding="utf-8")))
    except (OSError, ValueError, TypeError):  # not begun, or torn by a power cut
        state = State()
    if finished(folder):
        return replace(state, state=DONE, why="")
    return replace(state, state=STOPPED) if state.state == DONE else state


def finished(folder: Path) -> bool:
    """Whether a run is through, and not a scene that was kept on the way."""
    try:
        return "stopped" not in json.loads((folder / "manifest.json").read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return False


def write_state(out: Path, item: Item, state: State) -> None:
    """Raises UserError, as of a full disk."""
    replace_files(out / item.id, {STATE: json.dumps(asdict(state)).encode()})


def write_reached(out: Path, reached: Mapping[str, Mapping[str, Any]]) -> None:
    """How far each run is that is being made: {id: {"stage", "share"}}, the share of the stage from 0 to 1, or None.

    It is only for watching, and need not outlive a power cut. Raises OSError.
    """
    with whole(out / REACHED, sync=False) as temporary:
        temporary.write_text(json.dumps(reached), encoding="utf-8")


def question(item: Item) -> dict[str, Any]:
    """What an item's process is asked; its files are where `prepare` puts them."""
    return {
        "prompt": item.prompt,
        **asdict(item.variant),
        "without": list(item.variant.without),
        "files": {kind: f"{GIVEN}/{kind}{Path(path).suffix}" for kind, path in item.files.items()},
    }


def prepare(out: Path, item: Item, alike: Item | None) -> None:
    """Put what a run begins with into its folder: a pair's videos, or the videos that a run alike has made already.

    Raises UserError: a file is gone or changed, or the disk is full.
    """
    folder, names = out / item.id, question(item)["files"]
    for kind, name in names.items():
        if not (folder / name).is_file():
            _link(Path(item.files[kind]), folder / name)
    if alike is None or (folder / "candidates").exists():
        return
    made = out / alike.id / "candidates"
    for path in sorted(made.rglob("*")):
        if path.is_file() and not path.name.startswith("."):
            _link(path, folder / "candidates" / path.relative_to(made))


def _link(path: Path, to: Path) -> None:
    """The same file under another name: files are only ever replaced."""
    try:
        to.parent.mkdir(parents=True, exist_ok=True)
        link(path, to)
    except FileNotFoundError as error:
        raise UserError(f"{path} is gone: put it back, or take its line out.") from error
    except OSError as error:
        raise unwritable(to, error) from error
