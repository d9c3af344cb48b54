"""The report's runs beside a study's own: what was published, what was measured, and whether the two compare.

No verdict is given here: the report publishes one run without a spread.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune import sections
from lenet_tune.analysis.curves import TrialCurves, trial_curves
from lenet_tune.analysis.ranking import epochs_done
from lenet_tune.analysis.text import count, percent
from lenet_tune.errors import SettingError
from lenet_tune.records import Definition, Snapshot, TrialRecord
from lenet_tune.sections import PUBLISHED_EPOCHS, Run
from lenet_tune.space import key

# Source: CIFAR-10 has 50,000 training and 10,000 test images; the report uses them all.
REPORT_TRAIN_SIZE = 50_000
REPORT_TEST_SIZE = 10_000


@dataclass(frozen=True, kw_only=True)
class ReportRow:
    """One run of the report beside the trial that repeats it.

    Args:
        trial: its number; None where the study has none with this setting.
        status: of the trial; when and at what accuracy a diverged one ended; "not run" without one.
        mean, sd, n: of the held-out accuracy after the last epoch, over finished seeds.
        reasons: why published and measured cannot be compared; empty where they can.
        curves: of the trial, where it has an epoch.
    """

    run: Run
    trial: int | None
    status: str
    mean: float | None
    sd: float | None
    n: int
    reasons: tuple[str, ...]
    curves: TrialCurves | None

    @property
    def difference(self) -> float | None:
        """Measured mean minus published accuracy, where the two compare."""
        if self.mean is None or self.run.published is None or self.reasons:
            return None
        return self.mean - self.run.published

    @property
    def words(self) -> str:
        """What stands where a difference would: why there is none, or that there is one."""
        if self.mean is None:
            return self.status
        if self.reasons:
            return f"not comparable: {'; '.join(self.reasons)}"
        return "comparable" if self.run.published is not None else "no number published"


@dataclass(frozen=True, kw_only=True)
class ReportTable:
    """The rows that stand in one table or figure of the report."""

    where: str
    rows: tuple[ReportRow, ...]

    @property
    def is_grid(self) -> bool:
        """Whether it is learning rates (down) by activations (across), as Tables 1 to 4 are."""
        return self.where.startswith("Table")


def comparison(snapshot: Snapshot) -> tuple[ReportRow, ...]:
    """The report's runs of the study's section and stages; empty unless the study is a section's grid."""
    definition = snapshot.definition
    if definition.kind != "grid" or definition.section not in sections.SECTIONS:
        return ()
    by_key: dict[tuple, TrialRecord] = {}
    for trial in snapshot.trials:
        by_key.setdefault(_identity(trial.setting), trial)
    runs = sections.runs(definition.section, reading=sections.recorded(definition.options))
    wanted = [r for r in runs if r.stage is None or not definition.stages or r.stage in definition.stages]
    return tuple(_row(run, by_key.get(_identity(run.setting)), definition) for run in wanted)


def report_tables(rows: tuple[ReportRow, ...]) -> tuple[ReportTable, ...]:
    """The rows by the table or figure they stand in, in the report's order."""
    groups: dict[str, list[ReportRow]] = {}
    for row in rows:
        groups.setdefault(row.run.where, []).append(row)
    return tuple(ReportTable(where=where, rows=tuple(group)) for where, group in groups.items())


def not_comparable(definition: Definition) -> tuple[str, ...]:
    """What in the whole study differs from the report's protocol, epochs aside."""
    reasons = []
    if definition.notice or not definition.data.get("comparable", True):
        reasons.append(f"{definition.data.get('name', 'other data')} instead of CIFAR-10")
    if definition.protocol != "report":
        reasons.append("measured on validation images instead of the test images")
    elif definition.held_out_size != REPORT_TEST_SIZE:
        reasons.append(f"{definition.held_out_size:,} test images instead of {REPORT_TEST_SIZE:,}")
    if definition.train_size != REPORT_TRAIN_SIZE:
        reasons.append(f"{definition.train_size:,} training images instead of {REPORT_TRAIN_SIZE:,}")
    return tuple(reasons)


def _identity(setting: Mapping[str, Any]) -> tuple:
    # Epochs aside; a setting with a knob of another version is equal to itself only.
    try:
        return key({name: value for name, value in setting.items() if name != "epochs"})
    except (SettingError, TypeError):
        return ("unknown", repr(sorted(setting, key=str)))


def _row(run: Run, trial: TrialRecord | None, definition: Definition) -> ReportRow:
    if trial is None:
        return ReportRow(
            run=run, trial=None, status="not run", mean=None, sd=None, n=0, reasons=(), curves=None
        )
    epochs = epochs_done(trial)
    reasons = not_comparable(definition)
    if epochs != PUBLISHED_EPOCHS:
        reasons = (f"{count(epochs, 'epoch')} instead of {PUBLISHED_EPOCHS}", *reasons)
    return ReportRow(
        run=run,
        trial=trial.number,
        status=_status(trial),
        mean=trial.score,
        sd=trial.spread,
        n=len(trial.accuracies),
        reasons=reasons,
        curves=trial_curves(trial) if any(e.epochs for e in trial.executions) else None,
    )


def _status(trial: TrialRecord) -> str:
    # The report prints such a run as the accuracy of naming one class for everything: say both.
    ends = [e.epochs[-1] for e in trial.executions if e.outcome == "diverged" and e.epochs]
    if trial.status != "diverged" or not ends:
        return trial.status
    return f"diverged in epoch {ends[0].epoch}, accuracy then {percent(ends[0].held_out_accuracy)}"
