"""The package: what the wheel holds, what it needs, what its commands are, and what `import fourreal` offers."""

import os
import re
import subprocess
import sys
import tomllib
import zipfile
from pathlib import Path

import pytest
from fit_samples import SIZE, STAGE_ONE, STAGE_TWO, write_videos
from hatchling.builders.wheel import WheelBuilder
from packaging.requirements import Requirement
from packaging.utils import canonicalize_name
from scene_samples import some_scene
from test_imports import ROOMS

import fourreal as product
from fourreal import api, installed, settings
from fourreal.errors import UserError
from fourreal.web.__main__ import main as serve

ROOT = Path(__file__).parents[1]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]


def test_the_wheel_holds_what_ships():
    files = {file.distribution_path for file in WheelBuilder(str(ROOT)).recurse_included_files()}
    shipped = {f"fourreal/{path.relative_to(ROOT)}" for path in (ROOT / "assets").rglob("*") if path.is_file()}
    assert shipped - files == {"fourreal/assets/examples/fox_yard/freeze_noisy.mp4"}
    sources = [path.relative_to(ROOT) for path in (ROOT / "fourreal").rglob("*.py")]
    code = {str(path) for path in sources if "node_modules" not in path.parts}
    scripts = {f"{name}.js" for name in ("stage", "page", "choice", "choice_clock", "choice_keys", "choice_pane")}
    page = scripts | {"page.css", "around.css", "choice.css", "icon.png", "ready.jpg"}
    templates = {str(path.relative_to(ROOT)) for path in (ROOT / "fourreal/web/templates").glob("*.html")}
    others = files - code - shipped - templates - {f"fourreal/web/static/{name}" for name in page}
    pages = {f"fourreal/{page}.{kind}" for page in ("study/raters", "report/report") for kind in ("html", "css", "js")}
    pages |= {"fourreal/study/colours.css"}
    assert others == pages | {"fourreal/web/viewer/dist/viewer.js", "fourreal/web/viewer/dist/LICENSES.txt"}
    assert code | templates <= files


ELSEWHERE = """
from fourreal import installed
from fourreal.jobs import devices, examples
from fourreal.video import registry
from fourreal.jobs.ready import first
from fourreal.web.routes import WEB
print(installed.CHECKOUT, first().viewer.is_file(), (WEB / "viewer" / "dist" / "viewer.js").is_file())
print(*(example.name for example in examples.examples()), devices.find()[0]["kind"], registry.here("mini").name)
"""


@pytest.mark.slow
def test_the_wheel_works_without_the_checkout(tmp_path):
    """Unpacked, not installed: what it needs is here already."""
    (built,) = WheelBuilder(str(ROOT)).build(directory=str(tmp_path), versions=["standard"])
    with zipfile.ZipFile(built) as wheel:
        wheel.extractall(tmp_path / "packages")
    (tmp_path / "empty").mkdir()
    run = subprocess.run(
        [sys.executable, "-P", "-c", ELSEWHERE],
        capture_output=True,
        text=True,
        cwd=tmp_path / "empty",
        env=os.environ | {"PYTHONPATH": str(tmp_path / "packages"), "CUDA_VISIBLE_DEVICES": ""},
    )
    assert run.stdout.splitlines() == ["False True True", "fox_yard robot_dance cpu mini"], run.stderr
    assert not any((tmp_path / "empty").iterdir())


@pytest.mark.parametrize(
    ("file", "ranges"),
    [("requirements.txt", PROJECT["dependencies"]), ("requirements-dev.txt", PROJECT["optional-dependencies"]["dev"])],
)
def test_what_was_tested_is_within_what_the_package_asks_for(file, ranges):
    pins = [Requirement(line) for line in (ROOT / file).read_text().splitlines() if line[:1] not in "#"]
    pinned = {canonicalize_name(pin.name): next(iter(pin.specifier)) for pin in pins}
    ranges = {canonicalize_name(one.name): one.specifier for one in map(Requirement, ranges)}
    assert set(pinned) == set(ranges)
    for name, pin in pinned.items():
        assert pin.operator == "=="
        assert ranges[name].contains(pin.version), name


@pytest.mark.parametrize("name", PROJECT["scripts"])
def test_a_command_answers_at_once(name):
    module, _, function = PROJECT["scripts"][name].partition(":")
    code = f"import sys; from {module} import {function} as main; sys.argv = [{name!r}, '--version']; main()"
    ended = "import atexit; atexit.register(lambda: print(*sys.modules)); "
    run = subprocess.run([sys.executable, "-c", f"import sys; {ended}{code}"], capture_output=True, text=True, cwd=ROOT)
    said, loaded = run.stdout.splitlines()
    assert said == f"fourreal {product.__version__}"
    assert {"torch", "gradio", "uvicorn", "numba"} & set(loaded.split()) == set()


def test_a_page_that_can_keep_nothing_says_so(tmp_path, capsys):
    (tmp_path / "file").write_text("in the way")
    assert serve(["--data", str(tmp_path / "file" / "runs")]) == 2
    assert "Choose another folder with --data." in capsys.readouterr().err


def test_the_root_offers_what_the_api_has_and_loads_it_late():
    assert sorted(product.__all__) == sorted(api.__all__) == [name for name in dir(product) if name in api.__all__]
    assert product.reconstruct is api.reconstruct
    with pytest.raises(AttributeError, match="magic"):
        product.magic  # noqa: B018


def test_a_child_is_not_told_where_python_looks_by_itself(monkeypatch):
    monkeypatch.setenv("PYTHONPATH", "elsewhere")
    assert installed.environment()["PYTHONPATH"] == f"{ROOT}{os.pathsep}elsewhere"
    monkeypatch.setattr(installed.site, "getsitepackages", lambda: [str(ROOT)])
    assert installed.environment()["PYTHONPATH"] == "elsewhere"
    monkeypatch.delenv("PYTHONPATH")
    assert "PYTHONPATH" not in installed.environment()


def test_a_child_is_not_led_astray_by_the_folder_it_starts_in(tmp_path):
    (tmp_path / "json.py").write_text("raise SystemExit('taken from the folder')")
    command = [*installed.command("fourreal"), "--version"]
    run = subprocess.run(command, capture_output=True, text=True, cwd=tmp_path, env=installed.environment())
    assert run.stdout == f"fourreal {product.__version__}\n", run.stderr


@pytest.mark.parametrize("document", ["README.md", "docs/python.md"])
def test_the_documented_example_runs(document, tmp_path, monkeypatch):
    """Its preset a tiny one, and its cameras known, as its videos are too small to find any."""
    write_videos(tmp_path)
    monkeypatch.chdir(tmp_path)
    tiny = settings.Preset("draft", SIZE[0] * SIZE[1], 40, 32, STAGE_ONE, STAGE_TWO)
    monkeypatch.setitem(settings.PRESETS, "draft", tiny)
    example = re.search(r"```python\n(.*?)```", (ROOT / document).read_text(), re.DOTALL).group(1)
    run = '"reference.mp4", "freeze.mp4", "runs/mine"'
    assert run in example
    exec(example.replace(run, f'{run}, cameras="cameras.json", device="cpu"'), {})
    made = re.findall(r'(?:export|save)\("(\S+)"', example)
    assert "mine.mp4" in made
    assert all((tmp_path / name).stat().st_size > 100 for name in made)


def test_what_cannot_be_exported_is_said():
    scene = some_scene()
    with pytest.raises(UserError, match=r"say which of ply, splat"):
        scene.export("mine.zip")
    with pytest.raises(UserError, match="for mp4"):
        scene.export("mine.r4d", trajectory="orbit")
    with pytest.raises(UserError, match="choose one of"):
        scene.export("mine.obj", "obj")


def test_what_contributing_names_is_there():
    text = (ROOT / "CONTRIBUTING.md").read_text()
    rooms = re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE)
    assert set(re.findall(r"`(\w+)`", " ".join(rooms))) == set(ROOMS)
    places = [ROOT, ROOT / "fourreal", ROOT / "tests"]
    for name in re.findall(r"`([\w/]+\.(?:py|md|txt|toml))`", text):
        assert any((place / name).is_file() for place in places), name
    for module, name in re.findall(r"`(\w+/\w+)\.(?!py`|md`)(\w+)`", text):
        assert re.search(rf"\b{name}\b", (ROOT / "fourreal" / f"{module}.py").read_text()), f"{module}.{name}"
