"""A study on the page: whose it is, what raters may send, and a rater who goes through it in a browser."""

import asyncio
import re
from pathlib import Path

import httpx
import pytest
from browser import chromium, needs_chromium, watched_page
from inline_children import inline_children
from study_samples import moving
from web_samples import ANNA, BEN, PATIENCE, answering

from fourreal import cli
from fourreal.errors import UserError
from fourreal.jobs import studies
from fourreal.jobs.devices import CPU
from fourreal.jobs.ready import ready_scenes
from fourreal.jobs.service import Service
from fourreal.progress import CancelToken, ignore
from fourreal.study.values import read
from fourreal.web import api, study_routes
from fourreal.web.rate import Rate
from fourreal.web.server import create_app

RATER = "rater-" + "r" * 20


def command_here(words, seconds, most, late, hidden, telling):
    """What the child would do, in this process."""
    telling("films 1/4")
    arguments = cli.parser().parse_args([*words, "--device", "cpu"])
    arguments.command(arguments, ignore, CancelToken())


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with pytest.MonkeyPatch.context() as patch, inline_children():
        patch.setattr(studies, "command_child", command_here)
        service = Service(tmp_path_factory.mktemp("studies") / "data")
        service.workspace.store.remember("devices", [CPU])
        yield service
        service.close()


@pytest.fixture(scope="module")
def videos(service, tmp_path_factory):
    """Two videos of Anna's."""
    folder = tmp_path_factory.mktemp("videos")
    paths = [moving(folder / f"{name}.mp4", seed=seed) for seed, name in enumerate(("one", "two"))]
    return [service.library.add_video(service.owner(ANNA), path, path.name).id for path in paths]


def wanted(videos, name="Mine", prompt="a square"):
    first, second = ({"method": method, "source": id} for method, id in zip(("Ours", "4Dfy"), videos, strict=True))
    return {"name": name, "pairs": [{"prompt": prompt, "first": first, "second": second}], "size": [64, 64]}


@pytest.fixture(scope="module")
def made(service, videos):
    sentences = []
    study = service.studies.make(service.owner(ANNA), wanted(videos), sentences.append)
    assert sentences == ["Filming scene 2 of 4"]
    return study


@pytest.fixture(scope="module")
def url(service, made):
    async def application():
        return create_app(service.workspace.places.data, service)

    with answering(asyncio.run(application())) as url:
        yield url


def call(url, path, **given):
    return httpx.post(f"{url}/study/{path}", timeout=PATIENCE, **given)


def answer(study, question="motion", pair=0, left=True):
    return {"pair": pair, "question": question, "clip": study.pairs[0].first.clip, "left": left}


def test_a_study_is_its_makers_alone(service, made, videos):
    anna, ben = service.owner(ANNA), service.owner(BEN)
    assert [one.id for one in service.studies.studies(anna)] == [made.id]
    assert service.studies.studies(ben) == []
    assert {source.kind for source in service.studies.sources(anna)} == {"scene", "video"}
    assert [source.id for source in service.studies.sources(ben)] == [scene.name for scene in ready_scenes()]
    for act in (service.studies.results, service.studies.delete):
        with pytest.raises(UserError, match="no such study"):
            act(ben, made.id)
    with pytest.raises(UserError, match="no such scene"):
        service.studies.make(ben, wanted(videos))
    for name in ("/etc/hostname", "../store.sqlite", "f" * 32):
        with pytest.raises(UserError, match="no such"):
            service.studies.make(anna, wanted([videos[0], name]))
    assert not list((service.workspace.places.studies / ".making").iterdir())


def test_a_link_leads_to_a_page_that_says_nothing(url, made):
    page = httpx.get(f"{url}/?study={made.id}", follow_redirects=True, timeout=PATIENCE)
    assert str(page.url) == f"{url}/study/{made.id}/"
    for word in ("Ours", "4Dfy", "Mine", made.key):
        assert word not in page.text
    answers = [httpx.get(f"{page.url}clips/{film.clip}") for film in (made.pairs[0].first, made.pairs[0].second)]
    for name in ("content-length", "last-modified", "content-type"):
        assert len({answer.headers[name] for answer in answers}) == 1, name
    for path in ("study.json", "votes.sqlite", "clips/../../study.json", "clips/x.mp4", "index.html"):
        assert httpx.get(f"{page.url}{path}").status_code == 404
    assert httpx.get(f"{url}/study/{'0' * 32}/").status_code == 404


def test_answers_are_kept_and_told_to_their_rater_alone(url, made, service):
    path = f"{made.id}/votes"
    for left in (True, False, False):
        assert call(url, path, json={"rater": RATER, "votes": [answer(made, left=left)]}).status_code == 200
    votes = call(url, f"{made.id}/rater", json={"rater": RATER}).json()["votes"]
    assert votes == [answer(made, left=False)]
    assert call(url, f"{made.id}/rater", json={"rater": "another" * 4}).json() == {"votes": []}
    assert service.studies.results(service.owner(ANNA), made.id).votes == 1


@pytest.mark.parametrize(
    ("given", "status"),
    [
        ({"data": {"rater": RATER}}, 415),
        ({"json": []}, 400),
        ({"json": {"rater": "short", "votes": []}}, 400),
        ({"json": {"rater": RATER, "votes": []}}, 400),
        ({"json": {"rater": RATER, "votes": "x"}}, 400),
        ({"json": {"rater": RATER, "votes": [{"pair": 0}]}}, 400),
        ({"json": {"rater": RATER, "votes": [{"pair": True, "question": "motion", "clip": "x"}]}}, 400),
        ({"json": {"rater": RATER, "votes": ["x" * 20_000]}}, 413),
        ({"json": {"rater": RATER}, "headers": {"sec-fetch-site": "cross-site"}}, 403),
    ],
)
def test_what_is_no_answer_is_refused(url, made, given, status):
    assert call(url, f"{made.id}/votes", **given).status_code == status


def test_who_is_too_fast_has_to_wait(monkeypatch, service, made):
    monkeypatch.setattr(study_routes, "CALLS", (2, 60.0))

    async def application():
        return create_app(service.workspace.places.data, service)

    with answering(asyncio.run(application())) as url:
        codes = [call(url, f"{made.id}/rater", json={"rater": RATER}).status_code for _ in range(3)]
    assert codes == [200, 200, 429]


def test_a_rate_is_each_clients_own_and_ends(monkeypatch):
    now = [0.0]
    monkeypatch.setattr("fourreal.web.rate.time.monotonic", lambda: now[0])
    rate = Rate(2, 10.0)
    assert [rate.allows("a"), rate.allows("a"), rate.allows("a"), rate.allows("b")] == [True, True, False, True]
    now[0] = 11.0
    assert rate.allows("a")


def test_results_are_for_whoever_has_their_key(url, made, service):
    for ending, kind in (("html", "text/html"), ("csv", "text/csv"), ("json", "application/json")):
        answer = httpx.get(f"{url}/study/{made.id}/results-{made.key}.{ending}", timeout=PATIENCE)
        assert (answer.status_code, answer.headers["content-type"].split(";")[0]) == (200, kind)
        assert "4Dfy" in answer.text
        assert httpx.get(f"{url}/study/{made.id}/results-{'0' * 32}.{ending}").status_code == 404
    assert httpx.get(f"{url}/study/{made.id}/votes-{made.key}.csv").text.startswith("rater,pair")
    assert httpx.get(f"{url}/{study_routes.SCRIPT_URL}").status_code == 200


@needs_chromium
@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_results_are_read_by_light_and_in_the_dark(service, videos, url, scheme):
    study = service.studies.make(service.owner(ANNA), wanted(videos), ignore)
    service.studies.vote(study.id, RATER, [answer(study), answer(study, "shape", left=False)])
    with chromium() as browser, watched_page(browser, color_scheme=scheme) as watched:
        page = watched.page
        page.goto(f"{url}/study/{study.id}/results-{study.key}.html")
        page.locator(".legendtext").first.wait_for()
        read = "([name, what]) => getComputedStyle(document.querySelector(name))[what]"
        ground = light_of(page.evaluate(read, ["body", "backgroundColor"]))
        for name, colour in (("body", "color"), (".ytick text", "fill"), (".legendtext", "fill"), ("td", "color")):
            assert abs(light_of(page.evaluate(read, [name, colour])) - ground) > 120, name
        assert (ground < 60) == (scheme == "dark")


def light_of(colour: str) -> float:
    """How light a colour of a style is, 0 to 255."""
    return sum(map(float, re.findall(r"[\d.]+", colour)[:3])) / 3


def test_a_program_can_do_what_the_page_can(service, videos):
    calls, anna = api.Calls(service, None), service.owner(ANNA)
    made = calls.make_study(anna, wanted(videos, "By the API"))
    assert made["url"] == f"?study={made['id']}"
    assert calls.studies(anna)[0]["id"] == made["id"]
    assert calls.study_results(anna, made["id"])["comparisons"][0]["other"] == "4Dfy"
    assert calls.delete_study(anna, made["id"])
    assert not service.workspace.places.study(made["id"]).exists()


def ready(page):
    page.wait_for_selector("#a:not([disabled])")


@needs_chromium
def test_a_rater_goes_through_by_keys_and_comes_back(service, videos, url):
    study = service.studies.make(service.owner(ANNA), wanted(videos, "Browser"))
    at_question = "document.getElementById('at').textContent.includes('n {} of 7')"
    at = lambda page, number: page.wait_for_function(at_question.format(number))
    with chromium() as browser, watched_page(browser, viewport={"width": 390, "height": 844}) as watched:
        page = watched.page
        page.goto(f"{url}/?study={study.id}")
        page.click("#start")
        ready(page)
        page.keyboard.press("a")
        at(page, 2)
        page.keyboard.press("ArrowRight")
        at(page, 3)
        page.keyboard.press("Backspace")
        at(page, 2)
        assert page.get_attribute("#b", "aria-pressed") == "true"
        page.keyboard.press("a")
        at(page, 3)
        page.reload()
        page.click("#start")
        at(page, 3)
        for number in range(4, 9):
            ready(page)
            page.click("#b")
            if number < 8:
                at(page, number)
        page.wait_for_selector("#done:not([hidden])")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    results = service.studies.results(service.owner(ANNA), study.id)
    assert (results.votes, results.finished, results.on_left) == (7, 1, pytest.approx(100 * 2 / 7))


@needs_chromium
def test_without_a_page_answers_are_saved_as_a_file(made, service, tmp_path):
    folder = service.workspace.places.study(made.id)
    with chromium() as browser:
        page = browser.new_page()
        page.goto((folder / "raters" / "index.html").as_uri())
        page.click("#start")
        for _ in range(7):
            ready(page)
            page.click("#a")
        with page.expect_download() as saved:
            page.click("#save")
        saved.value.save_as(tmp_path / "answers.json")
        page.context.close()
    assert cli.main(["study", "import", str(folder), str(tmp_path / "answers.json")]) == 0
    assert service.studies.results(service.owner(ANNA), read(Path(folder)).id).finished == 1


@needs_chromium
@pytest.mark.slow
def test_a_person_makes_a_study_on_the_page_and_deletes_it(service, url, tmp_path):
    token = "token-of-cara-" + "c" * 24
    person = f"localStorage.setItem('fourreal person', '{token}')"
    with chromium() as browser, watched_page(browser, before=person, viewport={"width": 390, "height": 844}) as watched:
        page = watched.page
        page.goto(url)
        page.wait_for_selector("html.arrived")
        page.get_by_role("tab", name="Study").click()  # in sight, not in a menu
        upload = "#study-video input[type=file]"
        page.wait_for_selector(upload, state="attached")
        page.set_input_files(upload, moving(tmp_path / "rival.mp4"))
        page.wait_for_function("document.querySelector('#study-second input').value.includes('rival')")
        page.click("#study-add")
        page.wait_for_selector(".study-pairs li")
        page.click("#study-make")
        page.wait_for_selector(".study-card")
        (study,) = service.studies.studies(service.owner(token))
        assert (study.pairs[0].first.method, study.pairs[0].second.method) == ("Ours", "Other")
        assert "nobody has answered yet" in page.inner_text(".study-card")
        page.on("dialog", lambda dialog: dialog.accept())
        page.get_by_role("button", name="Delete").click()
        page.wait_for_selector(".study-card", state="detached")
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
    assert service.studies.studies(service.owner(token)) == []
