"""What the votes say: how often a method was preferred to another, and how sure that is."""

import math
from collections import defaultdict
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from fourreal.study.questions import QUESTIONS, paper_share
from fourreal.study.values import Study
from fourreal.study.votes import Vote

Z95 = 1.959963984540054  # of the normal distribution, two-sided 95 %
RESAMPLES, SEED = 2000, 0
INTERVAL = (
    "95 % Wilson score interval, which takes the votes as independent. Beside it: 95 % percentile bootstrap over "
    f"raters ({RESAMPLES} resamples), which does not, given from five raters on."
)
LEAST_RATERS = 5  # of fewer a bootstrap says nothing


@dataclass(frozen=True)
class Share:
    """How often the method was preferred in answer to one question.

    percent, low, high: with the Wilson interval's ends, in percent; None without votes. by_rater: the ends of the
    bootstrap over raters, None with fewer than `LEAST_RATERS`. paper: what the paper reports, if it does.
    """

    question: str
    votes: int
    won: int
    percent: float | None
    low: float | None
    high: float | None
    by_rater: tuple[float, float] | None = None
    paper: float | None = None


@dataclass(frozen=True)
class Comparison:
    """A method against another one. pairs, raters: how many there were."""

    method: str
    other: str
    pairs: int
    raters: int
    shares: tuple[Share, ...]


@dataclass(frozen=True)
class Results:
    """raters: who gave any answer; finished: who gave all. on_left: percent of the preferred ones that were shown on
    the left, 50 where nobody favours a side; None where no side is known."""

    name: str
    raters: int
    finished: int
    votes: int
    on_left: float | None
    comparisons: tuple[Comparison, ...]
    interval: str = INTERVAL


def results(study: Study, votes: Sequence[Vote], finished_only: bool = False) -> Results:
    """The results of a study. finished_only: leave out raters who stopped half-way."""
    counts: dict[str, int] = defaultdict(int)
    for vote in votes:
        counts[vote.rater] += 1
    finished = {rater for rater, count in counts.items() if count >= study.answers()}
    if finished_only:
        votes = [vote for vote in votes if vote.rater in finished]
    raters = {vote.rater for vote in votes}
    ours, groups = study.pairs[0].first.method, defaultdict(list)
    for number, pair in enumerate(study.pairs):
        groups[_ordered(pair.first.method, pair.second.method, ours)].append(number)
    compared = tuple(_comparison(study, votes, *names, numbers) for names, numbers in groups.items())
    sides = [vote.on_left for vote in votes if vote.on_left is not None]
    left = 100 * sum(sides) / len(sides) if sides else None
    return Results(
        name=study.name,
        raters=len(raters),
        finished=len(finished),
        votes=len(votes),
        on_left=left,
        comparisons=compared,
    )


def _ordered(first: str, second: str, ours: str) -> tuple[str, str]:
    """Two methods in an order that does not depend on that of the pair, `ours` first."""
    return (first, second) if first == ours or (second != ours and first < second) else (second, first)


def _comparison(study: Study, votes: Sequence[Vote], method: str, other: str, numbers: list[int]) -> Comparison:
    about, among = [vote for vote in votes if vote.pair in set(numbers)], {}
    for question in QUESTIONS:
        if any(question in study.pairs[number].questions for number in numbers):
            among[question] = [
                (vote.rater, study.pairs[vote.pair].film(vote.clip).method == method)
                for vote in about
                if vote.question == question
            ]
    shares = tuple(share(question, ballots, paper_share(other, question)) for question, ballots in among.items())
    return Comparison(method, other, len(numbers), len({vote.rater for vote in about}), shares)


def share(question: str, ballots: Sequence[tuple[str, bool]], paper: float | None = None) -> Share:
    """The share of (rater, whether the method was preferred)."""
    votes, won = len(ballots), sum(preferred for _, preferred in ballots)
    if not votes:
        return Share(question=question, votes=0, won=0, percent=None, low=None, high=None, by_rater=None, paper=paper)
    low, high = wilson(won, votes)
    return Share(
        question=question,
        votes=votes,
        won=won,
        percent=100 * won / votes,
        low=100 * low,
        high=100 * high,
        by_rater=over_raters(ballots),
        paper=paper,
    )


def wilson(won: int, votes: int) -> tuple[float, float]:
    """The ends of the 95 % Wilson score interval of a share, in [0, 1]."""
    p, n = won / votes, votes
    middle, half = p + Z95**2 / (2 * n), Z95 * math.sqrt(p * (1 - p) / n + Z95**2 / (4 * n * n))
    return max(0.0, (middle - half) / (1 + Z95**2 / n)), min(1.0, (middle + half) / (1 + Z95**2 / n))


def over_raters(ballots: Sequence[tuple[str, bool]]) -> tuple[float, float] | None:
    """The ends of the 95 % percentile bootstrap over raters, in percent."""
    tallies: dict[str, list[int]] = defaultdict(lambda: [0, 0])
    for rater, preferred in ballots:
        tallies[rater][0] += preferred
        tallies[rater][1] += 1
    if len(tallies) < LEAST_RATERS:
        return None
    counts = np.array([tallies[rater] for rater in sorted(tallies)])
    picks = np.random.default_rng(SEED).integers(len(counts), size=(RESAMPLES, len(counts)))
    won, votes = counts[picks].sum(axis=1).T
    low, high = np.percentile(100 * won / votes, [2.5, 97.5])
    return float(low), float(high)
