"""What is refused before a video is made, and what an owner of a server says of models."""

from dataclasses import replace

import pytest
from creation_samples import SANA, SMALL, VACE, finished, reference
from job_samples import ANNA, BEN
from PIL import Image

from fourreal.description import Wishes
from fourreal.errors import UserError
from fourreal.jobs.offered import Offered, offered
from fourreal.video import registry

pytest_plugins = ["creation_fixtures"]


def test_what_cannot_be_made_is_refused_with_what_can(idle, monkeypatch, tmp_path):
    for wrong, said in (
        ({"prompt": "  "}, "empty"),
        ({"prompt": "a" * 9000}, "characters"),
        ({"frames": 10}, "nearest is 9"),
        ({"size": (65, 64)}, "nearest"),
        ({"steps": 0}, "steps"),
        ({"model": "sora"}, "no video model"),
        ({"model": SANA, "size": None, "frames": None}, "starts from a picture"),
        ({"arc": 0}, "degrees"),
        ({"prompt": "a fox \ud83e"}, "broken character"),
        ({"negative": "\ud83e"}, "broken character"),
        ({"role": "dream"}, "role"),
        ({"adapter": "arc-shot"}, "adapter"),
        ({"adapter": "/etc/passwd"}, "adapter"),
    ):
        with pytest.raises(UserError, match=said):
            reference(**wrong)
    for values, said in (
        ({"role": "reference"}, "needs prompt"),
        ({"role": "reference", "prompt": "a", "x": 1}, "no option"),
        ({"role": "reference", "prompt": "a", "frames": "9"}, "no value"),
    ):
        with pytest.raises(UserError, match=said):
            Wishes.from_dict(values)
    for how, said in (({"count": 0}, "candidates"), ({"count": 99}, "candidates"), ({"seed": -1}, "Seed")):
        with pytest.raises(UserError, match=said):
            idle.creations.create(ANNA, reference(), **how)
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 4 * 1024**3)
    with pytest.raises(UserError, match="memory free"):
        idle.creations.create(ANNA, reference())
    assert idle.creations.all(ANNA) == []
    assert list(idle.workspace.places.runs.glob("*")) == []


def test_before_a_download_its_source_size_and_licence_are_told(idle, monkeypatch, tmp_path):
    monkeypatch.setenv("FOURREAL_MODELS", str(tmp_path / "nothing"))
    monkeypatch.setattr("fourreal.jobs.create_estimate.memory_of_machine", lambda: 64 * 1024**3)
    offers = {offer.name: offer for offer in idle.creations.models()}
    assert not offers[VACE].on_disk
    assert offers[VACE].fits
    estimate = idle.creations.estimate(ANNA, reference(), 4)
    offer = offers[VACE]
    for what in (offer.repository, offer.revision, offer.licence, f"{offer.download_gb:.0f} GB"):
        assert what in estimate.reason
    assert estimate.seconds is None


def test_of_the_embedded_model_it_is_known_how_long_it_takes_before_it_was_used_here(idle):
    estimate = idle.creations.estimate(ANNA, Wishes(role="reference", prompt="a red ball", model="mini"), 4)
    assert 5 < estimate.seconds < 30
    assert "two processor cores" in estimate.reason
    assert "slow" not in estimate.reason


def test_what_is_somebody_elses_is_not_there(idle, fox_yard):
    made = idle.creations.create(ANNA, reference())
    calls = [
        lambda: idle.creations.get(BEN, made.id),
        lambda: idle.candidates.more(BEN, made.id),
        lambda: idle.candidates.discard(BEN, made.id, 0),
        lambda: idle.candidates.keep(BEN, made.id, 0),
        lambda: idle.candidates.take(BEN, made.id, 0),
        lambda: idle.jobs.cancel(BEN, made.id),
        lambda: idle.candidates.add_own(BEN, made.id, fox_yard / "reference.mp4", "x"),
        lambda: idle.jobs.delete(BEN, made.id),
        lambda: idle.candidates.longer(BEN, made.id, 0, "left"),
        lambda: idle.candidates.renew(BEN, made.id),
        lambda: idle.jobs.file(BEN, made.id, "candidates/reference-0.mp4"),
        lambda: idle.runs.get(ANNA, made.id),
    ]
    for call in calls:
        with pytest.raises(UserError, match="There is no such"):
            call()
    assert idle.creations.all(BEN) == []
    assert idle.runs.all(ANNA) == []
    assert [one.id for one in idle.creations.all(ANNA)] == [made.id]
    with pytest.raises(UserError, match="There is no such"):
        idle.jobs.public_file(made.id, "candidates/../../store.sqlite")


def test_a_picture_is_taken_in_and_can_be_used_again(idle, tmp_path):
    photo = tmp_path / "me.png"
    Image.new("RGBA", (300, 200), (200, 30, 30, 128)).save(photo)
    made = idle.creations.create(ANNA, reference(), 1, picture=photo)
    with Image.open(idle.jobs.file(ANNA, made.id, made.picture)) as stored:
        assert (stored.format, stored.size) == ("JPEG", (300, 200))
    again = idle.creations.create(ANNA, reference(), 1, picture_of=made.id)
    assert (
        idle.jobs.file(ANNA, again.id, again.picture).read_bytes()
        == idle.jobs.file(ANNA, made.id, made.picture).read_bytes()
    )
    assert idle.creations.create(ANNA, reference(), 1).picture == ""
    with pytest.raises(UserError, match="no such"):
        idle.creations.create(BEN, reference(), 1, picture_of=made.id)
    assert (
        "photo"
        in idle.creations.estimate(
            ANNA, Wishes(role="reference", prompt="red ball", model="mini"), 1, picture=True
        ).reason
    )


@pytest.mark.parametrize("content", [b"", b"no picture", b"\x89PNG\r\n\x1a\n" + b"\0" * 60, b"<svg/>"])
def test_what_is_no_picture_is_refused_and_leaves_nothing(idle, tmp_path, content):
    (tmp_path / "odd.png").write_bytes(content)
    with pytest.raises(UserError, match=r"odd\.png"):
        idle.creations.create(ANNA, reference(), 1, picture=tmp_path / "odd.png")
    assert idle.creations.all(ANNA) == []
    assert list(idle.workspace.places.runs.iterdir()) == []


def test_an_owner_says_which_models_are_started_and_whether_anything_is_downloaded(idle, monkeypatch):
    ltx = reference(model="ltx-video", frames=None, size=None)
    id = finished(idle, reference(), 1)
    assert idle.creations.estimate(ANNA, ltx, 1).fits
    monkeypatch.setenv("FOURREAL_DOWNLOADS", "no")
    with pytest.raises(UserError, match="nothing is downloaded here"):
        idle.creations.create(ANNA, ltx, 1)
    assert idle.creations.create(ANNA, reference(), 1).busy, "it is on the disk"
    monkeypatch.setenv("FOURREAL_MODELS_OFFERED", "mini")
    for call in (lambda: idle.creations.create(ANNA, reference(), 1), lambda: idle.candidates.more(ANNA, id)):
        with pytest.raises(UserError, match=r"not offered here\. Choose Mini"):
            call()
    assert {offer.name for offer in idle.creations.models() if offer.fits} == {"mini"}
    assert idle.creations.usual_model() == "mini"


@pytest.mark.parametrize(
    ("said", "downloads", "names"),
    [
        ({}, True, tuple(registry.MODELS)),
        ({"SPACE_ID": "a/b"}, False, tuple(registry.MODELS)),
        ({"SPACE_ID": "a/b", "FOURREAL_DOWNLOADS": "Yes"}, True, tuple(registry.MODELS)),
        ({"FOURREAL_MODELS_OFFERED": " mini, ltx-video,"}, True, ("mini", "ltx-video")),
    ],
)
def test_a_space_downloads_nothing_unless_its_owner_says_so(said, downloads, names):
    assert offered(said) == Offered(names, downloads)


@pytest.mark.parametrize("said", [{"FOURREAL_MODELS_OFFERED": "minni"}, {"FOURREAL_DOWNLOADS": "perhaps"}])
def test_settings_that_mean_nothing_are_refused(said):
    with pytest.raises(UserError, match="|".join(said)):
        offered(said)


def full_line(service) -> None:
    for _ in range(service.workspace.limits.queued_per_person):
        service.creations.create(ANNA, reference(), 1)


def full_disk(service) -> None:
    service.workspace.limits = replace(service.workspace.limits, free_bytes=1 << 60)


@pytest.mark.parametrize(("fill", "said"), [(full_line, "jobs waiting"), (full_disk, "disk is full")])
def test_what_cannot_be_queued_changes_nothing(idle, fill, said):
    id = finished(idle, reference(), 3)
    before = idle.creations.get(ANNA, id).candidates
    assert all(one.made for one in before)
    fill(idle)
    calls = [
        lambda: idle.candidates.regenerate(ANNA, id, 0),
        lambda: idle.candidates.renew(ANNA, id),
        lambda: idle.candidates.more(ANNA, id, 2),
    ]
    for call in calls:
        with pytest.raises(UserError, match=said):
            call()
    creation = idle.creations.get(ANNA, id)
    assert (creation.state, creation.candidates) == ("done", before)
    assert all(idle.jobs.file(ANNA, id, one.file).read_bytes() == b"video" for one in before)


def test_a_frame_that_the_video_does_not_have_is_refused(idle, fox_yard):
    video = idle.library.add_video(ANNA, fox_yard / "reference.mp4", "fox")
    wishes = Wishes(role="freeze", prompt="a fox", model=VACE, frame=0, **SMALL)
    for frame in (None, -1, 24):
        with pytest.raises(UserError, match="0 to 23"):
            idle.creations.create(ANNA, replace(wishes, frame=frame), 1, reference_id=video.id)
    with pytest.raises(UserError, match="no such video"):
        idle.creations.create(BEN, wishes, 1, reference_id=video.id)
