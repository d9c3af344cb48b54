"""Trials in the order of their score, and which knobs set them apart."""

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune.analysis.text import NONE, duration, percent, points
from lenet_tune.errors import LeNetTuneError
from lenet_tune.knobs import BY_NAME, KNOBS, Choice, Domain, show
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.space import Space
from lenet_tune.standing import Estimate

_ORDER = {knob.name: i for i, knob in enumerate(KNOBS)}
HEAD = ("rank", "trial", "score", "sd", "n", "status", "epochs", "seconds")
SCORES = 5
"""So many columns of `HEAD` come before those of fresh seeds."""

FRESH = ("fresh", "±", "fresh n")
_SHOWN: dict[str, Callable[..., str]] = {
    "score": percent,
    "sd": points,
    "seconds": duration,
    "fresh": percent,
    "±": points,
}


@dataclass(frozen=True, kw_only=True)
class RankedTable:
    """Every trial of a study, finished ones first and best first, then the others by number.

    Leaders that fresh seeds cannot tell apart share rank 1.

    Args:
        columns: rank, trial, score (mean over seeds of the held-out accuracy after the last epoch, 0 to 1),
            sd (sample standard deviation over seeds), n (seeds finished), status, epochs, seconds (of
            training), then the knobs that vary. Where leaders were confirmed, fresh (mean accuracy over
            fresh seeds), ± (half-width of its 95 % interval) and fresh n come after n.
        rows: raw values, one row a trial; None where there is none.
        fixed: the knobs with one value over the study (wherever they are active).
        held_out_name: what the score was measured on.
        notice: the study's label, or None.
    """

    columns: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    fixed: Mapping[str, Any]
    held_out_name: str
    notice: str | None

    def records(self) -> list[dict[str, Any]]:
        """One mapping a trial, for JSON and CSV."""
        return [dict(zip(self.columns, row, strict=True)) for row in self.rows]

    def cells(self) -> list[tuple[str, ...]]:
        """The rows as people read them."""
        return [
            tuple(cell(name, value) for name, value in zip(self.columns, row, strict=True))
            for row in self.rows
        ]


def cell(column: str, value: Any) -> str:
    """A value of the ranked table as people read it."""
    if value is None:
        return NONE
    return _SHOWN.get(column, show)(value)


def ranked_table(snapshot: Snapshot) -> RankedTable:
    """The table that `lenet-tune trials` prints and the pages show."""
    names = varying(snapshot)
    ranks = snapshot.ranks
    others = [trial for trial in snapshot.trials if trial.number not in ranks]
    fresh = {} if snapshot.standing is None else snapshot.standing.estimates
    return RankedTable(
        columns=(*HEAD[:SCORES], *(FRESH if fresh else ()), *HEAD[SCORES:], *names),
        rows=tuple(
            _row(trial, ranks.get(trial.number), names, fresh) for trial in (*snapshot.order, *others)
        ),
        fixed=fixed(snapshot),
        held_out_name=snapshot.definition.held_out_name,
        notice=snapshot.definition.notice,
    )


def _row(
    trial: TrialRecord, rank: int | None, names: tuple[str, ...], fresh: Mapping[int, Estimate]
) -> tuple[Any, ...]:
    head: tuple[Any, ...] = (rank, trial.number, trial.score, trial.spread, len(trial.accuracies))
    own = fresh.get(trial.number)
    if fresh:
        head += (None, None, None) if own is None else (own.mean, own.half_width, own.n)
    head += (trial.status, epochs_done(trial), trial.seconds)
    return (*head, *(trial.setting.get(name) for name in names))


def epochs_done(trial: TrialRecord) -> int:
    """Epochs that every execution of the trial has behind it."""
    return min((len(e.epochs) for e in trial.searched), default=0)


def domains(snapshot: Snapshot) -> Mapping[str, Domain]:
    """What the study searched, by knob; empty where it ran settings of its own."""
    try:
        return Space.from_json(snapshot.definition.space).domains
    except (LeNetTuneError, AttributeError, KeyError, TypeError, ValueError):
        return {}


def in_order(names: Iterable[str]) -> tuple[str, ...]:
    """Knob names in the order of the table of knobs."""
    return tuple(sorted(set(names), key=lambda name: (_ORDER.get(name, len(_ORDER)), name)))


def values_tried(trials: Iterable[TrialRecord], name: str) -> list[Any]:
    """The different values of a knob over the trials in which it is active, in the knob's own order."""
    values = {repr(t.setting[name]): t.setting[name] for t in trials if name in t.setting}
    domain = BY_NAME[name].domain if name in BY_NAME else None
    if isinstance(domain, Choice) and all(value in domain for value in values.values()):
        return sorted(values.values(), key=domain.values.index)
    try:
        return sorted(values.values())
    except TypeError:
        return list(values.values())


def varying(snapshot: Snapshot) -> tuple[str, ...]:
    """Knobs that the study varies: free in its space, or with several values over its trials."""
    names = {name for trial in snapshot.trials for name in trial.setting}
    several = {name for name in names if len(values_tried(snapshot.trials, name)) > 1}
    free = {name for name, domain in domains(snapshot).items() if not domain.is_fixed}
    return in_order(several | (free & names))


def fixed(snapshot: Snapshot) -> dict[str, Any]:
    """Knobs with one value over the study, wherever they are active."""
    moving = set(varying(snapshot))
    names = in_order(name for trial in snapshot.trials for name in trial.setting if name not in moving)
    return {name: values_tried(snapshot.trials, name)[0] for name in names}
