"""How a sweep grows: what its head takes, what more nodes bring, and where thousands of prompts would stop scaling.

    python -m benchmarks.scale head                     # 10,000 items led by a head whose engine does nothing
    python -m benchmarks.scale nodes [--items 6]        # real runs: the local engine, one Ray node, two, a core each
    python -m benchmarks.scale simulate [--head 0.004]  # 10,000 prompts on 8, 64 and 512 cards

`nodes` fits the shipped example with the preset draft cut down to a share of its steps. `simulate` plays a queue before
each of head, network and disk with times that the other two, and finished runs, told; they are options. Prints
Markdown.
"""

import argparse
import heapq
import json
import os
import random
import statistics
import tempfile
import time
from collections import deque
from contextlib import closing, contextmanager
from pathlib import Path

from benchmarks.scale_run import SHARE
from fourreal.engine.local import LocalEngine
from fourreal.engine.values import DONE, Heard, Needs, Task
from fourreal.installed import ROOT, assets
from fourreal.progress import CancelToken
from fourreal.sweep.leading import Leader
from fourreal.sweep.reading import read

EXAMPLE = assets() / "examples" / "fox_yard"
SLOTS = (8, 64, 512)


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("part", choices=("head", "nodes", "simulate"))
    add = parser.add_argument
    add("--prompts", type=int, default=10_000)
    add("--items", type=int, default=6, help="nodes: runs of each engine")
    add("--share", type=float, default=0.02, help="nodes: of the steps of the preset draft")
    add("--seconds", type=float, nargs="+", default=[60.0, 150.0], help="simulate: of a run's stages on one card")
    add("--checkpoint", type=float, default=3.7, help="simulate: MB of a checkpoint, every ten seconds")
    add("--result", type=float, default=7.6, help="simulate: MB of what a run leaves")
    add("--network", type=float, default=1000.0, help="simulate: MB a second into the head")
    add("--disk", type=float, default=200.0, help="simulate: MB a second onto its disk")
    add("--bring", type=float, help="simulate: seconds between two times that a folder travels (default: the engine's)")
    add("--head", type=float, default=0.0, help="simulate: seconds of the head for an item, as `head` tells")
    add("--listen", type=float, default=0.0, help="simulate: seconds of the head to hear a seat once, as `nodes` tells")
    given = parser.parse_args()
    {"head": head, "nodes": nodes, "simulate": simulate}[given.part](given)


def print_head(*names: str) -> None:
    print("| " + " | ".join(names) + " |\n" + "|---" * len(names) + "|", flush=True)


# --- The head ---------------------------------------------------------------------------------------------------------


class Nothing:
    """An engine whose tasks are done as soon as they are heard of, in rounds as a cluster's answers come."""

    def __init__(self, slots: int) -> None:
        self.slots, self.running = slots, deque()

    def submit(self, task: Task) -> None:
        self.running.append(task)

    def hear(self, seconds: float) -> list[Heard]:
        task = self.running.popleft()
        (task.folder / "manifest.json").write_text("{}")
        return [Heard(task.id, {"stage": "motion"}), Heard(task.id, end=DONE)]

    def stop(self, id: str) -> None: ...

    def close(self) -> None: ...


def head(given: argparse.Namespace) -> None:
    print_head(f"{given.prompts} items, slots", "to begin, s", "ms of the head an item", "items a second")
    for slots in SLOTS:
        with tempfile.TemporaryDirectory() as folder:
            path = Path(folder) / "prompts.txt"
            path.write_text("\n".join(f"a red ball number {number}" for number in range(given.prompts)))
            begin = time.perf_counter()
            plan, engine = read(path), Nothing(slots)
            leader = Leader(plan.items, Path(folder) / "out", engine)
            begun = time.perf_counter()
            leader.lead(CancelToken())
            each = (time.perf_counter() - begun) / len(plan.items)
            print(f"| {slots} | {begun - begin:.1f} | {1000 * each:.2f} | {1 / each:.0f} |", flush=True)


# --- Nodes ------------------------------------------------------------------------------------------------------------


def nodes(given: argparse.Namespace) -> None:
    """The same runs through each engine, one thread and one core each, what starts the nodes not counted."""
    os.environ |= {
        SHARE: str(given.share),
        "FOURREAL_THREADS": "1",
        "OMP_NUM_THREADS": "1",
        "CUDA_VISIBLE_DEVICES": "",
        "RAY_USAGE_STATS_ENABLED": "0",
        "PYTHONPATH": os.pathsep.join([str(ROOT), os.environ.get("PYTHONPATH", "")]),
    }
    cores = sorted(os.sched_getaffinity(0))
    print_head("engine", "runs", "s", "runs an hour", "s of a run, median", "ms of the head to hear once")
    with tempfile.TemporaryDirectory() as folder:
        names = {"reference": "reference.mp4", "freeze": "freeze.mp4", "cameras": "cameras.json"}
        pair = {kind: str(EXAMPLE / name) for kind, name in names.items()}
        path = Path(folder) / "pairs.jsonl"
        path.write_text(json.dumps(pair | {"prompt": "a fox"}))
        plan = read(path, {"presets": ["draft"], "seeds": list(range(given.items))})
        with closing(LocalEngine()) as engine, pinned(cores[0]):
            row("local", plan.items, Path(folder) / "local", engine)
        for count in (1, 2):
            with cluster(cores[:count]):
                from fourreal.engine.cluster import RayEngine

                with closing(RayEngine(Path(folder) / f"ray{count}", Needs(1, 0))) as engine:
                    row(f"ray, {count} node{'s' * (count > 1)}", plan.items, Path(folder) / f"ray{count}", engine)


def row(name: str, items, out: Path, engine) -> None:
    calls, spent, was = [0], [0.0], engine.hear

    def hear(seconds: float) -> list[Heard]:
        begin = time.thread_time()
        said = was(seconds)
        spent[0] += time.thread_time() - begin
        calls[0] += 1
        return said

    engine.hear = hear
    begin = time.monotonic()
    leader = Leader(items, out, engine, module="benchmarks.scale_run")
    leader.lead(CancelToken())
    seconds = time.monotonic() - begin
    failed = [state.why for state in leader.states.values() if state.state != "done"]
    each = statistics.median(state.seconds for state in leader.states.values())
    cells = [
        name,
        len(items),
        f"{seconds:.0f}",
        f"{3600 * len(items) / seconds:.0f}",
        f"{each:.1f}",
        f"{1000 * spent[0] / calls[0]:.2f}",
        *failed,
    ]
    print("| " + " | ".join(map(str, cells)) + " |", flush=True)


@contextmanager
def pinned(core: int):
    before = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {core})
    try:
        yield
    finally:
        os.sched_setaffinity(0, before)


@contextmanager
def cluster(cores: list[int]):
    """A Ray cluster with a node pinned to each of the cores, and a head that does no work."""
    import ray
    from ray.cluster_utils import Cluster

    made = Cluster(initialize_head=True, head_node_args={"num_cpus": 0, "include_dashboard": False})
    for core in cores:
        with pinned(core):  # which all that the node starts inherits
            made.add_node(num_cpus=1)
    os.environ["RAY_ADDRESS"] = made.address
    try:
        yield
    finally:
        ray.shutdown()
        made.shutdown()
        del os.environ["RAY_ADDRESS"]


# --- The simulation ---------------------------------------------------------------------------------------------------


def simulate(given: argparse.Namespace) -> None:
    print_head("cards", "hours", "of the ideal", "cards at work", "head busy", "network busy", "disk busy")
    for cards in SLOTS:
        hours, work, busy = play(given, cards)
        ideal = sum(given.seconds) * given.prompts / cards / 3600
        shares = " | ".join(f"{share:.1%}" for share in busy)
        print(f"| {cards} | {hours:.2f} | {ideal / hours:.0%} | {work:.0%} | {shares} |")


def play(given: argparse.Namespace, cards: int) -> tuple[float, float, list[float]]:
    """Every card takes the next prompt when the head has heard that its last one is done.

    Returns the hours until all are done, and the shares of that time in which cards, head, network and disk worked.
    """
    from fourreal.engine.cluster import FOLDERS_A_SECOND, HEAR_SECONDS, SEATS_A_SECOND

    used = {"head": 0.0, "network": 0.0, "disk": 0.0}
    free = dict(used)

    def served(server: str, now: float, seconds: float) -> float:
        free[server] = max(free[server], now) + seconds
        used[server] += seconds
        return free[server]

    def stored_at(now: float, megabytes: float) -> float:
        """When files have come through the network and lie on the disk, which the head waits for."""
        now, seconds = served("network", now, megabytes / given.network), megabytes / given.disk
        used["disk"] += seconds
        return served("head", now, seconds)

    mean, every, chance = sum(given.seconds), 10.0, random.Random(0)
    lengths = [0.0] * cards  # of the run on each card; a fifth more or less, so that they do not all end at once
    listens = max(HEAR_SECONDS, cards / SEATS_A_SECOND)
    brings = given.bring if given.bring is not None else cards / FOLDERS_A_SECOND
    brought = [0.0] * cards
    events = [(0.0, card, "begin", 0.0) for card in range(cards)]
    left, end, worked = given.prompts, 0.0, 0.0
    while events:
        now, card, what, begun = heapq.heappop(events)
        if what == "begin":
            if left:
                left -= 1
                begun, length = served("head", now, given.head), mean * chance.uniform(0.8, 1.2)
                lengths[card], worked = length, worked + length
                heapq.heappush(events, (begun + min(every, length), card, "checkpoint", begun))
            continue
        lasted, length = now - begun, lengths[card]
        served("head", now, given.listen * every / listens)
        if lasted + 1e-6 >= length:
            end = stored_at(now, given.result)
            heapq.heappush(events, (end, card, "begin", 0.0))
            continue
        if now - brought[card] >= brings:
            brought[card] = now
            stored_at(now, given.checkpoint)
        heapq.heappush(events, (begun + min(lasted + every, length), card, "checkpoint", begun))
    return end / 3600, worked / cards / end, [used[name] / end for name in used]


if __name__ == "__main__":
    main()
