"""One sitting at a study: open it, get data, device and engine ready, search, and leave pages behind.

This is where the rooms meet; `cli` parses words and calls it, `loop` holds the loop of a search.
"""

import time
from collections.abc import Callable, Sequence
from contextlib import AbstractContextManager
from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from lenet_tune import buildable, devices, manifest, opening, plan, requirements, workers
from lenet_tune import data as datasets
from lenet_tune.callbacks import Announcer, Callback
from lenet_tune.config import InputSpec, check_in
from lenet_tune.data import DataSet
from lenet_tune.engines.base import Engine, TrainingData
from lenet_tune.errors import StudyError
from lenet_tune.interrupts import Interrupted, stoppable
from lenet_tune.plan import Options
from lenet_tune.progress import Progress, duration, say
from lenet_tune.records import Definition, Snapshot
from lenet_tune.study import Study
from lenet_tune.studyfile import check_writable

ENGINES = ("fused", "reference")
GROUP_CAPACITY = {"CPU": 16, "GPU": 512}
SEARCH_PART = 0.8
"""Part of a time budget after which a search stops so that its leaders can be confirmed in the rest."""


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where and how long a session works; nothing here changes what a study finds.

    Args:
        out: folder that holds `studies/` and `reports/`.
        source: of the data, or the data itself; None for the default.
        image_size: (h, w) that its images are resized to; None for their own.
        budget: seconds; None for no limit.
        command: argv, for the manifest.
        trial_timeout: seconds; None for no limit.
        accept_versions: go on with a study that other versions of the packages have begun.
        callbacks: told of trials and epochs.
        workers, ray: train with so many workers, on this host or on a Ray cluster; see `cluster.hire`.
    """

    out: Path
    source: str | DataSet | None
    backend: str | None
    device: str
    budget: float | None
    command: Sequence[str]
    checkpoint_every: int = 1
    trial_timeout: float | None = None
    accept_versions: bool = False
    image_size: tuple[int, int] | None = None
    callbacks: Sequence[Callback] = ()
    workers: int | None = None
    ray: str | None = None

    @property
    def source_name(self) -> str | None:
        """What the data is read from; None for the default, and for data handed over."""
        return self.source if isinstance(self.source, str) else None


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a session ended: `signal` is None unless one stopped it."""

    page: Path
    snapshot: Snapshot
    signal: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class Course:
    """How a study is trained.

    Args:
        run: trains the study with its tools, as `loop.run` does.
        progress: a context whose value is told how it goes on (`loop.Watcher`).
        way_on: what to type to go on after a stop.
    """

    run: Callable[[Study, Any], None]
    progress: AbstractContextManager[Any]
    way_on: str


def start(options: Options, place: Place) -> Outcome:
    """Run the search that `options` ask for, or go on with it where it was left.

    Raises:
        LeNetTuneError: data, setting, storage or search trouble, in one line.
    """
    check_in("engine", options.engine, ENGINES)
    plan.searched(options)  # refuses a wrong knob before the data is read
    dataset = load_data(place.source, place.image_size)
    definition = plan.define(options, dataset)
    buildable.check(definition)
    planned = plan.planned_trials(options, definition)
    folder = place.out / "studies" / definition.name
    study = opening.stored(folder)
    if study is None:
        study = Study.create(folder, definition, planned=planned, source=place.source_name)
    with study:
        opening.check_same(study.definition, definition)
        if planned is not None and study.planned is not None and planned > study.planned:
            study.set_planned(planned)
        return _sit(study, dataset, place)


def resume(path: Path, place: Place, trials: int | None) -> Outcome:
    """Go on with a stored study; `trials` asks for more of them than before.

    Raises:
        LeNetTuneError: as `start`; also when the data is not what the study was begun on.
    """
    with Study.open(path) as study:
        definition, home = study.definition, at_home(study, place)
        dataset = load_data(home.source, home.image_size)
        if dataset.fingerprint != definition.data["fingerprint"]:
            raise StudyError(
                f"The study {definition.name} was begun on {definition.data['name']} with fingerprint "
                f"{definition.data['fingerprint'][:16]}, but this data has {dataset.fingerprint[:16]}: "
                "pass the same --data."
            )
        if trials is not None:
            opening.extend(study, trials)
        return _sit(study, dataset, place)


def at_home(study: Study, place: Place) -> Place:
    """The place with the study's own data, as large as it had them, where it names none."""
    source, size = place.source or study.source, place.image_size
    if size is None and isinstance(source, str) and datasets.takes_size(source):
        size = tuple(study.definition.data["image_shape"][:2])
    return replace(place, source=source, image_size=size)


def load_data(source: str | DataSet | None, image_size: tuple[int, int] | None = None) -> DataSet:
    """The data set; what it is labelled with is said once."""
    if isinstance(source, DataSet):
        return source
    said: list[str] = []

    def tell(text: str) -> None:
        said.append(text)
        say(text)

    dataset = datasets.load(source, image_size=image_size, say=tell)
    if dataset.notice and not any(dataset.notice in text for text in said):
        say(f"NOTICE: the data is {dataset.name}: {dataset.notice}.")
    return dataset


def load_engine(name: str) -> Engine:
    """The `train_group` of an engine; Keras is imported here at the latest."""
    return import_module(f"lenet_tune.engines.{name}").train_group


def capacity_of(engine: str) -> int:
    """Executions of a group at most, on the device in use."""
    return _capacities(engine)["GPU" if devices.gpus() else "CPU"]


def _capacities(engine: str) -> dict[str, int]:
    return dict.fromkeys(GROUP_CAPACITY, 1) if engine == "reference" else GROUP_CAPACITY


def _sit(study: Study, dataset: DataSet, place: Place) -> Outcome:
    """Search if anything is left, then write the page."""
    snapshot = study.snapshot()
    stopped_by = None
    if opening.is_complete(snapshot):
        say(f"{snapshot.definition.name} is complete: {snapshot.ended} trials.")
    else:
        stopped_by = train(study, dataset, place)
    from lenet_tune import pages

    snapshot = study.snapshot()
    page = pages.write_study(snapshot, place.out)
    return Outcome(page=page, snapshot=snapshot, signal=stopped_by)


def train(study: Study, dataset: DataSet, place: Place, course: Course | None = None) -> int | None:
    """Train what is left; returns the signal that stopped it, or None."""
    # Keras takes seconds to import: only now, when everything that could be refused has been checked.
    backend = opening.backend_for(study, place.backend, accept_versions=place.accept_versions)
    check_writable(place.out / "reports")
    requirements.check()
    workers.check(place)
    definition = study.definition
    data = plan.training_data(definition, dataset)
    with workers.hired(definition, data, place, backend, _capacities(definition.engine)) as site:
        # Where there are workers the GPUs are theirs; what is left to this process suits a CPU.
        devices.prepare(backend, place.device if site is None else "cpu")
        return _train(study, dataset, data, place, site, course)


def _train(
    study: Study, dataset: DataSet, data: TrainingData, place: Place, site: Any, course: Course | None
) -> int | None:
    import keras

    from lenet_tune import loop
    from lenet_tune.artifacts import measure_leaders

    definition = study.definition
    facts = manifest.collect(
        study.manifest,
        command=place.command,
        device=devices.describe() if site is None else site.device,
        backend=keras.backend.backend(),
    )
    study.set_manifest({**facts, "engine": definition.engine})
    started = time.monotonic()
    stopped_by, complete = None, False
    course = course or _plain_course(study, place)
    with stoppable(), course.progress as progress:
        try:
            opening.greet(study, facts)
            tools, spec = _tools(study, data, place, progress, site)
            try:
                course.run(study, tools)
                complete = True
            except loop.BudgetSpent:
                say(f"The budget of {duration(place.budget or 0.0)} is spent. Go on with: {course.way_on}")
            measure_leaders(study, dataset, spec)
        except Interrupted as interruption:
            stopped_by = interruption.number
            say(f"Stopped; everything finished is kept. Go on with: {course.way_on}")
        finally:
            wall = time.monotonic() - started
            study.set_manifest(manifest.finish(study.manifest, wall_seconds=wall, interrupted=not complete))
    return stopped_by


def _plain_course(study: Study, place: Place) -> Course:
    from lenet_tune import loop

    progress = Progress(study.snapshot(), study.definition.train_size)
    return Course(
        run=loop.run,
        progress=Announcer(progress, place.callbacks, study) if place.callbacks else progress,
        way_on=f"lenet-tune resume {study.path.parent}",
    )


def _tools(study: Study, data: TrainingData, place: Place, progress: Any, site: Any) -> tuple[Any, InputSpec]:
    from lenet_tune import loop

    definition = study.definition
    spec = plan.input_spec(definition, data)
    study.set_channel_statistics(spec.channel_mean or (), spec.channel_std or ())
    tools = loop.Tools(
        oracle=build_oracle(definition, spec, study.planned),
        train_group=load_engine(definition.engine),
        data=data,
        spec=spec,
        watcher=progress,
        device=devices.describe(),
        batch=definition.options.get("parallel", 100_000),
        capacity=capacity_of(definition.engine),
        **_deadlines(definition, place.budget),
        checkpoint_every=place.checkpoint_every,
        trial_timeout=place.trial_timeout,
        site=site,
    )
    return tools, spec


def _deadlines(definition: Definition, budget: float | None) -> dict[str, float]:
    """When the search and the confirmation of its leaders have to end."""
    if budget is None:
        return {}
    now = time.monotonic()
    part = SEARCH_PART if definition.options.get("confirm") else 1.0
    return {"deadline": now + part * budget, "confirm_deadline": now + budget}


def build_oracle(definition: Definition, spec: InputSpec, planned: int | None) -> Any:
    """The oracle of a study, from its definition alone."""
    from lenet_tune import oracles
    from lenet_tune.space import Space

    if definition.kind == "grid":
        # Without a spec: a point of a user's grid that cannot be built is a failed trial, not a missing one.
        return oracles.ListOracle([run["setting"] for run in definition.options["runs"]])
    options = {"max_epochs": definition.options["max_epochs"]} if definition.kind == "hyperband" else {}
    options["starts"] = tuple(definition.options.get("starts", ()))
    if planned is not None:
        options["trials"] = planned
    return oracles.make_oracle(
        definition.kind,
        Space.from_json(definition.space),
        spec,
        seed=definition.seed,
        options=oracles.OracleOptions(**options),
    )
