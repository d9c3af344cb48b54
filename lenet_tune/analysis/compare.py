"""Several studies side by side: what each found, how fast, and how they differ on equal settings.

Scores of two studies compare where the same kind of images judged them: the same data, held-out size and
protocol. Whatever else differs (the images for training, the engine, the versions) is what one may want to
compare, and is said.
"""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from statistics import median
from typing import Any

from lenet_tune.analysis.paired import PairedStudies, paired_studies
from lenet_tune.analysis.summary import state
from lenet_tune.analysis.text import listed
from lenet_tune.errors import SettingError
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.standing import Estimate


@dataclass(frozen=True, kw_only=True)
class Steps:
    """The best score so far of a study, after each ended trial; all tuples have one length.

    Args:
        seconds: of the search's training, from its start.
        best: None before the first score.
    """

    study: str
    trials: tuple[int, ...]
    seconds: tuple[float, ...]
    best: tuple[float | None, ...]

    def at_trials(self, limit: int) -> float | None:
        """The best score after `limit` trials."""
        return next((b for n, b in zip(self.trials[::-1], self.best[::-1], strict=True) if n <= limit), None)

    def at_seconds(self, limit: float) -> float | None:
        """The best score after `limit` seconds."""
        found = zip(self.seconds[::-1], self.best[::-1], strict=True)
        return next((best for seconds, best in found if seconds <= limit), None)


@dataclass(frozen=True, kw_only=True)
class Ecdf:
    """Which part of a study's ended trials scored at most so much.

    Args:
        scores: in ascending order, each once.
        shares: part of the ended trials at or below each; those without a score lie below all.
    """

    study: str
    scores: tuple[float, ...]
    shares: tuple[float, ...]


@dataclass(frozen=True, kw_only=True)
class ComparedStudy:
    """One study.

    Args:
        name: unique among those compared.
        ended, scored: trials.
        best, trial: the highest score of the search and its trial; None without one.
        fresh: of the leader on fresh seeds, and fresh_trial which that is; None where nothing was confirmed.
        median: of the scores.
        at_trials, at_seconds: best score at `StudyComparison.trials` and `.seconds`.
        seconds: of the search's training.
    """

    name: str
    title: str
    state: str
    kind: str
    ended: int
    scored: int
    best: float | None
    trial: int | None
    fresh: Estimate | None
    fresh_trial: int | None
    median: float | None
    at_trials: float | None
    at_seconds: float | None
    seconds: float


@dataclass(frozen=True, kw_only=True)
class StudyComparison:
    """Studies whose scores compare, in the order in which they were named.

    Args:
        held_out_name: what scores were measured on; notice: the label of the data, or None.
        trials, seconds: what every study has at least spent, at which they are compared.
        steps, ecdfs: one a study.
        pairs: of the studies that hold common settings and seeds.
        cautions: what else differs, a sentence each.
    """

    studies: tuple[ComparedStudy, ...]
    held_out_name: str
    notice: str | None
    trials: int
    seconds: float
    steps: tuple[Steps, ...]
    ecdfs: tuple[Ecdf, ...]
    pairs: tuple[PairedStudies, ...]
    cautions: tuple[str, ...]


def compare(snapshots: Sequence[Snapshot]) -> StudyComparison:
    """The comparison of at least two studies.

    Raises:
        SettingError: fewer than two, or studies whose scores do not compare: what differs, and the way out.
    """
    if len(snapshots) < 2:
        raise SettingError(f"A comparison takes at least two studies, but got {len(snapshots)}.")
    names = _names(snapshots)
    _refuse(snapshots, names)
    steps = tuple(_steps(name, s) for name, s in zip(names, snapshots, strict=True))
    trials = min(len(step.trials) for step in steps)
    seconds = min(step.seconds[-1] if step.seconds else 0.0 for step in steps)
    return StudyComparison(
        studies=tuple(
            _study(snapshot, step, step.at_trials(trials), step.at_seconds(seconds))
            for snapshot, step in zip(snapshots, steps, strict=True)
        ),
        held_out_name=snapshots[0].definition.held_out_name,
        notice=snapshots[0].definition.notice,
        trials=trials,
        seconds=seconds,
        steps=steps,
        ecdfs=tuple(_ecdf(name, s) for name, s in zip(names, snapshots, strict=True)),
        pairs=paired_studies(snapshots, names),
        cautions=tuple(_cautions(snapshots, names)),
    )


def _names(snapshots: Sequence[Snapshot]) -> tuple[str, ...]:
    """The studies' names; those of one name in several folders get numbers."""
    names: list[str] = []
    for snapshot in snapshots:
        name, number = snapshot.definition.name, 2
        while name in names:
            name, number = f"{snapshot.definition.name} ({number})", number + 1
        names.append(name)
    return tuple(names)


def _refuse(snapshots: Sequence[Snapshot], names: Sequence[str]) -> None:
    first = snapshots[0].definition
    for name, snapshot in zip(names[1:], snapshots[1:], strict=True):
        other = snapshot.definition
        rules = (
            ("data", first.data.get("name"), other.data.get("name"), "the same --data"),
            ("data of that name", _print(first.data), _print(other.data), "the same --data"),
            ("protocol", first.protocol, other.protocol, "a section's own grid, or none of them"),
            ("held-out images", f"{first.held_out_size:,}", f"{other.held_out_size:,}",
             "the same --validation-size"),
        )  # fmt: skip
        for what, ours, theirs, way in rules:
            if ours != theirs:
                raise SettingError(
                    f"Scores compare only on the same {what}, but {names[0]} has {ours} and {name} has "
                    f"{theirs}: run both with {way}, or leave one out."
                )


def _print(data: Mapping[str, Any]) -> str:
    return f"fingerprint {str(data.get('fingerprint'))[:12]}"


def _ended(snapshot: Snapshot) -> list[TrialRecord]:
    return [t for t in snapshot.trials if t.status not in ("waiting", "running")]


def _seconds(trial: TrialRecord) -> float:
    return sum(e.seconds or 0.0 for e in trial.searched)


def _steps(name: str, snapshot: Snapshot) -> Steps:
    seconds, best, spent, found = [], [], 0.0, None
    for trial in _ended(snapshot):
        spent += _seconds(trial)
        if trial.score is not None:
            found = trial.score if found is None else max(found, trial.score)
        seconds.append(spent)
        best.append(found)
    return Steps(study=name, trials=tuple(range(1, len(best) + 1)), seconds=tuple(seconds), best=tuple(best))


def _ecdf(name: str, snapshot: Snapshot) -> Ecdf:
    scores = sorted(t.score for t in snapshot.ranked)
    ended = len(_ended(snapshot))
    shares = {score: (ended - len(scores) + i) / ended for i, score in enumerate(scores, start=1)}
    return Ecdf(study=name, scores=tuple(shares), shares=tuple(shares.values()))


def _study(
    snapshot: Snapshot, steps: Steps, at_trials: float | None, at_seconds: float | None
) -> ComparedStudy:
    first = snapshot.ranked[0] if snapshot.ranked else None
    standing = snapshot.standing
    return ComparedStudy(
        name=steps.study,
        title=snapshot.definition.title,
        state=state(snapshot),
        kind=snapshot.definition.kind,
        ended=len(steps.trials),
        scored=len(snapshot.ranked),
        best=None if first is None else first.score,
        trial=None if first is None else first.number,
        fresh=None if standing is None else standing.estimates[standing.leader],
        fresh_trial=None if standing is None else standing.leader,
        median=median(t.score for t in snapshot.ranked) if snapshot.ranked else None,
        at_trials=at_trials,
        at_seconds=at_seconds,
        seconds=steps.seconds[-1] if steps.seconds else 0.0,
    )


def _cautions(snapshots: Sequence[Snapshot], names: Sequence[str]) -> Iterator[str]:
    definitions = [s.definition for s in snapshots]
    for what, values in (
        ("training images", [f"{d.train_size:,}" for d in definitions]),
        ("seeds a trial", [str(d.seeds) for d in definitions]),
        ("engine", [d.engine for d in definitions]),
        ("backend", [str(s.manifest.get("backend", "unknown")) for s in snapshots]),
    ):
        if len(set(values)) > 1:
            yield f"Different {what}: {listed(_each(names, values))}."
    seeds = [d.seed for d in definitions]
    if len(set(seeds)) > 1 and definitions[0].protocol == "validation":
        yield f"Different study seeds, so other validation images: {listed(_each(names, seeds))}."


def _each(names: Sequence[str], values: Sequence[object]) -> list[str]:
    return [f"{name} {value}" for name, value in zip(names, values, strict=True)]
