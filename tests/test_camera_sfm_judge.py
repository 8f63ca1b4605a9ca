"""The judge believes a true path and none of the ways in which mappers have lied."""

from dataclasses import replace

import numpy as np
import pytest
import torch
from test_camera_layout import CENTRE, arc

from fourreal.camera import rotation, sfm, sfm_judge, sfm_models
from fourreal.camera.sfm_judge import Model
from fourreal.settings import SfmSettings

FRAMES, WIDTH, HEIGHT, FOCAL = 33, 512, 288, 400.0
SETTINGS = SfmSettings()


@pytest.fixture(scope="module")
def truth() -> np.ndarray:
    return arc(140, frames=FRAMES).world_to_camera.double().numpy()


@pytest.fixture(scope="module")
def matches(truth) -> dict[str, np.ndarray]:
    """What the true cameras see of a cloud of points, as the worker keeps it: pairs up to 10 frames apart."""
    points = CENTRE.double().numpy() + np.random.default_rng(0).uniform(-1.5, 1.5, (60, 3))
    seen = np.einsum("fij,pj->fpi", truth[:, :3, :3], points) + truth[:, None, :3, 3]
    pixels = seen[..., :2] / seen[..., 2:] * FOCAL + [WIDTH / 2, HEIGHT / 2]
    pairs = [(a, b) for a in range(FRAMES) for b in range(a + 1, min(a + 11, FRAMES))]
    return {
        "links": np.array([(a, b, len(points)) for a, b in pairs]),
        "first": np.concatenate([pixels[a] for a, _ in pairs]),
        "second": np.concatenate([pixels[b] for _, b in pairs]),
    }


def model(poses: np.ndarray, matches: dict, focal: float = FOCAL / WIDTH, mapper: str = "global") -> Model:
    """What a mapper would hand over that had come to `poses`."""
    principal = np.array([WIDTH / 2, HEIGHT / 2])
    links, support = sfm_models.support_of(dict(enumerate(poses)), focal * WIDTH, principal, matches)
    return Model(
        mapper,
        np.arange(len(poses)),
        poses,
        focal,
        np.zeros((0, 3)),
        np.zeros((0, 3), np.uint8),
        np.full(len(poses), 0.7),
        links[:, :2],
        links[:, 2],
        support,
    )


def carried(poses: np.ndarray, frames: slice, vector: list[float]) -> np.ndarray:
    """The poses, with some of them swung around the scene's centre as one rigid piece."""
    turn = np.eye(4)
    turn[:3, :3] = rotation.from_vector(torch.tensor(vector, dtype=torch.float64)).numpy()
    turn[:3, 3] = CENTRE.double().numpy() - turn[:3, :3] @ CENTRE.double().numpy()
    poses = poses.copy()
    poses[frames] = poses[frames] @ turn
    return poses


def rolled(poses: np.ndarray) -> np.ndarray:
    """The poses with a roll about the optical axis that grows to half a turn."""
    roll = torch.zeros(len(poses), 3, dtype=torch.float64)
    roll[:, 2] = torch.linspace(0, np.pi, len(poses))
    poses = poses.copy()
    poses[:, :3] = rotation.from_vector(roll).numpy() @ poses[:, :3]
    return poses


def test_the_true_path_is_believed(truth, matches):
    verdict = sfm_judge.judge(model(truth, matches), FRAMES, SETTINGS)
    assert len(verdict.model.frames) == FRAMES
    assert verdict.model.explained > 0.99
    assert verdict.reason == ""


def test_all_frames_placed_but_scrambled_is_refused(truth, matches):
    order = np.random.default_rng(1).permutation(FRAMES)
    verdict = sfm_judge.judge(model(truth[order], matches), FRAMES, SETTINGS)
    assert verdict.model is None
    assert "contradict" in verdict.reason


def test_a_mirrored_path_is_refused(truth, matches):
    assert sfm_judge.judge(model(truth[::-1].copy(), matches), FRAMES, SETTINGS).model is None


def test_of_two_pieces_put_together_wrongly_only_the_larger_is_believed(truth, matches):
    """How the measured trap looked: each piece is right in itself, and all frames are placed."""
    broken = carried(truth, slice(0, 12), [0.0, 0.0, 2.0])
    verdict = sfm_judge.judge(model(broken, matches), FRAMES, SETTINGS)
    assert verdict.model.frames.tolist() == list(range(12, FRAMES))
    in_halves = sfm_judge.judge(model(carried(truth, slice(0, 17), [0.0, 0.0, 2.0]), matches), 50, SETTINGS)
    assert in_halves.model is None


def test_a_stray_frame_is_left_out_and_nothing_else(truth, matches):
    stray = carried(truth, slice(9, 10), [0.0, 0.7, 0.0])
    verdict = sfm_judge.judge(model(stray, matches), FRAMES, SETTINGS)
    assert verdict.model.frames.tolist() == [i for i in range(FRAMES) if i != 9]


def test_a_path_that_rolls_over_is_refused_even_if_its_matches_agree(truth, matches):
    path = replace(model(truth, matches), world_to_camera=rolled(truth))
    verdict = sfm_judge.judge(path, FRAMES, SETTINGS)
    assert verdict.model is None
    assert "rolls" in verdict.reason


@pytest.mark.parametrize("focal", [0.2, 8.0])
def test_an_absurd_focal_length_is_refused(truth, matches, focal):
    verdict = sfm_judge.judge(replace(model(truth, matches), focal=focal), FRAMES, SETTINGS)
    assert verdict.model is None
    assert "focal" in verdict.reason


def test_points_that_miss_the_pictures_are_refused(truth, matches):
    verdict = sfm_judge.judge(replace(model(truth, matches), errors=np.full(FRAMES, 3.5)), FRAMES, SETTINGS)
    assert verdict.model is None
    assert "3.5 pixels" in verdict.reason


def test_few_placed_frames_are_not_enough(truth, matches):
    few = model(truth, matches).only(np.arange(8))
    assert "only 8 of 33" in sfm_judge.judge(few, FRAMES, SETTINGS).reason


def test_models_in_different_worlds_agree(truth, matches):
    here = model(truth, matches)
    there = model(carried(truth, slice(None), [0.4, 1.0, -2.0]), matches)
    assert sfm_judge.agreement(here, there) == 1
    partly = model(carried(truth, slice(0, 10), [0.0, 0.0, 0.5]), matches)
    assert sfm_judge.agreement(here, partly) == pytest.approx(23 / 33)


def test_the_true_model_wins_over_a_fuller_looking_one_and_the_note_says_why(truth, matches):
    right = model(truth, matches)
    wrong = model(truth[np.random.default_rng(1).permutation(FRAMES)], matches, mapper="incremental")
    best, origin, problem = sfm.choose([wrong, right], FRAMES, SETTINGS)
    assert best.mapper == "global"
    assert origin.method == "global sfm"
    assert "33 of 33 frames placed" in origin.note
    assert "incremental mapping placed 33 of 33 frames, but" in origin.note
    assert problem == ""


def test_agreement_of_both_mappers_raises_the_confidence(truth, matches):
    one, two = model(truth, matches), model(truth, matches, mapper="incremental")
    _, alone, _ = sfm.choose([one], FRAMES, SETTINGS)
    _, both, _ = sfm.choose([one, two], FRAMES, SETTINGS)
    assert both.confidence > 0.95 > 0.7 > alone.confidence


def test_nothing_believable_gives_the_reasons(truth, matches):
    model_, origin, problem = sfm.choose([replace(model(truth, matches), focal=9.0)], FRAMES, SETTINGS)
    assert model_ is None
    assert origin is None
    assert "global mapping placed 33 of 33 frames, but its focal length" in problem
    assert sfm.choose([], FRAMES, SETTINGS)[2] == "no frames could be placed"


def test_a_long_lens_is_believed_only_where_the_usual_one_explains_less(truth, matches):
    long = replace(model(truth, matches), focal=1.8)
    usual = replace(long, focal=1.0, errors=long.errors * 1.02)
    verdict = sfm_judge.judge(replace(long, usual=usual), FRAMES, SETTINGS)
    assert verdict.model.focal == 1.0
    assert verdict.model.focal_unclear
    for worse in (replace(usual, errors=long.errors * 1.2), replace(usual, support=long.support - 0.17)):
        believed = sfm_judge.judge(replace(long, usual=worse), FRAMES, SETTINGS).model
        assert believed.focal == 1.8
        assert not believed.focal_unclear
    _, origin, _ = sfm.choose([replace(long, usual=usual)], FRAMES, SETTINGS)
    assert "cannot be told from the video; 1 times the picture's longer side is taken" in origin.note
