"""A run that takes no computing: what it does stands in its name. It keeps the store as the real runner does.

"quick": done at once. "held": done as soon as there is a file "release" in the data folder, or when asked to stop.
"deaf": hears nothing. "crash": dies. "crash once": dies the first time. "orphan": starts a process in a session of its
own, and dies.
"""

import argparse
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

from fourreal.jobs.claims import Claim
from fourreal.jobs.locks import alone
from fourreal.jobs.places import Places
from fourreal.jobs.store import Store
from fourreal.system import end_with_parent

parser = argparse.ArgumentParser()
parser.add_argument("--data", type=Path)
parser.add_argument("--claim", type=int)
parser.add_argument("run")
given = parser.parse_args()
places = Places(given.data)
store, claim = Store(places.store), Claim(given.run, given.claim)
end_with_parent()
notes = []
signal.signal(signal.SIGTERM, lambda *_: notes.append("pause"))
name = store.run(claim.run)["name"]
with alone(places.runner_lock(claim.run), 15.0) as ours:
    assert ours
    with open(given.data / "starts.txt", "a") as file:
        file.write(f"{os.getpid()} {claim.run}\n")
    if name == "deaf":
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        while True:
            time.sleep(1)
    if name == "orphan":
        code = "import time; time.sleep(600)"
        orphan = subprocess.Popen([sys.executable, "-c", code], start_new_session=True)
        (given.data / "orphan.txt").write_text(str(orphan.pid))
        os.kill(os.getpid(), signal.SIGKILL)
    if name == "crash" or (name == "crash once" and claim.number == 1):
        os.kill(os.getpid(), signal.SIGKILL)
    held = lambda: name == "held" and not (given.data / "release").exists()
    while held() and not notes:
        if store.claims.wanted(claim) != "go":
            notes.append("stop")
        time.sleep(0.05)
    if notes == ["pause"]:
        store.claims.interrupted(claim)
    else:
        store.claims.finish(claim, "stopped" if notes else "done")
