"""The page from a prompt on, in a real browser, with the real loading code on tiny random weights of a real class."""

import re

import pytest
import shared
import tiny_models
from browser import filled, needs_chromium, until, watched_page
from gradio_client import handle_file
from gradio_client.exceptions import AppError
from playwright.sync_api import Page, expect
from web_samples import ANNA, BEN, calling, fetched, wait

pytest_plugins = ["page_fixtures"]

DESK = {"viewport": {"width": 1360, "height": 850}, "device_scale_factor": 0.5, "reduced_motion": "reduce"}
ARRIVED = "window.fourrealShown?.scene && document.documentElement.classList.contains('arrived')"
GONE = ("live/preview-",)  # one may be replaced by a newer one just while it is asked for
RELOADED = ("ERR_", "Failed to fetch", "network error", "errored out", "AbortError")  # what a reload cuts off
FORM = {"frames": 9, "steps": 3, "width": 96, "height": 64}


@pytest.fixture(scope="module")
def models(server):
    """Tiny weights of a real class, where the server looks for models."""
    with shared.alone("models"):
        if not server.models.exists():
            making = server.models.with_suffix(".part")
            tiny_models.save("wan-vace-1.3b", making / "wan-vace-1.3b")
            making.rename(server.models)


def arrive(page: Page, url: str) -> None:
    page.goto(url)
    until(page, ARRIVED)


def fill(page: Page, role: str, **others: int) -> None:
    """Set the form to what a tiny model makes quickly."""
    page.locator(f"#{role}-settings button").first.click()
    page.locator(f"#{role}-model input").click()
    page.get_by_role("option", name="Wan 2.1 VACE 1.3B").click()
    expect(page.locator(f"#{role}-frames input")).to_have_value("81")  # what the model is best at
    fields = {f"#{role}-{name} input": str(value) for name, value in (FORM | others).items()}
    filled(page, fields | {f"#{role}-count input[type=number]": "2"})
    page.locator(f"#{role}-settings button").first.click()


def candidates(page: Page, role: str, count: int):
    """The cards of a role, once there are so many."""
    cards = page.locator(f"#{role}-candidates .candidate")
    expect(cards).to_have_count(count)
    return cards


def plays(card) -> None:
    """Its video is one that the browser can show."""
    card.locator("video").evaluate(
        "async (video) => { while (!video.videoWidth) await new Promise((again) => setTimeout(again, 50)); }"
    )


@pytest.mark.slow
@pytest.mark.usefixtures("models")
@needs_chromium
def test_from_a_prompt_to_two_videos(server, browser, fox_yard):
    with watched_page(browser, GONE + RELOADED, **DESK) as watched:
        page = watched.page
        arrive(page, server.url)
        expect(page.locator("#reference-told")).to_contain_text("Apache-2.0")
        page.locator("#reference-make").click()
        expect(page.locator(".toast-body")).to_contain_text("prompt is empty")
        fill(page, "reference")
        page.locator("#reference-prompt textarea").fill("A red fox running through a yard")
        page.locator("#reference-make").click()
        either = "#reference-progress .progress, #reference-candidates .candidate"
        expect(page.locator(either).first).to_be_visible()

        page.reload()  # nothing is lost by it
        until(page, "window.fourrealShown?.scene")
        cards = candidates(page, "reference", 2)
        for card in cards.all():
            plays(card)
            expect(card.locator("li").first).to_be_attached()
            expect(card.locator(".score")).to_have_text(re.compile(r"^(\d{1,3}|not judged)$"))
        expect(page.locator("#reference-progress .progress")).to_have_count(0)

        stage, panes = page.locator(".choice-box"), page.locator(".choice-pane")
        expect(panes).to_have_count(2)
        expect(page.locator("#viewer")).to_be_hidden()
        stage.press(".")  # a frame on, in all of them at once
        times = "[...document.querySelectorAll('.choice-pane video')].map((video) => video.currentTime * 16)"
        until(page, f"{times}.every((frame) => Math.abs(frame - 1.5) < 0.2)")
        stage.press("2")
        expect(panes).to_have_count(1)
        stage.press("k")
        expect(page.locator("#reference-candidates .candidate.kept")).to_have_count(1)
        expect(panes.locator("em", has_text="kept")).to_be_visible()
        stage.press("1")
        expect(panes.locator("b")).to_have_text("1")
        stage.press("x")
        candidates(page, "reference", 1)
        stage.press("z")
        candidates(page, "reference", 2)
        stage.press("u")
        expect(page.locator("#reference-prompt textarea")).to_have_value("A red fox running through a yard")
        page.get_by_role("button", name="Discard", exact=True).click()
        candidates(page, "reference", 1)
        page.locator("#reference-own input[type=file]").set_input_files(str(fox_yard / "reference.mp4"))
        cards = candidates(page, "reference", 2)
        own = cards.filter(has_text="Yours: reference.mp4")
        own.locator("summary", has_text="Cut or reverse").click()
        own.locator("input[data-field=last]").fill("12")
        expect(own.locator("output").nth(1)).to_have_text("12")
        own.get_by_role("button", name="Reverse").click()
        candidates(page, "reference", 3)

        stage.press("0")
        panes.filter(has_text="reversed").click()
        stage.press("Enter")
        expect(page.locator(".choice-pane.picked", has_text="reversed")).to_be_visible()
        expect(page.locator("#picked-frame img.frame")).to_be_visible()
        words = page.locator("#freeze-prompt textarea")
        expect(words).to_have_value(re.compile("^Camera circulating around a red fox"))
        shown = page.locator("#picked-frame img").get_attribute("src")
        page.locator("#picked-frame input").fill("5")
        expect(page.locator("#picked-frame img")).to_have_attribute("src", re.sub(r"\d{4}\.jpg", "0005.jpg", shown))

        fill(page, "freeze")
        page.locator("#freeze-make").click()
        cards = candidates(page, "freeze", 2)
        expect(page.locator(".choice-why .fact", has_text="around").first).to_be_visible()
        cards.first.get_by_role("button", name="Extend right").click()
        cards = candidates(page, "freeze", 3)
        panes.filter(has_text="longer on the right").click()
        page.get_by_role("button", name="Take 3", exact=True).click()
        expect(page.locator("#viewer")).to_be_visible()

        for role in ("reference", "freeze"):
            expect(page.locator(f"#card-{role} video")).to_be_visible()
        expect(page.locator("#card-freeze")).to_contain_text("17 frames")
        expect(page.locator("#checks .verdicts li").first).to_be_visible()
        page.locator("#to-reconstruct").click()
        expect(page.locator("#estimate .facts")).to_be_visible()
        expect(page.locator("#start")).to_be_enabled()


@needs_chromium
def test_the_usual_model_says_what_it_knows_and_what_it_cannot_make(server, browser):
    """Without a graphics card that is the embedded one, with its few words to press."""
    with watched_page(browser, GONE, **DESK) as watched:
        page = watched.page
        arrive(page, server.url)
        expect(page.locator("#reference-told .facts")).to_be_visible()
        page.locator("#reference-settings button").first.click()
        filled(page, {"#reference-frames input": "10"})
        expect(page.locator("#reference-told .note.bad")).to_contain_text("videos of 16 frames")
        expect(page.locator("#reference-make")).to_be_disabled()
        page.locator("#reference-frames input").fill("16")
        expect(page.locator("#reference-make")).to_be_enabled()
        words = page.locator("#reference-prompt textarea")
        for word in ("red", "ball", "bouncing"):
            page.locator("#reference-told .word", has_text=re.compile(f"^{word}$")).click()
            expect(words).to_have_value(re.compile(f"{word}$"))
        expect(words).to_have_value("red ball bouncing")
        words.fill("a purpel ball")
        words.blur()
        expect(page.locator("#reference-told .note")).to_contain_text('do you mean "purple"?')
        expect(page.locator("#reference-told .note")).to_contain_text("the first candidate tells")
        filled(page, {"#reference-count input[type=number]": "1"})
        page.locator("#reference-make").click()
        candidates(page, "reference", 1)
        expect(page.locator("#reference-told .note")).to_contain_text(
            "Earlier videos of this model took that long here"
        )


@pytest.mark.slow
@pytest.mark.usefixtures("models")
@needs_chromium
def test_a_video_model_as_critic_is_chosen_followed_and_found_again(server, browser):
    with watched_page(browser, GONE + RELOADED, **DESK) as watched:
        page = watched.page
        arrive(page, server.url)
        page.locator("#to-videos").click()
        page.locator(".example").first.click()
        expect(page.locator("#checks .verdicts")).to_be_visible()
        page.locator("#to-reconstruct").click()
        expect(page.locator("#estimate .facts")).to_be_visible()
        page.locator("#distillation button").first.click()
        filled(page, {"#strength input": "1", "#distillation-steps input": "0"})
        page.locator("#critic input").click()
        page.get_by_role("option", name="Wan 2.1 VACE 1.3B").click()
        estimate, start = page.locator("#estimate"), page.locator("#start")
        expect(estimate).to_contain_text("not measured")
        page.locator("#strength input").fill("20")
        expect(estimate.locator(".note.bad")).to_contain_text("strength of 20 is out of range")
        expect(start).to_be_disabled()
        page.locator("#strength input").fill("2")
        page.locator("#distillation-steps input").fill("3")
        expect(estimate.locator(".facts div", has_text="Critic's steps")).to_contain_text("3")
        expect(start).to_be_enabled()
        start.click()

        expect(page.locator("#critique img")).to_be_attached()
        page.reload()
        expect(page.locator("#summary .figures")).to_be_visible()
        page.get_by_role("tab", name="Watch").click()
        expect(page.locator("#critique figcaption")).to_contain_text("views")
        until(page, "document.querySelector('#critique img')?.naturalWidth > 100")
        expect(page.locator("#curves")).to_contain_text("Distillation loss")

        page.get_by_role("tab", name="My scenes", exact=True).click()
        page.locator("#gallery").get_by_role("button", name="Make again").first.click()
        expect(page.locator("#strength input")).to_have_value("2")  # unfolded, with what it was
        expect(page.locator("#distillation-steps input")).to_have_value("3")
        expect(page.locator("#critic input")).to_have_value("Wan 2.1 VACE 1.3B")
        expect(estimate).to_contain_text("in earlier runs here")


@pytest.mark.slow
@pytest.mark.usefixtures("models")
@needs_chromium
def test_stopped_they_can_be_gone_on_with(server, browser):
    with watched_page(browser, GONE, **DESK) as watched:
        page = watched.page
        arrive(page, server.url)
        expect(page.locator("#reference-told .facts")).to_be_visible()
        fill(page, "reference", steps=60)  # time enough to press a button
        page.locator("#reference-prompt textarea").fill("A cat")
        page.locator("#reference-make").click()
        page.locator("#reference-stop").click()
        expect(page.locator("#reference-progress .note")).to_contain_text("Stopped")
        page.locator("#reference-resume").click()
        candidates(page, "reference", 2)

        page.locator("#reference-prompt textarea").fill("A dog")  # and what was made before can be come back to
        page.locator("#reference-make").click()
        expect(page.locator("#earlier")).to_be_visible()
        candidates(page, "reference", 0)
        page.locator("#reference-stop").click()
        page.locator("#earlier input").click()
        page.get_by_role("option", name="A cat").click()
        candidates(page, "reference", 2)


@pytest.mark.slow
@pytest.mark.usefixtures("models")
def test_every_step_has_its_endpoint(server, fox_yard):
    with calling(server.url) as ask:
        call = lambda step, **given: ask(step, token=ANNA, **given)
        there = {model["name"]: model["on_disk"] for model in call("models")}
        assert (there["wan-vace-1.3b"], there["ltx-video"]) == (True, False)
        wishes = {"role": "reference", "prompt": "a cat", "frames": 9, "size": [64, 64], "steps": 2}
        assert call("estimate_creation", wishes=wishes, count=2)["fits"]
        with pytest.raises(AppError, match="nearest is 9"):
            call("create", wishes=wishes | {"frames": 10})
        about = {"creation": call("create", wishes=wishes, count=1, seed=3)["id"]}
        settled = lambda: (creation := call("creation", **about))["state"] not in ("queued", "running") and creation
        assert [one["number"] for one in wait(settled, "the candidate")["candidates"]] == [3]
        call("keep", **about, number=3)
        call("add_candidate", **about, file=handle_file(str(fox_yard / "reference.mp4")))
        wait(settled, "the upload")
        call("cut", **about, number=4, first=2, last=9, reverse=True)
        call("more", **about)
        call("stop_creation", **about)
        wait(settled, "it stops")
        call("resume_creation", **about)
        creation = wait(settled, "all of it")
        assert (creation["state"], creation["error"]) == ("done", "")
        assert {one["number"]: one["frames"] for one in creation["candidates"]} == {3: 9, 4: 24, 5: 8, 6: 9}
        assert all(fetched(f"{server.url}/{one['url']}").content[4:8] == b"ftyp" for one in creation["candidates"])
        numbers = lambda creation: sorted(one["number"] for one in creation["candidates"])
        assert numbers(call("regenerate", **about, number=6)) == [3, 4, 5, 7]
        assert numbers(call("renew", **about)) == [3, 4, 5, 8]
        assert numbers(call("discard", **about, number=8)) == [3, 4, 5]
        reference = call("take", **about, number=4)
        assert (reference["frames"], reference["width"]) == (24, 512)
        with pytest.raises(AppError, match="freeze-time"):
            call("extend", **about, number=4, side="left")
        freeze = call("create", wishes=wishes | {"role": "freeze", "frame": 11}, count=1, reference=reference["id"])
        assert [one["id"] for one in call("creations")] == [freeze["id"], about["creation"]]
        assert call("delete_creation", creation=freeze["id"])
        assert [one["id"] for one in call("creations")] == [about["creation"]]
        with pytest.raises(AppError, match="no such"):
            ask("creation", token=BEN, **about)
