"""What is asked of the system, also where it is not Linux: macOS lacks some of it, which is taken away here."""

import os
import resource
import signal
import subprocess
import time

import pytest

from fourreal import system
from fourreal.video.memory import host_memory


@pytest.fixture
def mac(monkeypatch, tmp_path):
    """What of macOS can be had here: these are not there, and memory is counted otherwise."""
    for name in ("sched_getaffinity", "waitid"):
        monkeypatch.delattr(os, name)
    monkeypatch.setattr(system, "LINUX", False)
    monkeypatch.setattr(system, "PROC", tmp_path / "proc")


@pytest.mark.usefixtures("mac")
def test_on_a_mac_everything_has_an_answer(monkeypatch):
    assert system.processors() == os.cpu_count()
    assert system.free_memory() == system.memory() > 2**28
    assert 0 < host_memory() <= system.memory()
    monkeypatch.setattr(resource, "setrlimit", lambda which, limits: pytest.fail("no limit of memory is of use there"))
    system.limit_memory(2**30)
    system.first_to_go()
    system.adopt_orphans()
    system.end_children_but(set())


def test_memory_is_told_in_bytes_wherever_it_is_asked(monkeypatch):
    linux = system.peak_memory()
    assert 2**25 < linux < system.memory()
    monkeypatch.setattr(system, "LINUX", False)
    assert system.peak_memory() == pytest.approx(linux / 1024, rel=0.5)


@pytest.mark.parametrize("kind", ["linux", "mac"])
def test_a_child_is_seen_to_be_dead_and_then_buried_with_all_it_started(kind, request):
    if kind == "mac":
        request.getfixturevalue("mac")
    # the shell ends, and what it began goes on in its process group
    child = subprocess.Popen(
        ["sh", "-c", "sleep 60 & echo $!; read line"],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        start_new_session=True,
        text=True,
    )
    left = int(child.stdout.readline())
    assert not system.ended(child)
    child.stdin.close()
    while not system.ended(child):
        time.sleep(0.01)
    os.kill(left, 0)  # still there
    with os.fdopen(os.dup(child.stdout.fileno())) as output:
        code = system.bury(child)
        output.read()  # ends with the last who could write into it
    assert code in (1, -signal.SIGKILL)
    assert system.ended(child)
