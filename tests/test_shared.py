"""What all processes of a run of the tests share is started once, and ends with the run however that ends."""

import subprocess
import sys
from pathlib import Path

import shared
from job_samples import gone

HERE = Path(__file__).parent
SLEEP = (sys.executable, "-I", "-S", "-c", "import os, time; print(os.getpid(), flush=True); time.sleep(600)")


def test_a_thing_is_started_once_and_ends_with_its_keeper(monkeypatch):
    monkeypatch.setenv(shared.PLACE, "")  # put back afterwards
    end = shared.keep()
    try:
        folder = shared.folder()
        first = shared.started("sleeper", SLEEP, number=1)
        again = shared.started("sleeper", SLEEP, number=2)
        other = shared.started("other", SLEEP)
        assert first == again == {"number": 1, "log": str(folder / "sleeper.log")}
        pids = [shared.wait(lambda log=log: Path(log).read_text(), "it runs") for log in (first["log"], other["log"])]
        assert len(pids[0].split()) == 1
    finally:
        end()
    assert all(gone(int(pid)) for pid in pids)
    assert not folder.exists()


def test_nothing_stays_where_the_tests_are_killed():
    code = f"""if True:
        import os, signal, shared
        shared.keep()
        log = shared.started("sleeper", {SLEEP!r})["log"]
        print(shared.folder(), shared.wait(lambda: open(log).read(), "it runs"), flush=True)
        os.kill(os.getpid(), signal.SIGKILL)
    """
    killed = subprocess.run([sys.executable, "-S", "-c", code], capture_output=True, text=True, cwd=HERE)
    folder, pid = killed.stdout.split()
    shared.wait(lambda: gone(int(pid)) and not Path(folder).exists(), "all of it ends")
