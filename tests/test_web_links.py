"""Links: what an address names, what is shared and taken back, and what others may see of it."""

import asyncio
import contextlib
import re

import httpx
import pytest
from web_samples import ANNA, BEN, answering

from fourreal.errors import UserError
from fourreal.jobs.ready import ready_scenes
from fourreal.jobs.service import Service
from fourreal.jobs.store import new_id
from fourreal.web.links import address, digest, opened_by, things_of
from fourreal.web.saved import saved_name
from fourreal.web.server import create_app

LEAKS = ("manifest.json", "metrics.json", "inputs/reference.mp4", "../store.sqlite", "share", "exports/orbit.mp4", "")


@pytest.fixture(scope="module")
def service(tmp_path_factory):
    with contextlib.closing(Service(tmp_path_factory.mktemp("links"))) as service:
        yield service


@pytest.fixture(scope="module")
def client(service):
    async def application():  # within a loop, as Gradio else leaves some of its own open
        return create_app(service.workspace.places.data, service)

    with pytest.MonkeyPatch.context() as patch:
        for name in ("GRADIO_TEMP_DIR", "GRADIO_ANALYTICS_CACHE_FREQUENCY"):  # the application sets them
            patch.setenv(name, "")
        limits = httpx.Limits(max_keepalive_connections=0)
        with answering(asyncio.run(application())) as url, httpx.Client(base_url=url, limits=limits) as client:
            yield client


def give_run(service: Service, token: str, name: str) -> str:
    """A finished run that has files a viewer asks for, as they are on the disk."""
    owner, id = service.owner(token), new_id()
    service.workspace.store.add_run(id, owner, name, new_id(), new_id(), {"preset": "draft"}, None, 9)
    folder = service.workspace.places.run(id)
    (folder / "inputs").mkdir(parents=True)
    for file, content in {"scene.r4d": b"scene", "thumbnail.jpg": b"picture", "manifest.json": b"{}"}.items():
        (folder / file).write_bytes(content)
    (folder / "inputs" / "reference.mp4").write_bytes(b"video")
    return id


def test_a_scene_is_shared_by_its_owner_and_taken_back(service, client):
    id = give_run(service, ANNA, "A <fox>")
    anna, ben = service.owner(ANNA), service.owner(BEN)
    for call in (service.shares.share, service.shares.unshare, service.shares.token):
        with pytest.raises(UserError, match="no such scene"):
            call(ben, id)
    token = service.shares.share(anna, id)
    assert token != id
    assert service.shares.share(anna, id) == token, "one link, however often it is asked for"
    assert client.get(f"/shared/{token}/scene.r4d").content == b"scene"
    assert client.get(f"/shared/{token}/thumbnail.jpg").content == b"picture"
    for name in LEAKS:
        assert client.get(f"/shared/{token}/{name}").status_code == 404, name
    for wrong in (id, new_id(), "../runs", "x"):
        assert client.get(f"/shared/{wrong}/scene.r4d").status_code == 404, wrong
    for text in (client.get(f"/embed/{token}").text, client.get(f"/?scene=shared:{token}").text):
        assert "A &lt;fox&gt;" in text
        assert "<fox>" not in text
        assert id not in text
        assert anna not in text
    service.shares.unshare(anna, id)
    for gone in (f"/shared/{token}/scene.r4d", f"/shared/{token}/thumbnail.jpg", f"/embed/{token}"):
        assert client.get(gone).status_code == 404
    assert "fox&gt;" not in client.get(f"/?scene=shared:{token}").text
    assert service.shares.share(anna, id) != token, "an old link stays dead"


def test_what_was_deleted_is_no_longer_shared(service):
    id = give_run(service, ANNA, "Fox")
    token = service.shares.share(service.owner(ANNA), id)
    service.jobs.cancel(service.owner(ANNA), id)
    service.jobs.delete(service.owner(ANNA), id)
    with pytest.raises(UserError):
        service.shares.file(token, "scene.r4d")


def test_only_what_can_be_embedded_may_be_framed(client):
    page, embed = client.get("/"), client.get("/embed/fox_yard")
    assert embed.status_code == 200
    assert "frame-ancestors *" in embed.headers["content-security-policy"]
    assert "frame-ancestors 'self'" in page.headers["content-security-policy"]
    assert "ready/fox_yard/scene.r4d" in embed.text
    for name in ("robot", "x..y", "%2e%2e%2f", "a" * 32, "<script>"):
        assert client.get(f"/embed/{name}").status_code == 404, name


def test_the_scenes_that_ship_stand_on_the_page_and_are_served(client):
    page = client.get("/").text
    for scene in ready_scenes():
        assert f"?scene=ready:{scene.name}" in page
        assert client.get(f"/ready/{scene.name}/scene.r4d").content == scene.viewer.read_bytes()
        assert client.get(f"/ready/{scene.name}/picture.jpg").headers["content-type"] == "image/jpeg"
        saved = client.get(f"/ready/{scene.name}/scene.r4d?download").headers["content-disposition"]
        assert saved_name(scene.title, "scene.r4d") in saved
    for path in ("nothing/scene.r4d", "fox_yard/manifest.json", "fox_yard/orbit.mp4", "..%2f/scene.r4d"):
        assert client.get(f"/ready/{path}").status_code == 404, path


def test_a_link_has_a_title_words_and_a_picture(client):
    meta = lambda text: dict(re.findall(r'<meta (?:property|name)="([\w:]+)" content="([^"]*)">', text))
    plain, fox = meta(client.get("/").text), meta(client.get("/?scene=ready:fox_yard").text)
    assert plain["og:title"].startswith("fourreal")
    assert fox["og:title"] == "A fox in a yard · fourreal"
    assert fox["og:image"] == f"{str(client.base_url).rstrip('/')}/page/ready.jpg"
    assert client.get("/page/ready.jpg").headers["content-type"] == "image/jpeg"
    two = meta(client.get("/?compare=ready:fox_yard,example:fox_yard/reference").text)
    assert two["og:title"].startswith("A fox in a yard and ")
    odd = meta(client.get("/", headers={"host": 'a"b'}).text)
    assert odd["og:image"] == "/page/ready.jpg"


def test_an_address_tells_its_owner_what_it_is_and_nobody_else_anything(service):
    id = give_run(service, ANNA, "Fox")
    search = address([f"scene:{id}"])
    assert id not in search
    assert opened_by(service, service.owner(ANNA), search) == [f"scene:{id}"]
    with pytest.raises(UserError, match="share"):
        opened_by(service, service.owner(BEN), search)
    names = ["ready:fox_yard", f"scene:{id}", "example:fox_yard/reference"]
    assert address(names) == f"?compare=ready:fox_yard,{digest(names[1])},example:fox_yard/reference"
    assert opened_by(service, service.owner(ANNA), address(names)) == names
    assert address([]) == ""


@pytest.mark.parametrize("search", ["", "?", "?x=1", "?compare=", "?compare=a", "?scene=", "?%ff", "?" + "&" * 100])
def test_an_address_that_names_nothing_opens_nothing(service, search):
    assert opened_by(service, service.owner(ANNA), search) == []
    assert len(things_of({"compare": ["a,b,c,d,e,f"]})) == 4


def test_a_link_says_what_it_shows_and_nothing_of_the_framework(client):
    head = client.get("/?scene=ready:green_ball").text.partition("</head>")[0]
    titles = re.findall(r'<meta\s+(?:property|name)="(?:og|twitter):title"\s+content="([^"]*)"', head)
    assert titles == ["A green ball bounces · fourreal"]
    assert "gradio.app" not in "".join(re.findall(r"<meta[^>]*>", head))
