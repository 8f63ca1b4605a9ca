"""A task that loads something, as a model is loaded: says by which process it was done, and how often that loaded.

question: {"wait": seconds}, {"die": True}, {"full": True} for a full disk, or {}. Started as a module by its name, so
this folder has to be on PYTHONPATH.
"""

import errno
import os
import signal
import sys
import time

from fourreal.engine.child import serve

loaded: list[int] = []


def work(folder, question, voice, cancel) -> None:
    if not loaded:
        loaded.append(os.getpid())
    voice.say({"pid": os.getpid(), "parent": os.getppid(), "loaded": len(loaded)})
    print("printed", flush=True)
    if question.get("die"):
        os.kill(os.getpid(), signal.SIGKILL)
    if question.get("full"):
        raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
    end = time.monotonic() + question.get("wait", 0.0)
    while time.monotonic() < end:
        cancel.check()
        time.sleep(0.02)


if __name__ == "__main__":
    sys.exit(serve(work))
