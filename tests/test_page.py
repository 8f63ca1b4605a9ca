"""The page in a real browser: from two videos to a scene under the mouse, and what may happen on the way."""

import re
import secrets

import pytest
from browser import WITHOUT_GL, needs_chromium, until, watched_page
from page_steps import (
    ARRIVED,
    DESK,
    FIT,
    OVERFLOW,
    PHONE,
    alike,
    arrive,
    arrive_as,
    difference,
    loaded,
    picture,
    shown_fox,
    tab,
)
from playwright.sync_api import expect
from web_samples import fetched, give_scene

from fourreal import clip

pytest_plugins = ["page_fixtures"]
pytestmark = needs_chromium

# What is pressed, and is too small for a thumb.
THUMB = """() => {
  const kinds = 'button, select, summary, .save, label:has(> input[type=radio])';
  const roots = [document.getElementById('room'), fourrealViewer.root];
  const all = roots.flatMap((root) => [...root.querySelectorAll(kinds)]);
  return all.filter((one) => {
    const { width, height } = one.getBoundingClientRect();
    return width && height && height < 40 && !one.closest('.visually-hidden, footer');
  }).map((one) => one.title || one.textContent);
}"""

PADDING = "(element) => getComputedStyle(element).paddingLeft"

# What of the film editor lies outside of the viewer.
OUTSIDE = """() => {
  const { panel, root } = fourrealViewer, outer = root.getBoundingClientRect();
  return [...panel.panel.querySelectorAll('button, select, input')].filter((one) => {
    const box = one.getBoundingClientRect();
    return box.width && (box.left < outer.left || box.right > outer.right || box.bottom > outer.bottom);
  }).map((one) => one.title || one.textContent);
}"""


# --- What a newcomer sees ------------------------------------------------------------------------------------------


def test_a_scene_plays_before_anything_was_done(server, browser):
    with watched_page(browser, **DESK) as watched:
        watched.page.emulate_media(reduced_motion="no-preference")
        page = watched.page
        page.goto(server.url, wait_until="commit")
        until(page, "window.fourrealViewer?.playing")
        page.evaluate("fourrealViewer.playing = false")  # it does: more of it would only take time
        until(page, ARRIVED)
        expect(page.locator("#try")).to_be_enabled()
        first = picture(page, 0.0)
        assert alike(first, shown_fox(first))
        assert difference(first, picture(page, 0.6)) > 0.5  # it moves
        box = page.locator(".viewer-box").bounding_box()
        middle = box["x"] + box["width"] / 2, box["y"] + box["height"] / 3
        page.mouse.move(*middle)
        page.mouse.down()
        page.mouse.move(middle[0] + 160, middle[1] + 10, steps=6)
        page.mouse.up()
        turned = picture(page, 0.0)
        assert difference(first, turned) > 4.0  # it can be walked around
        assert alike(turned, shown_fox(turned))
        page.emulate_media(reduced_motion="reduce")


@pytest.mark.slow
def test_two_tabs_opened_at_once_belong_to_one_person(server, browser):
    with watched_page(browser, **DESK) as watched:
        tabs, tokens = (watched.page, watched.page.context.new_page()), set()

        def note(request) -> None:
            if "queue/join" in request.url:
                tokens.update(re.findall(r'"token":"([^"]{16,})"', request.post_data or ""))

        watched.page.context.on("request", note)
        for page in tabs:
            page.goto(server.url, wait_until="commit")
        for page in tabs:
            until(page, "document.documentElement.classList.contains('arrived')")
        tabs[1].reload()
        until(tabs[1], "document.documentElement.classList.contains('arrived')")
        assert len(tokens) == 1


@pytest.mark.slow
def test_one_press_leads_a_newcomer_to_a_scene(server, browser):
    with watched_page(browser, **DESK) as watched:
        page = arrive(watched.page, server.url)
        page.locator("#try").click()
        expect(page.locator("#progress .stages")).to_be_visible()
        expect(page.locator("#summary .figures")).to_be_visible(timeout=FIT)
        loaded(page, re.compile(r"files/\w+/scene\.r4d"))
        seen = picture(page)
        assert alike(seen, shown_fox(seen))


def test_on_a_phone_the_viewer_comes_first_and_nothing_is_cut_off(server, browser):
    with watched_page(browser, **PHONE) as watched:
        page = arrive(watched.page, server.url)
        viewer, panel = (page.locator(name).bounding_box() for name in ("#viewer", "#panel"))
        assert viewer["y"] + viewer["height"] <= panel["y"]
        assert viewer["height"] < 844
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        seen = picture(page)
        assert alike(seen, shown_fox(seen))
        assert page.locator("h1").all_text_contents() == ["fourreal"]
        steps = page.locator("#steps > .tab-wrapper button:visible").all()
        assert min(step.bounding_box()["height"] for step in steps) >= 40
        for menu in ("Camera path", "Speed and display"):
            page.locator("#viewer").get_by_role("button", name=menu).tap()
            over = page.evaluate(OVERFLOW)
            assert over == [], menu
        assert page.evaluate(THUMB) == []
        page.locator("#viewer").get_by_role("button", name="Film editor").tap()
        page.locator("#viewer").get_by_role("button", name="Add key").tap()
        assert page.evaluate(THUMB) == []
        assert page.evaluate(OUTSIDE) == []
        tab(page, "Compare")
        assert page.evaluate(THUMB) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= 390
        expect(page.get_by_role("group", name="Layout")).to_be_visible()
        expect(page.get_by_role("button", name="Video of another method")).to_be_visible()


def test_what_did_not_work_is_told_where_it_hides_nothing_that_it_speaks_of(server, browser):
    """In words, for as long as reading takes, and on a phone below the button that was pressed."""
    with watched_page(browser, **PHONE) as watched:
        page = arrive(watched.page, server.url)
        page.locator("#reference-make").tap()
        expect(page.locator(".toast-title")).to_have_text(re.compile(r"^\s*That did not work\s*$"))
        expect(page.locator(".toast-body .timer")).to_have_css("animation-duration", "20s")
        toast = page.locator(".toast-body").bounding_box()
        assert 844 - 30 < toast["y"] + toast["height"] <= 844
        assert page.locator(".gradio-container > .main").evaluate(PADDING) == "14.4px"


@pytest.mark.slow
def test_a_film_of_ones_own_is_made_in_the_viewer(server, browser, tmp_path):
    """Of the scene that ships: nobody has to make one first."""
    with watched_page(browser, **DESK) as watched:
        page = arrive(watched.page, server.url)
        page.get_by_role("button", name="Film editor").click()
        page.get_by_role("button", name="Add key").click()
        page.evaluate("() => { fourrealViewer.rig.orbit(0.2, 0); fourrealViewer.steered(); fourrealViewer.time = 1; }")
        page.get_by_role("button", name="Add key").click()
        page.get_by_label("Seconds at which").fill("0.2")
        page.get_by_label("Seconds at which").press("Enter")
        page.get_by_role("button", name="Make film").click()
        expect(page.locator("#film-made a")).to_have_text("Save A_fox_in_a_yard-film-720p-30.mp4")
        until(page, "document.querySelector('#film-made video').videoWidth === 1280")
        with page.expect_download() as download:
            page.locator("#film-made a").click()
        download.value.save_as(tmp_path / "film.mp4")
        film = clip.probe(tmp_path / "film.mp4")
        assert (film.fps, film.width, film.height, film.frames) == (30, 1280, 720, 7)


def test_a_link_opens_what_it_names_and_going_back_shows_what_was_shown(server, browser):
    with watched_page(browser, **DESK) as watched:
        page = watched.page
        page.goto(f"{server.url}/?compare=ready:fox_yard,example:fox_yard/reference")
        until(page, "window.fourrealSettled && fourrealShown.others.length === 1")
        expect(page.locator("#compare-table")).to_contain_text("1.2 MB")
        page.locator("#compare-end").click()
        until(page, "fourrealShown.others.length === 0 && location.search === '?scene=ready:fox_yard'")
        page.go_back()
        until(page, "fourrealShown.others.length === 1 && location.search.startsWith('?compare=')")
        page.go_forward()
        until(page, "fourrealShown.others.length === 0 && location.search === '?scene=ready:fox_yard'")
        page.go_back()
        until(page, "fourrealShown.others.length === 1")
        tab(page, "Study")  # a comparison is not left on the stage
        until(page, "fourrealShown.others.length === 0 && fourrealShown.scene === 'ready/fox_yard/scene.r4d'")


def test_the_strip_opens_a_scene_in_place_and_names_its_makers(server, browser):
    with watched_page(browser, **DESK) as watched:
        page = watched.page
        page.goto(server.url)
        until(page, "window.fourrealSettled && fourrealShown.scene")
        page.evaluate("window.same = true")
        page.locator(".strip a", has_text="A robot dances").click()
        expect(page.locator("#caption h2")).to_have_text("A robot dances")
        until(page, "fourrealShown.scene.includes('robot_dance') && location.search === '?scene=ready:robot_dance'")
        page.locator("#caption summary").click()
        expect(page.locator("#caption details")).to_contain_text("BrainStem")
        page.go_back()
        expect(page.locator("#caption h2")).to_have_text("A fox in a yard")
        assert page.evaluate("window.same"), "the page was loaded again"


def test_an_embed_is_only_the_viewer(server, browser):
    with watched_page(browser, **DESK) as watched:
        watched.page.goto(f"{server.url}/embed/fox_yard")
        until(watched.page, "window.viewer?.slots[0]")
        assert watched.page.title() == "A fox in a yard"
        assert watched.page.locator("body > :not(script)").count() == 3


@pytest.mark.slow
def test_a_scene_is_shared_seen_by_somebody_else_and_taken_back(server, browser):
    token = secrets.token_hex(16)
    id, _ = give_scene(server, token, "My fox"), give_scene(server, token, "Another")
    with watched_page(browser, **DESK) as watched:
        page = arrive_as(watched.page, server.url, token)
        for name in ("My fox", "Another"):
            tab(page, "My scenes")
            page.get_by_role("button", name=f"Open {name}").click()
            expect(page.locator("#summary h4")).to_have_text(name)
            expect(page.locator("#caption h2")).to_have_text(name)
        page.go_back()  # the panel goes back with the scene
        expect(page.locator("#summary h4")).to_have_text("My fox")
        page.locator("#shared").get_by_role("button", name="Share").click()
        link = page.locator("#shared a").get_attribute("href")
        assert id not in link
        assert id not in page.url
        with watched_page(browser, **DESK, locale="en-GB") as other:
            other.page.goto(f"{server.url}/{link}")
            until(other.page, "window.fourrealShown?.scene.startsWith('shared/')")
            expect(other.page.locator("#caption h2")).to_have_text("My fox")
            tab(other.page, "My scenes")
            expect(other.page.locator("#gallery")).to_contain_text("Nothing here yet")
        page.locator("#shared").get_by_role("button", name="Stop sharing").click()
        expect(page.locator("#shared").get_by_role("button", name="Share", exact=True)).to_be_visible()
        assert fetched(f"{server.url}/shared/{link.split(':')[-1]}/scene.r4d").status_code == 404


@pytest.mark.slow
def test_without_webgl_the_server_draws(server, browser):
    with watched_page(browser, before=WITHOUT_GL, **DESK) as watched:
        page = watched.page
        page.goto(server.url)
        drawn = page.locator(".viewer-box img").first
        expect(drawn).to_have_attribute("src", re.compile("^blob:"))
        drawn.evaluate("""async (image) => {  // not decode(): a newer picture may come meanwhile, and cut it short
            while (!(image.naturalWidth > 50)) await new Promise((again) => setTimeout(again, 50));
        }""")
        expect(page.locator(".viewer-box").get_by_text("WebGL2").first).to_be_visible()
