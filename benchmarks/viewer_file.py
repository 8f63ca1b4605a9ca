"""What the viewer's file keeps of a scene, and what it costs: one JSON object.

    python -m benchmarks.viewer_file assets/scenes/fox_yard assets/examples/fox_yard/cameras.json

Pictures of the file are compared with pictures of the bundle, both drawn by the CPU rasterizer, at the views of the
cameras file and at its size.
"""

import argparse
import json
import time
from pathlib import Path

import torch

from fourreal.camera import cameras_file
from fourreal.evaluate.metrics import psnr
from fourreal.scene import bundle
from fourreal.scene.r4d import r4d_bytes, read_r4d
from fourreal.scene.views import draw, into_scene, moved


def measure(run: Path, cameras: Path) -> dict:
    scene, given = bundle.load(run), cameras_file.read(cameras)
    r4d_bytes(scene)  # whatever is loaded or compiled the first time
    sizes, seconds = {}, {}
    for level in (1, 6, 9):
        begin = time.perf_counter()
        content = r4d_bytes(scene, level=level)
        seconds[f"write, gzip {level}"] = round(time.perf_counter() - begin, 3)
        sizes[f"gzip {level}"] = len(content)
    begin = time.perf_counter()
    file = read_r4d(content)
    seconds["read"] = round(time.perf_counter() - begin, 3)
    values = []
    for view in moved(given.views, into_scene(given, scene)):
        pictures = draw(scene, view.camera, view.time), file.draw(scene.inward(view.camera), view.time)
        values.append(psnr(*(torch.from_numpy(picture).float() / 255 for picture in pictures)))
    counts = {key: file.header[key] for key in ("splats", "moving", "frames")}
    return counts | {"bytes": sizes, "seconds": seconds, "psnr": [round(min(values), 2), round(max(values), 2)]}


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__.split("\n\n")[0])
    parser.add_argument("run", type=Path, metavar="RUN", help="folder of a finished scene")
    parser.add_argument("cameras", type=Path, metavar="JSON", help="cameras.json with `views` or `heldout`")
    arguments = parser.parse_args()
    print(json.dumps(measure(arguments.run, arguments.cameras), indent=2))
