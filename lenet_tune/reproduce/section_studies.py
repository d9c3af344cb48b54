"""The report's sections as studies of their own, put together from the results of a reproduction.

A reproduction trains what all claims need, sitting by sitting, one study a commit. A section's page wants
only that section's runs, as `lenet-tune grid --section N` would have trained them: with the same seeds.
"""

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import replace
from itertools import groupby
from typing import Any

from lenet_tune.analysis.evidence import epochs_of, scaled
from lenet_tune.records import ExecutionRecord, Snapshot, TrialRecord
from lenet_tune.sections import SECTIONS, Run, full_reading, runs
from lenet_tune.space import key

Found = Mapping[tuple, Sequence[tuple[Snapshot, TrialRecord]]]
"""The trials of each setting that have finished executions, with their studies."""


def section_studies(studies: Sequence[Snapshot]) -> Iterator[Snapshot]:
    """A study for each section that has finished runs in `studies`, by number of section.

    Of the default reading, with the epochs that the reproduction had. Of a run trained twice with one seed
    the first stays, as everywhere.
    """
    trained = [study for study in studies if study.definition.protocol == "report"]
    found: dict[tuple, list[tuple[Snapshot, TrialRecord]]] = {}
    for study in trained:
        for trial in study.trials:
            if trial.accuracies:
                found.setdefault(key(trial.setting), []).append((study, trial))
    for section in SECTIONS if trained else ():
        if (made := _section_study(section, trained, found)) is not None:
            yield made


def _section_study(section: int, studies: Sequence[Snapshot], found: Found) -> Snapshot | None:
    whole = studies[0].definition
    wanted = [(run, key(scaled(run.setting, epochs_of(whole)))) for run in runs(section)]
    has = [(run, found[identity]) for run, identity in wanted if identity in found]
    if not has:
        return None
    trials = tuple(_merged(i, run, [t for _, t in sources]) for i, (run, sources) in enumerate(has))
    of_a_run = {id(study) for _, sources in has for study, _ in sources}
    used = [study for study in studies if id(study) in of_a_run]
    seeds = max(len(trial.executions) for trial in trials)
    proof = _joined([study.manifest for study in used])
    commands = dict.fromkeys(str(s.get("command")) for s in proof.get("sessions", ()))
    return Snapshot(
        definition=replace(
            used[0].definition,
            name=f"{whole.name}-section{section}",
            title=f"LeNet on CIFAR-10: the report's section {section}, of its reproduction",
            section=section,
            options={**used[0].definition.options, "reading": full_reading({})},
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
        best_model=_model(used, [[t for _, t in sources] for _, sources in has]),
    )


def _merged(number: int, run: Run, trials: Sequence[TrialRecord]) -> TrialRecord:
    """One trial with the finished executions of all, by seed."""
    by_seed: dict[int, ExecutionRecord] = {}
    for trial in trials:
        for execution in trial.searched:
            if execution.outcome in ("done", "diverged"):
                by_seed.setdefault(execution.repeat, replace(execution, trial=number))
    return replace(
        trials[0],
        number=number,
        label=run.caption,
        executions=tuple(by_seed[repeat] for repeat in sorted(by_seed)),
    )


def _model(studies: Iterable[Snapshot], trials: Iterable[Iterable[TrialRecord]]) -> Mapping[str, Any] | None:
    """The figures of the model that a study kept, where that is one of this section's runs."""
    numbers = {id(trial): i for i, own in enumerate(trials) for trial in own}
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
