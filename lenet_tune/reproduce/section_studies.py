"""The report's sections as studies of their own, put together from the results of a reproduction.

A reproduction trains what all claims need, sitting by sitting, one study a commit. A section's page wants
only that section's runs, as `lenet-tune grid --section N` would have trained them: with the same seeds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.sections import SECTIONS, Run, runs
from lenet_tune.space import key


def section_studies(studies: Sequence[Snapshot]) -> Iterator[Snapshot]:
    """A study for each section that has finished runs in `studies`, by number of section.

    Of the default reading, with the epochs that the reproduction had. Of a run trained twice with one seed
    the first stays, as everywhere.
    """
    trained = [study for study in studies if study.definition.protocol == "report"]
    for section in SECTIONS:
        if (study := _section_study(section, trained)) is not None:
            yield study


def _section_study(section: int, studies: Sequence[Snapshot]) -> Snapshot | None:
    found: dict[tuple, list[TrialRecord]] = {}
    sources: dict[tuple, list[Snapshot]] = {}
    for study in studies:
        for trial in study.trials:
            if trial.accuracies:
                found.setdefault(key(trial.setting), []).append(trial)
                sources.setdefault(key(trial.setting), []).append(study)
    wanted = [(run, _identity(run, study)) for study in studies[:1] for run in runs(section)]
    has = [(run, identity) for run, identity in wanted if identity in found]
    if not has:
        return None
    trials = tuple(_merged(i, run, found[identity]) for i, (run, identity) in enumerate(has))
    used = [study for study in studies if any(study in sources[identity] for _, identity in has)]
    first, seeds = used[0].definition, max(len(trial.executions) for trial in trials)
    proof = _joined([study.manifest for study in used])
    commands = dict.fromkeys(str(s.get("command")) for s in proof.get("sessions", ()))
    return Snapshot(
        definition=replace(
            first,
            name=f"{studies[0].definition.name}-section{section}",
            title=f"LeNet on CIFAR-10: the report's section {section}, of its reproduction",
            section=section,
            stages=tuple(stage for stage, _ in groupby(run.stage for run, _ in has) if stage),
            seeds=seeds,
        ),
        manifest={
            **proof,
            "command": f"lenet-tune grid --section {section} --seeds {seeds}",
            "trained by": "; ".join(commands),
        },
        planned=len(wanted),
        trials=trials,
        best_model=_model(used, has, found),
    )


def _identity(run: Run, study: Snapshot) -> tuple:
    epochs = study.definition.options.get("epochs", run.setting["epochs"])
    return key({**run.setting, "epochs": epochs})


def _merged(number: int, run: Run, trials: Iterable[TrialRecord]) -> TrialRecord:
    """One trial with the finished executions of all, by seed."""
    by_seed: dict[int, ExecutionRecord] = {}
    for trial in trials:
        for execution in trial.searched:
            if execution.outcome in ("done", "diverged"):
                by_seed.setdefault(execution.repeat, replace(execution, trial=number))
    first = next(iter(trials))
    return replace(
        first,
        number=number,
        label=f"{run.stage}: {run.label}" if run.stage else run.label,
        executions=tuple(by_seed[repeat] for repeat in sorted(by_seed)),
    )


def _model(
    studies: Iterable[Snapshot],
    runs_found: Sequence[tuple[Run, tuple]],
    found: Mapping[tuple, list[TrialRecord]],
) -> Mapping[str, Any] | None:
    """The figures of the model that a study kept, where that is one of this section's."""
    numbers = {id(trial): i for i, (_, identity) in enumerate(runs_found) for trial in found[identity]}
    for study in studies:
        if study.best_model is None:
            continue
        kept = id(study.trials[study.best_model["trial"]])
        if kept in numbers:
            return {**study.best_model, "trial": numbers[kept]}
    return None


def _joined(manifests: list[Mapping[str, Any]]) -> dict[str, Any]:
    """One proof for several: what is equal once, what differs side by side, every session."""
    whole: dict[str, Any] = {}
    for name in dict.fromkeys(name for manifest in manifests for name in manifest):
        values = [manifest[name] for manifest in manifests if name in manifest]
        different = [value for i, value in enumerate(values) if value not in values[:i]]
        if name == "sessions":
            whole[name] = [session for value in values for session in value]
        elif name == "wall_seconds":
            whole[name] = sum(values)
        elif name in ("started", "ended"):
            whole[name] = (min if name == "started" else max)(values)
        elif len(different) == 1:
            whole[name] = different[0]
        elif name == "versions":
            whole[name] = {k: " and ".join(dict.fromkeys(v[k] for v in values if k in v)) for k in values[0]}
        else:
            whole[name] = " and ".join(map(str, different))
    return whole
