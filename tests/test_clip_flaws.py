"""What is not scene is found and put right, and clean clips are left as they are."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fourreal import clip
from fourreal.camera.match import find_frozen_frame
from fourreal.clip import Clip
from fourreal.clip.flaws import cleaned, picture, refuse_cuts, without_lone_overlay
from fourreal.clip.flaws.interlace import interlaced
from fourreal.errors import Unusable


@pytest.fixture(scope="module")
def freeze(assets) -> Clip:
    return clip.read(assets / "examples/fox_yard/freeze.mp4", max_side=384)


@pytest.fixture(scope="module")
def reference(assets) -> Clip:
    return clip.read(assets / "examples/fox_yard/reference.mp4", max_side=384)


def kinds(result) -> list[str]:
    return [finding.kind for finding in result.findings]


@pytest.mark.parametrize("example", ["fox_yard", "robot_dance"])
@pytest.mark.parametrize("name", ["freeze", "reference"])
def test_clean_clips_are_left_as_they_are(assets, example, name):
    whole = clip.read(assets / "examples" / example / f"{name}.mp4", max_side=384)
    result = cleaned(whole, travels=name == "freeze")
    assert kinds(result) == []
    assert result.clip.frames is whole.frames or np.array_equal(result.clip.frames, whole.frames)
    assert result.frames == list(range(len(whole)))


def test_bars_are_cropped_and_neither_a_white_background_nor_a_dark_scene_is(freeze):
    frames = freeze.frames
    count, height, width = frames.shape[:3]
    barred = np.full((count, height + 60, width, 3), 8, np.uint8)
    barred[:, 30:-30] = frames
    result = cleaned(Clip(barred, 12.0), travels=True)
    assert kinds(result) == ["bars"]
    left, top, w, h = result.crop
    assert (left, w) == (0, width)
    assert 30 <= top <= 36
    assert height - 12 <= h <= height
    assert result.clip.size == (w, h)
    y, x = np.mgrid[-1 : 1 : height * 1j, -1 : 1 : width * 1j]
    studio = np.where((y**2 + x**2 < 0.8)[..., None], frames, np.uint8(255))  # as far from all sides
    assert "bars" not in kinds(cleaned(Clip(studio, 12.0), travels=True))
    night = frames.copy()
    dusk = np.linspace(0, 0.4, height // 2)[:, None, None]
    night[:, : height // 2] = (frames[:, : height // 2] * dusk).astype(np.uint8)
    assert "bars" not in kinds(cleaned(Clip(night, 12.0), travels=True))


def upright(frames: np.ndarray) -> np.ndarray:
    """The middle of the picture, as an upright film has it."""
    width = frames.shape[1] * 9 // 16
    left = (frames.shape[2] - width) // 2
    return frames[:, :, left : left + width]


@pytest.mark.parametrize("beside", ["white", "grey", "blurred"])
def test_what_programs_put_beside_an_upright_film_is_cropped(freeze, reference, beside):
    for video, travels in ((freeze, True), (reference, False)):
        film = upright(video.frames)
        margin = (video.size[0] - film.shape[2]) // 2
        if beside == "blurred":
            enlarged = [Image.fromarray(frame).resize(video.size).resize((16, 9)) for frame in film]
            page = np.stack([np.asarray(frame.resize(video.size, Image.Resampling.BICUBIC)) for frame in enlarged])
        else:
            page = np.full_like(video.frames, 255 if beside == "white" else 70)
        page[:, :, margin : margin + film.shape[2]] = film
        result = cleaned(Clip(page, 12.0), travels)
        assert kinds(result) == ["bars"]
        left, top, width, height = result.crop
        assert (top, height) == (0, video.size[1])
        assert margin <= left <= margin + 3
        assert film.shape[2] - 6 <= width <= film.shape[2]


def test_a_lens_that_blurs_all_but_the_subject_leaves_no_bars(freeze):
    """Blurred alike on both sides, but without an edge."""
    x = np.linspace(-1, 1, freeze.size[0])
    sharp = np.clip((0.5 - np.abs(x)) * 8 + 0.5, 0, 1)[:, None]
    small = [Image.fromarray(frame).resize((24, 14)) for frame in freeze.frames]
    blurred = np.stack([np.asarray(frame.resize(freeze.size, Image.Resampling.BICUBIC)) for frame in small])
    lens = (sharp * freeze.frames + (1 - sharp) * blurred).astype(np.uint8)
    assert kinds(cleaned(Clip(lens, 12.0), travels=True)) == []


def stamped(frames: np.ndarray) -> np.ndarray:
    """With a half transparent pattern in a corner."""
    out = frames.astype(float)
    pattern = 255.0 * (np.indices((24, 90)).sum(0) // 4 % 2)[..., None]
    out[:, -34:-10, -100:-10] = 0.4 * out[:, -34:-10, -100:-10] + 0.6 * pattern
    return out.astype(np.uint8)


def test_a_watermark_is_masked_in_both_videos(freeze, reference):
    moving = cleaned(Clip(stamped(freeze.frames), 12.0), travels=True)
    assert kinds(moving) == ["overlay"]
    hidden = ~moving.mask
    assert hidden[-34:-10, -100:-10].mean() > 0.95
    assert hidden.mean() < 0.15
    still = cleaned(Clip(stamped(reference.frames), 12.0), travels=False, beside=moving)
    assert kinds(still) == ["overlay"]
    assert (~still.mask)[-34:-10, -100:-10].mean() > 0.9
    assert kinds(cleaned(reference, travels=False, beside=moving)) == []  # which has none


def test_what_lies_over_the_reference_video_alone_shows_beside_the_frame_of_the_same_pose(freeze, reference):
    met = find_frozen_frame(reference.frames, freeze.frames)
    moment, twin = met.canonical_index, freeze.frames[met.freeze_reference_index]
    moving = cleaned(freeze, travels=True)
    plain = cleaned(reference, travels=False, beside=moving)
    assert without_lone_overlay(plain, moment, twin) is plain
    marked = cleaned(Clip(stamped(reference.frames), 12.0), travels=False, beside=moving)
    assert kinds(marked) == []  # all stays behind a camera that stands still
    unmarked = without_lone_overlay(marked, moment, twin)
    assert kinds(unmarked) == ["overlay"]
    assert (~unmarked.mask)[-34:-10, -100:-10].mean() > 0.9
    assert (~unmarked.mask).mean() < 0.1
    other = freeze.frames[met.freeze_reference_index - 3]  # from elsewhere, beside which everything is strange
    assert without_lone_overlay(marked, moment, other) is marked


def test_with_known_cameras_nothing_is_cropped_or_left_out(freeze):
    barred = stamped(freeze.frames)
    barred[:, :20] = 0
    result = cleaned(Clip(barred, 12.0), travels=True, given=True)
    assert kinds(result) == ["overlay"]
    assert result.clip.size == freeze.size
    assert len(result.clip) == len(freeze)


def test_a_fade_is_left_out_and_time_stays_what_it_is(reference, freeze):
    def fading(frames: np.ndarray) -> Clip:
        frames = frames.copy()
        for number, share in enumerate((0.0, 0.2, 0.4, 0.6, 0.8)):
            frames[number] = (frames[number] * share).astype(np.uint8)
        return Clip(frames, 12.0)

    going = cleaned(fading(freeze.frames), travels=True)
    assert kinds(going) == ["fade"]
    assert going.frames == list(range(5, len(freeze)))
    running = cleaned(fading(reference.frames), travels=False)
    assert kinds(running) == ["fade"]
    assert running.frames == list(range(len(reference)))
    assert np.array_equal(running.clip.frames[:6], np.repeat(reference.frames[5:6], 6, axis=0))


def test_a_cut_is_named_and_the_longer_part_taken_only_when_asked(freeze, assets):
    other = clip.read(assets / "examples/robot_dance/freeze.mp4", max_side=384).frames[:8]
    size = freeze.size
    other = np.stack([np.asarray(Image.fromarray(frame).resize(size)) for frame in other])
    whole = Clip(np.concatenate([freeze.frames[:20], other]), 12.0)
    result = cleaned(whole, travels=True)
    assert kinds(result) == ["cut"]
    assert (result.findings[0].frames, result.findings[0].part) == ((20,), (0, 19))
    with pytest.raises(
        Unusable, match=r"The video: it is cut to another shot at frame 20\. Trim it to frames 0 to 19"
    ) as refused:
        refuse_cuts("The video", Path("other.mp4"), result, longer_part=False)
    assert refused.value.cut == (Path("other.mp4"), 0, 19)
    longer = cleaned(whole, travels=True, longer_part=True)
    refuse_cuts("The video", Path("other.mp4"), longer, longer_part=True)
    assert longer.frames == list(range(20))


@pytest.mark.parametrize("level", [20, 240])
def test_a_flash_or_a_black_moment_is_no_cut_and_is_not_fitted_to(reference, freeze, level):
    frames = np.repeat(reference.frames, 2, axis=0)
    frames[20:24] = level + frames[20:24] // 20  # longer than a cut is looked for
    running = cleaned(Clip(frames, 24.0), travels=False)
    assert kinds(running) == ["fade"]
    assert len(running.clip) == 48, "time goes on"
    assert running.findings[0].frames == (20, 21, 22, 23)
    assert running.clip.frames.std(axis=(1, 2, 3)).min() > 20
    assert "cut" not in kinds(running)
    frames = freeze.frames.copy()
    frames[14] = level + frames[14] // 20
    frozen = cleaned(Clip(frames, 12.0), travels=True)
    assert kinds(frozen) == ["fade"]
    assert frozen.frames == [*range(14), *range(15, 33)]


def test_repeated_frames_are_left_out_where_time_goes_on_evenly(freeze, reference):
    index = np.floor(np.arange(30) * 0.8).astype(int)
    raised = Clip(reference.frames[index], 15.0)
    result = cleaned(raised, travels=False)
    assert kinds(result) == ["repeats"]
    assert len(result.clip) == 24
    assert result.clip.fps == pytest.approx(12.0)
    pause = np.concatenate([np.arange(16), np.full(10, 16), np.arange(17, 33)])
    rested = cleaned(Clip(freeze.frames[pause], 12.0), travels=True)
    assert len(rested.clip) in (32, 33)  # a camera that rests adds nothing
    assert kinds(cleaned(Clip(reference.frames[[0, 1, 1, 2, 3, 4, 4, 5, 5, 6, *range(7, 24)]], 12.0), False)) == []


def test_interlaced_frames_are_made_whole(reference):
    frames = reference.frames
    woven = frames[:-1].copy()
    woven[:, 1::2] = frames[1:, 1::2]
    assert interlaced(woven)
    assert not interlaced(frames)
    result = cleaned(Clip(woven, 12.0), travels=False)
    assert "interlaced" in kinds(result)
    assert not interlaced(result.clip.frames)
    assert np.array_equal(result.clip.frames[:, ::2], woven[:, ::2])


def test_noise_is_not_taken_for_combs(reference):
    noise = np.random.default_rng(0).normal(0, 25, reference.frames.shape)
    assert not interlaced((reference.frames + noise).clip(0, 255).astype(np.uint8))


def test_of_a_film_brought_to_televisions_rate_only_the_woven_frames_are_made_anew(freeze):
    """2:3 pulldown: of five frames two hold the lines of two moments."""
    film = freeze.frames[:32]
    television = []
    for a, b, c, d in film.reshape(-1, 4, *film.shape[1:]):
        woven = b.copy(), c.copy()
        woven[0][1::2], woven[1][1::2] = c[1::2], d[1::2]
        television += [a, b, *woven, d]
    television = np.stack(television)
    result = cleaned(Clip(television, 30.0), travels=True)
    assert "interlaced" in kinds(result)
    assert not interlaced(result.clip.frames)
    assert np.array_equal(result.clip.frames[5:7], television[5:7]), "whole ones stay as they are"


def test_what_is_put_right_is_drawn_on_a_frame_and_on_a_line_of_all_frames(freeze):
    frames = stamped(freeze.frames)
    frames[:3] = 0
    framed = np.zeros((len(frames), frames.shape[1] + 60, *frames.shape[2:]), np.uint8)
    framed[:, 30:-30] = frames
    whole = Clip(framed, 12.0)
    result = cleaned(whole, travels=True)
    assert set(kinds(result)) == {"fade", "bars", "overlay"}
    drawn = picture(framed[16], result, len(whole)).astype(int)
    bar, line = drawn[: 30 * drawn.shape[1] // framed.shape[2] - 4], drawn[-1]
    assert 0.2 < (bar.max(-1) > 100).mean() < 0.5, "stripes"
    left_out = np.abs(line - (224, 160, 80)).sum(-1) < 3
    assert left_out.mean() == pytest.approx(3 / len(whole), abs=0.02)
    assert left_out[0]
    assert picture(freeze.frames[0], cleaned(freeze, travels=True), len(freeze)) is None
