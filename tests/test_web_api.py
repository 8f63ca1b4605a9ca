"""Every step by name, as a program takes it."""

import re
from pathlib import Path

import av
import pytest
from fourdgs.validate import validate
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from web_samples import ANNA, BEN, lying, wait

pytest_plugins = ["web_fixtures"]


ROOT = Path(__file__).parents[1]


# --- Every step by name --------------------------------------------------------------------------------------------


def test_videos_are_taken_in_trimmed_and_judged(api, client, annas_videos, page):
    reference, freeze = annas_videos
    assert (reference["width"], reference["height"], reference["frames"]) == (512, 288, 24)
    short = api("trim", token=ANNA, video=reference["id"], first=4, last=15)
    assert short["frames"] == 12
    assert client.get("/" + short["url"]).headers["content-type"] == "video/mp4"
    frame = client.get("/" + short["url"].replace("clip.mp4", "frames/0003.jpg"))
    assert frame.headers["content-type"] == "image/jpeg"
    assert client.get("/" + short["url"].replace("clip.mp4", "frames/0099.jpg")).status_code == 404
    assert client.get("/" + short["url"].replace("clip.mp4", "info.json")).status_code == 404
    checks = api("check", token=ANNA, reference=reference["id"], freeze=freeze["id"])
    assert checks["ok"] is True
    assert checks["canonical_frame"] is not None
    assert all(verdict["sentence"] for verdict in checks["verdicts"])
    assert not [path for path in lying(page.data / "uploads") if path.endswith("reference.mp4")]  # used, and gone


def test_known_cameras_are_taken_for_the_videos_they_belong_to(api, annas_videos, fox_yard, tmp_path):
    reference, freeze = annas_videos
    pair = {"token": ANNA, "reference": reference["id"], "freeze": freeze["id"]}
    assert api("add_cameras", **pair, file=handle_file(str(fox_yard / "cameras.json"))) == freeze["frames"]
    assert "arc" in {verdict["name"] for verdict in api("check", **pair)["verdicts"]}
    short = api("trim", token=ANNA, video=freeze["id"], first=0, last=9)["id"]
    with pytest.raises(AppError, match="33 freeze-time cameras"):
        api("add_cameras", **(pair | {"freeze": short}), file=handle_file(str(fox_yard / "cameras.json")))
    for content in (b"[]", b"{", b"", b'{"intrinsics": {"fx": 1e400}}'):
        (tmp_path / "cameras.json").write_bytes(content)
        with pytest.raises(AppError):
            api("add_cameras", **pair, file=handle_file(str(tmp_path / "cameras.json")))


def test_an_estimate_is_given_before_the_start_and_what_cannot_be_is_refused(api, annas_videos):
    pair = {"token": ANNA, "reference": annas_videos[0]["id"], "freeze": annas_videos[1]["id"]}
    estimate = api("estimate", **pair, options={"preset": "draft"})
    assert estimate["fits"] is True
    assert estimate["seconds"] > 0
    assert estimate["memory_mb"] > 0
    assert estimate["critic"] is None
    wanted = {"preset": "draft", "critic": "wan-vace-1.3b", "strength": 2, "distillation_steps": 90}
    critic = api("estimate", **pair, options=wanted)["critic"]
    assert set(critic) == {"steps", "seconds", "memory_mb", "seconds_without", "reason"}
    assert critic["seconds"] is None
    for options in (
        {"preset": "huge"},
        {"nonsense": 1},
        {"seed": "x"},
        {"canonical_frame": -1},
        {"without": ["all"]},
        {"strength": 11},
        {"distillation_steps": 0},
    ):
        with pytest.raises(AppError):
            api("reconstruct", **pair, options=options)
    with pytest.raises(AppError, match="0 to 23"):
        api("reconstruct", **pair, options={"canonical_frame": 999})


def test_a_scene_is_made_told_about_and_taken_away(api, client, annas_run, tmp_path):
    assert annas_run["name"] == "Fox <b>&</b>"
    assert client.get("/" + annas_run["url"]).content[:2] == b"\x1f\x8b"
    entries, offset = [], 0
    while (part := api("journal", token=ANNA, run=annas_run["id"], offset=offset))["entries"]:
        entries, offset = entries + part["entries"], part["offset"]
    stages = [entry["stage"] for entry in entries]
    assert {"videos", "canonical", "motion: field"} <= set(stages)
    assert any(entry["preview"] for entry in entries)
    assert any(entry["scene"] for entry in entries)
    assert api("metrics", token=ANNA, run=annas_run["id"])["splats"] > 100
    film = client.get("/" + api("export", token=ANNA, run=annas_run["id"], format="mp4", trajectory="reference"))
    (tmp_path / "film.mp4").write_bytes(film.content)
    with av.open(tmp_path / "film.mp4") as container:
        assert sum(1 for _ in container.decode(video=0)) > 4
    assert api("export", token=ANNA, run=annas_run["id"], format="r4d") == f"files/{annas_run['id']}/scene.r4d"
    # A page that holds a scene is saved, never opened among ours, and is named after the scene.
    page = client.get("/" + api("export", token=ANNA, run=annas_run["id"], format="html"))
    assert page.headers["content-disposition"] == "attachment; filename*=UTF-8''Fox_b_b.html"
    assert b"<title>Fox &lt;b&gt;&amp;&lt;/b&gt;</title>" in page.content
    moving = client.get("/" + api("export", token=ANNA, run=annas_run["id"], format="4dgs"))
    assert moving.headers["content-disposition"].endswith(".4dgs")
    assert validate(moving.content).ok
    upright = client.get("/" + api("export", token=ANNA, run=annas_run["id"], format="ply", upright=True))
    assert upright.headers["content-disposition"].endswith("Fox_b_b-ply-upright.zip")
    saved = client.get(f"/{annas_run['url']}?download", headers={"range": "bytes=0-1"})
    assert saved.headers["content-disposition"].endswith("Fox_b_b.r4d")
    assert "content-disposition" not in client.get("/" + annas_run["url"]).headers
    with pytest.raises(AppError, match="for ply"):
        api("export", token=ANNA, run=annas_run["id"], format="splat", upright=True)
    with pytest.raises(AppError, match="format"):
        api("export", token=ANNA, run=annas_run["id"], format="exe")


@pytest.mark.slow
def test_a_run_is_stopped_kept_continued_made_again_and_compared(api, annas_run):
    long = api("duplicate", token=ANNA, run=annas_run["id"], options={"preset": "standard"})
    state = lambda: api("status", token=ANNA, run=long["id"])
    lines = lambda: api("journal", token=ANNA, run=long["id"])["entries"]
    wait(lambda: any(line["scene"] for line in lines()), "there is something to keep")
    api("stop", token=ANNA, run=long["id"], keep=True)
    wait(lambda: state()["state"] == "stopped", "it stops")
    assert state()["has_scene"] is True
    assert api("resume", token=ANNA, run=long["id"])["state"] in ("queued", "running")
    api("stop", token=ANNA, run=long["id"])
    wait(lambda: state()["state"] == "stopped", "it stops again")
    comparison = api("compare", token=ANNA, first=annas_run["id"], second=annas_run["id"])
    assert comparison["splats"]["difference"] == 0
    assert api("rename", token=ANNA, run=long["id"], name="Longer")["name"] == "Longer"
    assert {one["id"] for one in api("scenes", token=ANNA)} >= {annas_run["id"], long["id"]}
    assert api("delete", token=ANNA, run=long["id"]) is True
    with pytest.raises(AppError):
        state()


def test_what_is_annas_is_not_there_for_ben(api, annas_run, annas_videos):
    reference, freeze = annas_videos
    assert api("scenes", token=BEN) == []
    for call, given in [
        ("status", {"run": annas_run["id"]}),
        ("journal", {"run": annas_run["id"]}),
        ("stop", {"run": annas_run["id"]}),
        ("rename", {"run": annas_run["id"], "name": "mine"}),
        ("delete", {"run": annas_run["id"]}),
        ("export", {"run": annas_run["id"], "format": "ply"}),
        ("duplicate", {"run": annas_run["id"]}),
        ("trim", {"video": reference["id"], "first": 0, "last": 5}),
        ("check", {"reference": reference["id"], "freeze": freeze["id"]}),
        ("reconstruct", {"reference": reference["id"], "freeze": freeze["id"]}),
    ]:
        with pytest.raises(AppError, match="no such"):
            api(call, token=BEN, **given)
    assert api("status", token=ANNA, run=annas_run["id"])["name"] == annas_run["name"]
    with pytest.raises(AppError, match="token"):
        api("scenes", token="short")


@pytest.mark.parametrize("kind", ["text", "empty", "cut", "named"])
def test_what_is_no_video_is_refused_in_a_sentence_without_paths(api, page, fox_yard, tmp_path, kind):
    whole = (fox_yard / "reference.mp4").read_bytes()
    content = {"text": b"not a video", "empty": b"", "cut": whole[: len(whole) // 3], "named": b"\x89PNG\r\n\x1a\n"}
    path = tmp_path / "clip.mp4"
    path.write_bytes(content[kind])
    with pytest.raises(AppError) as failure:
        api("add_video", token=ANNA, file=handle_file(str(path)))
    assert str(page.data) not in str(failure.value)
    assert "Traceback" not in str(failure.value)
    assert len(str(failure.value)) > 20
    assert not [path for path in lying(page.data / "uploads") if path.endswith("clip.mp4")]


def test_what_is_documented_is_the_api(client):
    text = (ROOT / "docs" / "api.md").read_text(encoding="utf-8")
    listed = set(re.findall(r"^\| `(/\w+)` \|", text, re.MULTILINE))
    api = client.get("/gradio_api/info").json()
    assert api["unnamed_endpoints"] == {}  # the page's own events are not part of it
    endpoints = api["named_endpoints"]
    assert listed - {"/healthz"} == set(endpoints)
    for name, endpoint in endpoints.items():
        documented = re.search(rf"^\| `{name}` \|(.*?)\|", text, re.MULTILINE).group(1)
        given = [one["parameter_name"] for one in endpoint["parameters"]]
        assert given[:1] == ([] if name == "/new_token" else ["token"])
        assert [word for word in re.findall(r"`(\w+)`", documented)] == given[1:]
