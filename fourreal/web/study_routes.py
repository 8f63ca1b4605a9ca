"""What raters of a study reach: its page, its films, where answers go; and its results, for whoever has their key.

A page of its own, without Gradio: it has to be there at once on a phone, and answers are two small calls. There is no
cookie, so nobody else's page can answer for a rater.
"""

import asyncio
import json
import re
from collections.abc import Callable
from urllib.parse import parse_qs

from fastapi import APIRouter
from starlette.requests import Request
from starlette.responses import HTMLResponse, JSONResponse, PlainTextResponse, RedirectResponse, Response
from starlette.types import ASGIApp, Receive, Scope, Send

from fourreal.errors import UserError
from fourreal.jobs.studies import Studies
from fourreal.study import report
from fourreal.study.exchange import table
from fourreal.study.values import ID, Study
from fourreal.web.rate import Rate
from fourreal.web.room import client_of
from fourreal.web.routes import AGAIN, FOREVER, missing, sent
from fourreal.web.saved import attachment

BODY_BYTES = 16 * 1024
CALLS = 900, 60.0  # of one address; thirty raters behind one of them, who answer every two seconds
NEW_RATERS = 300, 24 * 3600.0  # of one address
RESULTS = re.compile(r"(results|votes)-([0-9a-f]{32})\.(html|csv|json)", re.ASCII)
SCRIPT_URL = f"page/{report.SCRIPT}"


def study_url(id: str) -> str:
    """The link for raters."""
    return f"?study={id}"


def results_url(study: Study) -> str:
    """Where the results are, for whoever knows the key; `.csv` and `.json` in place of `.html` for programs."""
    return f"study/{study.id}/results-{study.key}.html"


def study_router(studies: Studies) -> APIRouter:
    """The routes; the guard has bounded body and time of every call before."""
    routes, calls, raters = APIRouter(), Rate(*CALLS), Rate(*NEW_RATERS)

    @routes.get("/" + SCRIPT_URL)
    def script(request: Request) -> Response:
        return sent(request, report.script(), AGAIN)

    @routes.get("/study/{id}")
    def without_slash(id: str) -> Response:
        return RedirectResponse(f"{id}/", 303) if ID.fullmatch(id) else missing()

    @routes.get("/study/{id}/")
    def page(id: str) -> Response:
        try:
            return HTMLResponse(studies.page(id), headers={"cache-control": AGAIN})
        except UserError:
            return HTMLResponse("<!doctype html><title>Study</title><p>This study has ended.</p>", 404)

    @routes.get("/study/{id}/clips/{name}")
    def clip(request: Request, id: str, name: str) -> Response:
        return sent(request, studies.clip(id, name), FOREVER)

    @routes.get("/study/{id}/{name}")
    def results(id: str, name: str) -> Response:
        match = RESULTS.fullmatch(name)
        return written(studies, id, *match.groups()) if match else missing()

    @routes.post("/study/{id}/rater")
    async def rater(request: Request, id: str) -> Response:
        """What a rater has answered, who comes back."""
        return await answered(request, lambda answer: {"votes": studies.votes(id, answer.get("rater"))})

    @routes.post("/study/{id}/votes")
    async def votes(request: Request, id: str) -> Response:
        def keep(answer: dict) -> dict:
            if studies.is_new(id, answer.get("rater")) and not raters.allows(client(request)):
                raise UserError("Too many people answer from your network today. Come back tomorrow.")
            studies.vote(id, answer.get("rater"), answer.get("votes"))
            return {}

        return await answered(request, keep)

    async def answered(request: Request, act: Callable[[dict], dict]) -> Response:
        if request.headers.get("content-type", "").split(";")[0].strip() != "application/json":
            return PlainTextResponse("Answers are sent as JSON.", 415)
        if request.headers.get("sec-fetch-site", "same-origin") not in ("same-origin", "none"):
            return PlainTextResponse("Answers are taken from the study's own page only.", 403)
        if not calls.allows(client(request)):
            return PlainTextResponse("That was too fast. Wait a minute, then answer again.", 429)
        body = await request.body()
        if len(body) > BODY_BYTES:
            return PlainTextResponse("That is too large for an answer.", 413)
        try:
            answer = json.loads(body)
        except (ValueError, RecursionError):
            answer = None
        if not isinstance(answer, dict):
            return PlainTextResponse("That is no answer.", 400)
        try:
            return JSONResponse(await asyncio.to_thread(act, answer), headers={"cache-control": "no-store"})
        except UserError as error:
            return PlainTextResponse(str(error), 400)

    return routes


def written(studies: Studies, id: str, what: str, key: str, ending: str) -> Response:
    """The results, or all votes, in one of their forms; as they are now."""
    study, votes, summary = report.results_of(studies.folder(id, key))
    headers = {"cache-control": "no-store"}
    if what == "votes":
        content = table(study, votes) if ending == "csv" else None
    elif ending == "html":
        names = ("results.csv", "results.json", "votes.csv")
        files = {name: name.replace(".", f"-{study.key}.") for name in names}
        return HTMLResponse(report.page(study, summary, f"../../{SCRIPT_URL}", files), headers=headers)
    else:
        content = report.as_csv(summary) if ending == "csv" else report.as_json(summary)
    if content is None:
        return missing()
    kind = {"csv": "text/csv", "json": "application/json"}[ending]
    return Response(content, headers=headers | attachment(f"{what}.{ending}"), media_type=kind)


def client(request: Request) -> str:
    return client_of(request.client.host if request.client else "?")


class StudyLinks:
    """ASGI middleware that leads `?study=...` to the page of that study."""

    def __init__(self, app: ASGIApp) -> None:
        self.app = app

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        study = b"study=" in scope.get("query_string", b"") and scope["type"] == "http" and scope["path"] == "/"
        id = parse_qs(scope["query_string"].decode("latin-1")).get("study", [""])[0] if study else ""
        if ID.fullmatch(id):
            return await RedirectResponse(f"study/{id}/", 303)(scope, receive, send)
        await self.app(scope, receive, send)
