"""Files come in whole or not at all: refused before they are spooled, cut off while they are, gone when used."""

import os
import socket
import threading
import time
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from web_samples import FORM, answering, form, wait

from fourreal.web.uploads import UploadLimits, Uploads, safe_name

LIMITS = UploadLimits(
    max_bytes=200_000, per_client=2, at_once=3, stall_seconds=1.0, grace_seconds=1.5, slowest=20_000, keep_seconds=60.0
)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    return tmp_path_factory.mktemp("uploads")


@pytest.fixture(scope="module")
def url(data):
    uploads = Uploads(data / "uploads", LIMITS)
    with answering(Starlette(routes=[Route("/upload", uploads.receive, methods=["POST"])])) as address:
        yield address + "/upload"


def lying(data):
    """Everything in the folder of uploads."""
    return [os.path.join(folder, name) for folder, _, names in os.walk(data / "uploads") for name in names]


def raw(url: str, head: str) -> socket.socket:
    """A connection on which a request's head was sent, so that its body can be sent at leisure."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port), timeout=20)
    connection.sendall(f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n{head}\r\n".encode())
    return connection


def status(connection: socket.socket) -> int:
    """The status of the answer on a raw connection."""
    with connection:
        return int(connection.recv(4096).split(b" ", 2)[1])


TYPE = "Content-Type: multipart/form-data; boundary=limit\r\n"


def test_a_file_is_kept_under_a_name_nobody_can_guess_until_it_is_used(url, data):
    answers = [httpx.post(url, content=form(b"same content"), headers=FORM) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    one, other = (answer.json()[0] for answer in answers)
    assert one != other
    assert os.path.basename(one) == "video.mp4"
    uploads = Uploads(data / "uploads")
    with open(one, "rb") as file:
        assert file.read() == b"same content"
    uploads.forget(type(data)(one))
    assert not os.path.exists(one)
    assert os.path.exists(other)  # the same bytes of somebody else


def test_too_large_by_its_own_account_is_refused_before_a_byte_of_it_is_taken(url, data):
    before = set(lying(data))
    connection = raw(url, TYPE + "Content-Length: 999999999\r\n")
    assert status(connection) == 413
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


def test_too_large_without_saying_so_is_cut_off_and_leaves_nothing(url, data):
    before = set(lying(data))

    def endless():
        yield form(b"")[:-13]
        for _ in range(500):
            yield b"x" * 10_000

    try:
        code = httpx.post(url, content=endless(), headers=FORM).status_code
    except httpx.WriteError:  # the server had closed before all was sent
        code = 413
    assert code == 413
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


def test_an_upload_that_is_broken_off_leaves_nothing(url, data):
    before = set(lying(data))
    connection = raw(url, TYPE + "Content-Length: 100000\r\n")
    connection.sendall(form(b"x" * 50_000)[:-20])
    wait(lambda: set(lying(data)) - before, "it begins", 10)
    connection.close()
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


def test_silence_and_dripping_are_ended(url, data):
    before = set(lying(data))
    silent = raw(url, TYPE + "Content-Length: 100000\r\n")
    silent.sendall(form(b"x" * 100)[:50])
    dripping = raw(url, TYPE + "Content-Length: 100000\r\n")
    drops = threading.Thread(target=drip, args=(dripping,), daemon=True)
    drops.start()
    assert status(silent) == 408
    assert status(dripping) == 408
    drops.join()
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


def drip(connection: socket.socket) -> None:
    body = form(b"x" * 1000)
    try:
        for at in range(0, 200, 5):
            connection.sendall(body[at : at + 5])
            time.sleep(0.2)
    except OSError:
        return  # that is what the test wants


def test_one_client_has_only_so_many_uploads_at_once(url):
    waiting = [raw(url, TYPE + "Content-Length: 100000\r\n") for _ in range(2)]
    for connection in waiting:
        connection.sendall(form(b"x" * 100)[:50])
    time.sleep(0.3)
    answer = httpx.post(url, content=form(b"third"), headers=FORM)
    assert answer.status_code == 429
    for connection in waiting:
        connection.close()
    end = time.monotonic() + 10
    while (
        answer := httpx.post(url, content=form(b"later"), headers=FORM)
    ).status_code == 429 and time.monotonic() < end:
        time.sleep(0.1)
    assert answer.status_code == 200  # the places of those who left are free again


@pytest.mark.parametrize(
    "body", [b"", b"no form at all", form(b"x")[:40], form(b"x", field="other"), b"--limit\r\n" + b"a" * 20_000]
)
def test_what_is_no_form_is_refused_in_a_sentence(url, data, body):
    before = set(lying(data))
    answer = httpx.post(url, content=body, headers=FORM)
    # an empty list of files is an answer too: there was none in the form
    assert answer.status_code == 400 or answer.json() == []
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


def test_a_full_disk_is_said_and_leaves_nothing(url, data, monkeypatch):
    before = set(lying(data))

    def full(self, *_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fourreal.web.uploads.Form.part_data", full)
    answer = httpx.post(url, content=form(b"x"), headers=FORM)
    assert answer.status_code == 507
    wait(lambda: set(lying(data)) <= before, "nothing is left", 10)


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a/b", ".", "..", "", "\x00", "a\nb"]
)
def test_names_lead_nowhere(url, data, name):
    path = httpx.post(url, content=form(b"x", name=name.replace("\x00", "%00")), headers=FORM).json()
    for found in path:
        assert type(data)(found).resolve().parent.parent == data / "uploads"
    plain = safe_name(name)
    assert plain
    assert plain not in (".", "..")
    assert not set("/\\\0\n") & set(plain)


def test_only_files_that_came_in_here_are_held(tmp_path):
    uploads = Uploads(tmp_path / "uploads")
    folder = tmp_path / "uploads" / ("0" * 32)
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"x")
    (tmp_path / "secret").write_bytes(b"x")
    (folder / "link.mp4").symlink_to(tmp_path / "secret")
    assert uploads.holds(str(folder / "a.mp4"))
    for other in (
        tmp_path / "secret",
        folder / "link.mp4",
        folder / "gone.mp4",
        folder,
        folder / ".." / ".." / "secret",
    ):
        assert not uploads.holds(str(other))


def test_what_nobody_uses_goes_after_a_while(tmp_path):
    uploads = Uploads(tmp_path / "uploads", UploadLimits(keep_seconds=100))
    for number, age in enumerate((10, 1000)):
        folder = tmp_path / "uploads" / (str(number) * 32)
        folder.mkdir(parents=True)
        (folder / "a.mp4").write_bytes(b"x")
        os.utime(folder, (time.time() - age,) * 2)
    uploads.sweep()
    assert [folder.name[0] for folder in (tmp_path / "uploads").iterdir()] == ["0"]
