"""The page in a real browser: from two videos to a scene, and what may happen on the way."""

import re
import secrets

import numpy as np
import pytest
from browser import filled, needs_chromium, until, watched_page
from page_steps import (
    DESK,
    FIT,
    UNDER_WAY,
    alike,
    arrive,
    arrive_as,
    begin_long,
    choose,
    difference,
    loaded,
    picture,
    reload,
    shown_fox,
    tab,
    with_videos,
)
from playwright.sync_api import expect
from web_samples import fetched, give_scene, served

from fourreal import clip

pytest_plugins = ["page_fixtures"]


pytestmark = needs_chromium


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
                reload(window)
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
        toast = page.locator(".toast-body", has_text="notes.mp4").first.inner_text()
        assert str(server.data) not in toast
        expect(page.locator("#checks .waiting")).to_have_count(0)  # the step is again as it was before
        page.locator("#drop-reference input[type=file]").set_input_files(str(fox_yard / "reference.mp4"))
        expect(page.locator("#card-reference video")).to_be_visible()
        page.locator("#card-reference").get_by_role("button", name="Choose another").click()
        expect(page.locator("#drop-reference")).to_be_visible()
