"""`run`: every run and check of a plan, spread over processes, and what they come to."""

import multiprocessing
import os
import time
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from dataclasses import asdict, replace
from importlib import metadata
from typing import Any

from lenet_tune import manifest
from lenet_tune.selfcheck import figures, work
from lenet_tune.selfcheck.figures import Runs
from lenet_tune.selfcheck.forest import quality
from lenet_tune.selfcheck.play import Run
from lenet_tune.selfcheck.properties import check, checks
from lenet_tune.selfcheck.realtable import shipped
from lenet_tune.selfcheck.results import Landscape, Promise, Results, Trial
from lenet_tune.selfcheck.surface import Surface
from lenet_tune.selfcheck.tasks import REAL, Plan, Task, tasks

Map = Callable[[Callable, Sequence], Iterator]


def run(plan: Plan, *, command: Sequence[str], processes: int, say: Callable[[str], None]) -> Results:
    """Check every oracle.

    Args:
        command: argv, for the proof.
        processes: that work side by side; 1 works in this one.
        say: told how it goes on.
    """
    started = time.monotonic()
    with _workers(processes) as spread:
        broken_or_not = [*spread(check, list(checks(plan.quick)))]
        say(f"{len(broken_or_not)} checks of coverage and resuming done")
        runs = _all_runs(plan, spread, say)
    surfaces = [work.surface_named(name) for name in plan.surfaces]
    proof = manifest.collect({}, command=command, device=f"{processes} processes", backend="none")
    return Results(
        plan=asdict(plan),
        promises=tuple(_merged([*figures.promises(runs, plan), *broken_or_not])),
        landscapes=tuple(_landscape(surface, runs, plan) for surface in surfaces),
        trials=tuple(_comparisons(surfaces, runs, plan)),
        real=_real() if REAL in plan.surfaces else None,
        tpe=metadata.version("optuna") if plan.tpe else None,
        proof={
            **{name: proof[name] for name in ("command", "commit", "versions", "platform", "started")},
            "wall_seconds": round(time.monotonic() - started, 1),
            "processes": processes,
        },
    )


def _all_runs(plan: Plan, spread: Map, say: Callable[[str], None]) -> dict[Task, Run]:
    asked = list(tasks(plan))
    runs: dict[Task, Run] = {}
    for task, result in zip(asked, spread(work.run_task, asked), strict=True):
        runs[task] = result
        if len(runs) == len(asked) or asked[len(runs)].surface != task.surface:
            say(f"{len(runs)}/{len(asked)} runs done: {task.surface}")
    return runs


@contextmanager
def _workers(processes: int) -> Iterator[Map]:
    if processes == 1:
        work.prepare()
        yield lambda function, items: map(function, items)
        return
    context = multiprocessing.get_context("spawn")  # a fork of a process with TensorFlow's threads may hang
    with ProcessPoolExecutor(processes, mp_context=context, initializer=work.prepare) as pool:
        yield lambda function, items: pool.map(function, items)


def processes_here() -> int:
    """One a core."""
    return os.cpu_count() or 1


def _of(runs: Runs, surface: str, kind: str, batch: int | None = None) -> tuple[Task, list[Run]]:
    found = [t for t in runs if t.surface == surface and t.kind == kind and batch in (None, t.batch)]
    return found[0], [runs[task] for task in found]


def _landscape(surface: Surface, runs: Runs, plan: Plan) -> Landscape:
    kinds = [("bayes", b, plan.trials) for b in plan.batches] + [("random", 0, plan.random_trials)]
    if plan.tpe:
        kinds[1:1] = [("tpe", b, plan.trials) for b in plan.batches]
    return Landscape(
        name=surface.name,
        group=surface.group,
        about=surface.about,
        source=surface.source,
        knobs=len(surface.space.free),
        curves=tuple(
            figures.curve(_of(runs, surface.name, kind, batch or None)[1], kind, batch, length)
            for kind, batch, length in kinds
        ),
    )


def _comparisons(surfaces: Sequence[Surface], runs: Runs, plan: Plan) -> list[Trial]:
    found: list[Trial] = []
    searches = [(kind, b) for kind in ("bayes", *["tpe"] * plan.tpe) for b in plan.batches]
    for kind, batch in [*searches, ("hyperband", None)]:
        family = []
        for surface in surfaces:
            task, own = _of(runs, surface.name, kind, batch)
            _, random = _of(runs, surface.name, "random")
            rival = figures.hyperband_rival(own) if kind == "hyperband" else plan.rival_trials
            family.append(figures.comparison(surface, task, own, random, rival))
        adjusted = figures.holm([trial.p for trial in family])
        found += [replace(trial, adjusted=p) for trial, p in zip(family, adjusted, strict=True)]
    return found


def _merged(found: Sequence[Promise]) -> list[Promise]:
    merged: dict[tuple[str, str], Promise] = {}
    for promise in found:
        name = promise.kind, promise.what
        before = merged.get(name, replace(promise, checked=0, broken=0))
        merged[name] = replace(
            before, checked=before.checked + promise.checked, broken=before.broken + promise.broken
        )
    return sorted(merged.values(), key=lambda p: (p.what, p.kind))


def _real() -> dict[str, Any]:
    table = shipped()
    return {"facts": dict(table.facts), "quality": asdict(quality(table))}
