"""Files come in whole or not at all: refused before they are spooled, cut off while they are, gone when used."""

import os
import socket
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from urllib.parse import urlsplit

import httpx
import pytest
from starlette.applications import Starlette
from starlette.routing import Route
from web_samples import FORM, PATIENCE, answering, form, lying, wait

from fourreal.web.room import Refused, Room, client_of
from fourreal.web.upload_form import UploadLimits, safe_name
from fourreal.web.uploads import Uploads
from fourreal.whole import NAME_BYTES

# Nothing is too slow here, whatever else the machine has to do.
PATIENT = UploadLimits(
    max_bytes=200_000, per_client=2, at_once=3, stall_seconds=PATIENCE, grace_seconds=PATIENCE, keep_seconds=PATIENCE
)
HASTY = replace(PATIENT, stall_seconds=1.0, grace_seconds=1.5, slowest=20_000)


@contextmanager
def taking(uploads: Uploads) -> Iterator[str]:
    """The address at which `uploads` come in."""
    with answering(Starlette(routes=[Route("/upload", uploads.receive, methods=["POST"])])) as address:
        yield address + "/upload"


@pytest.fixture
def uploads(tmp_path):
    return Uploads(tmp_path / "uploads", PATIENT)


@pytest.fixture
def url(uploads):
    with taking(uploads) as url:
        yield url


def post(url: str, content) -> httpx.Response:
    return httpx.post(url, content=content, headers=FORM, timeout=PATIENCE)


def nothing_is_left(uploads: Uploads) -> None:
    """Neither a file nor the place that it took."""
    wait(lambda: not lying(uploads.folder) and not uploads.running.total(), "nothing is left")


def raw(url: str, head: str) -> socket.socket:
    """A connection on which a request's head was sent, so that its body can be sent at leisure."""
    place = urlsplit(url)
    connection = socket.create_connection((place.hostname, place.port), timeout=PATIENCE)
    connection.sendall(f"POST {place.path} HTTP/1.1\r\nHost: {place.netloc}\r\n{head}\r\n".encode())
    return connection


def status(connection: socket.socket) -> int:
    """The status of the answer on a raw connection."""
    with connection:
        return int(connection.recv(4096).split(b" ", 2)[1])


TYPE = "Content-Type: multipart/form-data; boundary=limit\r\n"


def test_a_file_is_kept_under_a_name_nobody_can_guess_until_it_is_used(url, uploads):
    answers = [post(url, form(b"same content")) for _ in range(2)]
    assert [answer.status_code for answer in answers] == [200, 200]
    one, other = (answer.json()[0] for answer in answers)
    assert one != other
    assert os.path.basename(one) == "video.mp4"
    with open(one, "rb") as file:
        assert file.read() == b"same content"
    uploads.forget(Path(one))
    assert lying(uploads.folder) == {other}  # the same bytes of somebody else


def test_too_large_by_its_own_account_is_refused_before_a_byte_of_it_is_taken(url, uploads):
    assert status(raw(url, TYPE + "Content-Length: 999999999\r\n")) == 413
    nothing_is_left(uploads)


def test_too_large_without_saying_so_is_cut_off_and_leaves_nothing(url, uploads):
    sent = []

    def endless():
        yield form(b"")[:-13]
        for _ in range(500):
            sent.append(10_000)
            yield b"x" * 10_000

    try:
        assert post(url, endless()).status_code == 413
    except httpx.TransportError:  # the server had closed before all was sent, so that its answer was not waited for
        assert len(sent) > 20
    nothing_is_left(uploads)


def test_an_upload_that_is_broken_off_leaves_nothing(url, uploads):
    connection = raw(url, TYPE + "Content-Length: 100000\r\n")
    connection.sendall(form(b"x" * 50_000)[:-20])
    wait(lambda: lying(uploads.folder), "it begins")
    connection.close()
    nothing_is_left(uploads)


@pytest.mark.parametrize("gap", [None, 0.2])
def test_silence_and_dripping_are_ended(tmp_path, gap):
    uploads = Uploads(tmp_path / "uploads", HASTY)
    with taking(uploads) as url:
        connection = raw(url, TYPE + "Content-Length: 100000\r\n")
        body = form(b"x" * 1000)
        connection.sendall(body[:50])
        drops = threading.Thread(target=drip, args=(connection, body[50:], gap), daemon=True)
        if gap:
            drops.start()
        assert status(connection) == 408
        if gap:
            drops.join()
        nothing_is_left(uploads)


def drip(connection: socket.socket, body: bytes, gap: float) -> None:
    """Send a body byte by byte, for as long as the other end listens."""
    try:
        for byte in body:
            connection.sendall(bytes([byte]))
            time.sleep(gap)
    except OSError:
        return  # that is what the test wants


def test_one_client_has_only_so_many_uploads_at_once(url, uploads):
    waiting = [raw(url, TYPE + "Content-Length: 100000\r\n") for _ in range(2)]
    for connection in waiting:
        connection.sendall(form(b"x" * 100)[:50])
    wait(lambda: uploads.running.total() == 2, "both have begun")
    assert post(url, form(b"third")).status_code == 429
    for connection in waiting:
        connection.close()
    wait(lambda: not uploads.running.total(), "both are gone")
    assert post(url, form(b"later")).status_code == 200  # the places of those who left are free again


@pytest.mark.parametrize(
    "body", [b"", b"no form at all", form(b"x")[:40], form(b"x", field="other"), b"--limit\r\n" + b"a" * 20_000]
)
def test_what_is_no_form_is_refused_in_a_sentence(url, uploads, body):
    answer = post(url, body)
    # an empty list of files is an answer too: there was none in the form
    assert answer.status_code == 400 or answer.json() == []
    nothing_is_left(uploads)


def test_a_full_disk_is_said_and_leaves_nothing(url, uploads, monkeypatch):
    def full(self, *_):
        raise OSError(28, "No space left on device")

    monkeypatch.setattr("fourreal.web.upload_form.Form.part_data", full)
    assert post(url, form(b"x")).status_code == 507
    nothing_is_left(uploads)


def crowded(tmp_path, **limits) -> Uploads:
    return Uploads(tmp_path / "uploads", replace(PATIENT, **limits))


@pytest.mark.parametrize(
    ("limits", "code", "says"),
    [({"client_bytes": 250_000}, 429, "Your uploads"), ({"all_bytes": 250_000}, 507, "as many uploads as it may")],
)
@pytest.mark.parametrize("declared", [True, False])
def test_what_lies_here_unused_has_a_budget(tmp_path, limits, code, says, declared):
    uploads, large = crowded(tmp_path, **limits), form(b"x" * 90_000)
    body = (lambda: large) if declared else (lambda: iter([large[:40_000], large[40_000:]]))
    with taking(uploads) as url:
        lain = [post(url, body()) for _ in range(2)]
        assert [answer.status_code for answer in lain] == [200, 200]
        refused = post(url, body())
        assert (refused.status_code, says in refused.text) == (code, True)
        there = {answer.json()[0] for answer in lain}
        assert lying(uploads.folder) == there
        uploads.forget(Path(there.pop()))
        assert post(url, body()).status_code == 200  # what was used takes no room


def test_a_part_of_the_disk_stays_free(tmp_path, monkeypatch):
    uploads, free = crowded(tmp_path, free_bytes=100_000), [1_000_000]
    monkeypatch.setattr("fourreal.web.room.disk_free", lambda folder: free[0])
    with taking(uploads) as url:
        video = post(url, form(b"x" * 50_000)).json()[0]
        free[0] = 140_000
        for body in (form(b"x" * 50_000), iter([form(b"x" * 50_000)])):  # refused before it begins, and while it comes
            answer = post(url, body)
            assert (answer.status_code, "almost full" in answer.text) == (507, True)
        assert lying(uploads.folder) == {video}


def test_what_lay_here_before_counts_and_stays(tmp_path):
    folder = tmp_path / "uploads" / ("0" * 32)
    folder.mkdir(parents=True)
    (folder / "a.mp4").write_bytes(b"x" * 200_000)
    with taking(crowded(tmp_path, all_bytes=250_000, client_bytes=250_000)) as url:
        assert post(url, form(b"x" * 90_000)).status_code == 507
    assert (folder / "a.mp4").stat().st_size == 200_000


def test_many_at_once_share_the_budget(tmp_path):
    room = Room(tmp_path, most=300_000, most_of_one=200_000, free=0)
    with room.claim("anna", 150_000) as one:
        with pytest.raises(Refused, match="Your uploads"), room.claim("anna", 60_000):
            pass
        with room.claim("ben", 140_000) as other:
            other.write(140_000)
            with pytest.raises(Refused, match="as many"):
                other.write(20_000)
        one.write(150_000)
    with room.claim("ben", 200_000):
        pass


def test_a_client_is_an_address_or_a_network():
    assert client_of("1.2.3.4") == client_of("::ffff:1.2.3.4") == "1.2.3.4"
    assert client_of("2001:db8:1:2:3:4:5:6") == client_of("2001:db8:1:2::7") != client_of("2001:db8:1:3::7")
    assert client_of("?") == "?"


@pytest.mark.parametrize(
    "name", ["../../etc/passwd", "/etc/passwd", "..\\..\\boot.ini", "a/b", ".", "..", "", "\x00", "a\nb"]
)
def test_names_lead_nowhere(url, uploads, name):
    for video in post(url, form(b"x", name=name.replace("\x00", "%00"))).json():
        assert Path(video).resolve().parent.parent == uploads.folder
    plain = safe_name(name)
    assert plain
    assert plain not in (".", "..")
    assert not set("/\\\0\n") & set(plain)


@pytest.mark.parametrize("letter", ["x", "é", "字", "𠀀"])  # one to four bytes each
@pytest.mark.parametrize("length", [90, 300])
def test_a_name_is_cut_by_what_it_takes_on_the_disk(url, uploads, letter, length):
    answer = post(url, form(b"x", name=letter * length + ".mp4"))
    assert answer.status_code == 200
    name = Path(answer.json()[0]).name
    assert name.startswith(letter * 59)
    assert name.endswith(".mp4")
    assert uploads.holds(answer.json()[0])
    assert len(safe_name(f"a.{letter * length}").encode()) <= NAME_BYTES


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
        folder / ("字" * 90),
        folder / "a\0.mp4",
        folder / "\ud800.mp4",
    ):
        assert not uploads.holds(str(other))


def test_what_nobody_uses_goes_after_a_while(tmp_path):
    uploads = Uploads(tmp_path / "uploads", UploadLimits(keep_seconds=100))
    for number, age in enumerate((10, 1000)):
        folder = tmp_path / "uploads" / (str(number) * 32)
        folder.mkdir(parents=True)
        (folder / "a.mp4").write_bytes(b"x")
        for path in (folder / "a.mp4", folder):
            os.utime(path, (time.time() - age,) * 2)
    coming = tmp_path / "uploads" / ("2" * 32)  # begun long ago, and still written to
    coming.mkdir()
    (coming / "a.mp4").write_bytes(b"x")
    os.utime(coming, (time.time() - 1000,) * 2)
    uploads.sweep()
    assert sorted(folder.name[0] for folder in (tmp_path / "uploads").iterdir()) == ["0", "2"]
