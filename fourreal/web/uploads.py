"""How files come in: counted while they stream, refused before they are spooled, gone when they were used.

This takes the place of Gradio's own upload route (same request, same answer), which keeps what was cut off half-way and
names a file by its content, so that two people with the same video would share one file.
"""

import asyncio
import errno
import json
import re
import shutil
import time
from collections import Counter
from collections.abc import AsyncIterator
from dataclasses import dataclass, field
from pathlib import Path

from python_multipart import MultipartParser
from python_multipart.exceptions import MultipartParseError
from python_multipart.multipart import parse_options_header
from starlette.requests import ClientDisconnect, Request
from starlette.responses import JSONResponse, PlainTextResponse, Response, StreamingResponse

from fourreal.jobs.files import remove_untouched
from fourreal.web.room import Claim, Refused, Room, client_of
from fourreal.web.upload_form import FORM_BYTES, Form, UploadLimits


@dataclass
class Uploads:
    """The folder of files that came in and are not used yet: `folder/<32 hex digits>/<name>`."""

    folder: Path
    limits: UploadLimits = field(default_factory=UploadLimits)
    running: Counter[str] = field(default_factory=Counter)
    received: dict[str, list] = field(default_factory=dict)  # upload_id -> [name, bytes, done], for the progress bar

    def __post_init__(self) -> None:
        limits = self.limits
        self.room = Room(self.folder, limits.all_bytes, limits.client_bytes, limits.free_bytes)

    async def receive(self, request: Request) -> Response:
        """POST of a multipart form with `files`; answers with the list of their paths."""
        client = client_of(request.client.host if request.client else "?")
        try:
            length = self.refuse_large(request)
            if self.running[client] >= self.limits.per_client or self.running.total() >= self.limits.at_once:
                raise Refused(429, "Too many uploads at once. Wait until one is finished, then try again.")
            self.running[client] += 1
            try:
                with self.room.claim(client, length) as claim:
                    return JSONResponse([str(path) for path in await self.store(request, claim)])
            finally:
                self.running[client] -= 1
                self.running += Counter()  # drops clients without uploads
        except Refused as refusal:
            # The rest of the body is not wanted: closing is the only way to make a client stop sending.
            return PlainTextResponse(refusal.sentence, refusal.status, {"Connection": "close"})

    def refuse_large(self, request: Request) -> int:
        """How many bytes the request says that it has, 0 where it does not say."""
        header = request.headers.get("content-length", "")
        length = int(header) if re.fullmatch(r"[0-9]{1,19}", header) else 0
        if length > self.limits.files * self.limits.max_bytes + FORM_BYTES:
            raise self.limits.too_large()
        return length

    async def store(self, request: Request, claim: Claim) -> list[Path]:
        """Write the form's files as they stream in; all of them or none."""
        kind, options = parse_options_header(request.headers.get("content-type", ""))
        if kind != b"multipart/form-data" or b"boundary" not in options:
            raise Refused(400, "An upload is a multipart form with `files`.")
        form = Form(self.folder, self.limits, claim)
        progress = self.progress_of(request.query_params.get("upload_id", ""), form)
        try:
            parser = MultipartParser(options[b"boundary"], form.callbacks())
            async for chunk in self.paced(request):
                # Disks block; the page must go on answering meanwhile.
                await asyncio.to_thread(parser.write, chunk)
                if progress is not None:
                    progress[0], progress[1] = form.name, progress[1] + len(chunk)
            parser.finalize()
            form.finish()
            self.room.keep(claim, form.files)
        except MultipartParseError as error:
            form.discard()
            raise Refused(400, "The upload was not a well-formed form.") from error
        except ClientDisconnect as error:
            form.discard()
            raise Refused(400, "The upload was broken off.") from error
        except OSError as error:
            form.discard()
            if error.errno in (errno.ENOSPC, errno.EDQUOT):
                raise Refused(507, "The server's disk is full. Delete scenes, or try again later.") from error
            raise
        except BaseException:
            form.discard()
            raise
        finally:
            if progress is not None:
                progress[2] = True
        return form.files

    async def paced(self, request: Request) -> AsyncIterator[bytes]:
        """The body's chunks, as long as they keep coming."""
        begin, count = time.monotonic(), 0
        stream = request.stream().__aiter__()
        while True:
            try:
                chunk = await asyncio.wait_for(anext(stream), self.limits.stall_seconds)
            except StopAsyncIteration:
                return
            except TimeoutError as error:
                raise Refused(408, "The upload stalled. Check the connection and try again.") from error
            count += len(chunk)
            seconds = time.monotonic() - begin
            if seconds > self.limits.grace_seconds and count < self.limits.slowest * seconds:
                raise Refused(408, "The upload is too slow. Try a better connection or a smaller file.")
            yield chunk

    def progress_of(self, upload_id: str, form: Form) -> list | None:
        """A place where an upload that asked for it tells how far it is."""
        if not re.fullmatch(r"\w{4,64}", upload_id) or len(self.received) >= 4 * self.limits.at_once:
            return None
        self.received[upload_id] = [form.name, 0, False]
        asyncio.get_running_loop().call_later(120, self.received.pop, upload_id, None)
        return self.received[upload_id]

    async def progress(self, request: Request) -> Response:
        """Server-sent events of one upload's progress, as Gradio's page reads them."""
        upload_id = request.query_params.get("upload_id", "")
        for _ in range(30):
            if upload_id in self.received:
                return StreamingResponse(self.events(upload_id), media_type="text/event-stream")
            await asyncio.sleep(0.1)
        return PlainTextResponse("Upload not found", 404)

    async def events(self, upload_id: str) -> AsyncIterator[str]:
        sent = 0
        while entry := self.received.get(upload_id):
            name, count, done = entry
            if count > sent:
                update = {"msg": "update", "orig_name": name, "chunk_size": count - sent}
                yield f"data: {json.dumps(update)}\n\n"
                sent = count
            if done:
                yield 'data: {"msg": "done"}\n\n'
                return
            await asyncio.sleep(0.1)

    # --- Files that lie here ----------------------------------------------------------------------------------------

    def holds(self, path: str) -> bool:
        """Whether `path` names a file that was uploaded here; nothing else is ever read for a client."""
        parts = Path(path).parts
        if len(parts) < 3 or Path(*parts[:-2]) != self.folder or not re.fullmatch(r"[0-9a-f]{32}", parts[-2]):
            return False
        try:
            return Path(path).is_file() and not Path(path).is_symlink()
        except (OSError, ValueError):  # no file can have that name, so none has
            return False

    def forget(self, path: Path) -> None:
        """Remove a file that was used, and its folder."""
        if self.holds(str(path)):
            shutil.rmtree(path.parent, ignore_errors=True)
            self.room.drop(path.parent)

    def sweep(self, keep_seconds: float | int | None = None) -> None:
        """Remove what nobody used in time."""
        keep = self.limits.keep_seconds if keep_seconds is None else keep_seconds
        remove_untouched(self.folder, time.time() - keep)
        self.room.look()
