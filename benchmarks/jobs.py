"""Twenty jobs from five clients at once, and how fast the service and the page answer meanwhile.

    python -m benchmarks.jobs [--clients 5] [--jobs 4] [--share 0.01]

Real jobs by the real worker and runner on the shipped example, with the preset draft cut down to a share of its steps,
so that they load the machine as real ones do but end sooner. While they run every client asks the service what a page
asks, and asks the page itself, a server of its own, for its first view and, as a program, for its API. Prints Markdown:
each call's latency in milliseconds; then whether each run was done once, and whose turns came in which order.
"""

import argparse
import contextlib
import itertools
import json
import os
import socket
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections import defaultdict
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.scale_run import cut_down
from fourreal.description import Options
from fourreal.errors import UserError
from fourreal.installed import ROOT
from fourreal.jobs.children import environment
from fourreal.jobs.service import Service
from fourreal.settings import JobLimits

PAUSE_SECONDS = 1.0  # between two looks of a client, as of the page's own timer
RELOAD = 10  # looks until the page is opened anew: more often than people do


def main() -> None:
    add = (parser := argparse.ArgumentParser(description=__doc__.split("\n\n")[0])).add_argument
    add("--clients", type=int, default=5)
    add("--jobs", type=int, default=4, help="of each client")
    add("--share", type=float, default=0.01, help="of the preset's steps")
    options = parser.parse_args()
    with tempfile.TemporaryDirectory(prefix="fourreal-jobs-") as folder:
        data = Path(folder) / "data"
        service = Service(data, replace(JobLimits(), queued_per_person=options.jobs, free_bytes=0))
        (data / "share.json").write_text(json.dumps(options.share))
        worker = subprocess.Popen(
            [sys.executable, "-m", "benchmarks.jobs", "worker", str(data)],
            cwd=ROOT,
            env=environment(),
            stderr=subprocess.DEVNULL,
        )
        port = free_port()
        page = subprocess.Popen(
            [sys.executable, "app.py"],
            cwd=ROOT,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"FOURREAL_DATA": str(data), "GRADIO_SERVER_PORT": str(port)},
        )
        try:
            measure(service, served(f"http://127.0.0.1:{port}"), options.clients, options.jobs)
        finally:
            for process in (page, worker):
                process.terminate()
                process.wait()
            service.close()


def free_port() -> int:
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def served(url: str) -> str:
    """`url`, once the page answers there."""
    for _ in range(300):
        try:
            if httpx.get(url + "/healthz").is_success:
                return url
        except httpx.TransportError:
            time.sleep(0.2)
    raise SystemExit("The page does not start: see python app.py.")


def measure(service: Service, url: str, clients: int, jobs: int) -> None:
    timings, order, lock = defaultdict(list), [], threading.Lock()
    begin = time.monotonic()

    def timed(name: str, call, *arguments):
        start = time.monotonic()
        result = call(*arguments)
        with lock:
            timings[name].append(1000 * (time.monotonic() - start))
        return result

    def client(number: int) -> None:
        token = f"benchmark client number {number}"
        owner = service.owner(token)
        page = httpx.Client(base_url=url, timeout=60)
        pair = timed("add_example", service.library.add_example, owner, "fox_yard")
        timed("check", service.inspections.check, owner, *(video.id for video in pair))
        for _ in range(jobs):
            timed("estimate", service.runs.estimate, owner, *(video.id for video in pair), Options())
            run = timed("submit", service.runs.submit, owner, *(video.id for video in pair), Options(preset="draft"))
        offset = 0
        for look in itertools.count():
            runs = timed("runs", service.runs.all, owner)
            if look % RELOAD == 0:
                timed("page: first view", page.get, "/")
            timed("page: API, status", api_status, page, token, runs[0].id)
            for run in runs:
                timed("run", service.runs.get, owner, run.id)
                if run.state == "running":
                    _, offset = timed("journal", service.jobs.journal, owner, run.id, offset)
                    live = next((name for name in (run.progress.get("scene"), run.progress.get("preview")) if name), "")
                    with contextlib.suppress(UserError):  # a newer one may have taken its place
                        timed("public_file", service.jobs.public_file, run.id, f"live/{live}")
            if all(run.state in ("done", "failed", "stopped") for run in runs):
                break
            time.sleep(PAUSE_SECONDS)
        with lock:
            order.extend((run.started, number) for run in runs)

    threads = [threading.Thread(target=client, args=(number,)) for number in range(clients)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    print("| call | times | median ms | 95% | slowest |\n|---|---|---|---|---|")
    for name, spent in timings.items():
        high = sorted(spent)[int(0.95 * (len(spent) - 1))]
        print(f"| {name} | {len(spent)} | {statistics.median(spent):.1f} | {high:.1f} | {max(spent):.1f} |")
    rows = service.workspace.store.all_runs()
    done, once = sum(row["state"] == "done" for row in rows), all(row["claim"] == 1 for row in rows)
    turns = " ".join(str(who) for _, who in sorted(order))
    seconds = time.monotonic() - begin
    print(f"\n{len(rows)} runs in {seconds:.0f} s, {done} done; claimed once each: {once}; turns: {turns}")


def api_status(page: httpx.Client, token: str, run: str) -> None:
    """What docs/api.md says for those without gradio_client: ask, then read the answer."""
    event = page.post("/gradio_api/call/status", json={"data": [token, run]}).json()["event_id"]
    answer = page.get(f"/gradio_api/call/status/{event}")
    assert "event: complete" in answer.text, answer.text


def work(data: Path) -> int:
    """A worker whose children are this file's `run`."""
    from fourreal.jobs.worker import Worker

    return Worker(data, command=(sys.executable, "-m", "benchmarks.jobs", "run"), stay=True).run()


def run(arguments: list[str]) -> int:
    """The real runner with the cut-down preset."""
    from fourreal.jobs import runner

    share = json.loads((Path(arguments[arguments.index("--data") + 1]) / "share.json").read_text())
    return runner.main(arguments, {"draft": cut_down(share)})


if __name__ == "__main__":
    if sys.argv[1:2] == ["worker"]:
        sys.exit(work(Path(sys.argv[2])))
    if sys.argv[1:2] == ["run"]:
        sys.exit(run(sys.argv[2:]))
    main()
