"""The finished executions of several studies in one pool, by setting and seed, each with where it stands.

A diverged execution counts with chance accuracy from the epoch in which its loss stopped being a number: its
outputs are then no numbers either, one class is named for every image, and Keras prints 0.1000, as the
report does.
"""

import math
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune.analysis.comparison import not_comparable
from lenet_tune.analysis.curves import METRICS, Curve
from lenet_tune.errors import StudyError
from lenet_tune.records import Definition, ExecutionRecord, Snapshot
from lenet_tune.sections import PUBLISHED_EPOCHS
from lenet_tune.space import Setting, key

Seed = tuple[int, int]  # of the initial weights, and of the order of images


@dataclass(frozen=True, kw_only=True)
class Evidence:
    """One finished execution: its curve to the last epoch, and where it can be looked up.

    Args:
        repeat: number of the seed, from 0.
    """

    study: str
    trial: int
    repeat: int
    seed: Seed
    curve: Curve
    is_diverged: bool
    device: str | None
    version: str | None
    commit: str | None

    @property
    def accuracy(self) -> float:
        """Test accuracy after the last epoch."""
        return self.curve.held_out_accuracy[-1]


@dataclass(frozen=True, kw_only=True, eq=False)
class Pool:
    """Evidence by setting and seed.

    Args:
        chance: accuracy of naming one class for everything.
        epochs: what the runs trained for where the report trained 30.
        reasons: why nothing here compares with the report's numbers; empty where it does.
    """

    chance: float
    epochs: int
    reasons: tuple[str, ...]
    found: Mapping[tuple, Mapping[Seed, Evidence]]

    def of(self, setting: Setting) -> Mapping[Seed, Evidence]:
        """The evidence of one of the report's settings, by seed, in the order of seeds."""
        return self.found.get(key(scaled(setting, self.epochs)), {})


def scaled(setting: Setting, epochs: int) -> Setting:
    """The setting with `epochs` where the report has 30 (and twice as many where it has 60)."""
    return {**setting, "epochs": max(1, round(setting["epochs"] * epochs / PUBLISHED_EPOCHS))}


def pool(snapshots: Iterable[Snapshot]) -> Pool:
    """The evidence of studies that measured alike; of two executions of one seed the first counts.

    Raises:
        StudyError: studies on other data, other sizes, another protocol or another backend among them.
    """
    studies = tuple(snapshots)
    kinds = {_protocol(s): s for s in reversed(studies)}
    if len(kinds) > 1:
        a, b = (s.definition.name for s in list(kinds.values())[:2])
        raise StudyError(
            "Studies of one reproduction must have the same data, sizes, epochs and backend, but "
            f"{a} and {b} differ. Keep them in folders of their own."
        )
    found: dict[tuple, dict[Seed, Evidence]] = {}
    for snapshot in studies:
        for setting, evidence in _evidence(snapshot):
            found.setdefault(key(setting), {}).setdefault(evidence.seed, evidence)
    definition = studies[0].definition if studies else None
    return Pool(
        chance=chance(definition),
        epochs=epochs_of(definition),
        reasons=() if definition is None else _reasons(definition),
        found={k: dict(sorted(v.items(), key=lambda item: item[1].repeat)) for k, v in found.items()},
    )


def chance(definition: Definition | None) -> float:
    """Accuracy of naming one class for everything."""
    classes = () if definition is None else definition.data.get("classes", ())
    return 1 / (len(classes) or 10)


def epochs_of(definition: Definition | None) -> int:
    """What a study trained for where the report trained 30 epochs."""
    return PUBLISHED_EPOCHS if definition is None else definition.options.get("epochs", PUBLISHED_EPOCHS)


def _reasons(definition: Definition) -> tuple[str, ...]:
    epochs = epochs_of(definition)
    few = [] if epochs == PUBLISHED_EPOCHS else [f"{epochs} epochs instead of {PUBLISHED_EPOCHS}"]
    return (*few, *not_comparable(definition))


def _protocol(study: Snapshot) -> tuple:
    d, backend = study.definition, study.manifest.get("backend")
    return d.data.get("fingerprint"), d.train_size, d.held_out_size, d.protocol, epochs_of(d), backend


def _evidence(snapshot: Snapshot) -> Iterable[tuple[Mapping[str, Any], Evidence]]:
    for trial in snapshot.trials:
        for execution in trial.executions:
            if execution.outcome in ("done", "diverged") and execution.epochs:
                yield trial.setting, _one(snapshot, trial.setting, execution)


def _one(snapshot: Snapshot, setting: Mapping[str, Any], execution: ExecutionRecord) -> Evidence:
    manifest = snapshot.manifest
    return Evidence(
        study=snapshot.definition.name,
        trial=execution.trial,
        repeat=execution.repeat,
        seed=(execution.seed, execution.order_seed),
        curve=_curve(execution, setting["epochs"], chance(snapshot.definition)),
        is_diverged=execution.outcome == "diverged",
        device=execution.device,
        version=manifest.get("versions", {}).get("lenet-tune"),
        commit=manifest.get("commit"),
    )


def _curve(execution: ExecutionRecord, epochs: int, chance: float) -> Curve:
    """The execution's curve to the last epoch it was to train."""
    kept = [e for e in execution.epochs if not e.diverged]
    columns = {name: [getattr(e, name) for e in kept] for name in METRICS}
    missing = epochs - len(kept) if execution.outcome == "diverged" else 0
    for name, column in columns.items():
        column += [chance if name.endswith("accuracy") else math.nan] * missing
    return Curve(
        epochs=tuple(range(1, len(kept) + missing + 1)), **{name: tuple(c) for name, c in columns.items()}
    )


def common_seeds(pool: Pool, settings: Iterable[Setting]) -> tuple[Seed, ...]:
    """Seeds for which every one of the settings has evidence."""
    groups = [pool.of(setting) for setting in settings]
    return tuple(seed for seed in groups[0] if all(seed in group for group in groups)) if groups else ()
