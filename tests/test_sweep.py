"""Sweeps: what is read from their files, and that every item is made once, whatever happens on the way."""

import json
import os
import re
import signal
import threading
import time
from contextlib import closing
from pathlib import Path

import pytest
from fit_samples import write_videos

from fourreal.engine.local import LocalEngine
from fourreal.engine.values import BROKEN, DONE, FAILED, STOPPED, Heard, Task
from fourreal.errors import Cancelled, UserError
from fourreal.progress import CancelToken
from fourreal.sweep import engines, runs
from fourreal.sweep.leading import ATTEMPTS, Leader
from fourreal.sweep.reading import read
from fourreal.sweep.table import table, unfinished
from fourreal.sweep.values import Plan

HERE = Path(__file__).parent


@pytest.fixture
def tiny_items(monkeypatch):
    """Processes of sweeps find `sweep_child`."""
    monkeypatch.setenv("PYTHONPATH", str(HERE))
    monkeypatch.setenv("CUDA_VISIBLE_DEVICES", "")


class Engine:
    """One whose tasks end as `ends` says, by the prompt; each is noted when it begins."""

    def __init__(self, out: Path, slots: int = 2, ends: dict[str, list[str]] | None = None) -> None:
        self.out, self.slots, self.ends = out, slots, ends or {}
        self.begun, self.running, self.most, self.stopped = [], {}, 0, []

    def submit(self, task: Task) -> None:
        assert task.id not in self.running
        self.begun.append(task.id)
        self.running[task.id] = task
        self.most = max(self.most, len(self.running))

    def hear(self, seconds: float) -> list[Heard]:
        if not self.running:
            return []
        task = self.running.pop(next(iter(self.running)))
        end = (self.ends.get(task.question["prompt"]) or [DONE]).pop(0)
        if end == DONE:
            (task.folder / "manifest.json").write_text("{}")
            (task.folder / "candidates").mkdir(exist_ok=True)
            (task.folder / "candidates" / "reference-0.mp4").write_text(task.id)
        return [Heard(task.id, {"stage": "motion"}, where="here"), Heard(task.id, end=end, why=f"It ended as {end}.")]

    def stop(self, id: str) -> None:
        self.stopped.append(id)

    def close(self) -> None: ...


def prompts(folder: Path, text: str, **grid) -> Plan:
    (folder / "prompts.txt").write_text(text)
    return read(folder / "prompts.txt", grid)


def test_what_cannot_be_used_costs_a_sentence_each(tmp_path):
    plan = prompts(tmp_path, "a red ball\n\n# a remark\na blue  box\na red ball \n" + "x" * 2001 + "\n")
    assert [item.prompt for item in plan.items] == ["a red ball", "a blue box"]
    empty, long, twice = plan.problems
    assert empty == "Line 2 is empty, and is left out."
    assert long.startswith("Line 6 is longer than 2000")
    assert twice == "Line 5 is the same as line 1, and is made once."
    with pytest.raises(UserError, match="nothing to make"):
        prompts(tmp_path, "\n\n")


def test_pairs_are_known_by_their_contents(tmp_path):
    for name, content in (("a", "1"), ("b", "2"), ("c", "1")):
        (tmp_path / f"{name}.mp4").write_text(content)
    lines = [
        {"reference": "a.mp4", "freeze": "b.mp4", "prompt": "a fox"},
        {"reference": "a.mp4", "freeze": "gone.mp4"},
        {"reference": "c.mp4", "freeze": "b.mp4", "prompt": "a fox"},
        {"reference": "a.mp4"},
        ["a.mp4"],
        {"reference": "b.mp4", "freeze": "c.mp4", "lens": "wide"},
    ]
    path = tmp_path / "pairs.jsonl"
    path.write_text("\n".join(map(json.dumps, lines)) + "\nno json")
    plan = read(path)
    assert [item.prompt for item in plan.items] == ["a fox"]
    assert "Line 2 is left out: gone.mp4 is not there." in plan.problems
    assert "Line 3 is the same as line 1, and is made once." in plan.problems
    assert len(plan.problems) == 6
    (tmp_path / "b.mp4").write_text("3")
    assert read(path).items[0].id != plan.items[0].id


def test_a_grid_makes_all_combinations_and_the_whole_method_first(tmp_path):
    path = tmp_path / "grid.yaml"
    path.write_text(
        "prompts: [a red ball, a blue box]\nmodels: [mini]\npresets: [draft]\nablations: [freeze-time, joint-sds]\n"
        "seeds: [0, 1]\noptions: {candidates: 1}\n"
    )
    plan = read(path)
    assert len(plan.items) == 12 == len({item.id for item in plan.items})
    assert len({item.name for item in plan.items}) == 2
    first = plan.items[0].variant.name
    assert re.fullmatch("mini-draft-[0-9a-f]{6}", first)
    assert plan.items[5].variant.name == first.replace("draft", "draft-without-joint-sds-seed1")
    assert len(read(path, {"seeds": [7]}).items) == 6
    assert len({item.shares for item in plan.items}) == 4  # two prompts, two seeds


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("prompts: [a]\nmodels: [nothing]", "nothing"),
        ("prompts: [a]\npresets: [huge]", "huge"),
        ("prompts: [a]\nablations: [all]", "all"),
        ("prompts: [a]\ngrid: {}", "'grid'"),
        ("- a", "no names"),
        ("prompts: [a]\noptions: {speed: 1}", "speed"),
        ("prompts: [a]\noptions: {candidates: true}", "candidates"),
        ("prompts: {a: b}", "a list"),
        ("prompts: [", "YAML"),
        ("prompts: gone.txt", "cannot be read"),
        ("prompts: [!!python/object/apply:os.system [ls]]", "YAML"),
    ],
)
def test_a_grid_that_says_what_does_not_exist_is_refused_at_once(text, said, tmp_path):
    (tmp_path / "grid.yaml").write_text(text)
    with pytest.raises(UserError, match=re.escape(said)):
        read(tmp_path / "grid.yaml")


def test_every_item_is_made_once_and_what_failed_is_told(tmp_path):
    plan = prompts(tmp_path, "a\nb\nc\nd\n")
    names = {item.prompt: item.id for item in plan.items}
    ends = {"b": [FAILED], "c": [BROKEN, DONE], "d": [BROKEN] * ATTEMPTS}
    engine = Engine(tmp_path, ends=ends)
    runs.write_plan(tmp_path, plan)
    Leader(plan.items, tmp_path, engine).lead(CancelToken())
    assert sorted(map(engine.begun.count, names.values())) == [1, 1, 2, ATTEMPTS]
    text = table(tmp_path, runs.read_plan(tmp_path))
    assert text.splitlines()[0] == "2 done, 2 failed of 4"
    assert "It ended as failed." in text
    again = Engine(tmp_path)
    Leader(plan.items, tmp_path, again).lead(CancelToken())
    assert again.begun == []
    Leader(plan.items, tmp_path, again, retry=True).lead(CancelToken())
    assert sorted(again.begun) == sorted([names["b"], names["d"]])
    assert unfinished(tmp_path, plan) == 0


def test_variants_share_the_videos_that_they_have_in_common(tmp_path):
    plan = prompts(tmp_path, "a\n", ablations=["freeze-time", "growth"], seeds=[0, 1])
    engine = Engine(tmp_path, slots=6)
    Leader(plan.items, tmp_path, engine).lead(CancelToken())
    first = next(item for item in plan.items if not item.variant.without and item.variant.seed == 0)
    video = Path("candidates") / "reference-0.mp4"
    alike = [item for item in plan.items if item.shares == first.shares]
    assert len(alike) == 3
    assert engine.begun[:2] == [first.id, next(i.id for i in plan.items if i.shares != first.shares)]
    for item in alike[1:]:
        state = runs.state_of(tmp_path, item)
        assert (state.state, state.where) == (runs.DONE, "here")
        assert (tmp_path / item.id / video).is_file()


def test_some_are_skipped_and_a_kept_scene_is_not_done(tmp_path):
    plan = prompts(tmp_path, "a\nb\n")
    engine = Engine(tmp_path)
    Leader(plan.items, tmp_path, engine, skip=[plan.items[0].name[:4]]).lead(CancelToken())
    assert engine.begun == [plan.items[1].id]
    assert "1 skipped" in table(tmp_path, plan)
    (tmp_path / plan.items[1].id / "manifest.json").write_text('{"stopped": {"stage": "motion"}}')
    assert runs.state_of(tmp_path, plan.items[1]).state == runs.STOPPED


def test_a_pair_that_goes_away_meanwhile_fails_alone(tmp_path):
    for name in "abc":
        (tmp_path / f"{name}.mp4").write_text(name)
    lines = [{"reference": "a.mp4", "freeze": "b.mp4"}, {"reference": "a.mp4", "freeze": "c.mp4"}]
    (tmp_path / "pairs.jsonl").write_text("\n".join(map(json.dumps, lines)))
    plan, out = read(tmp_path / "pairs.jsonl"), tmp_path / "out"
    (tmp_path / "b.mp4").unlink()
    engine = Engine(out)
    Leader(plan.items, out, engine).lead(CancelToken())
    assert engine.begun == [plan.items[1].id]
    assert (out / plan.items[1].id / "given" / "freeze.mp4").read_text() == "c"
    assert "b.mp4 is gone" in runs.state_of(out, plan.items[0]).why


def test_a_sweep_of_videos_is_stopped_and_goes_on(tmp_path, tiny_items, fourreal, monkeypatch):
    """With a real engine and real fits: in the middle of one the sweep is stopped, and the same command ends it."""
    write_videos(tmp_path)
    names = {"reference": "reference.mp4", "freeze": "freeze.mp4", "cameras": "cameras.json"}
    (tmp_path / "pairs.jsonl").write_text(json.dumps(names | {"prompt": "a ball"}))
    plan, out = read(tmp_path / "pairs.jsonl", {"presets": ["draft"]}), tmp_path / "out"
    runs.write_plan(out, plan)
    monkeypatch.setenv("TINY_STEPS", "4000")
    cancel, heard = CancelToken(), []

    def stop_in_the_fit() -> None:
        while not list(out.glob("*/*/work/*.checkpoint")):
            time.sleep(0.05)
        cancel.cancel()

    threading.Thread(target=stop_in_the_fit, daemon=True).start()
    with closing(LocalEngine()) as engine:
        leader = Leader(plan.items, out, engine, heard.append, module="sweep_child")
        with pytest.raises(Cancelled):
            leader.lead(cancel)
    assert runs.state_of(out, plan.items[0]).state == runs.STOPPED
    assert "1 stopped of 1" in table(out, plan)
    monkeypatch.setenv("TINY_STEPS", "20")
    monkeypatch.setattr("fourreal.sweep.leading.MODULE", "sweep_child")
    command = ["sweep", tmp_path / "pairs.jsonl", "--out", out, "--presets", "draft"]
    fourreal(*command)
    assert fourreal("sweep", "--status", out)[1] == "1 done of 1\n"
    made = (out / plan.items[0].id / "manifest.json").stat().st_mtime_ns
    fourreal(*command)
    assert (out / plan.items[0].id / "manifest.json").stat().st_mtime_ns == made
    assert (out / "prompts.csv").read_text().strip().endswith(",a ball")


def test_the_command_says_what_it_needs(tmp_path, fourreal, monkeypatch):
    for arguments, said in (
        ((), "Give the file"),
        (("--status", tmp_path), "holds no sweep"),
        (("a.txt", "--out", tmp_path), "cannot be read"),
        (("a.txt", "--status", tmp_path), "takes neither"),
    ):
        code, _, err = fourreal("sweep", *arguments)
        assert (code, said in err) == (2, True), err
    (tmp_path / "prompts.txt").write_text("a")
    monkeypatch.setenv("FOURREAL_ENGINE", "steam")
    code, _, err = fourreal("sweep", tmp_path / "prompts.txt", "--out", tmp_path / "out")
    assert (code, "no engine 'steam'" in err) == (2, True)


def test_workers_share_the_cores(monkeypatch):
    monkeypatch.setattr("fourreal.system.processors", lambda: 8)
    assert engines.slots(None, "cpu") == [{}]
    assert engines.slots(4, "cpu") == [dict.fromkeys(engines.THREADS, "2")] * 4
    cards = [{"kind": "cuda"}, {"kind": "cuda"}]
    monkeypatch.setattr("fourreal.jobs.devices.find", lambda: cards)
    monkeypatch.delenv("CUDA_VISIBLE_DEVICES", raising=False)
    assert [slot["CUDA_VISIBLE_DEVICES"] for slot in engines.slots(3, "auto")] == ["0", "1", "0"]


@pytest.mark.slow
def test_a_process_that_is_killed_is_broken_and_one_without_a_listener_ends(tmp_path, tiny_items):
    write_videos(tmp_path)
    engine = LocalEngine()
    question = {
        "prompt": "",
        "preset": "standard",
        "seed": 0,
        "without": [],
        "options": {"device": "cpu"},
        "files": {
            kind: f"{kind}.{end}" for kind, end in (("reference", "mp4"), ("freeze", "mp4"), ("cameras", "json"))
        },
    }
    ends = []
    for how in ("killed", "deserted"):
        engine.submit(Task(how, "sweep_child", question, tmp_path))
        process = engine._running[how].process
        while not (said := engine.hear(1.0)):
            pass
        assert said[0].event is not None
        if how == "killed":
            os.killpg(process.pid, signal.SIGKILL)
        else:
            process.stdin.close()
        while not ends or ends[-1].id != how:
            ends += [heard for heard in engine.hear(1.0) if heard.end]
    assert ends[0].end == BROKEN
    assert ends[1].end in (STOPPED, BROKEN)  # it had a few seconds for a checkpoint, which is little on a busy machine
    assert "memory" in ends[0].why
    engine.close()


@pytest.mark.slow
def test_prompts_become_scenes_and_ablations_take_the_same_videos(tmp_path, tiny_items):
    path, out = tmp_path / "grid.yaml", tmp_path / "out"
    path.write_text(
        "prompts: [a red ball bouncing]\nmodels: [mini]\npresets: [draft]\nablations: [freeze-time]\n"
        "options: {candidates: 1, steps: 2, windows: 0, arc: 120, device: cpu, distil: false}\n"
    )
    plan = read(path)
    runs.write_plan(out, plan)
    with closing(LocalEngine()) as engine:
        Leader(plan.items, out, engine, module="sweep_child").lead(CancelToken())
    assert table(out, plan).splitlines()[0] == "2 done of 2"
    whole, without = (out / item.id for item in plan.items)
    video = next(whole.glob("candidates/reference-*.mp4")).relative_to(whole)
    assert (whole / video).samefile(without / video)
    manifests = [json.loads((folder / "manifest.json").read_text()) for folder in (whole, without)]
    assert [manifest["options"]["without"] for manifest in manifests] == [[], ["freeze-time"]]
    assert manifests[0]["critic"] is None
