"""From what a user asks for to the definition of a study: space, protocol, sizes, name."""

import hashlib
import json
from collections.abc import Iterable, Iterator, Mapping, Sequence
from typing import Any

from lenet_tune import sections, starts, stopping
from lenet_tune.config import InputSpec, check_int
from lenet_tune.data import DataSet, channel_statistics, stratified_split, subset
from lenet_tune.engines.base import TrainingData, balanced_weights
from lenet_tune.errors import SettingError
from lenet_tune.knobs import Choice, show
from lenet_tune.options import Options, Quick
from lenet_tune.parse import parse_domain
from lenet_tune.records import Definition
from lenet_tune.space import Setting, Space
from lenet_tune.studymeta import SAFE_NAME

VALIDATION_SIZE = 5000
SEARCH_EPOCHS = 10
CONFIRM_SEEDS = 6
"""Fresh seeds that each leader of a search gets, at most."""

_TITLES = {"random": "random search", "bayes": "Bayesian search", "hyperband": "Hyperband"}
_DATA_TITLES = {
    "cifar10": "CIFAR-10",
    "cifar100": "CIFAR-100",
    "mnist": "MNIST",
    "fashion_mnist": "Fashion-MNIST",
}


def define(options: Options, dataset: DataSet) -> Definition:
    """The definition of the study that `options` ask for on `dataset`.

    Raises:
        SettingError: an option outside its rule.
    """
    if options.ablation is not None:
        options.ablation.check_data(dataset.fingerprint)
    protocol = "report" if options.kind == "grid" and options.section is not None else "validation"
    train_size, held_out_size = _sizes(options, dataset, protocol)
    space, more = searched(options)
    if options.kind == "hyperband":
        more["max_epochs"] = _epochs(options)
    if options.kind == "bayes":
        more["parallel"] = options.parallel or (1 if options.engine == "reference" else 4)
    if options.kind in ("random", "bayes") and space is not None:
        more["starts"] = _starts(options, space, dataset)
    if options.kind != "grid":
        more["confirm"] = _confirm_seeds(options)
    if options.class_weights != "none":
        more["class_weights"] = options.class_weights
    if options.stop_bad:
        more["stop_bad"] = stopping.AUDIT if options.audit is None else options.audit
    definition = Definition(
        name="",
        kind=options.kind,
        title=_title(options, dataset),
        space=space.to_json() if space else {},
        section=options.section,
        stages=_stages(options),
        protocol=protocol,
        data=describe_data(dataset),
        train_size=train_size,
        held_out_size=held_out_size,
        seed=options.seed,
        seeds=options.seeds,
        engine=options.engine,
        options=more,
    )
    return _named(definition, options)


def _starts(options: Options, space: Space, dataset: DataSet) -> list[Setting]:
    given = options.starts
    if given is None:
        usual = starts.report_starts(options.section) if options.kind == "bayes" else ()
        return [starts.fitted(setting, space) for setting in usual]
    channels = dataset.image_shape[2]
    spec = InputSpec(
        image_shape=dataset.image_shape,
        num_classes=dataset.num_classes,
        channel_mean=(0.0,) * channels,
        channel_std=(1.0,) * channels,
    )
    for setting in given:
        starts.check(setting, space, spec)
    return [starts.fitted(setting, space) for setting in given]


def _confirm_seeds(options: Options) -> int:
    if options.confirm is not None:
        return options.confirm
    return Quick.confirm if options.quick else CONFIRM_SEEDS


def planned_trials(options: Options, definition: Definition) -> int | None:
    """How many trials the study is asked for; None where the oracle decides."""
    if options.kind == "grid":
        return len(definition.options["runs"])
    if options.kind == "hyperband":
        return None
    return options.trials or (12 if options.quick else {"random": 20, "bayes": 50}[options.kind])


def grid_runs(options: Options) -> Iterator[tuple[str, Setting]]:
    """(label, setting) of every point of a grid, in order.

    Raises:
        SettingError: a range where a list is needed, an unknown section, stage or knob.
    """
    domains = dict(parse_domain(text) for text in options.knobs)
    if options.epochs or options.quick:
        domains.setdefault("epochs", Choice((_epochs(options),)))
    if options.section is None:
        bases: Iterable = [("", sections.BASES[options.base])]
        if not options.knobs:
            raise SettingError(
                "A grid needs something to vary, but got neither --section nor --knob: "
                "try --section 1, or --knob batch_size=32,128."
            )
    else:
        reading = sections.parse_reading(options.reading)
        runs = sections.runs(options.section, options.stage, reading)
        bases = [(run.caption, run.setting) for run in runs]
    varied = [name for name, domain in domains.items() if not domain.is_fixed]
    for label, base in bases:
        for setting in Space.at(base).replace(domains).grid():
            values = [f"{name} {show(setting[name])}" for name in varied if name in setting]
            yield ", ".join([label] * bool(label) + values), setting


def label_of(setting: Mapping[str, Any]) -> str:
    """A caption for a searched setting: what people compare first."""
    return f"{setting['activation']}, lr {setting['learning_rate']:.3g}, batch {setting['batch_size']}"


def describe_data(dataset: DataSet) -> dict[str, Any]:
    """What a definition records of a data set."""
    return {
        "name": dataset.name,
        "fingerprint": dataset.fingerprint,
        "image_shape": list(dataset.image_shape),
        "num_classes": dataset.num_classes,
        "classes": list(dataset.classes),
        "comparable": dataset.comparable,
        "notice": dataset.notice,
    }


def training_data(definition: Definition, dataset: DataSet) -> TrainingData:
    """What the engine may see: under "validation" the test images are not in it."""
    if definition.protocol == "report":
        train, held_out = dataset.train, dataset.test
    else:
        train, held_out = stratified_split(dataset.train, size=definition.held_out_size, seed=definition.seed)
    if definition.train_size < len(train):
        train = subset(train, size=definition.train_size, seed=definition.seed)
    if definition.held_out_size < len(held_out):
        held_out = subset(held_out, size=definition.held_out_size, seed=definition.seed)
    weights = None
    if definition.options.get("class_weights") == "balanced":
        weights = balanced_weights(train, definition.data["num_classes"])
    return TrainingData(train=train, held_out=held_out, class_weights=weights)


def input_spec(definition: Definition, data: TrainingData) -> InputSpec:
    """What networks have to know of the data; channel statistics come from the training images only."""
    mean, std = channel_statistics(data.train)
    return InputSpec(
        image_shape=tuple(definition.data["image_shape"]),
        num_classes=definition.data["num_classes"],
        channel_mean=tuple(float(v) for v in mean),
        channel_std=tuple(float(v) for v in std),
    )


def _epochs(options: Options) -> int:
    return options.epochs or (Quick.epochs if options.quick else SEARCH_EPOCHS)


def _sizes(options: Options, dataset: DataSet, protocol: str) -> tuple[int, int]:
    available = len(dataset.train)
    if protocol == "report":
        if options.validation_size is not None:
            raise SettingError(
                "`validation_size` does not apply to a section's grid, which measures on the test images as "
                "the report did. Leave --validation-size out."
            )
        held_out = min(Quick.held_out_size, len(dataset.test)) if options.quick else len(dataset.test)
    else:
        default = Quick.held_out_size if options.quick else VALIDATION_SIZE
        held_out = options.validation_size or min(default, available // 5)
        check_int("validation_size", held_out, dataset.num_classes, available - dataset.num_classes)
        available -= held_out
    size = options.train_size or (min(Quick.train_size, available) if options.quick else available)
    check_int("train_size", size, dataset.num_classes, available)
    return size, held_out


def searched(options: Options) -> tuple[Space | None, dict[str, Any]]:
    """The space of a search (None for a section's own runs), and the runs of a grid under "runs".

    Raises:
        SettingError: a knob, section or stage outside its rule, or nothing to choose.
    """
    if options.ablation is not None:
        return None, options.ablation.runs(_epochs(options) if options.epochs or options.quick else None)
    domains = dict(parse_domain(text) for text in options.knobs)
    if options.kind == "grid":
        runs = [{"label": label, "setting": setting} for label, setting in grid_runs(options)]
        space = Space.at(sections.BASES[options.base]).replace(domains) if options.section is None else None
        if options.section is None:
            return space, {"runs": runs}
        return space, {
            "runs": runs,
            "reading": sections.full_reading(sections.parse_reading(options.reading)),
        }
    space = Space.full() if options.section is None else sections.search_space(options.section)
    if options.epochs or "epochs" not in domains:
        domains["epochs"] = Choice((_epochs(options),))
    space = space.replace(domains)
    if not space.free:
        raise SettingError("A search needs something to choose, but --knob fixes every knob: free one.")
    return space, {}


def _stages(options: Options) -> tuple[str, ...]:
    if options.section is None or options.kind != "grid":
        return ()
    found = dict.fromkeys(run.stage for run in sections.runs(options.section, options.stage))
    return tuple(stage for stage in found if stage)


def _title(options: Options, dataset: DataSet) -> str:
    weighted = ", balanced class weights" if options.class_weights == "balanced" else ""
    return _plain_title(options, dataset) + weighted


def _plain_title(options: Options, dataset: DataSet) -> str:
    data = _DATA_TITLES.get(dataset.name, dataset.name)
    if options.ablation is not None:
        o = options.ablation
        return f"LeNet on {data}: trial {o.trial} of {o.study}, knob by knob towards {o.towards}"
    if options.kind == "grid":
        if options.section is None:
            domains = dict(parse_domain(text) for text in options.knobs)
            varied = [name for name, domain in domains.items() if not domain.is_fixed]
            names = " x ".join(varied or domains)
            return f"LeNet on {data}: grid over {names}"
        stage = f", {options.stage} stage" if options.stage else ""
        return f"LeNet on {data}: the report's section {options.section}{stage}"
    where = f" of section {options.section}'s space" if options.section else ""
    return f"LeNet on {data}: {_TITLES[options.kind]}{where}"


def _named(definition: Definition, options: Options) -> Definition:
    """Give the study a name that the same command finds again and another command does not."""
    fields = {**definition.__dict__}
    if options.name is not None:
        return Definition(**{**fields, "name": slug(options.name)})
    parts: Sequence[Any] = [
        options.kind if options.ablation is None else f"ablation-{options.ablation.study[:40]}",
        options.section and f"section{options.section}",
        options.stage,
        options.quick and "quick",
        options.epochs and f"{options.epochs}ep",
        options.train_size and f"n{options.train_size}",
        options.seeds > 1 and f"{options.seeds}seeds",
        options.seed and f"seed{options.seed}",
        options.engine != "fused" and options.engine,
        definition.data["name"] != "cifar10" and definition.data["name"],
        _is_special(options) and _digest(definition),
    ]
    return Definition(**{**fields, "name": slug("-".join(str(p) for p in parts if p))})


def _is_special(options: Options) -> bool:
    """Whether something was asked for that the other parts of the name do not tell."""
    o = options
    asked = (o.ablation, o.knobs, o.reading, o.base != "adjusted", o.validation_size, o.parallel, o.stop_bad)
    return any(asked) or o.class_weights != "none" or o.confirm is not None or o.starts is not None


def _digest(definition: Definition) -> str:
    content = [definition.space, definition.options, definition.held_out_size]
    return hashlib.sha256(json.dumps(content, sort_keys=True).encode()).hexdigest()[:6]


def slug(name: str) -> str:
    """A study name that is safe as a file name everywhere.

    Raises:
        SettingError: nothing usable is left, or it is too long.
    """
    if not SAFE_NAME.fullmatch(name):
        raise SettingError(
            f"`name` must be 1 to 80 letters, digits, dots, dashes or underscores and start with a letter or "
            f"digit, but got {name[:100]!r}."
        )
    return name
