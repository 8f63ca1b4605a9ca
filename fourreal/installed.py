"""Where this package is: in a checkout, with what ships beside it, or installed, with that inside it."""

import os
import site
import sys
from pathlib import Path

PACKAGE = Path(__file__).parent
ROOT = PACKAGE.parent  # where Python finds the package
VIEWER = PACKAGE / "web" / "viewer" / "dist"  # what `npm run build` makes of the viewer
PARENT = "FOURREAL_PARENT"  # of a process that was started by `command`: the one that did
CHECKOUT = not (PACKAGE / "assets").is_dir()  # the wheel alone has them there, see pyproject.toml


def assets() -> Path:
    """The folder of what ships with the product: examples, the ready scene, weights."""
    return (ROOT if CHECKOUT else PACKAGE) / "assets"


def command(module: str) -> tuple[str, ...]:
    """What starts `module` in a process of its own.

    Not from the folder that it is started in: what lies there may have the names of modules.
    """
    return sys.executable, "-P", "-m", module


def environment() -> dict[str, str]:
    """This process's variables for its children, with the package on their path, and who started them.

    Where Python looks by itself it is not put on their path, which comes before Python's own modules.
    """
    theirs = [os.environ.get("PYTHONPATH")]
    if str(ROOT) not in {*site.getsitepackages(), site.getusersitepackages()}:
        theirs.insert(0, str(ROOT))
    paths = os.pathsep.join(filter(None, theirs))
    return {**os.environ, **({"PYTHONPATH": paths} if paths else {}), PARENT: str(os.getpid())}
