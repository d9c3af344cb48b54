"""A reproduction in words: the headline, and what stands in the cells of its tables."""

from lenet_tune.analysis.claim_verdicts import CLAIM_VERDICTS, UNDECIDED, ClaimVerdict, TestResult
from lenet_tune.analysis.closing import closing_headline
from lenet_tune.analysis.inference import MOST_SEEDS, Interval
from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.text import NONE, count, percent, points
from lenet_tune.analysis.verdicts import (
    HIGHER,
    LOWER,
    NOT_COMPARABLE,
    NOT_RUN,
    ONE_SEED,
    REPRODUCED,
    Verdict,
    tally,
)


def headline(found: Reproduction) -> str:
    """How many published figures were reproduced, how many claims hold, and how high a search got."""
    counts = tally(found.numbers)
    words = [
        f"{counts.get(REPRODUCED, 0)} of {count(len(found.numbers), 'published figure')} reproduced",
        f"{counts.get(HIGHER, 0)} higher",
        f"{counts.get(LOWER, 0)} lower",
        f"{counts.get(NOT_COMPARABLE, 0)} not comparable",
        *(f"{counts[name]} {name}" for name in (ONE_SEED, NOT_RUN) if name in counts),
    ]
    claims = [v.verdict for v in found.claims]
    told = [f"{claims.count(name)} {name}" for name in CLAIM_VERDICTS if name in claims]
    searched = closing_headline(found.closing)
    return " ".join(
        [
            f"{', '.join(words)} ({seeds_words(found)}).",
            f"{len(claims)} claims: {', '.join(told)}.",
            *([searched] if searched else []),
        ]
    )


def seeds_words(found: Reproduction) -> str:
    """How many seeds the published figures have: "n = 5", or "n from 1 to 5"."""
    numbers = [v.sample.n for v in found.numbers if v.sample]
    if not numbers:
        return "n = 0"
    low, high = min(numbers), max(numbers)
    return f"n = {low}" if low == high else f"n from {low} to {high}"


def measured_words(verdict: Verdict) -> str:
    """Mean and spread of a published number's executions: "0.4887 (sd 0.0031)"."""
    if verdict.sample is None:
        return NONE
    spread = "" if verdict.sample.sd is None else f" (sd {verdict.sample.sd:.4f})"
    bad = f", {verdict.diverged} of {verdict.sample.n} diverged" if verdict.diverged else ""
    return f"{verdict.sample.mean:.4f}{spread}{bad}"


def interval_words(verdict: Verdict) -> str:
    """Where one new run is expected: "0.4790 to 0.4984"."""
    interval = verdict.interval
    # Few seeds give wide intervals; an accuracy has its ends.
    return NONE if interval is None else f"{max(interval.low, 0):.4f} to {min(interval.high, 1):.4f}"


def gap_words(verdict: Verdict) -> str:
    """A published number and how far off the measured one is, in a sentence."""
    off = f"{points(verdict.difference, signed=True)}, n = {verdict.sample.n}"
    return (
        f"{verdict.published.name}: published {percent(verdict.published.accuracy)}, measured "
        f"{percent(verdict.sample.mean)} ({off}): {verdict.verdict}."
    )


def verdict_words(verdict: ClaimVerdict) -> str:
    """A claim's verdict, and for an undecided one how many seeds would settle it."""
    if verdict.verdict != UNDECIDED:
        return verdict.verdict
    if verdict.seeds is None:
        return f"{UNDECIDED}; more than {MOST_SEEDS:,} seeds, or runs that are missing, would settle it"
    return f"{UNDECIDED}; about {count(max(verdict.seeds, verdict.n + 1), 'seed')} would settle it"


def effect_words(result: TestResult) -> str:
    """The mean of a test's sums, with its 95 % interval where there is one."""
    if result.sample is None:
        return f"not run ({count(result.missing, 'run')} missing)" if result.missing else "no common seed"
    effect = amount(result.sample.mean, result.measure.unit)
    return (
        effect if result.interval is None else f"{effect} ({_between(result.interval, result.measure.unit)})"
    )


def bound_words(result: TestResult) -> str:
    """What must come out: "above 0.00 points"."""
    side = "above" if result.test.relation == ">" else "below"
    return f"{side} {amount(result.test.bound, result.measure.unit)}"


def amount(value: float, unit: str) -> str:
    """A value of a measure with its unit."""
    if unit == "points":
        return points(value)
    return f"{value:.1f} epochs" if unit == "epochs" else percent(value, 1)


def _between(interval: Interval, unit: str) -> str:
    low, high = amount(interval.low, unit), amount(interval.high, unit)
    return f"{low.removesuffix(' ' + unit).removesuffix(' %')} to {high}"


def chance_words(p: float | None) -> str:
    """A p-value as people read it."""
    if p is None:
        return NONE
    return "< 0.001" if p < 0.001 else f"{p:.3f}"
