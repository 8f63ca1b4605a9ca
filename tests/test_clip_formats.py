"""Whatever people bring arrives as upright RGB, in order, in the right colours and at a constant rate."""

from fractions import Fraction

import av
import numpy as np
import pytest
from av.video.reformatter import ColorRange, Colorspace
from PIL import Image
from videos import encode, numbered, numbers

from fourreal.clip import probe, read
from fourreal.settings import ClipLimits

PATCHES = [(255, 255, 255), (0, 0, 0), (200, 30, 40), (20, 180, 60), (30, 40, 220), (128, 128, 128)]


def patches(size=(96, 48), count=3):
    """(F, H, W, 3) uint8: vertical stripes of known colours, none of which any two colour matrices agree on."""
    picture = np.repeat(np.array(PATCHES, np.uint8), size[0] // len(PATCHES), axis=0)
    return np.broadcast_to(picture, (count, size[1], *picture.shape)).copy()


def colours(clip):
    """The stripes' colours in the middle frame."""
    step = clip.size[0] // len(PATCHES)
    return clip.frames[len(clip) // 2][clip.size[1] // 2, step // 2 :: step].astype(int)


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt"),
    [
        ("libx264", "a.mp4", "yuv420p"),
        ("libx264", "a.mov", "yuv444p"),
        ("libx264", "a.mkv", "yuv420p10le"),
        ("libx264", "a.h264", "yuv420p"),
        ("libx264", "a.ts", "yuv420p"),
        ("libx265", "a.mp4", "yuv420p"),
        ("libx265", "a.mp4", "yuv420p10le"),
        ("libvpx-vp9", "a.webm", "yuv420p"),
        ("libvpx", "a.webm", "yuv420p"),
        ("libsvtav1", "a.mp4", "yuv420p"),
        ("libsvtav1", "a.webm", "yuv420p10le"),
        ("ffv1", "a.mkv", "yuv420p"),
        ("prores_ks", "a.mov", "yuv422p10le"),
        ("mpeg4", "a.avi", "yuv420p"),
    ],
)
def test_codecs(tmp_path, codec, name, pix_fmt):
    pictures = numbered(size=(96, 64))
    path = encode(tmp_path / name, pictures, codec, pix_fmt=pix_fmt)
    info, clip = probe(path), read(path)
    assert numbers(clip.frames) == list(range(8))
    assert np.abs(clip.frames.astype(int) - pictures).mean() < 3
    assert (info.width, info.height, info.frames, info.rotation) == (96, 64, 8, 0)
    assert info.fps == clip.fps
    if name != "a.h264":  # which has no clock
        assert clip.fps == pytest.approx(12)


@pytest.mark.parametrize("matrix", [Colorspace.ITU601, Colorspace.ITU709, Colorspace.BT2020])
@pytest.mark.parametrize("value_range", [ColorRange.MPEG, ColorRange.JPEG])
@pytest.mark.parametrize("pix_fmt", ["yuv420p", "yuv444p", "yuv420p10le"])
def test_colours_follow_the_matrix_and_range_of_the_file(tmp_path, matrix, value_range, pix_fmt):
    path = encode(tmp_path / "a.mp4", patches(), pix_fmt=pix_fmt, matrix=matrix, value_range=value_range)
    assert np.abs(colours(read(path)) - PATCHES).max() <= 4


@pytest.mark.parametrize(
    ("size", "matrix"), [((96, 48), Colorspace.ITU601), ((96, 718), Colorspace.ITU601), ((96, 720), Colorspace.ITU709)]
)
def test_colours_of_an_unlabelled_file_are_what_players_show(tmp_path, size, matrix):
    path = encode(tmp_path / "a.mp4", patches(size), matrix=matrix, tagged=False)
    assert np.abs(colours(read(path)) - PATCHES).max() <= 4


def test_hdr_white_is_white(tmp_path):
    """203 nits, the white of HDR video, is at 58% of its curve: taken as it is it would be a dull grey."""
    nits = np.array([203, 100, 0]) / 10000
    power = nits**0.1593017578125
    code = ((0.8359375 + 18.8515625 * power) / (1 + 18.6875 * power)) ** 78.84375  # SMPTE ST 2084
    picture = np.repeat((code * 65535).astype(np.uint16), 32)[None, None, :, None]
    pictures = np.broadcast_to(picture, (3, 32, 96, 3))
    path = encode(tmp_path / "a.mp4", pictures, pix_fmt="yuv420p10le", matrix=Colorspace.BT2020, transfer=16)
    white, half, black = read(path).frames[1, 16, 16::32, 1].astype(int)
    assert white >= 248
    assert half == pytest.approx(187, abs=6)  # 100 of 203 nits through the sRGB curve
    assert black <= 3


@pytest.mark.parametrize(
    ("turn", "rotation", "corners"),  # red green / blue white, as stored
    [
        ({"degrees": 0}, 0, "RGBW"),
        ({"degrees": 90}, 270, "GWRB"),
        ({"degrees": 180}, 180, "WBGR"),
        ({"degrees": -90}, 90, "BRWG"),
        ({"degrees": 0, "hflip": True}, 0, "GRWB"),
        ({"degrees": 90, "hflip": True}, 90, "WGBR"),
    ],
)
def test_rotation_tags_turn_the_picture_upright(tmp_path, turn, rotation, corners):
    picture = np.zeros((48, 64, 3), np.uint8)
    picture[:24, :32, 0] = picture[:24, 32:, 1] = picture[24:, :32, 2] = 255
    picture[24:, 32:] = 255
    path = encode(tmp_path / "a.mp4", np.stack([picture] * 3), turn=turn)
    info, clip = probe(path), read(path)
    names = {(1, 0, 0): "R", (0, 1, 0): "G", (0, 0, 1): "B", (1, 1, 1): "W"}
    height, width = clip.frames.shape[1:3]
    seen = [clip.frames[0, y, x] for y in (height // 4, -height // 4) for x in (width // 4, -width // 4)]
    assert "".join(names[tuple((pixel > 128).astype(int).tolist())] for pixel in seen) == corners
    assert (info.width, info.height) == clip.size == ((48, 64) if rotation in (90, 270) else (64, 48))
    assert info.rotation == rotation


@pytest.mark.parametrize(("aspect", "size"), [(Fraction(4, 3), (128, 48)), (Fraction(1, 2), (96, 96))])
def test_pixels_become_square(tmp_path, aspect, size):
    path = encode(tmp_path / "a.mp4", numbered(size=(96, 48)), pixel_aspect=aspect)
    clip, info = read(path), probe(path)
    assert clip.size == (info.width, info.height) == size
    assert numbers(clip.frames) == list(range(8))


def test_an_uneven_rate_becomes_constant(tmp_path):
    """Steps of 0.1 s with a gap of 0.3 s, which the frames on either side fill; the speed stays what it was."""
    path = encode(tmp_path / "a.mkv", numbered(6), at=[0, 0.1, 0.2, 0.5, 0.6, 0.7])
    clip, info = read(path), probe(path)
    assert clip.fps == pytest.approx(10)
    assert numbers(clip.frames, 6) == [0, 1, 2, 2, 3, 3, 4, 5]
    assert (info.frames, info.fps) == (8, clip.fps)


def test_rounded_timestamps_lose_no_frame(tmp_path):
    """Matroska counts milliseconds: 1/30 s is 33, 33 and 34 of them."""
    path = encode(tmp_path / "a.mkv", numbered(20), fps=30, at=[i / 30 for i in range(20)])
    clip = read(path)
    assert numbers(clip.frames, 20) == list(range(20))
    assert clip.fps == pytest.approx(30, rel=0.01)


def test_frames_that_an_edit_hides_stay_hidden(tmp_path):
    """Cutting without encoding anew keeps earlier frames in the file, to be decoded but not shown."""
    path = encode(tmp_path / "a.mp4", numbered(8), at=[(index - 3) / 12 for index in range(8)])
    assert numbers(read(path).frames) == [3, 4, 5, 6, 7]
    assert probe(path).frames == 5


def test_gif_with_pauses_and_transparency(tmp_path):
    """What is clear becomes white; a gap of 300 ms among gaps of 100 ms is filled by the frames on either side."""
    pictures = [Image.new("RGBA", (40, 30), (0, 0, 0, 0)) for _ in range(4)]
    for index, picture in enumerate(pictures):
        picture.paste((200, 40 * index, 0, 255), (0, 0, 20, 30))
    path = tmp_path / "a.gif"
    pictures[0].save(path, save_all=True, append_images=pictures[1:], duration=[100, 300, 100, 100], disposal=2)
    clip = read(path)
    assert clip.fps == pytest.approx(10)
    assert [round(level / 40) for level in clip.frames[:, 15, 10, 1].tolist()] == [0, 1, 1, 2, 2, 3]
    assert (clip.frames[:, :, 22:] == 255).all()
    assert np.abs(clip.frames[:, 15, 10, 0].astype(int) - 200).max() <= 2


@pytest.mark.parametrize("name", ["a.webp", "a.avif"])
def test_an_animated_picture_is_a_video(tmp_path, name):
    """What is clear becomes white; a pause is filled, as in other videos."""
    pictures = np.concatenate([numbered(4), np.full((4, 48, 64, 1), 255, np.uint8)], -1)
    pictures[:, :, 48:, 3] = 0
    first, *others = map(Image.fromarray, pictures)
    first.save(tmp_path / name, save_all=True, append_images=others, duration=[100, 300, 100, 100], lossless=True)
    clip, info = read(tmp_path / name, max_side=64), probe(tmp_path / name)
    assert numbers(clip.frames, 4) == [0, 1, 1, 2, 2, 3]
    assert clip.fps == pytest.approx(10)
    assert (info.width, info.height, info.frames, info.codec) == (64, 48, 6, name[2:])
    assert (clip.frames[:, :, 56:] >= 250).all()
    assert numbers(read(tmp_path / name, ClipLimits(max_frames=3), thin=True).frames, 4) == [0, 2]


def test_a_film_with_longer_sound_is_as_long_as_its_pictures(tmp_path):
    for name in ("a.mkv", "a.webm"):
        with av.open(str(tmp_path / name), "w") as container:
            video = container.add_stream("libvpx", rate=12)
            video.width, video.height, video.pix_fmt = 64, 48, "yuv420p"
            sound = container.add_stream("libopus", rate=48000, layout="mono")
            for picture in numbered(8):
                container.mux(video.encode(av.VideoFrame.from_ndarray(picture, format="rgb24")))
            container.mux(video.encode())
            for second in range(3):
                silence = av.AudioFrame.from_ndarray(np.zeros((1, 48000), np.int16), format="s16", layout="mono")
                silence.sample_rate, silence.pts = 48000, second * 48000
                container.mux(sound.encode(silence))
            container.mux(sound.encode())
        assert numbers(read(tmp_path / name, ClipLimits(max_seconds=2.0)).frames) == list(range(8))


@pytest.mark.parametrize(
    ("codec", "name", "pix_fmt"),
    [("qtrle", "a.mov", "argb"), ("prores_ks", "a.mov", "yuva444p10le"), ("libvpx-vp9", "a.webm", "yuva420p")],
)
def test_transparency_over_white(tmp_path, codec, name, pix_fmt):
    pictures = np.full((3, 48, 96, 4), (200, 0, 0, 255), np.uint8)
    pictures[:, :, 32:64, 3], pictures[:, :, 64:, 3] = 128, 0
    clip = read(encode(tmp_path / name, pictures, codec, pix_fmt=pix_fmt))
    seen = clip.frames[1, 24, 16::32].astype(int)
    assert np.abs(seen - [(200, 0, 0), (227, 127, 127), (255, 255, 255)]).max() <= 4


def test_folder_in_counting_order(tmp_path):
    for index, picture in enumerate(numbered(12)):
        Image.fromarray(picture).save(tmp_path / f"frame_{index}.png")
    (tmp_path / "notes.txt").write_text("not a picture")
    (tmp_path / "._frame_3.png").write_bytes(b"what a Mac leaves behind")
    clip = read(tmp_path, fps=10.0)
    assert (clip.frames == numbered(12)).all()
    assert clip.fps == 10
    assert (probe(tmp_path).frames, probe(tmp_path).codec) == (12, "pictures")


def test_names_are_compared_piece_by_piece(tmp_path):
    names = ["b1.png", "a10.png", "a2.png", "a2_10.png", "a2_9.png", "a02.png", "5.png"]
    for level, name in enumerate(names):
        Image.new("RGB", (8, 8), (level, 0, 0)).save(tmp_path / name)
    order = [names[level] for level in read(tmp_path).frames[:, 0, 0, 0]]
    assert order == ["5.png", "a02.png", "a2.png", "a2_9.png", "a2_10.png", "a10.png", "b1.png"]


def test_folder_with_all_kinds_of_pictures(tmp_path):
    """A phone's picture on its side, a transparent one, one of 16 bits and one with a palette."""
    upright = numbered(1, (64, 48))[0]
    tag = Image.Exif()
    tag[0x0112] = 6  # turn clockwise to see it
    Image.fromarray(np.rot90(upright)).save(tmp_path / "1.jpg", exif=tag, quality=95)
    Image.new("RGBA", (64, 48), (0, 0, 0, 0)).save(tmp_path / "2.png")
    Image.fromarray(np.full((48, 64), 40000, np.uint16)).save(tmp_path / "3.PNG")
    Image.new("P", (64, 48), 0).save(tmp_path / "4.png")
    phone, clear, deep, black = read(tmp_path).frames.astype(int)
    assert np.abs(phone - upright).mean() < 3
    assert (clear == 255).all()
    assert np.abs(deep - 40000 / 257).max() <= 1
    assert (black == 0).all()


def test_read_thins_and_shrinks(tmp_path):
    path = encode(tmp_path / "a.mp4", numbered(8))
    clip = read(path, max_frames=4, max_side=32)
    assert numbers(read(path, max_frames=4).frames) == [0, 2, 5, 7]
    assert clip.frames.shape == (4, 24, 32, 3)
    assert clip.fps == pytest.approx(12 * 3 / 7)  # 7 steps of a twelfth of a second are now 3


@pytest.mark.parametrize(("count", "left"), [(30, 30), (31, 16), (60, 30), (61, 16), (200, 25)])
def test_a_video_with_too_many_frames_can_be_thinned_out_instead_of_refused(tmp_path, count, left):
    path = encode(tmp_path / "many.mp4", numbered(100).repeat(2, 0)[:count], fps=24)
    few = read(path, ClipLimits(max_frames=30), thin=True)
    stride = -(-count // left)
    assert (len(few), few.fps) == (left, 24 / stride)
    wanted = np.arange(left) * stride / 2
    assert np.abs(np.array(numbers(few.frames, 100)) - wanted).max() <= 1.5, "levels are two apart, coding takes one"


def test_an_uneven_one_too(tmp_path):
    at = [i / 24 for i in range(40)] + [4 + i / 24 for i in range(40)]  # a pause in the middle
    path = encode(tmp_path / "uneven.mp4", numbered(80), at=at)
    few = read(path, ClipLimits(max_frames=30), thin=True)
    assert len(few) <= 30
    assert few.seconds == pytest.approx(5.7, rel=0.1)
