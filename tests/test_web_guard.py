"""What stands before the page: the first view, the guard, headers, colours."""

import asyncio
import json

import httpx
import pytest
from starlette.applications import Starlette
from starlette.requests import Request
from starlette.responses import JSONResponse
from starlette.routing import Route

from fourreal.web.guard import Guard, headers
from fourreal.web.lean import MOST_ANSWERS, FirstView
from fourreal.web.theme import theme

# --- The first view --------------------------------------------------------------------------------------------------


def visited(*visits: dict) -> list[str]:
    """What an application answers that tells the host and how often it was asked, each visit a request to "/"."""
    calls = []

    async def tell(request: Request) -> JSONResponse:
        calls.append(request)
        return JSONResponse(f"{request.headers['host']} {len(calls)}", 500 if "bad" in request.headers else 200)

    async def ask() -> list[str]:
        app = FirstView(Starlette(routes=[Route("/{path:path}", tell)]))
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return [(await client.get(**({"url": "/"} | visit))).json() for visit in visits]

    return asyncio.run(ask())


def test_the_first_view_is_made_once_for_each_way_to_ask():
    other = {"headers": {"host": "other"}}
    assert visited({}, {}, other, {}, other) == ["test 1", "test 1", "other 2", "test 1", "other 2"]
    proxied = [{"headers": {"x-forwarded-host": host, "x-forwarded-proto": "https"}} for host in ("a", "b", "a")]
    assert visited(*proxied) == ["test 1", "test 2", "test 1"]


def test_what_is_not_the_first_view_or_went_wrong_is_not_kept():
    for visit in ({"url": "/config"}, {"url": "/?x=1"}, {"headers": {"origin": "http://b"}}, {"headers": {"bad": "1"}}):
        assert visited(visit, visit) == ["test 1", "test 2"]


def test_only_so_many_first_views_are_kept():
    hosts = [{"headers": {"host": str(number)}} for number in range(MOST_ANSWERS + 1)]
    assert visited(*hosts, hosts[-1], hosts[0])[-2:] == [f"{MOST_ANSWERS} {MOST_ANSWERS + 1}", f"0 {MOST_ANSWERS + 2}"]


# --- The guard -------------------------------------------------------------------------------------------------------


def guarded(method: str, path: str, **request) -> httpx.Response:
    """The answer of an application that echoes, behind the guard."""

    async def echo(request: Request) -> JSONResponse:
        return JSONResponse((await request.body()).decode())

    async def ask() -> httpx.Response:
        app = Guard(
            Starlette(routes=[Route("/{path:path}", echo, methods=["GET", "POST"])]), holds=lambda path: path == "/mine"
        )
        async with httpx.AsyncClient(transport=httpx.ASGITransport(app), base_url="http://test") as client:
            return await client.request(method, path, **request)

    return asyncio.run(ask())


def test_calls_go_through_whole():
    body = {"data": ["x" * 1000, {"path": "/mine", "meta": {"_type": "gradio.FileData"}}]}
    answer = guarded("POST", "/gradio_api/queue/join", json=body)
    assert json.loads(answer.json()) == body
    assert answer.headers["referrer-policy"] == "no-referrer"


@pytest.mark.parametrize("nested", [lambda x: x, lambda x: {"a": [x]}, lambda x: [[[{"b": {"c": x}}]]]])
@pytest.mark.parametrize("path", ["/yours", "http://example.com/x", 5, None, ["/mine"]])
def test_a_file_of_somebody_else_is_not_named_however_deep(nested, path):
    answer = guarded("POST", "/gradio_api/queue/join", json={"data": nested({"path": path})})
    assert answer.status_code == 400


@pytest.mark.parametrize("path", ["/viewer/", "/page/", "/static/", "/assets/a/", "/gradio_api/call/", "/"])
def test_an_address_that_no_file_can_have_is_not_there(path):
    assert guarded("GET", path + "%E5%AD%97" * 90).status_code == 404


def test_what_cannot_be_read_is_not_passed_on():
    assert guarded("POST", "/gradio_api/queue/join", content=b'{"data": ').status_code == 400
    assert guarded("POST", "/gradio_api/queue/join", content=b"[" * 100_000 + b"{").status_code == 400
    assert guarded("POST", "/gradio_api/queue/join", content=b"{" + b" " * 2_000_000).status_code == 413


@pytest.mark.parametrize(
    "path", ["file=/etc/passwd", "file/etc/passwd", "proxy=http://example.com", "vibe-code", "runs", "component_server"]
)
def test_only_what_the_page_needs_of_gradio_is_open(path):
    assert guarded("GET", f"/gradio_api/{path}").status_code == 404
    assert guarded("GET", "/gradio_api/info").status_code == 200


@pytest.mark.parametrize(
    ("environment", "ancestors"),
    [
        ({}, "'self'"),
        ({"SPACE_HOST": "anna-fourreal.hf.space"}, "'self'"),  # only a Space has an id
        ({"SPACE_ID": "anna/fourreal"}, "'self' https://huggingface.co"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "a-f.hf.space"}, "'self' https://huggingface.co https://a-f.hf.space"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "*.hf.space"}, "'self' https://huggingface.co"),
        ({"SPACE_ID": "a/f", "SPACE_HOST": "a.b; script-src *"}, "'self' https://huggingface.co"),
    ],
)
def test_only_a_space_lets_itself_be_framed_and_only_by_its_own_page(environment, ancestors):
    policy = headers(environment)["content-security-policy"]
    assert policy.split("frame-ancestors ")[1] == ancestors


def test_the_guard_says_what_its_surroundings_allow(monkeypatch):
    monkeypatch.delenv("SPACE_ID", raising=False)
    assert "hf.space" not in guarded("GET", "/").headers["content-security-policy"]
    monkeypatch.setenv("SPACE_ID", "anna/fourreal")
    monkeypatch.setenv("SPACE_HOST", "anna-fourreal.hf.space")
    assert "https://anna-fourreal.hf.space" in guarded("GET", "/").headers["content-security-policy"]


def contrast(one: str, other: str) -> float:
    """WCAG's ratio of two colours #rrggbb, 1 to 21."""

    def light(color: str) -> float:
        parts = (int(color[i : i + 2], 16) / 255 for i in (1, 3, 5))
        red, green, blue = (x / 12.92 if x <= 0.04045 else ((x + 0.055) / 1.055) ** 2.4 for x in parts)
        return 0.2126 * red + 0.7152 * green + 0.0722 * blue

    dark, bright = sorted((light(one), light(other)))
    return (bright + 0.05) / (dark + 0.05)


def test_words_in_grey_can_be_read():
    for scheme in ("", "_dark"):
        look = {name: getattr(theme(), name + scheme) for name in ("body_text_color_subdued", "body_background_fill")}
        grey, ground = (getattr(theme(), value.removeprefix("*")) for value in look.values())
        assert contrast(grey, ground) >= 4.5
