"""An item of a sweep in the tests: the real thing, with presets that take seconds instead of minutes.

Started as a module by its name, so this folder has to be on PYTHONPATH.
"""

import os
import sys

from page_child import tiny

from fourreal.fit import loop
from fourreal.sweep import child

if __name__ == "__main__":
    loop.CHECKPOINT_SECONDS = 1.0
    sys.exit(child.main(presets=tiny(int(os.environ.get("TINY_STEPS", "20")))))
