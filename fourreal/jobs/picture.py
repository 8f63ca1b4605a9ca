"""The child that takes a picture in: decode whatever it is, write picture.jpg.

`python -m fourreal.jobs.picture`, asked by `asking.take_picture`, as nothing of an upload is decoded elsewhere.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from PIL import Image

from fourreal.clip.picture import read_picture
from fourreal.errors import UserError
from fourreal.jobs.children import answer


def work(question: Mapping[str, Any]) -> dict[str, Any]:
    path, folder = Path(question["path"]), Path(question["folder"])
    if not path.is_file() or path.is_symlink():
        raise UserError(f"{question['name']} is no file. Choose a picture.")
    try:
        pixels = read_picture(path, max_side=question["max_side"])
    except UserError as error:  # in the words of the person, who never saw our name for the file
        raise UserError(str(error).replace(path.name, question["name"])) from error
    Image.fromarray(pixels).save(folder / "picture.jpg", quality=95)
    return {"width": pixels.shape[1], "height": pixels.shape[0]}


if __name__ == "__main__":
    answer(work, reads=["path"], writes=["folder"])
