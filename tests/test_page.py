"""The page in a real browser: from two videos to a scene under the mouse, and what may happen on the way."""

import base64
import io
import re
import secrets

import numpy as np
import pytest
from browser import WITHOUT_GL, chromium, filled, needs_chromium, until, watched_page
from PIL import Image
from playwright.sync_api import Error, Page, expect
from web_samples import SharedPage, fetched, give_scene, served

from fourreal import clip

pytestmark = needs_chromium

# Drawing without a GPU takes time from all else: half as many pixels a side will do, and for who wants less motion the
# scene does not play by itself.
DESK = {"viewport": {"width": 1100, "height": 700}, "device_scale_factor": 0.5, "reduced_motion": "reduce"}
PHONE = {"viewport": {"width": 390, "height": 844}, "has_touch": True, "is_mobile": True, "reduced_motion": "reduce"}
FIT = 600_000  # milliseconds for a whole fit beside whatever else the machine has to do
UNDER_WAY = re.compile(r"[1-9]")  # steps, of the 90,000 in page_child.py

ARRIVED = "window.fourrealShown?.scene && document.documentElement.classList.contains('arrived')"

# What of the menu that is open reaches beyond its edge, or the menu beyond the viewer's.
OVERFLOW = """() => {
  const menu = fourrealViewer.ui.menus.find((menu) => !menu.hidden);
  const within = (inner, outer) => {
    const [a, b] = [inner.getBoundingClientRect(), outer.getBoundingClientRect()];
    return a.left >= b.left && a.right <= b.right && a.top >= b.top && a.bottom <= b.bottom;
  };
  const parts = [...menu.querySelectorAll('button, label')].filter((part) => !within(part, menu));
  return [...parts, ...(within(menu, fourrealViewer.root) ? [] : [menu])].map((part) => part.textContent || part.title);
}"""

PNG = """async () => {
  await fourrealViewer.settle();
  const bytes = new Uint8Array(await (await fourrealViewer.screenshot()).arrayBuffer());
  return btoa(Array.from(bytes, (byte) => String.fromCharCode(byte)).join(""));
}"""


@pytest.fixture(scope="module")
def server():
    running = SharedPage()
    yield running
    assert "Traceback" not in running.log(), running.log()


@pytest.fixture(scope="module")
def browser():
    with chromium() as opened:
        yield opened


# --- Steps that tests take -----------------------------------------------------------------------------------------


def arrive(page: Page, url: str) -> Page:
    """Open the page and wait until its scene can be seen, and what this person has."""
    page.goto(url)
    until(page, ARRIVED)
    return page


def arrive_as(page: Page, url: str, token: str) -> Page:
    """The same as somebody who was there before."""
    page.goto(f"{url}/healthz")
    page.evaluate("(token) => localStorage.setItem('fourreal person', token)", token)
    return arrive(page, url)


def reload(page: Page) -> None:
    """Reload a page that lost its server and may be about to reload by itself: Chromium drops one of both then."""
    for left in (2, 1, 0):
        try:
            page.reload()
            return
        except Error as error:
            if not left or "Not attached to an active page" not in error.message:
                raise
            page.wait_for_timeout(500)


def with_videos(page: Page) -> None:
    """From the first step to the one for people who have videos."""
    page.locator("#to-videos").click()
    expect(page.locator("#examples .example").first).to_be_visible()


def choose(page: Page, fox_yard) -> None:
    """Upload both videos and their cameras, read the verdicts, look at frames, and go on to the settings."""
    with_videos(page)
    for role in ("reference", "freeze"):
        page.locator(f"#drop-{role} input[type=file]").set_input_files(str(fox_yard / f"{role}.mp4"))
        expect(page.locator(f"#card-{role} video")).to_be_visible()
    expect(page.locator("#checks .verdicts li").first).to_be_visible()
    assert page.locator("#checks .verdicts li").count() == 2
    for role in ("reference", "freeze"):
        expect(page.locator(f"#why-{role} .why")).to_contain_text("The camera")
    page.locator("#tune button").first.click()
    found = page.locator("#moment img").get_attribute("src")
    page.locator("#moment input").fill("3")
    expect(page.locator("#moment img")).to_have_attribute("src", re.sub(r"\d{4}\.jpg", "0003.jpg", found))
    until(page, "document.querySelector('#moment img').naturalWidth > 100")
    page.locator("#moment input").fill(str(int(found[-8:-4])))
    page.locator("#cameras-file input[type=file]").set_input_files(str(fox_yard / "cameras.json"))
    expect(page.locator("#cameras-known .note")).to_be_visible()
    page.locator("#to-reconstruct").scroll_into_view_if_needed()
    assert page.locator("#viewer").bounding_box()["y"] >= 0, "however far down, the scene stays in sight"
    settings(page)


def settings(page: Page) -> None:
    """Go on to the settings."""
    page.locator("#to-reconstruct").click()
    expect(page.locator("#estimate .facts")).to_be_visible()
    expect(page.locator("#start")).to_be_enabled()


def begin_long(page: Page) -> None:
    """Start the example once more, so that there is time to do something to it."""
    with_videos(page)
    page.locator(".example").first.click()
    expect(page.locator("#checks .verdicts")).to_be_visible()
    settings(page)
    filled(page, {"#scene-name :is(textarea, input)": "Long"})
    page.locator("#preset label").nth(1).click()
    expect(page.locator("#preset label").nth(1)).to_have_class(re.compile("selected"))
    expect(page.locator("#start")).to_be_enabled()
    page.locator("#start").click()
    expect(page.locator("#progress [data-step]")).to_have_attribute("data-step", UNDER_WAY)


def tab(page: Page, name: str) -> None:
    page.get_by_role("tab", name=name, exact=True).click()


def loaded(page: Page, address: re.Pattern | str) -> None:
    """Wait until the viewer has a scene from an address like this."""
    pattern = address.pattern if isinstance(address, re.Pattern) else re.escape(address)
    like = "(like) => new RegExp(like).test(window.fourrealShown?.scene || '')"
    until(page, like, pattern)


def picture(page: Page, time: float | None = 0.2) -> np.ndarray:
    """What the viewer draws, paused at a time in [0, 1] (None: as it is), as (H, W, 3) values 0 to 255."""
    if time is not None:
        page.evaluate("(time) => { fourrealViewer.playing = false; fourrealViewer.time = time; }", time)
    with Image.open(io.BytesIO(base64.b64decode(page.evaluate(PNG)))) as image:
        return np.asarray(image.convert("RGB"), dtype=np.float64)


def difference(one: np.ndarray, other: np.ndarray) -> float:
    """Mean absolute difference of two pictures of one size, 0 to 255."""
    assert one.shape == other.shape
    return float(np.abs(one - other).mean())


def shown_fox(image: np.ndarray) -> float:
    """Share of a picture that is fox-coloured: much red, less green, little blue."""
    red, green, blue = image[..., 0], image[..., 1], image[..., 2]
    return float(((red > 110) & (red > 1.3 * green) & (green > 1.4 * blue)).mean())


def alike(image: np.ndarray, fox: float) -> bool:
    """Whether there is a picture at all, and a fox in it that does not fill it."""
    return bool(image.std() > 15) and 0.02 < fox < 0.6


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
        tabs, told = (watched.page, watched.page.context.new_page()), set()

        def note(request) -> None:
            if "queue/join" in request.url:
                told.update(re.findall(r'"token":"([^"]{16,})"', request.post_data or ""))

        watched.page.context.on("request", note)
        for page in tabs:
            page.goto(server.url, wait_until="commit")
        for page in tabs:
            until(page, "document.documentElement.classList.contains('arrived')")
        tabs[1].reload()
        until(tabs[1], "document.documentElement.classList.contains('arrived')")
        assert len(told) == 1


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
        assert min(step.bounding_box()["height"] for step in steps) >= 24
        for menu in ("Camera path", "Speed and display"):
            page.locator("#viewer").get_by_role("button", name=menu).tap()
            over = page.evaluate(OVERFLOW)
            assert over == [], menu
        tab(page, "Compare")
        expect(page.get_by_role("group", name="Shown")).to_be_visible()
        expect(page.get_by_role("button", name="Video of another method")).to_be_visible()


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


# --- The flow, and what comes after --------------------------------------------------------------------------------


def test_two_videos_become_a_scene(server, browser, fox_yard):
    with watched_page(browser, **DESK) as watched:
        page = arrive(watched.page, server.url)
        before = picture(page)
        choose(page, fox_yard)
        filled(page, {"#scene-name :is(textarea, input)": "My <i>fox</i>"})
        page.locator("#start").click()
        expect(page.locator("#progress .stages")).to_be_visible()
        expect(page.locator("#summary .figures")).to_be_visible(timeout=FIT)
        expect(page.locator("#summary h4")).to_have_text("My <i>fox</i>")
        loaded(page, re.compile(r"files/\w+/scene\.r4d"))
        after = picture(page)
        assert alike(after, shown_fox(after)), "the subject is not in the picture"
        assert difference(before, after) > 2.0  # a scene of its own, not the ready-made one
        arrive(page, server.url)
        expect(page.locator("#summary .figures")).to_be_visible()  # what was shown is shown again


@pytest.mark.slow
def test_what_was_made_can_be_taken_away_found_again_and_compared(server, browser, fox_yard):
    token = secrets.token_hex(16)
    give_scene(server, token, "My <i>fox</i>")
    with watched_page(browser, **DESK) as watched:
        page = arrive_as(watched.page, server.url, token)
        tab(page, "My scenes")
        page.get_by_role("button", name="Open My <i>fox</i>").click()
        expect(page.locator("#summary .figures")).to_be_visible()
        expect(page.locator("#links a")).to_have_count(2)
        for link in page.locator("#links a").all():
            assert fetched(server.url + "/" + link.get_attribute("href")).status_code == 200
        page.locator("#make-splat").click()
        expect(page.locator("#made a")).to_be_visible()
        assert fetched(server.url + "/" + page.locator("#made a").get_attribute("href")).content[:2] == b"PK"

        page.locator("#make-html").click()
        expect(page.locator("#made a")).to_have_text("Save My_i_fox_i.html")

        tab(page, "My scenes")
        expect(page.locator("#gallery .scene")).to_have_count(1)
        expect(page.locator("#gallery .scene b")).to_have_text("My <i>fox</i>")
        page.locator("#gallery").get_by_role("button", name="Rename").click()
        page.locator("#gallery input.rename").fill("Renamed")
        page.locator("#gallery input.rename").press("Enter")
        expect(page.locator("#gallery .scene b")).to_have_text("Renamed")

        tab(page, "Compare")
        until(page, "fourrealViewer.layout === 'side' && fourrealShown.others.length === 1")  # with its reference video
        page.locator("#compare-video input[type=file]").set_input_files(str(fox_yard / "reference.mp4"))
        expect(page.locator("#compare-end")).to_be_visible()
        until(page, "fourrealShown.others.length === 2")
        names = "[...fourrealViewer.root.querySelectorAll('.name:not([hidden])')].map((chip) => chip.textContent)"
        assert page.evaluate(names) == ["Renamed", "Renamed: reference video", "reference.mp4"]
        both = picture(page)  # in the screen's pixels, of which there are half as many as of the page's
        scale = both.shape[1] / page.evaluate("fourrealViewer.canvas.clientWidth")
        for x, y, width, height in page.evaluate("fourrealViewer.places().map(({ rect }) => rect)"):
            assert abs(width / height - 16 / 9) < 0.03
            top, left, bottom, right = (round(scale * side) for side in (y, x, y + height, x + width))
            assert shown_fox(both[top:bottom, left:right]) > 0.01
        tab(page, "My scenes")
        until(page, "fourrealShown.others.length === 0")  # a comparison leaves the stage with its tab
        page.locator("#gallery").get_by_role("button", name="Rename", exact=True).click()
        page.locator("#gallery input.rename").fill("Once more")
        page.locator("#gallery input.rename").press("Enter")
        expect(page.locator("#gallery .scene b")).to_have_text("Once more")
        tab(page, "Compare")
        until(page, f"{names}[0] === 'Once more'")
        page.locator("#compare-end").click()
        until(page, "fourrealViewer.layout === 'single'")


@pytest.mark.slow
def test_a_reload_a_second_tab_and_a_killed_server_change_nothing(server, browser, tmp_path):
    cut_off = ("ERR_", "Failed to fetch", "network error", "errored out", "AbortError")
    with served(tmp_path / "data") as own, watched_page(browser, cut_off, **DESK) as watched:
        token = secrets.token_hex(16)
        give_scene(own, token, "My <i>fox</i>", server)
        page = arrive_as(watched.page, own.url, token)
        begin_long(page)
        loaded(page, re.compile(r"files/\w+/live/scene-\d+\.r4d"))
        expect(page.locator("#curves .js-plotly-plot")).to_be_visible()

        page.reload()
        expect(page.locator("#progress [data-step]")).to_have_attribute("data-step", UNDER_WAY)
        second = page.context.new_page()
        arrive(second, own.url)
        expect(second.locator("#progress [data-step]")).to_have_attribute("data-step", UNDER_WAY)

        own.kill_page()
        own.start_page()
        reload(page)
        expect(page.locator("#progress .stages, #summary .figures").first).to_be_visible()

        page.locator("#stop-keep").click()
        for window in (page, second):
            window.bring_to_front()
            if window is second:
                window.reload()
            expect(window.locator("#resume")).to_be_visible()
        second.close()
        tab(page, "My scenes")
        expect(page.locator("#gallery .scene")).to_have_count(2)
        page.once("dialog", lambda dialog: dialog.accept())
        page.locator("#gallery").get_by_role("button", name="Delete").first.click()
        expect(page.locator("#gallery .scene")).to_have_count(1)


def test_a_cut_is_trimmed_with_one_press_and_a_further_video_has_a_role(server, browser, fox_yard, tmp_path):
    frames = clip.read(fox_yard / "freeze.mp4").frames
    other = clip.read(fox_yard.parent / "robot_dance" / "freeze.mp4").frames[:8]
    clip.write(clip.Clip(np.concatenate([frames[:20], other]), 12.0), tmp_path / "cut.mp4")
    with watched_page(browser, **DESK) as watched:
        page = arrive(watched.page, server.url)
        with_videos(page)
        for role, path in (("reference", fox_yard / "reference.mp4"), ("freeze", tmp_path / "cut.mp4")):
            page.locator(f"#drop-{role} input[type=file]").set_input_files(str(path))
            expect(page.locator(f"#card-{role} video")).to_be_visible()
        expect(page.locator("#why-freeze .flaws img")).to_be_visible()
        page.locator("#drop-more input[type=file]").set_input_files([str(fox_yard / "freeze.mp4")])
        choice = page.locator("#takes select")
        expect(choice).to_have_value("freeze")
        choice.select_option("out")
        expect(page.locator("#takes .why")).to_contain_text("without it")
        page.locator("#checks button", has_text="Trim at the cut").click()
        expect(page.locator("#card-freeze .what")).to_contain_text("20 frames")
        expect(page.locator("#checks .verdicts")).to_contain_text("will do")
        expect(choice).to_have_value("out")


def test_what_is_no_video_is_said_and_can_be_tried_again(server, browser, fox_yard, tmp_path):
    (tmp_path / "notes.mp4").write_text("not a video at all")
    with watched_page(browser, **DESK) as watched:
        page = arrive(watched.page, server.url)
        with_videos(page)
        page.locator("#drop-reference input[type=file]").set_input_files(str(tmp_path / "notes.mp4"))
        told = page.locator(".toast-body", has_text="notes.mp4").first.inner_text()
        assert str(server.data) not in told
        expect(page.locator("#checks .waiting")).to_have_count(0)  # the step is again as it was before
        page.locator("#drop-reference input[type=file]").set_input_files(str(fox_yard / "reference.mp4"))
        expect(page.locator("#card-reference video")).to_be_visible()
        page.locator("#card-reference").get_by_role("button", name="Choose another").click()
        expect(page.locator("#drop-reference")).to_be_visible()
