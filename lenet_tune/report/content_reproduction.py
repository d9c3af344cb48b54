"""What the reproduction page says and shows in tables; templates only place it."""

from dataclasses import dataclass

from lenet_tune.analysis.claim_verdicts import ClaimVerdict
from lenet_tune.analysis.evidence import Evidence
from lenet_tune.analysis.fits import ReadingFit
from lenet_tune.analysis.inference import Interval
from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.reproduction_words import (
    bound_words,
    chance_words,
    effect_words,
    verdict_words,
)
from lenet_tune.analysis.text import NONE, count, percent, points
from lenet_tune.records import Snapshot
from lenet_tune.report.chart import Table
from lenet_tune.report.content import UNKNOWN
from lenet_tune.sections import show_reading
from lenet_tune.sections.readings import CHOICES


def rank_table(found: Reproduction) -> Table:
    """Kendall's tau of each part of the report."""
    rows = ((r.part, str(r.n), NONE if r.tau is None else f"{r.tau:+.2f}") for r in found.ranks)
    return Table(
        caption="Is the order the same? 1: the same order, 0: none, -1: reversed (Kendall's tau)",
        columns=("part of the report", "numbers", "tau"),
        rows=tuple(rows),
        numeric=(1, 2),
    )


@dataclass(frozen=True, kw_only=True)
class ClaimPart:
    """One claim with its evidence."""

    name: str
    words: str
    how: str
    not_decidable: str
    verdict: str
    evidence: Table


def claim_table(found: Reproduction) -> Table:
    """Every claim with its verdict."""
    return Table(
        caption="The report's claims",
        columns=("claim", "in words", "verdict", "chance of error", "n", "section"),
        rows=tuple(
            (
                c.claim.name,
                c.claim.words,
                verdict_words(c) + (" (in part not decidable)" if c.claim.not_decidable else ""),
                chance_words(c.corrected),
                str(c.n),
                str(c.claim.section),
            )
            for c in found.claims
        ),
        numeric=(3, 4, 5),
    )


def claim_parts(found: Reproduction) -> tuple[ClaimPart, ...]:
    """Every claim with the tests behind its verdict."""
    return tuple(
        ClaimPart(
            name=c.claim.name,
            words=c.claim.words,
            how=c.claim.how,
            not_decidable=c.claim.not_decidable,
            verdict=verdict_words(c),
            evidence=_evidence(c),
        )
        for c in found.claims
    )


def _evidence(claim: ClaimVerdict) -> Table:
    rows = (
        (
            result.test.words,
            result.test.measure,
            bound_words(result),
            effect_words(result),
            str(result.sample.n if result.sample else 0),
            chance_words(result.p_for),
        )
        for result in claim.results
    )
    return Table(
        caption=f"{claim.claim.name}: what must come out, and what did",
        columns=("test", "measure", "must be", "is (95 % interval)", "n", "chance by luck"),
        rows=tuple(rows),
        numeric=(4, 5),
    )


def choice_table() -> Table:
    """What the report leaves open."""
    return Table(
        caption="What the report leaves open; the first option is the default",
        columns=("choice", "what is open", "options", "why the default"),
        rows=tuple((c.name, c.question, ", ".join(c.options), c.reason) for c in CHOICES),
    )


@dataclass(frozen=True, kw_only=True)
class FitPart:
    """How the readings of one part of the report fit."""

    name: str
    words: str
    table: Table


def fit_parts(found: Reproduction) -> tuple[FitPart, ...]:
    """The readings of each part, best first; parts without any are left out."""
    parts: dict[str, list[ReadingFit]] = {}
    for fit in found.fits:
        parts.setdefault(fit.part, []).append(fit)
    return tuple(
        FitPart(name=name, words=_fit_words(group, found.pool.reasons), table=_fit_table(name, group))
        for name, group in parts.items()
        if any(fit.rms is not None for fit in group)
    )


def _fit_words(group: list[ReadingFit], reasons: tuple[str, ...]) -> str:
    if reasons:
        return f"Not comparable with the published numbers: {'; '.join(reasons)}."
    best = next(fit for fit in group if fit.is_best)
    if best.is_default:
        return f"The default fits best of the {count(_measured(group), 'reading')} that were run."
    if best.gain_interval is None:
        return f"{show_reading(best.reading)} fits best; the default was not run."
    sure = "" if best.gain_interval.low > 0 else "; the interval holds 0, so the two cannot be told apart"
    return f"{show_reading(best.reading)} fits best, {points(best.gain)} closer than the default{sure}."


def _measured(group: list[ReadingFit]) -> int:
    return len([fit for fit in group if fit.rms is not None])


def _fit_table(name: str, group: list[ReadingFit]) -> Table:
    ordered = sorted(group, key=lambda fit: (fit.rms is None, fit.rms or 0.0))
    rows = (
        (
            show_reading(fit.reading),
            points(fit.rms) if fit.rms is not None else f"not run ({fit.numbers} numbers)",
            _between(fit.interval),
            points(fit.gain, signed=True),
            _between(fit.gain_interval),
            str(fit.numbers),
            str(fit.seeds),
        )
        for fit in ordered
    )
    return Table(
        caption=f"{name}: distance of measured from published numbers, by reading, closest first",
        columns=("reading", "distance", "95 %", "closer than default", "95 %", "numbers", "n (seeds)"),
        rows=tuple(rows),
        numeric=(1, 2, 3, 4, 5, 6),
    )


def _between(interval: Interval | None) -> str:
    return NONE if interval is None else f"{100 * interval.low:.2f} to {100 * interval.high:.2f}"


def study_table(found: Reproduction) -> Table:
    """The studies that hold the runs, each by one version and commit."""
    return Table(
        caption="Studies",
        columns=(
            "study",
            "executions",
            "device",
            "version",
            "commit",
            "backend",
            "started",
            "ended",
            "command",
        ),
        rows=tuple(_study_row(s) for s in found.studies),
        numeric=(1,),
    )


def _study_row(snapshot: Snapshot) -> tuple[str, ...]:
    m = snapshot.manifest
    versions = m.get("versions", {})
    backend = m.get("backend")
    return (
        snapshot.definition.name,
        str(sum(len(t.executions) for t in snapshot.trials)),
        m.get("device") or UNKNOWN,
        versions.get("lenet-tune") or UNKNOWN,
        m.get("commit") or UNKNOWN,
        f"{backend} {versions.get(backend, '')}".strip() if backend else UNKNOWN,
        m.get("started") or UNKNOWN,
        m.get("ended") or UNKNOWN,
        m.get("command") or UNKNOWN,
    )


def setting_table(found: Reproduction) -> Table:
    """Every setting that the report needs, what for, and its executions."""
    rows = []
    for arm in found.arms:
        evidence = tuple(found.pool.of(arm.setting).values())
        where = ", ".join(dict.fromkeys(f"{e.study} trial {e.trial}" for e in evidence))
        rows.append((arm.label, ", ".join(arm.needed_by), str(len(evidence)), where or "not run"))
    return Table(
        caption="Every setting, and what it is needed for",
        columns=("setting", "needed by", "n", "where"),
        rows=tuple(rows),
        numeric=(2,),
    )


def execution_table(found: Reproduction) -> Table:
    """Every execution that counts, with all that is needed to find it again."""
    rows = [_execution_row(arm.label, e) for arm in found.arms for e in found.pool.of(arm.setting).values()]
    return Table(
        caption="Every execution: final test accuracy",
        columns=("setting", "seed number", "seeds (weights, order)", "accuracy", "study", "trial", "device",
                 "version", "commit"),
        rows=tuple(rows),
        numeric=(1, 3, 5),
    )  # fmt: skip


def _execution_row(label: str, e: Evidence) -> tuple[str, ...]:
    accuracy = percent(e.accuracy) + (" (diverged)" if e.is_diverged else "")
    seeds = f"{e.seed[0]}, {e.seed[1]}"
    proof = (e.device or UNKNOWN, e.version or UNKNOWN, e.commit or UNKNOWN)
    return (label, str(e.repeat), seeds, accuracy, e.study, str(e.trial), *proof)
