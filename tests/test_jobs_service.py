"""The service: what a person may do, that nobody else can, and that no name leads anywhere but where it should."""

import json
import subprocess
import sys
import threading
from dataclasses import replace

import pytest
from job_samples import ANNA, queue

from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs import runs
from fourreal.jobs.children import environment
from fourreal.jobs.service import Service

pytest_plugins = ["service_fixtures"]


LIGHT = """
import sys
from pathlib import Path
from fourreal.description import Wishes
from fourreal.jobs.service import Service
from fourreal.jobs.supervisor import Supervisor
from fourreal.description import Options
service = Service(Path(sys.argv[1]))
owner = service.owner("x" * 20)
reference, freeze = service.library.add_example(owner, service.library.examples()[0].name)
assert service.inspections.check(owner, reference.id, freeze.id).ok
cameras = Path("assets/examples/fox_yard/cameras.json")
assert service.library.add_cameras(owner, reference.id, freeze.id, cameras) == freeze.frames
service.runs.estimate(owner, reference.id, freeze.id, Options())
run = service.runs.submit(owner, reference.id, freeze.id, Options())
service.runs.all(owner), service.jobs.journal(owner, run.id)
service.jobs.cancel(owner, run.id), service.jobs.delete(owner, run.id)
print(*sorted({name.split(".")[0] for name in sys.modules}))
"""


def test_the_page_loads_neither_torch_nor_a_decoder_through_it(tmp_path):
    command = [sys.executable, "-c", LIGHT, str(tmp_path / "data")]
    said = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment(), timeout=300)
    assert said.returncode == 0, said.stderr
    loaded = set(said.stdout.split())
    assert "sqlite3" in loaded
    assert not loaded & {"torch", "numba", "av", "gradio", "scipy"}


def test_a_run_waits_with_copies_of_its_videos(service, videos):
    run = service.runs.submit(ANNA, *videos, Options(preset="draft", seed=3), "  My \n scene\u202e ")
    assert (run.name, run.state, run.place, run.has_scene, run.progress) == ("My scene", "queued", 0, False, {})
    assert run.options == Options(preset="draft", seed=3)
    assert service.runs.submit(ANNA, *videos, Options()).place == 1
    folder = service.workspace.places.run(run.id)
    content = (folder / "inputs" / "reference.mp4").read_bytes()
    for video in videos:
        service.library.delete_video(ANNA, video)
    assert (folder / "inputs" / "reference.mp4").read_bytes() == content
    assert service.jobs.file(ANNA, run.id, "inputs/freeze.mp4").is_file()
    again = service.runs.duplicate(ANNA, run.id, Options(preset="draft", seed=4))
    assert (service.workspace.places.run(again.id) / "inputs" / "reference.mp4").read_bytes() == content
    assert again.name == "My scene again"
    service.runs.rename(ANNA, run.id, "<b>other</b>")
    assert [one.name for one in service.runs.all(ANNA)] == ["My scene again", "one", "<b>other</b>"]


def test_an_example_brings_its_cameras_even_for_a_part_of_it(service):
    reference, freeze = service.library.add_example(ANNA, "fox_yard")
    assert (reference.frames, freeze.frames) == (24, 33)
    shipped = json.loads((ROOT / "assets" / "examples" / "fox_yard" / "cameras.json").read_text())
    cameras_of = lambda run: json.loads((service.workspace.places.run(run.id) / "inputs" / "cameras.json").read_text())
    whole = service.runs.submit(ANNA, reference.id, freeze.id, Options())
    assert cameras_of(whole)["freeze"] == [{**entry} for entry in shipped["freeze"]]
    assert cameras_of(whole)["canonical_index"] == shipped["canonical_index"]
    assert whole.example == "fox_yard"
    part = service.library.trim(ANNA, freeze.id, 4, 30)
    early = service.library.trim(ANNA, reference.id, 0, 8)
    cut = service.runs.submit(ANNA, early.id, part.id, Options())
    assert [entry["w2c"] for entry in cameras_of(cut)["freeze"]] == [e["w2c"] for e in shipped["freeze"][4:31]]
    assert cameras_of(cut)["freeze_reference_index"] == shipped["freeze_reference_index"] - 4
    assert "canonical_index" not in cameras_of(cut)  # that moment is cut away
    assert cut.example is None
    mixed = service.runs.submit(ANNA, freeze.id, reference.id, Options())
    assert not (service.workspace.places.run(mixed.id) / "inputs" / "cameras.json").exists()
    with pytest.raises(UserError, match="fox_yard"):
        service.library.add_example(ANNA, "../../etc")


def test_a_cap_of_waiting_runs_and_a_sentence_about_it(service, videos):
    service.workspace.limits = replace(service.workspace.limits, queued_per_person=2)
    runs = [service.runs.submit(ANNA, *videos, Options()) for _ in range(2)]
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.runs.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="2 jobs waiting"):
        service.runs.duplicate(ANNA, runs[0].id, Options())
    assert {folder.name for folder in service.workspace.places.runs.iterdir()} == {run.id for run in runs}
    service.jobs.cancel(ANNA, runs[0].id)
    service.runs.submit(ANNA, *videos, Options())
    with pytest.raises(UserError, match="waiting"):
        service.runs.resume(ANNA, runs[0].id)
    service.jobs.cancel(ANNA, runs[1].id)
    service.runs.resume(ANNA, runs[0].id)
    assert service.runs.get(ANNA, runs[0].id).state == "queued"


def test_options_are_checked_wherever_they_come_from(service, videos):
    for values, says in (
        ({"preset": "huge"}, "preset"),
        ({"device": "tpu"}, "device"),
        ({"without": ["everything"]}, "leave out"),
        ({"deformation": "rubber"}, "deformation"),
        ({"seed": -1}, "seed"),
        ({"seed": 1.5}, "seed"),
        ({"seed": True}, "seed"),
        ({"nonsense": 1}, "nonsense"),
        ({"without": [3]}, "names"),
        ({"canonical_frame": -1}, "Frames"),
        ({"critic": "sora"}, "critic"),
        ({"strength": 0}, "strength of 0"),
        ({"strength": 10.5}, "strength of 10.5"),
        ({"strength": float("nan")}, "strength of nan"),
        ({"strength": "much"}, "strength"),
        ({"distillation_steps": 0}, "0 distillation"),
        ({"distillation_steps": 20_001}, "20001 distillation"),
        ({"distillation_steps": 2.5}, "distillation_steps"),
        ({"use_cameras": "no"}, "use_cameras"),
    ):
        with pytest.raises(UserError, match=says):
            Options.from_dict(values)
    options = Options(
        preset="paper",
        without=("growth", "exposure"),
        canonical_frame=2,
        critic="ltx-video",
        strength=2.5,
        distillation_steps=40,
    )
    assert Options.from_dict(json.loads(json.dumps(options.as_dict()))) == options
    with pytest.raises(UserError, match="0 to 7"):
        service.runs.submit(ANNA, *videos, Options(canonical_frame=8))
    with pytest.raises(UserError, match="CUDA"):
        service.runs.submit(ANNA, *videos, Options(device="cuda"))
    assert service.runs.all(ANNA) == []


def test_a_disk_that_fills_up_leaves_no_half_run(service, videos, monkeypatch):
    def full(*_):
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr("fourreal.jobs.runs.link", full)
        with pytest.raises(UserError, match="space"):
            service.runs.submit(ANNA, *videos, Options())
    assert list(service.workspace.places.runs.iterdir()) == []
    assert service.runs.all(ANNA) == []
    assert service.runs.submit(ANNA, *videos, Options()).state == "queued"


def test_many_people_at_once(service, videos):
    """Threads of a page: nobody gets an error, and each sees their own."""
    errors, seen = [], {}

    def visit(number: int) -> None:
        owner = Service.owner(f"visitor number {number:08d}")
        try:
            runs = [queue(service.workspace.store, owner, f"{number}") for _ in range(3)]
            for _ in range(10):
                assert {run.name for run in service.runs.all(owner)} == {str(number)}
            service.jobs.cancel(owner, runs[0])
            seen[number] = [run.state for run in service.runs.all(owner)]
        except Exception as error:
            errors.append(error)

    threads = [threading.Thread(target=visit, args=(number,)) for number in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert errors == []
    assert list(seen.values()) == [["queued", "queued", "stopped"]] * 16


@pytest.mark.parametrize(
    ("video", "name"),
    [("a red ball (reference 4)", "a red ball"), ("My scene (reference)", "My scene"), ("fox (2).mp4", "fox (2)")],
)
def test_a_scene_is_called_as_its_video_without_what_told_that_from_others(video, name):
    assert runs._default_name({"name": video}) == name
