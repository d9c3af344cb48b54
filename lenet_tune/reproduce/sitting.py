"""One sitting at a reproduction: see what is missing, train it, write the results and the page."""

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from lenet_tune import data as datasets
from lenet_tune import devices, opening, session, workers
from lenet_tune import plan as studies
from lenet_tune.analysis.reproduction import Reproduction, reproduction, settings_done
from lenet_tune.analysis.text import count
from lenet_tune.config import InputSpec
from lenet_tune.data import DataSet
from lenet_tune.errors import SettingError
from lenet_tune.progress import say
from lenet_tune.records import Definition, NewExecution, NewTrial, Snapshot
from lenet_tune.report import write_page, write_reproduction
from lenet_tune.reproduce.files import (
    Shelf,
    add_closing,
    next_number,
    results,
    stored,
    write_results,
)
from lenet_tune.reproduce.plan import NAME, Asked, Job, define, execution, groups, missing
from lenet_tune.reproduce.progress import Lines
from lenet_tune.reproduce.section_studies import section_studies
from lenet_tune.reproduce.words import print_plan, show_time
from lenet_tune.session import Course, Place
from lenet_tune.space import key
from lenet_tune.study import Study
from lenet_tune.studyexport import read_export

SAMPLE = 8  # executions that are timed to estimate how long a plan takes


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """How a sitting ended: `signal` is None unless one stopped it."""

    page: Path
    found: Reproduction
    signal: int | None = None


@dataclass(frozen=True, kw_only=True, eq=False)
class _Plan:
    """What a sitting has to do, and what it works with.

    Args:
        groups: what is stored and trained at a time: a group of this process, or a round for workers.
    """

    asked: Asked
    definition: Definition
    dataset: DataSet
    shelf: Shelf
    number: int
    spec: InputSpec
    rounds: Sequence[Sequence[Job]]
    groups: Sequence[Sequence[Job]]
    is_unmeasured: bool


def run(asked: Asked, place: Place) -> Outcome:
    """Train what `asked` needs and nobody has, then write results and page.

    Raises:
        LeNetTuneError: data, setting, storage or search trouble, in one line.
    """
    plan = _plan(asked, place)
    stopped_by = None
    if plan.rounds or plan.is_unmeasured:
        say(_how_much(plan))
        with _open_study(plan, place) as study:
            course = Course(
                run=lambda study, tools: _train(study, tools, plan),
                progress=Lines(sum(map(len, plan.rounds))),
                way_on="the same command",
            )
            stopped_by = session.train(study, plan.dataset, place, course)
    else:
        say(f"{plan.definition.name}: nothing is missing.")
    write_results(plan.shelf, stored(plan.shelf))
    studies = list(results(plan.shelf.folder).values())
    found = reproduction(studies, asked.pick.reading)
    page = write_reproduction(found, plan.shelf.page(asked.pick.reading))
    _write_sections(studies, page.parent)
    return Outcome(page=page, found=found, signal=stopped_by)


def dry_run(asked: Asked, place: Place) -> None:
    """Print what is missing on stdout and the time it takes here on stderr; nothing is trained or stored."""
    workers.check(place)
    plan = _plan(asked, replace(place, workers=None, ray=None))  # the time is measured here
    rates = _rates(plan, place)
    print_plan(plan.rounds, lambda job: _seconds(job, plan, rates))
    say(_how_much(plan))
    total = 0.0
    for jobs in plan.rounds:
        total += sum(_seconds(job, plan, rates) for job in jobs)
        seeds = ", ".join(map(str, sorted({job.repeat for job in jobs})))
        say(f"seed {seeds}: {count(len(jobs), 'execution')}, done after {show_time(total)}")
    say(f"On {devices.describe()}, by a short measurement just now.")
    if plan.rounds and (words := workers.estimate_words(place, total, len(devices.gpus()))):
        say(words)


def write_pages_of(folder: Path, out: Path) -> list[Path]:
    """The page of a folder of results, again, as `OUT/reports/FOLDER.html`, and those of its sections.

    Raises:
        StudyError: the files do not belong together.
    """
    studies = _some(folder)
    page = write_reproduction(reproduction(studies, {}), out / "reports" / f"{folder.resolve().name}.html")
    return [page, *_write_sections(studies, page.parent)]


def _write_sections(studies: Sequence[Snapshot], folder: Path) -> list[Path]:
    return [write_page(study, folder / f"{study.definition.name}.html") for study in section_studies(studies)]


def judged(asked: Asked, place: Place) -> dict[str, Reproduction]:
    """What the results that are there say, by backend; nothing is trained or written.

    Raises:
        SettingError: there are none.
    """
    folders = {name: _shelf(replace(asked, backend=name), place).folder for name in devices.BACKENDS}
    there = [name for name, folder in folders.items() if folder.is_dir()] or [asked.backend]
    return {name: reproduction(_some(folders[name]), asked.pick.reading) for name in there}


def _some(folder: Path) -> list[Snapshot]:
    found = list(results(folder).values())
    if not found:
        raise SettingError(f"There is no result in {folder} yet: run lenet-tune reproduce first.")
    return found


def _shelf(asked: Asked, place: Place) -> Shelf:
    if asked.is_the_reports_own and place.source is None:
        return Shelf(out=place.out, name=asked.name)
    return Shelf(out=place.out, name=define(asked, _dataset(asked, place)).name)


def keep_closing(name: str, place: Place, asked: Asked) -> None:
    """Put a search, from its study or its JSON, beside the results, for the closing question's answer."""
    from lenet_tune.cli_views import find_study

    shelf = _shelf(asked, place)
    if Path(name).suffix == ".json":
        add_closing(shelf, read_export(Path(name)))
        return
    with Study.read(find_study(name, place.out)) as study:
        add_closing(shelf, study.snapshot())


def _plan(asked: Asked, place: Place) -> _Plan:
    dataset = _dataset(asked, place)
    definition = define(asked, dataset)
    shelf = Shelf(out=place.out, name=definition.name)
    spec = studies.input_spec(definition, studies.training_data(definition, dataset))
    files, here = results(shelf.folder), stored(shelf)
    number = next_number(shelf, here, files)
    failed = settings_done([here[number]] if number in here else [], ("failed",))
    if failed:
        say(f"{count(len(failed), 'execution')} failed with this version and will not be tried again by it.")
    done = failed | settings_done([*files.values(), *here.values()])
    rounds = missing(asked, definition, done)
    return _Plan(
        asked=asked,
        definition=definition,
        dataset=dataset,
        shelf=shelf,
        number=number,
        spec=spec,
        rounds=rounds,
        groups=rounds if workers.wanted(place) else _groups_here(rounds, spec, asked, place),
        is_unmeasured=number in here and _is_unmeasured(here[number]),
    )


def _dataset(asked: Asked, place: Place) -> DataSet:
    source = place.source
    if not asked.quick and not isinstance(source, DataSet) and datasets.named_source(source) is None:
        source = "cifar10"  # a stand-in for it would cost hours and say nothing of the report
    return session.load_data(source, place.image_size)


def _groups_here(
    rounds: Sequence[Sequence[Job]], spec: InputSpec, asked: Asked, place: Place
) -> Sequence[Sequence[Job]]:
    if not rounds:
        return []
    devices.prepare(place.backend, place.device)
    return groups(rounds, spec, session.capacity_of(asked.engine))


def _is_unmeasured(study: Snapshot) -> bool:
    """Whether the model of Table 5 is trained and its figures are not there: a sitting was killed before."""
    shown = next((t for t in study.trials if t.proposal.get("shown")), None)
    if shown is None or not shown.accuracies:
        return False
    return study.best_model is None or study.best_model["trial"] != shown.number


def _how_much(plan: _Plan) -> str:
    executions = sum(map(len, plan.rounds))
    settings = len({key(job.setting) for jobs in plan.rounds for job in jobs})
    parts = count(len(plan.groups), "round" if plan.groups is plan.rounds else "group")
    return (
        f"{plan.definition.title}: {count(executions, 'execution')} of {count(settings, 'setting')} missing, "
        f"{parts}, on {plan.definition.train_size:,} images"
    )


def _open_study(plan: _Plan, place: Place) -> Study:
    folder = plan.shelf.study(plan.number).parent
    found = opening.stored(folder)
    if found is not None:
        return found
    name = folder.name
    return Study.create(folder, replace(plan.definition, name=name), planned=None, source=place.source_name)


def _train(study: Study, tools: Any, plan: _Plan) -> None:
    """What was half trained, then part by part what is missing: each is stored when its turn comes."""
    from lenet_tune import loop

    loop.run(study, tools)
    for group in plan.groups:
        done = settings_done([study.snapshot()])
        _add(study, [job for job in group if job.identity not in done])
        loop.run(study, tools)


def _add(study: Study, jobs: Sequence[Job]) -> None:
    """Store executions to train: further ones of trials that are there, or new trials."""
    trials = study.trials()
    numbers = {key(trial.setting): trial.number for trial in trials}
    known = {(e.trial, e.repeat) for trial in trials for e in trial.executions}
    fresh: dict[tuple, Job] = {}
    for job in jobs:
        if key(job.setting) not in numbers:
            fresh.setdefault(key(job.setting), job)
    numbers |= {identity: len(trials) + i for i, identity in enumerate(fresh)}
    executions = [_new_execution(numbers[key(job.setting)], job) for job in jobs]
    study.add_executions(
        [e for e in executions if (e.trial, e.repeat) not in known],
        [_new_trial(job) for job in fresh.values()],
    )


def _new_execution(trial: int, job: Job) -> NewExecution:
    seed, order_seed = job.seeds
    return NewExecution(trial=trial, repeat=job.repeat, seed=seed, order_seed=order_seed, purpose="search")


def _new_trial(job: Job) -> NewTrial:
    detail = {"origin": NAME, **({"shown": True} if job.is_shown else {})}
    return NewTrial(setting=job.setting, label=job.arm.label, proposal=detail, seeds=())


def _rates(plan: _Plan, place: Place) -> dict[int, float]:
    """FLOP/s by depth of the network, each measured on part of the largest group there is."""
    from lenet_tune.estimate import measure_rate

    largest: dict[int, list] = {}
    for group in plan.groups:
        sample = list(_sample(group, plan.spec))
        depth = sample[0].lenet.depth
        if len(sample) > len(largest.get(depth, ())):
            largest[depth] = sample
    train_group = session.load_engine(plan.asked.engine)
    return {depth: measure_rate(train_group, sample) for depth, sample in largest.items()}


def _sample(group: Sequence[Job], spec: InputSpec) -> Iterator[Any]:
    for number, job in enumerate(group[:SAMPLE]):
        made = execution(number, job, spec)
        yield replace(made, train=made.train.with_epochs(2))


def _seconds(job: Job, plan: _Plan, rates: dict[int, float]) -> float:
    from lenet_tune.estimate import seconds_needed

    made = execution(0, job, plan.spec)
    d = plan.definition
    return seconds_needed([(made.lenet, made.train)], rates[made.lenet.depth], d.train_size, d.held_out_size)
