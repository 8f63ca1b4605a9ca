"""A sweep in words: how many are done, and what failed and why."""

from collections import Counter
from pathlib import Path

from fourreal.sweep.runs import DONE, FAILED, RUNNING, SKIPPED, STOPPED, WAITING, state_of
from fourreal.sweep.values import Plan

ORDER = (DONE, RUNNING, STOPPED, WAITING, SKIPPED, FAILED)
SHOWN = 60  # letters of a prompt


def table(out: Path, plan: Plan, at_work: bool = False) -> str:
    """at_work: whether somebody leads the sweep; without, what seems to run was stopped."""
    states = [(item, state_of(out, item)) for item in plan.items]
    named = lambda state: STOPPED if state == RUNNING and not at_work else state
    counts = Counter(named(state.state) for _, state in states)
    lines = [", ".join(f"{counts[name]} {name}" for name in ORDER if counts[name]) + f" of {len(states)}"]
    by_variant: dict[str, Counter] = {}
    for item, state in states:
        by_variant.setdefault(item.variant.name, Counter())[named(state.state)] += 1
    if len(by_variant) > 1:
        lines += [
            f"  {variant}: " + ", ".join(f"{some[name]} {name}" for name in ORDER if some[name])
            for variant, some in by_variant.items()
        ]
    if failed := [(item, state) for item, state in states if state.state == FAILED]:
        lines += ["", "Failed:"]
        lines += [f"  {item.id}  {item.prompt[:SHOWN]!r}\n    {state.why}" for item, state in failed]
    if plan.problems:
        lines += ["", "Left out:", *(f"  {problem}" for problem in plan.problems)]
    return "\n".join(lines)


def unfinished(out: Path, plan: Plan) -> int:
    """How many are not done."""
    return sum(state_of(out, item).state != DONE for item in plan.items)
