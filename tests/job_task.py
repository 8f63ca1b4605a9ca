"""A run of the page on a node in the tests: the real thing, with presets that take seconds instead of minutes.

Started as a module by its name, so this folder has to be on PYTHONPATH.
"""

import os
import sys

from page_child import tiny

from fourreal.fit import loop
from fourreal.jobs import task

if __name__ == "__main__":
    loop.CHECKPOINT_SECONDS = 1.0
    sys.exit(task.main(presets=tiny(int(os.environ.get("TINY_STEPS", "20")))))
