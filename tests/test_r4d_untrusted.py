"""A viewer file from anybody: what is not whole is refused with a word on what to do, and never fills the memory."""

import json
import random
import tracemalloc
import zlib
from copy import deepcopy

import numpy as np
import pytest
import torch
from scene_samples import some_scene

from fourreal.errors import UserError
from fourreal.scene.r4d import R4D, r4d_bytes, read_r4d


def pack(inside: bytes, level: int = 6) -> bytes:
    packer = zlib.compressobj(level, wbits=31)
    return packer.compress(inside) + packer.flush()


def assemble(header: object, arrays: bytes) -> bytes:
    text = (header if isinstance(header, str) else json.dumps(header)).encode(errors="surrogatepass")
    return pack(b"R4D1" + len(text).to_bytes(4, "little") + text + arrays)


def parts() -> tuple[dict, bytes]:
    """Header and arrays of a good file."""
    inside = zlib.decompress(r4d_bytes(some_scene()), 31)
    length = int.from_bytes(inside[4:8], "little")
    return json.loads(inside[8 : 8 + length]), inside[8 + length :]


HEADER, ARRAYS = parts()


def changed(*path, to) -> dict:
    """The header with one value changed, or taken out."""
    header = deepcopy(HEADER)
    at = header
    for key in path[:-1]:
        at = at[key]
    if to is None:
        del at[path[-1]]
    else:
        at[path[-1]] = to
    return header


def test_the_parts_make_the_file_they_are_from():
    assert len(read_r4d(assemble(HEADER, ARRAYS)).at(0.3)) == 300


@pytest.mark.parametrize("content", [b"", b"R4D1", b"\x89PNG\r\n\x1a\n", b"PK\x03\x04", b"\x1f", bytes(100)])
def test_another_kind_of_file(content):
    with pytest.raises(UserError, match=r"no \.r4d file"):
        read_r4d(content)


@pytest.mark.parametrize("keep", [2, 9, 30, 1000, -9, -8, -1])
def test_a_truncated_file(keep):
    with pytest.raises(UserError, match="damaged"):
        read_r4d(r4d_bytes(some_scene())[:keep])


def test_a_newer_version_asks_for_an_update():
    with pytest.raises(UserError, match="update"):
        read_r4d(assemble(changed("version", to=2), ARRAYS))


DEEP = "[" * 100_000
FAULTS = {
    "another magic": pack(b"R4D2" + bytes(100)),
    "nothing inside": pack(b""),
    "no header": pack(b"R4D1"),
    "a header longer than the file": pack(b"R4D1\xff\xff\x00\x00{}"),
    "a header of four gigabytes": pack(b"R4D1\xff\xff\xff\xff" + b" " * 10_000),
    "no JSON": assemble("{", ARRAYS),
    "no text": pack(b"R4D1\x02\x00\x00\x00\xff\xfe"),
    "deep JSON": assemble(DEEP, ARRAYS),
    "a list": assemble([], ARRAYS),
    "NaN": assemble(json.dumps(HEADER).replace("12.0", "NaN", 1), ARRAYS),
    "an array too short": assemble(HEADER, ARRAYS[:-1]),
    "something more": assemble(HEADER, ARRAYS + b"\x00"),
    "something after the end": assemble(HEADER, ARRAYS) + b"\x00",
    "two members": assemble(HEADER, ARRAYS) + pack(b"more"),
    "a wrong check sum": assemble(HEADER, ARRAYS)[:-8] + b"\x00" * 8,
}


@pytest.mark.parametrize("fault", FAULTS)
def test_a_damaged_file(fault):
    with pytest.raises(UserError, match="damaged"):
        read_r4d(FAULTS[fault])


HUGE = 10**400
VALUES = [
    (("splats",), 0),
    (("splats",), 299),
    (("splats",), True),
    (("splats",), "300"),
    (("splats",), -1),
    (("splats",), HUGE),
    (("moving",), 301),
    (("moving",), 99),
    (("moving",), 0),
    (("frames",), 0),
    (("frames",), 4),
    (("frames",), 10**9),
    (("fps",), 0),
    (("fps",), 1e308),
    (("fps",), HUGE),
    (("canonical",), 5),
    (("canonical",), None),
    (("background",), [0, 0]),
    (("background",), [0, 0, HUGE]),
    (("sky",), [[0, 0, 0]]),
    (("sky",), [[HUGE] * 3] * 16),
    (("name",), 3),
    (("name",), "x" * 20_000),
    (("progress",), []),
    (("progress",), {"stage": 1}),
    (("arrays",), {}),
    (("arrays",), [1] * 5),
    (("arrays",), []),
    (("similarity",), {}),
    (("similarity", "scale"), -1),
    (("similarity", "scale"), HUGE),
    (("similarity", "rotation"), [[HUGE] * 3] * 3),
    (("view",), None),
    (("view", "freeze"), []),
    (("view", "freeze"), [[]]),
    (("view", "freeze", 0, 0, 0), 2.0),
    (("view", "reference", "camera_to_world"), [[0] * 4] * 4),
    (("view", "reference", "intrinsics", 0), -1),
    (("view", "reference", "size"), [0, 0]),
    (("view", "up"), [0, 0, 0]),
    (("view", "distance"), [2, 1]),
    (("view", "distance"), [-1, 1]),
    (("view", "azimuth"), [0]),
    (("arrays", 0, "name"), "quats"),
    (("arrays", 0, "name"), "surprise"),
    (("arrays", 0, "rows"), 299),
    (("arrays", 0, "rows"), 10**30),
    (("arrays", 0, "columns"), 2),
    (("arrays", 0, "bytes"), 4),
    (("arrays", 0, "bytes"), 0),
    (("arrays", 0, "frames"), 2),
    (("arrays", 0, "origin"), [0, 0]),
    (("arrays", 0, "origin", 0), HUGE),
    (("arrays", 0, "origin", 0), 1e8),
    (("arrays", 0, "step", 1), -1),
    (("arrays", 2, "step"), [1e6] * 3),
    (("arrays", 0, "step", 0), True),
    (("arrays", 0, "delta"), "columns"),
    (("arrays", 5, "name"), "means"),
    (("arrays", 5, "rows"), 300),
    (("arrays", 5, "frames"), 1),
]


@pytest.mark.parametrize(("path", "to"), VALUES, ids=lambda x: str(x)[:40])
def test_a_header_that_was_tampered_with(path, to):
    with pytest.raises(UserError, match="damaged"):
        read_r4d(assemble(changed(*path, to=to), ARRAYS))


def bomb(splats: int, follows: int) -> bytes:
    """A small file that announces many splats, `follows` bytes of which are there."""
    header = changed("splats", to=splats)
    header["moving"], header["arrays"] = 0, header["arrays"][:5]
    for entry in header["arrays"]:
        entry["rows"] = splats
    text = json.dumps(header).encode()
    packer = zlib.compressobj(9, wbits=31)
    out = [packer.compress(b"R4D1" + len(text).to_bytes(4, "little") + text)]
    out += [packer.compress(bytes(2**20)) for _ in range(follows // 2**20)]
    return b"".join([*out, packer.flush()])


@pytest.mark.parametrize(
    ("content", "says"),
    [
        (bomb(10**9, 0), "damaged"),  # more splats than any scene
        (bomb(10**7, 0), "damaged"),  # more than gzip can hold in so few bytes
        (bomb(300, 64 * 2**20), "damaged"),  # far more inside than is announced
        (assemble(HEADER, b"")[:200] + bytes(10**6), "damaged"),
    ],
)
def test_a_bomb_does_not_fill_the_memory(content, says):
    assert len(content) < 2e6
    tracemalloc.start()
    try:
        with pytest.raises(UserError, match=says):
            read_r4d(content)
        assert tracemalloc.get_traced_memory()[1] < 20e6
    finally:
        tracemalloc.stop()


def test_a_file_larger_than_the_reader_wants():
    content = r4d_bytes(some_scene())
    assert len(read_r4d(content, max_bytes=100_000).at(0)) == 300
    with pytest.raises(UserError, match="fewer splats"):
        read_r4d(content, max_bytes=10_000)


def whole(file: R4D) -> None:
    """A file that was accepted is a scene: it can be drawn at any time."""
    for t in (0.0, 0.37, 1.0):
        assert all(torch.isfinite(x).all() for x in file.at(t).tensors().values())
    camera = np.array(file.header["view"]["reference"]["camera_to_world"])
    assert file.render(camera, 40.0, (32, 24), 0.5).shape == (24, 32, 3)


@pytest.mark.parametrize("seed", range(8))
def test_random_damage_is_refused_or_still_a_scene(seed):
    dice = random.Random(seed)
    text = json.dumps(HEADER)
    read = 0
    for _ in range(60):
        kind = dice.choice(("file", "file", "header", "arrays", "values"))
        if kind == "file":
            content = bytes(scrambled(dice, assemble(HEADER, ARRAYS)))
        elif kind == "header":
            content = assemble(scrambled(dice, text.encode()).decode("utf-8", "replace"), ARRAYS)
        elif kind == "arrays":
            content = assemble(HEADER, bytes(scrambled(dice, ARRAYS)))
        else:
            content = assemble(with_another_value(dice, HEADER), ARRAYS)
        try:
            file = read_r4d(content)
        except UserError:
            continue
        whole(file)
        read += 1
    assert read < 60


def scrambled(dice: random.Random, content: bytes) -> bytearray:
    """The content with a few bytes changed, taken out or doubled."""
    out = bytearray(content)
    for _ in range(dice.choice((1, 1, 4, 30))):
        at = dice.randrange(len(out))
        change = dice.choice(("set", "set", "cut", "double", "end"))
        if change == "set":
            out[at] = dice.randrange(256)
        elif change == "cut":
            del out[at : at + dice.randrange(1, 9)]
        elif change == "double":
            out[at:at] = out[at : at + dice.randrange(1, 9)]
        elif len(out) > 100 and dice.random() < 0.1:
            del out[at:]
        if not out:
            return bytearray(content[:1])
    return out


def with_another_value(dice: random.Random, header: dict) -> dict:
    """The header with a few of its values, wherever they are, replaced by something odd."""
    header = deepcopy(header)
    for _ in range(dice.choice((1, 1, 3))):
        at = header
        while True:
            key = dice.choice(list(at)) if isinstance(at, dict) else dice.randrange(len(at))
            if not isinstance(at[key], dict | list) or not at[key] or dice.random() < 0.2:
                break
            at = at[key]
        odd = (0, -1, 1, 2, 3, 1e-30, 1e30, 0.5, 10**25, HUGE, True, None, "", "frames", [], {}, [[1]], [0.1] * 3)
        at[key] = dice.choice(odd)
    return header
