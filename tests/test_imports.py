"""The house has floors: a room knows itself and the rooms below it, never one above. See `ROOMS`."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

import fourreal

PACKAGE = Path(__file__).parents[1] / "fourreal"

# Top to bottom. `__main__` is the command line's front door.
ROOMS = [
    "web",
    "__main__",
    "cli",
    "sweep",
    "jobs",
    "engine",
    "report",
    "judge",
    "study",
    "api",
    "pipeline",
    "evaluate",
    "scene",
    "fit",
    "description",
    "video",
    "splat",
    "camera",
    "clip",
    "settings",
    "progress",
    "device",
    "jpeg",
    "whole",
    "errors",
    "system",
    "installed",
]

# torchvision: a broken one stops text encoders from importing, and nothing here needs it. The others run code on load.
FORBIDDEN = {"torchvision", "pickle", "cPickle", "cloudpickle", "dill"}

# What only a job may load; a command line that loads it takes seconds to print its help.
HEAVY = {"diffusers", "transformers", "accelerate", "gradio", "torchvision"}


def imported(file: Path, package: Path) -> set[tuple[str, int]]:
    """Every (dotted module, line) that a file imports, at its top or inside a function, relative ones resolved.

    `from a import b` yields "a.b", as b may be a module.
    """
    parents = (package.name, *file.relative_to(package).parts[:-1])
    modules = set()
    for node in ast.walk(ast.parse(file.read_text(encoding="utf-8"), str(file))):
        if isinstance(node, ast.Import):
            modules |= {(alias.name, node.lineno) for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            base = parents[: len(parents) - node.level + 1] if node.level else ()
            base += (node.module,) if node.module else ()
            modules |= {(".".join((*base, alias.name)), node.lineno) for alias in node.names}
    return modules


def complaints(package: Path) -> list[str]:
    """One line for each import that the house rules forbid, in a package laid out like `fourreal`."""
    out = []
    for file in sorted(package.rglob("*.py")):
        where = file.relative_to(package)
        room = where.parts[0].removesuffix(".py")
        at_root = room == "__init__"  # the package's own face lies below everything: importing any room drags it in
        if not at_root and room not in ROOMS:
            out.append(f"{where}: the room {room!r} is not in ROOMS")
            continue
        for module, line in sorted(imported(file, package), key=lambda place: place[1]):
            top, _, rest = module.partition(".")
            target = rest.split(".")[0]
            target = "api" if target in fourreal.__all__ else target  # the root has them from there
            if top in FORBIDDEN:
                out.append(f"{where}:{line} imports {top}")
            elif top == package.name and (target in ROOMS and (at_root or ROOMS.index(target) < ROOMS.index(room))):
                out.append(f"{where}:{line} reaches up to {target}")
    return out


def test_imports_go_downward_only():
    assert complaints(PACKAGE) == []


def test_the_product_knows_nothing_of_research():
    modules = {module for file in PACKAGE.rglob("*.py") for module, _ in imported(file, PACKAGE)}
    assert not any(module.split(".")[0] in ("research", "benchmarks", "tests") for module in modules)


@pytest.mark.parametrize(
    ("file", "source", "complaint"),
    [
        ("clip.py", "from fourreal.fit import loop", "clip.py:1 reaches up to fit"),
        ("clip.py", "from fourreal import errors, web", "clip.py:1 reaches up to web"),
        ("camera/sfm.py", "import os\nimport fourreal.splat.deform", "camera/sfm.py:2 reaches up to splat"),
        ("camera/sfm.py", "def late():\n    from ..scene import bundle", "camera/sfm.py:2 reaches up to scene"),
        ("video/models/tiny.py", "from ...jobs.store import Store", "video/models/tiny.py:1 reaches up to jobs"),
        ("cli.py", "from . import web", "cli.py:1 reaches up to web"),
        ("__init__.py", "from .errors import UserError", "__init__.py:1 reaches up to errors"),
        ("clip.py", "from fourreal import load", "clip.py:1 reaches up to api"),
        ("fit/loop.py", "import pickle", "fit/loop.py:1 imports pickle"),
        ("fit/loop.py", "from torchvision.transforms import Resize", "fit/loop.py:1 imports torchvision"),
        ("attic/old.py", "", "attic/old.py: the room 'attic' is not in ROOMS"),
    ],
)
def test_a_breach_is_named_with_its_line(tmp_path, file, source, complaint):
    path = tmp_path / "fourreal" / file
    path.parent.mkdir(parents=True)
    path.write_text(source)
    assert complaints(tmp_path / "fourreal") == [complaint]


def test_rooms_below_and_the_room_itself_are_welcome(tmp_path):
    for file, source in {
        "camera/sfm.py": "from fourreal.clip import Clip\nfrom .cameras import Cameras\nfrom ..errors import UserError",
        "camera/__init__.py": "from . import sfm\nfrom fourreal import __version__",
        "web/page.py": "import torch\nimport fourreal\nfrom fourreal import jobs",
        "__main__.py": "from fourreal.cli import main",
    }.items():
        path = tmp_path / "fourreal" / file
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_text(source)
    assert complaints(tmp_path / "fourreal") == []


def test_the_command_line_loads_no_model_library():
    code = "import sys, fourreal.cli; print(*{name.split('.')[0] for name in sys.modules})"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, cwd=PACKAGE.parent)
    assert run.returncode == 0, run.stderr
    assert HEAVY & set(run.stdout.split()) == set()


@pytest.mark.parametrize(("before", "after"), [({}, "passive"), ({"OMP_WAIT_POLICY": "active"}, "active")])
def test_torch_is_told_to_let_its_threads_sleep_unless_somebody_said_otherwise(before, after):
    others = {name: value for name, value in os.environ.items() if name != "OMP_WAIT_POLICY"}
    program = "import sys, fourreal; assert 'torch' not in sys.modules; import os; print(os.environ['OMP_WAIT_POLICY'])"
    command = [sys.executable, "-c", program]
    child = subprocess.run(command, env=others | before, cwd=PACKAGE.parent, capture_output=True, text=True)
    assert child.stdout.strip() == after, child.stderr
