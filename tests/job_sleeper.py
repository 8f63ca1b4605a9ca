"""A child for `children.ask` that does what it is told."""

import os
import time
from pathlib import Path

from fourreal.jobs.children import answer


def work(question: dict) -> dict:
    if "folder" in question:
        (Path(question["folder"]) / "pid.txt").write_text(str(os.getpid()))
    if "die" in question:
        os.abort()
    if "eat" in question:
        return {"eaten": len(bytes(2**31))}
    if "babble" in question:
        print("libraries print what they like")
        return {"said": True}
    time.sleep(600)
    return {}


if __name__ == "__main__":
    answer(work)
