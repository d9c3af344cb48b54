"""`--dry-run`: the trials a search would run, and how long they would take here."""

import click

from lenet_tune import buildable, devices, plan, workers
from lenet_tune import data as datasets
from lenet_tune.config import InputSpec, LeNetConfig, TrainConfig
from lenet_tune.engines.base import Execution
from lenet_tune.errors import InfeasibleError
from lenet_tune.executions import execution_seeds
from lenet_tune.knobs import BY_NAME, show
from lenet_tune.plan import Options
from lenet_tune.progress import duration, say
from lenet_tune.records import Definition
from lenet_tune.session import Place, build_oracle, capacity_of, load_data, load_engine
from lenet_tune.space import Setting, Space, configs
from lenet_tune.views import aligned

SHOWN_PROPOSALS = 1000


def print_plan(options: Options, place: Place) -> None:
    """Print the trials on stdout and the estimate on stderr; nothing is stored."""
    workers.check(place)
    dataset: datasets.DataSet = load_data(place.source, place.image_size)
    definition = plan.define(options, dataset)
    buildable.check(definition)
    planned = plan.planned_trials(options, definition)
    training = plan.training_data(definition, dataset)
    spec = plan.input_spec(definition, training)
    devices.prepare(place.backend, place.device)
    oracle = build_oracle(definition, spec, planned)
    known = oracle.ask([], min(planned or SHOWN_PROPOSALS, _batch(definition)))
    settings = [p.setting for p in known]
    _print_settings(definition, settings)
    say(f"Study {definition.name}: {definition.title}")
    if left_out := buildable.sentence(definition):
        say(left_out)
    total = planned if planned is not None else len(settings)
    more = total - len(settings)
    if more > 0:
        say(f"{more} more trials will be proposed when these have results.")
    if planned is None:
        say("The first round; later rounds train the better ones on, about as long again each.")
    seconds = _seconds(definition, settings, spec) * total / max(1, len(settings))
    say(
        f"{total} trials x {definition.seeds} seeds on {definition.train_size:,} images: about "
        f"{duration(seconds)} on {devices.describe()}, by a short measurement just now."
    )
    if words := workers.estimate_words(place, seconds, len(devices.gpus())):
        say(words)


def _batch(definition: Definition) -> int:
    return definition.options.get("parallel", SHOWN_PROPOSALS)


def _print_settings(definition: Definition, settings: list[Setting]) -> None:
    varying = [
        name
        for name in BY_NAME
        if len({repr(s.get(name)) for s in settings}) > 1
        or (definition.space and not Space.from_json(definition.space).domains[name].is_fixed)
    ]
    rows = [
        (str(i), *(show(s[name]) if name in s else "-" for name in varying)) for i, s in enumerate(settings)
    ]
    click.echo("\n".join(aligned(("trial", *varying), rows)))


def _seconds(definition: Definition, settings: list[Setting], spec: InputSpec) -> float:
    """Training time of `settings`, all seeds."""
    from lenet_tune.estimate import measure_rate, seconds_needed

    jobs = []
    for setting in settings:
        try:
            jobs.append(configs(setting, spec))
        except InfeasibleError:
            continue
    if not jobs:
        return 0.0
    first = jobs[0][0]
    alike = [job for job in jobs if job[0].filters == first.filters and job[0].map_shapes == first.map_shapes]
    sample = [_execution(i, *job) for i, job in enumerate(alike[: capacity_of(definition.engine)])]
    rate = measure_rate(load_engine(definition.engine), _same_steps(sample))
    once = seconds_needed(jobs, rate, definition.train_size, definition.held_out_size)
    return once * definition.seeds


def _same_steps(sample: list[Execution]) -> list[Execution]:
    from lenet_tune.fusion import partition

    return list(partition(sample, len(sample))[0])


def _execution(number: int, lenet: LeNetConfig, train: TrainConfig) -> Execution:
    seed, order = execution_seeds(0, 0)
    two = train.with_epochs(2)
    return Execution(trial=number, repeat=0, seed=seed, order_seed=order, lenet=lenet, train=two)
