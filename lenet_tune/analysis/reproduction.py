"""All that the studies of a reproduction say about the report, as one value for its page."""

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from statistics import fmean, stdev
from typing import Any

from lenet_tune.analysis.claim_verdicts import ClaimVerdict, judge
from lenet_tune.analysis.comparison import ReportRow
from lenet_tune.analysis.curves import METRICS, Curve, TrialCurves
from lenet_tune.analysis.evidence import Evidence, Pool, pool
from lenet_tune.analysis.fits import ReadingFit, fits
from lenet_tune.analysis.verdicts import RankAgreement, Verdict, rank_agreement, verdicts
from lenet_tune.records import Snapshot
from lenet_tune.sections import SECTIONS, Reading, Run, runs
from lenet_tune.sections.arms import Arm, Pick, arms
from lenet_tune.sections.claims import claims
from lenet_tune.sections.claims_later import table_5
from lenet_tune.sections.published import published
from lenet_tune.space import key


@dataclass(frozen=True, kw_only=True, eq=False)
class Reproduction:
    """What came out.

    Args:
        studies: that hold the runs.
        closing: searches that answer the report's closing question.
        apart: studies that take a setting of those searches apart.
        reading: of the open choices.
        rows: the report's own runs beside the measured ones, for its tables and figures.
        model: figures of the model whose feature maps Table 5 shows; None until it was measured.
    """

    studies: tuple[Snapshot, ...]
    closing: tuple[Snapshot, ...]
    apart: tuple[Snapshot, ...]
    reading: Reading
    pool: Pool
    numbers: tuple[Verdict, ...]
    ranks: tuple[RankAgreement, ...]
    claims: tuple[ClaimVerdict, ...]
    fits: tuple[ReadingFit, ...]
    rows: tuple[ReportRow, ...]
    model: Mapping[str, Any] | None

    @property
    def arms(self) -> tuple[Arm, ...]:
        """Every setting that all of the report needs, alternatives of the open choices included."""
        return arms(Pick(readings=True, reading=self.reading))

    @property
    def executions(self) -> int:
        """Finished executions in all studies, each setting and seed once."""
        return sum(len(found) for found in self.pool.found.values())

    @property
    def notice(self) -> str | None:
        """The label that everything carries when the data is not CIFAR-10."""
        return next((s.definition.notice for s in self.studies if s.definition.notice), None)


def reproduction(snapshots: Iterable[Snapshot], reading: Reading) -> Reproduction:
    """The figures of a reproduction from its studies, those of the closing question among them.

    Raises:
        StudyError: studies that do not belong together.
    """
    found = tuple(snapshots)
    studies = tuple(s for s in found if s.definition.protocol == "report")
    others = [s for s in found if s.definition.protocol != "report"]
    together = pool(studies)
    numbers = verdicts(published(reading), together)
    return Reproduction(
        studies=studies,
        closing=tuple(s for s in others if not s.definition.is_ablation),
        apart=tuple(s for s in others if s.definition.is_ablation),
        reading=reading,
        pool=together,
        numbers=numbers,
        ranks=rank_agreement(numbers),
        claims=judge(claims(reading), together),
        fits=fits(together),
        rows=tuple(_row(run, together) for section in SECTIONS for run in runs(section, reading=reading)),
        model=_model(studies, together, reading),
    )


def _row(run: Run, together: Pool) -> ReportRow:
    evidence = tuple(together.of(run.setting).values())
    accuracies = [e.accuracy for e in evidence]
    return ReportRow(
        run=run,
        trial=evidence[0].trial if evidence else None,
        status="done" if evidence else "not run",
        mean=fmean(accuracies) if accuracies else None,
        sd=stdev(accuracies) if len(accuracies) > 1 else None,
        n=len(accuracies),
        reasons=together.reasons if evidence else (),
        curves=_curves(run, evidence) if evidence else None,
    )


def _curves(run: Run, evidence: Sequence[Evidence]) -> TrialCurves:
    return TrialCurves(
        number=evidence[0].trial,
        label=run.label,
        rank=None,
        mean=_mean_curve([e.curve for e in evidence]),
        seeds=tuple(e.curve for e in evidence),
    )


def _mean_curve(curves: Sequence[Curve]) -> Curve:
    columns = {name: zip(*(getattr(c, name) for c in curves), strict=True) for name in METRICS}
    return Curve(
        epochs=curves[0].epochs,
        **{name: tuple(_mean(values) for values in column) for name, column in columns.items()},
    )


def _mean(values: Sequence[float]) -> float:
    known = [v for v in values if math.isfinite(v)]
    return fmean(known) if known else math.nan


def _model(studies: Sequence[Snapshot], together: Pool, reading: Reading) -> Mapping[str, Any] | None:
    """The figures that a study keeps of the model of Table 5."""
    wanted = {(e.study, e.trial) for setting in table_5(reading) for e in together.of(setting).values()}
    return next(
        (
            s.best_model
            for s in studies
            if s.best_model and (s.definition.name, s.best_model.get("trial")) in wanted
        ),
        None,
    )


def settings_done(
    snapshots: Iterable[Snapshot], outcomes: Sequence[str] = ("done", "diverged")
) -> set[tuple]:
    """(identity of the setting, seed of weights, seed of order) of every execution that ended so."""
    return {
        (key(trial.setting), e.seed, e.order_seed)
        for snapshot in snapshots
        for trial in snapshot.trials
        for e in trial.executions
        if e.outcome in outcomes
    }
