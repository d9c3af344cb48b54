"""The report's claims judged: paired t-tests over common seeds, corrected for the number of claims.

For every test the measure's weighed sum is taken seed by seed (all runs of a test share their seeds, so this
is a paired comparison) and compared with the test's bound. A claim is confirmed when all its tests come out
(the largest of their p-values counts) and refuted when one clearly does not (the smallest counts, times the
number of tests). Twice the smaller of the two is the claim's p-value; Holm's step-down over all claims keeps
the chance of even one false verdict below 5 %.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean

from lenet_tune.analysis.evidence import Pool, Seed, common_seeds
from lenet_tune.analysis.inference import LEVEL, Interval, Sample, holm, mean_interval, p_above, seeds_needed
from lenet_tune.analysis.measures import MEASURES, Measure
from lenet_tune.sections.claim import Claim, Term, Test

CONFIRMED, REFUTED, UNDECIDED = "confirmed", "refuted", "undecided"
ONE_SEED, NOT_COMPARABLE, NOT_RUN = "undecided (n = 1)", "not comparable", "not run"
CLAIM_VERDICTS = (CONFIRMED, REFUTED, UNDECIDED, ONE_SEED, NOT_COMPARABLE, NOT_RUN)


@dataclass(frozen=True, kw_only=True)
class TestResult:
    """One test of a claim.

    Args:
        sample: of the weighed sums over common seeds; None where a run has no seed in common.
        interval: 95 % interval of the mean, not corrected for the number of tests.
        p_for: one-sided, small where the test comes out; None below two seeds.
        missing: runs without any evidence.
    """

    test: Test
    sample: Sample | None
    interval: Interval | None
    p_for: float | None
    missing: int

    __test__ = False  # pytest would collect it by its name

    @property
    def measure(self) -> Measure:
        """What the test is about."""
        return MEASURES[self.test.measure]

    @property
    def margin(self) -> float | None:
        """How far the mean lies beyond the bound in the claimed direction."""
        if self.sample is None:
            return None
        above = self.sample.mean - self.test.bound
        return above if self.test.relation == ">" else -above


@dataclass(frozen=True, kw_only=True)
class ClaimVerdict:
    """A claim and what became of it.

    Args:
        p: of the claim, before correction; None where nothing can be tested.
        corrected: after Holm's correction.
        verdict: one of `CLAIM_VERDICTS`; runs by another protocol than the report's decide nothing.
        seeds: that would settle an undecided claim if means and spreads stay as they are; None for none.
    """

    claim: Claim
    results: tuple[TestResult, ...]
    p: float | None
    corrected: float | None
    verdict: str
    seeds: int | None

    @property
    def n(self) -> int:
        """Seeds of the test that has fewest."""
        return min((r.sample.n if r.sample else 0 for r in self.results), default=0)


def judge(claims: Sequence[Claim], pool: Pool) -> tuple[ClaimVerdict, ...]:
    """A verdict for each claim."""
    results = {claim.name: tuple(_result(test, pool) for test in claim.tests) for claim in claims}
    chances = {name: found for name, tests in results.items() if (found := _chances(tests)) is not None}
    ps = {name: min(1.0, 2 * min(pair)) for name, pair in chances.items()}
    corrected = holm(ps, len(claims))
    verdicts = []
    for claim in claims:
        name, tests = claim.name, results[claim.name]
        verdict = _verdict(tests, chances.get(name), corrected.get(name))
        if pool.reasons and verdict != NOT_RUN:
            verdict = NOT_COMPARABLE
        seeds = _seeds(tests, len(claims)) if verdict == UNDECIDED else None
        verdicts.append(
            ClaimVerdict(
                claim=claim,
                results=tests,
                p=ps.get(name),
                corrected=corrected.get(name),
                verdict=verdict,
                seeds=seeds,
            )
        )
    return tuple(verdicts)


def _result(test: Test, pool: Pool) -> TestResult:
    seeds = common_seeds(pool, test.settings)
    measure = MEASURES[test.measure]
    sums = [sum(t.weight * _pooled(t, measure, seed, pool) for t in test.terms) for seed in seeds]
    sample = Sample.of(sums) if sums else None
    above = None if sample is None else p_above(sample, test.bound, measure.floor)
    return TestResult(
        test=test,
        sample=sample,
        interval=None if sample is None else mean_interval(sample, measure.floor),
        p_for=above if above is None or test.relation == ">" else 1 - above,
        missing=sum(not pool.of(setting) for setting in test.settings),
    )


def _pooled(term: Term, measure: Measure, seed: Seed, pool: Pool) -> float:
    values = [measure.of(pool.of(setting)[seed].curve, pool.chance) for setting in term.settings]
    return max(values) if term.pool == "best" else fmean(values)


def _chances(results: Sequence[TestResult]) -> tuple[float, float] | None:
    """P-values of the claim for and against; None where no test has two seeds."""
    tested = [r.p_for for r in results if r.p_for is not None]
    if not tested:
        return None
    p_for = max(tested) if len(tested) == len(results) else 1.0
    return p_for, min(1.0, len(results) * min(1 - p for p in tested))


def _verdict(results: Sequence[TestResult], pair: tuple[float, float] | None, corrected: float | None) -> str:
    if pair is None:
        return ONE_SEED if any(r.sample for r in results) else NOT_RUN
    if corrected > LEVEL:
        return UNDECIDED
    return CONFIRMED if pair[0] < pair[1] else REFUTED


def _seeds(results: Sequence[TestResult], family: int) -> int | None:
    """Seeds that would settle a claim, by the strictest step of the correction."""
    level = LEVEL / 2 / family
    measured = [r for r in results if r.sample is not None and r.sample.sd is not None]
    against = [r for r in measured if r.margin < 0]
    chosen, level = (against, level / len(results)) if against else (measured, level)
    needs = [seeds_needed(abs(r.margin), max(r.sample.sd, r.measure.floor), level) for r in chosen]
    if against:
        return min((n for n in needs if n is not None), default=None)
    return None if None in needs or len(measured) < len(results) else max(needs, default=None)
