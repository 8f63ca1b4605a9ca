"""Steps that tests of the page in a browser take, and what they see."""

import base64
import io
import re

import numpy as np
from browser import filled, until
from PIL import Image
from playwright.sync_api import Error, Page, expect

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
            dropped = any(sign in error.message for sign in ("Not attached to an active page", "net::ERR_ABORTED"))
            if not (left and dropped):
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
    shown = page.locator("#moment img").get_attribute("src")
    page.locator("#moment input").fill("3")
    expect(page.locator("#moment img")).to_have_attribute("src", re.sub(r"\d{4}\.jpg", "0003.jpg", shown))
    until(page, "document.querySelector('#moment img').naturalWidth > 100")
    page.locator("#moment input").fill(str(int(shown[-8:-4])))
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
