"""Telling how it goes on stderr, and stopping on request."""

import logging
import signal
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

from fourreal.progress import CancelToken, Event

PLAIN_EVERY = 10.0  # seconds between lines where there is no terminal


class Plain:
    """Lines on stderr where nobody watches live: what is new, and now and then how far."""

    def __init__(self) -> None:
        self.stage, self.last = "", 0.0

    def say(self, text: str) -> None:
        print(text, file=sys.stderr, flush=True)

    def event(self, event: Event) -> None:
        now, done = time.monotonic(), event.steps and event.step >= event.steps
        if event.message:
            self.say(f"{event.stage}: {event.message}")
        if event.steps and (event.stage != self.stage or done or now - self.last >= PLAIN_EVERY):
            self.stage, self.last = event.stage, now
            self.say(f"{event.stage} {event.step}/{event.steps}{summary(event)}")


class Bars:
    """A bar for each stage on a terminal."""

    def __init__(self, bars) -> None:
        self.bars = bars
        self.tasks: dict[str, Any] = {}

    def say(self, text: str) -> None:
        self.bars.console.print(text, markup=False, highlight=False)

    def event(self, event: Event) -> None:
        if event.message:
            self.say(f"{event.stage}: {event.message}")
        if event.stage not in self.tasks:
            self.tasks[event.stage] = self.bars.add_task(event.stage, total=None, summary="")
        steps = event.steps or None
        self.bars.update(self.tasks[event.stage], completed=event.step, total=steps, summary=summary(event))


def summary(event: Event) -> str:
    """What an event tells beside how far it is."""
    left = "" if event.seconds_left is None else f"  {event.seconds_left:.0f} s left"
    shown = (
        ("psnr", "{:.1f} dB"),
        ("splats", "{:.0f} splats"),
        ("running", "{:.0f} at work"),
        ("failed", "{:.0f} failed"),
    )
    return "".join(f"  {form.format(event.values[name])}" for name, form in shown if name in event.values) + left


@contextmanager
def reporting() -> Iterator[Plain | Bars]:
    """Whoever tells on stderr how it goes, log messages included."""
    if not sys.stderr.isatty():
        with logged(report := Plain()):
            yield report
        return
    from rich.console import Console
    from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

    columns = (
        TextColumn("{task.description}"),
        BarColumn(),
        MofNCompleteColumn(),
        TextColumn("{task.fields[summary]}"),
    )
    with Progress(*columns, console=Console(stderr=True)) as bars, logged(drawn := Bars(bars)):
        yield drawn


@contextmanager
def logged(report: Plain | Bars) -> Iterator[None]:
    """Pass what the package logs on to `report`."""
    handler = logging.Handler()
    handler.emit = lambda record: report.say(record.getMessage())  # type: ignore[method-assign]
    logger = logging.getLogger("fourreal")
    level = logger.level
    logger.addHandler(handler)
    logger.setLevel(logging.INFO)
    try:
        yield
    finally:
        logger.removeHandler(handler)
        logger.setLevel(level)


@contextmanager
def stopping(cancel: CancelToken, say: Callable[[str], None]) -> Iterator[None]:
    """Ctrl-C and SIGTERM ask the work to stop; a second time they end it at once."""

    def stop(number: int, frame: object) -> None:
        if cancel.cancelled:
            raise KeyboardInterrupt
        cancel.cancel()
        say("Stopping; what was done is kept. Once more to end at once.")

    before = {number: signal.signal(number, stop) for number in (signal.SIGINT, signal.SIGTERM)}
    try:
        yield
    finally:
        for number, handler in before.items():
            signal.signal(number, handler)
