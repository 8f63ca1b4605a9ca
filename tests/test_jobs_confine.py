"""What a child that looks at a stranger's file cannot do, each on a kernel that has it; and what it still must."""

import sys
from pathlib import Path

import pytest
from job_samples import PATIENCE
from web_samples import free_port

from fourreal.jobs.children import ask
from fourreal.jobs.confine import KEPT_CAPABILITIES, confine, without_secrets

REFUSED = {
    "files": (
        "read the store",
        "list the data",
        "read a key of the user",
        "read another process's variables",
        "change the input",
        "write outside",
        "remove outside",
        "change the code",
    ),
    "tcp": ("reach a machine",),
    "signals": ("end its parent",),
    "calls": ("open a socket", "open a unix socket", "start a program", "become a program", "look into its parent"),
}
NEEDED = (
    "read the input",
    "write the output",
    "import a module",
    "load a library",
    "write to the null device",
    "end itself",
)


@pytest.fixture(scope="module")
def child(tmp_path_factory):
    """What a child answered that tried all of it."""
    place = tmp_path_factory.mktemp("confined")
    data, home = place / "data", place / "home"
    upload, folder = data / "uploads" / "0" / "a.mp4", data / "videos" / ".new-0"
    for path in (data / "store.sqlite", home / "key", upload):
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text("x")
    folder.mkdir(parents=True)
    places = {"path": upload, "folder": folder, "data": data, "home": home}
    question = {name: str(path) for name, path in places.items()} | {"port": free_port()}
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("PYTHONPATH", str(Path(__file__).parent))
        patch.setenv("HF_TOKEN", "secret")
        answer = ask("job_confined", question, PATIENCE, 2**33)
    assert (data / "store.sqlite").exists() or "files" not in answer["force"]
    return answer


@pytest.mark.parametrize(("kind", "step"), [(kind, step) for kind, steps in REFUSED.items() for step in steps])
def test_what_is_given_up_cannot_be_done(child, kind, step):
    if kind not in child["force"]:
        pytest.skip(f"this kernel does not confine {kind}")
    assert child["outcomes"][step] == "PermissionError"


@pytest.mark.parametrize("step", NEEDED)
def test_what_is_needed_can_be_done(child, step):
    assert child["outcomes"][step] == ""


def test_no_program_gives_it_more_rights(child):
    if not {"privileges", "capabilities"} <= set(child["force"]):
        pytest.skip("this kernel keeps rights")
    assert child["status"]["NoNewPrivs"] == "1"
    assert int(child["status"]["CapEff"], 16) & ~KEPT_CAPABILITIES == 0


def test_it_is_told_no_secrets(child):
    assert "secret" not in child["environment"].values()
    assert "PYTHONPATH" in child["environment"]
    assert without_secrets({"My_Api_Key": "x", "CUDA_VISIBLE_DEVICES": "0", "DB_PASSWORD": "y"}) == {
        "CUDA_VISIBLE_DEVICES": "0"
    }


def test_linux_has_some_of_it(child):
    assert "privileges" in child["force"] or sys.platform != "linux"


def test_elsewhere_nothing_is_tried(monkeypatch):
    monkeypatch.setattr(sys, "platform", "darwin")
    assert confine(["/nowhere"], []) == frozenset()
