"""A folder of weights as diffusers saves them: whether it is whole, and how large it is."""

import hashlib
import json
from pathlib import Path

from fourreal.errors import UserError

INDEX = "model_index.json"
_LOOKS, _LOOK = 16, 64 * 1024
_LONGEST_HEADER = 100 * 1024**2  # of a safetensors file; more is no header


def components(folder: Path) -> dict[str, tuple[str, str]]:
    """What the folder says it consists of: library and class by the component's name.

    Raises UserError where it is no such folder.
    """
    try:
        index = json.loads((folder / INDEX).read_text(encoding="utf-8"))
        named = {name: tuple(value) for name, value in index.items() if isinstance(value, list) and len(value) == 2}
        return {name: value for name, value in named.items() if all(isinstance(word, str) for word in value)}
    except (FileNotFoundError, NotADirectoryError) as error:
        raise UserError(
            f"{folder.name} holds no {INDEX}, so it is no diffusers model. Give the folder that has this file."
        ) from error
    except (OSError, UnicodeDecodeError, ValueError, AttributeError) as error:
        raise UserError(f"The {INDEX} of {folder.name} cannot be read ({error}). Download the model again.") from error


def check_folder(folder: Path, expected: dict[str, str]) -> dict[str, int]:
    """Sizes of the components with weights, in bytes at two a parameter.

    expected: classes of components that must be the ones named, e.g. {"transformer": "WanTransformer3DModel"}.

    Raises UserError where something is missing, cut short or of another model.
    """
    parts, sizes = components(folder), {}
    for name, wanted in expected.items():
        there = parts.get(name, ("", "nothing"))[1]
        if there != wanted:
            raise UserError(
                f"{folder.name} holds another kind of model: its {name} is {there}, where {wanted} is needed. Give the "
                "folder of the model that was chosen, or choose the one that this folder is of."
            )
    for name in parts:
        part = folder / name
        if not part.is_dir() or not any(part.iterdir()):
            raise _incomplete(folder, f"its {name} is missing")
        if (part / "config.json").exists():
            sizes[name] = sum(2 * _parameters(folder, file) for file in _weight_files(folder, part))
    return sizes


def fingerprint(folder: Path) -> str:
    """Tells weights apart, wherever they lie: by the names and sizes of their files, and a look into each."""
    digest = hashlib.sha256()
    for file in sorted(folder.glob("*/*.safetensors")):
        size = file.stat().st_size
        digest.update(f"{file.relative_to(folder).as_posix()} {size}\n".encode())
        with file.open("rb") as stream:
            for at in range(0, size, max(size // _LOOKS, _LOOK)):
                stream.seek(at)
                digest.update(stream.read(_LOOK))
    return digest.hexdigest()[:16]


def _weight_files(folder: Path, part: Path) -> list[Path]:
    indices = sorted(part.glob("*.safetensors.index.json"))
    if indices:
        try:
            names = set(json.loads(indices[0].read_text(encoding="utf-8"))["weight_map"].values())
        except (OSError, ValueError, KeyError, AttributeError) as error:
            raise _incomplete(folder, f"{part.name}/{indices[0].name} is damaged") from error
        return [part / Path(name).name for name in sorted(names)]
    files = sorted(part.glob("*.safetensors"))
    if not files:
        raise _incomplete(folder, f"its {part.name} has no weights (*.safetensors)")
    return files


def _parameters(folder: Path, file: Path) -> int:
    """Numbers in a safetensors file that is all there."""
    try:
        with file.open("rb") as stream:
            length = int.from_bytes(stream.read(8), "little")
            if length > _LONGEST_HEADER:
                raise ValueError("no safetensors header")
            tensors = {key: value for key, value in json.loads(stream.read(length)).items() if key != "__metadata__"}
        end = max((tensor["data_offsets"][1] for tensor in tensors.values()), default=0)
    except FileNotFoundError as error:
        raise _incomplete(folder, f"{file.parent.name}/{file.name} is missing") from error
    except (OSError, ValueError, KeyError, TypeError, AttributeError) as error:
        raise _incomplete(folder, f"{file.parent.name}/{file.name} is damaged") from error
    if file.stat().st_size != 8 + length + end:
        raise _incomplete(folder, f"{file.parent.name}/{file.name} is cut short")
    total = 0
    for tensor in tensors.values():
        count = 1
        for side in tensor["shape"]:
            count *= side
        total += count
    return total


def _incomplete(folder: Path, what: str) -> UserError:
    return UserError(
        f"The weights in {folder.name} are not whole: {what}. Start the download again; what is there already is kept."
    )
