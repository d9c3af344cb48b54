"""What a page shows, gathered from a snapshot; templates only place it."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from lenet_tune import analysis
from lenet_tune.analysis import ablation, confirmation
from lenet_tune.analysis.failures import FailureGroup
from lenet_tune.analysis.ranking import FRESH, RankedTable
from lenet_tune.analysis.text import NONE, duration, listed, points
from lenet_tune.knobs import BY_NAME, show
from lenet_tune.records import Snapshot
from lenet_tune.report import content_model
from lenet_tune.report.chart import Table
from lenet_tune.sections import recorded
from lenet_tune.sections.readings import CHOICES, OpenChoice

UNKNOWN = "not recorded"
FIRST_ROWS = 200
FIRST_KNOBS = 8
MOST_ITEMS = 12
_NUMERIC = {"rank", "trial", "score", "sd", "n", *FRESH, "epochs", "seconds"}
_HEADINGS = {"score": "{} accuracy", "sd": "sd over seeds", "n": "n (seeds)", "seconds": "training time"}


def best_table(snapshot: Snapshot) -> Table | None:
    """The best setting: value, what was searched, whether at its edge; knobs at an edge first."""
    values = sorted(analysis.best_setting(snapshot), key=lambda v: v.edge is None)
    if not values:
        return None
    return Table(
        caption=f"Best setting (trial {snapshot.best.number}), knobs that vary",
        columns=("knob", "value", "searched", "at the edge?"),
        rows=tuple((v.knob, show(v.value), v.searched, v.edge or "no") for v in values),
    )


def fixed_table(snapshot: Snapshot) -> Table | None:
    """Knobs with one value over the study."""
    fixed = analysis.fixed(snapshot)
    if not fixed:
        return None
    known = {} if snapshot.definition.is_own_model else BY_NAME
    rows = tuple((n, show(v), known[n].help if n in known else NONE) for n, v in fixed.items())
    return Table(
        caption="Knobs that are fixed in this study", columns=("knob", "value", "what it is"), rows=rows
    )


def trials_table(ranked: RankedTable) -> Table:
    """The ranked trials with every knob that varies."""
    return Table(
        caption="Trials, best first",
        columns=tuple(_HEADINGS.get(name, name).format(ranked.held_out_name) for name in ranked.columns),
        rows=tuple(ranked.cells()),
        numeric=tuple(i for i, name in enumerate(ranked.columns) if name in _NUMERIC),
    )


def failures_table(groups: tuple[FailureGroup, ...]) -> Table | None:
    """Failures by cause."""
    if not groups:
        return None
    rows = tuple(
        (
            group.cause,
            group.status,
            str(len(group.numbers)),
            listed(group.numbers),
            ", ".join(f"{name} {show(value)}" for name, value in group.shared.items()) or NONE,
            group.rule.words if group.rule else "none beyond luck",
        )
        for group in groups
    )
    return Table(
        caption="Trials without a score, by cause",
        columns=(
            "cause",
            "status",
            "trials",
            "numbers",
            "what only these share",
            "the rule that predicts them",
        ),
        rows=rows,
        numeric=(2,),
    )


@dataclass(frozen=True, kw_only=True)
class Method:
    """How the study measured, in sentences, and its looks at the test images."""

    sentences: tuple[str, ...]
    readings: Table | None
    open_choices: Table | None


def method(snapshot: Snapshot) -> Method:
    """The method section of a page."""
    return Method(
        sentences=(
            _protocol(snapshot),
            _score(snapshot),
            _noise(snapshot),
            *((confirmation.METHOD,) if snapshot.standing else ()),
            *((ablation.METHOD,) if snapshot.definition.is_ablation else ()),
            *_stopping(snapshot),
        ),
        readings=content_model.readings_table(snapshot),
        open_choices=_open_choices(snapshot),
    )


def _protocol(snapshot: Snapshot) -> str:
    d = snapshot.definition
    if d.protocol == "report":
        return (
            f"The report's own protocol: trained on {d.train_size:,} training images, accuracy measured on "
            f"{d.held_out_size:,} test images after every epoch. Picking the best trial by these figures "
            "uses the test images, so the best figure is optimistic."
        )
    if d.is_own_model:
        return (
            f"A model of one's own: trained on {d.train_size:,} images; the {d.held_out_size:,} images that "
            "the search was given to validate on rank the trials. No test images were read."
        )
    return (
        f"Trained on {d.train_size:,} images; a stratified split of {d.held_out_size:,} validation images, "
        "never trained on, ranks the trials. The search is not handed the test images."
    )


def _score(snapshot: Snapshot) -> str:
    d = snapshot.definition
    if d.is_own_model:
        return (
            f"A trial's score here is the mean over its executions (asked for: {d.seeds}) of "
            f"{d.held_out_name} accuracy after the last epoch. Keras Tuner itself ranks by "
            f"{d.options['objective']} at the best epoch, so its order may differ. The order of the images "
            f"derives from seed {d.seed}, alike for all trials; the model draws its weights itself. The time "
            "of a trial that trained fused is an equal part of its program's."
        )
    return (
        f"A trial's score is the mean over its seeds (asked for: {d.seeds}) of {d.held_out_name} accuracy "
        f"after the last epoch, not the best epoch. Every seed derives from study seed {d.seed}: the k-th "
        "execution of every trial starts from the same one and sees the images in the same order."
    )


def _noise(snapshot: Snapshot) -> str:
    found = analysis.optimism(snapshot)
    if found is not None:
        return found.words
    noise = analysis.seed_noise(snapshot)
    if noise is not None:
        return f"Seed noise: standard deviation {points(noise.sd)} of one execution."
    return (
        "No trial has two finished seeds, so the spread over seeds is unknown: small differences between "
        "trials may be luck."
    )


def noise_words(snapshot: Snapshot) -> str:
    """What of a difference between means may be luck of the seeds, in a sentence."""
    noise = analysis.seed_noise(snapshot)
    if noise is None:
        return "The spread over seeds is unknown (one seed a trial), so small differences may be luck."
    return (
        f"One execution scatters by a standard deviation of {points(noise.sd)} over seeds, so the mean of a "
        f"trial by {points(noise.of_mean)}: differences of that size may be luck."
    )


def _stopping(snapshot: Snapshot) -> tuple[str, ...]:
    found = analysis.audit(snapshot)
    if found is None:
        return ()
    rule = (
        "Early stopping: after a quarter and after half of its epochs a trial below the median of all that "
        "had got so far was stopped. "
    )
    return (rule + found.words,)


def _open_choices(snapshot: Snapshot) -> Table | None:
    definition = snapshot.definition
    if definition.section is None or definition.kind != "grid":
        return None
    reading = recorded(definition.options)
    return Table(
        caption="What the report leaves open, and what stands here",
        columns=("open", "choice"),
        rows=(
            ("optimiser", "SGD without momentum: a momentum term was added and removed"),
            *((choice.question, _taken(choice, reading[choice.name])) for choice in CHOICES),
            ("published accuracy", "taken as the accuracy after the last epoch"),
            ("evaluation", "accuracy on the 10,000 test images after every epoch, as the report did"),
        ),
    )


def _taken(choice: OpenChoice, option: str) -> str:
    if option != choice.default:
        return f"{option}; the default is {choice.default} ({choice.reason})"
    other = next(name for name in choice.options if name != option)
    return f"{option} ({choice.reason}); try --reading {choice.name}={other}"


_MANIFEST = (
    "command", "engine", "backend", "device", "dtype", "commit", "platform", "started", "ended",
    "wall_seconds", "interrupted", "versions",
)  # fmt: skip


def provenance_table(snapshot: Snapshot) -> Table:
    """Everything needed to get the figures again."""
    d, manifest = snapshot.definition, snapshot.manifest
    asked = "decided by the search" if snapshot.planned is None else str(snapshot.planned)
    rows = [
        ("study", d.name),
        ("kind", d.kind),
        ("trials", f"asked {asked}, done {snapshot.count('done')}, diverged {snapshot.count('diverged')}, "
                   f"failed {snapshot.count('failed')}"),
        ("seed", str(d.seed)),
        ("data", str(d.data.get("name", UNKNOWN))),
        ("data fingerprint", str(d.data.get("fingerprint", UNKNOWN))),
        ("images", f"{d.train_size:,} to train on, {d.held_out_size:,} held out ({d.held_out_name})"),
        *((f"option {name}", _plain(value)) for name, value in d.options.items()),
        *((name.replace("_", " "), _manifest_value(manifest, name)) for name in _MANIFEST),
        *_sessions(manifest),
        *((name, _plain(value)) for name, value in manifest.items() if name not in (*_MANIFEST, "sessions")),
    ]  # fmt: skip
    return Table(caption="Provenance", columns=("what", "value"), rows=tuple(rows))


def _manifest_value(manifest: Mapping[str, Any], name: str) -> str:
    value = manifest.get(name)
    if value is None:
        return UNKNOWN
    return duration(value) if name == "wall_seconds" else _plain(value)


def _sessions(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    # A study that was resumed has several; one is the manifest itself.
    sessions = [s for s in manifest.get("sessions") or () if isinstance(s, Mapping)]
    if len(sessions) < 2:
        return []
    names = ("command", "started", "ended", "device", "commit")
    return [
        (f"session {i}", "; ".join(f"{name} {_plain(s[name])}" for name in names if s.get(name) is not None))
        for i, s in enumerate(sessions, start=1)
    ]


def _plain(value: Any) -> str:
    if isinstance(value, Mapping):
        return ", ".join(f"{k} {_plain(v)}" for k, v in value.items()) or "none"
    if isinstance(value, (list, tuple)) and len(value) > MOST_ITEMS:
        return f"{len(value)} entries"
    if isinstance(value, (list, tuple)):
        return ", ".join(map(_plain, value)) or "none"
    if isinstance(value, bool):
        return "yes" if value else "no"
    return show(value)
