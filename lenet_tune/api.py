"""`lenet_tune.search`: what the commands do, as a call.

The options are those of the command line, in its words, with its defaults; the study is the same file.
"""

import difflib
import signal
import sys
from collections.abc import Mapping, Sequence
from contextlib import nullcontext
from dataclasses import dataclass, fields, replace
from pathlib import Path
from typing import Any

from lenet_tune import ablation, session, starts
from lenet_tune.arrays import dataset_of
from lenet_tune.callbacks import Callback
from lenet_tune.config import check_in
from lenet_tune.data import DataSet
from lenet_tune.errors import SettingError, StudyError
from lenet_tune.options import KINDS, Options
from lenet_tune.parse import parse_duration
from lenet_tune.progress import quiet
from lenet_tune.records import Snapshot, TrialRecord
from lenet_tune.session import Place
from lenet_tune.study import Study
from lenet_tune.studyfile import FILE_NAME, find_study

Data = str | Path | DataSet | Sequence[Any] | None
_PLACE = ("budget", "device", "backend", "checkpoint_every", "trial_timeout", "accept_versions", "out")
_STARTS = ("start", "from_study")
_SEARCH = tuple(f.name for f in fields(Options) if f.name not in ("kind", "starts", "ablation"))
_ABLATION = ("epochs", "train_size", "validation_size", "seeds", "seed", "quick", "engine", "class_weights",
             "name")  # fmt: skip
_PLACE_DEFAULTS = {
    "out": ".",
    "backend": None,
    "device": "auto",
    "budget": None,
    "checkpoint_every": 1,
    "trial_timeout": None,
    "accept_versions": False,
}


@dataclass(frozen=True, kw_only=True)
class Best:
    """The best trial of a study.

    Args:
        score: held-out accuracy after the last epoch, as the search ranks.
        fresh: mean accuracy over fresh seeds; None where it was not confirmed.
    """

    trial: int
    setting: Mapping[str, Any]
    score: float
    fresh: float | None


@dataclass(frozen=True, kw_only=True)
class StudyView:
    """A study as a search left it.

    Args:
        path: its `study.db`; the command line takes it wherever it takes a STUDY.
        out: the folder that holds it and its page.
        snapshot: everything that is stored but the weights.
    """

    path: Path
    out: Path
    snapshot: Snapshot

    @property
    def name(self) -> str:
        """The name under which the command line knows the study, too."""
        return self.snapshot.definition.name

    @property
    def trials(self) -> tuple[TrialRecord, ...]:
        """Every trial, by number, with its executions and their epochs."""
        return self.snapshot.trials

    @property
    def best(self) -> Best | None:
        """The best trial; None before any is done."""
        found = self.snapshot.best
        if found is None or found.score is None:
            return None
        standing = self.snapshot.standing
        fresh = None if standing is None else standing.estimates[found.number].mean
        return Best(trial=found.number, setting=dict(found.setting), score=found.score, fresh=fresh)

    def frame(self) -> Any:
        """The ranked table: a pandas `DataFrame` where pandas is installed, else a list of dicts."""
        from lenet_tune.analysis import ranked_table

        records = ranked_table(self.snapshot).records()
        try:
            import pandas
        except ImportError:
            return records
        return pandas.DataFrame.from_records(records)

    def best_model(self) -> Any:
        """The trained, compiled Keras model of the best trial, as `lenet-tune export` writes it.

        Raises:
            StudyError: no trial is done.
        """
        from lenet_tune import devices

        devices.prepare(_loaded_backend(), "auto")
        from lenet_tune.exporting import trained_best

        with Study.read(self.path) as study:
            found = trained_best(study)
        if found is None:
            raise StudyError(f"The study {self.name} has no finished trial, so no best model: train on.")
        return found[2]

    def ablate(
        self,
        *,
        trial: int | None = None,
        towards: str | Path | Mapping | None = None,
        data: Data = None,
        callbacks: Sequence[Callback] = (),
        verbose: int = 1,
        **options: Any,
    ) -> "StudyView":
        """Take a setting apart: train it with one knob at a time as another setting has it.

        Args:
            trial: its number; None for the best one.
            towards: "adjusted", "initial", "section2", "section3", a JSON file or a setting; None for the
                model of the section that was searched, else "adjusted".
            data: as `search` takes it; None for the study's own, which arrays are to be handed over again.
            options: of the command, with underscores: `seeds=3` (its default), `epochs`, `name`, ...

        Raises:
            LeNetTuneError, KeyboardInterrupt: as `search`.

        Example:
            study.ablate(towards="section3", seeds=6).report()
        """
        _check_names("ablate", options, _ABLATION)
        given = {"seeds": 3, "out": self.out, **options}
        given |= ablation.protocol(self.snapshot, given)
        place = _place(["ablate", self.name], data, given | {"trial": trial, "towards": towards})
        with Study.read(self.path) as study:
            place = session.at_home(study, replace(place, callbacks=tuple(callbacks)))
        asked = Options(
            kind="grid",
            ablation=ablation.of_study(self.snapshot, trial, towards, own_data=data is None),
            **{name: given[name] for name in _ABLATION if given.get(name) is not None},
        )
        return _searched(asked, place, verbose)

    def report(self) -> Path:
        """Write the study's page, and return its path."""
        from lenet_tune.report import write_page

        return write_page(self.snapshot, self.out / "reports" / f"{self.name}.html")


def search(
    kind: str,
    *,
    data: Data = None,
    trials: int | None = None,
    callbacks: Sequence[Callback] = (),
    verbose: int = 1,
    **options: Any,
) -> StudyView:
    """Search, or go on with the search of the same name where it was left.

    Args:
        kind: "grid", "random", "bayes" or "hyperband".
        data: a name or a path as `--data` takes it, or `((x_train, y_train), (x_test, y_test))`.
        trials: settings to try.
        callbacks: told of trials and epochs; `loggers` has one for TensorBoard and one for MLflow.
        verbose: 0 for no progress on stderr.
        options: any other option of the command, with underscores: `epochs=5`, `seeds=3`, `stop_bad=True`,
            `budget="20m"`, `backend="jax"`, `out="folder"`, `knobs={"batch_size": [32, 128]}` (or the texts
            of `--knob`), `start=["report", {"momentum": 0.9}]`, `from_study="random"` (`--from`).

    Returns:
        The study: `frame()`, `best`, `best_model()`, `report()`, `trials`.

    Raises:
        LeNetTuneError: as the command line's errors, in one line. KeyboardInterrupt: Ctrl-C; all that was
        finished is stored, and the same call goes on.

    Example:
        study = lenet_tune.search("bayes", data="shapes", trials=50, out="work")
        study.frame()
    """
    check_in("kind", kind, KINDS)
    _check_names("search", options, (*_SEARCH, *_STARTS))
    _check_starts(kind, options)
    given = {"trials": trials, **options}
    place = replace(_place([kind], data, given), callbacks=tuple(callbacks))
    asked = Options(
        kind=kind,
        starts=_starts(given, place.out),
        **{name: given[name] for name in _SEARCH if given.get(name) is not None} | _knobs(given),
    )
    return _searched(asked, place, verbose)


def _searched(asked: Options, place: Place, verbose: int) -> StudyView:
    with quiet() if verbose == 0 else nullcontext():
        outcome = session.start(asked, place)
    if outcome.signal is not None:
        signal.raise_signal(outcome.signal)
    path = place.out / "studies" / outcome.snapshot.definition.name / FILE_NAME
    return StudyView(path=path, out=place.out, snapshot=outcome.snapshot)


def _check_names(call: str, options: Mapping[str, Any], own: Sequence[str]) -> None:
    known = (*own, *_PLACE)
    for name in options:
        if name not in known:
            near = difflib.get_close_matches(name, known, n=1)
            hint = f"Did you mean {near[0]}?" if near else f"There are {', '.join(sorted(known))}."
            raise SettingError(f"`{call}` has no option {name!r}. {hint}")


def _check_starts(kind: str, options: Mapping[str, Any]) -> None:
    for name in _STARTS:
        if kind in ("grid", "hyperband") and options.get(name) is not None:
            raise SettingError(f"`{name}` belongs to random and bayes, but the kind is {kind}: leave it.")


def _place(words: Sequence[str], data: Any, given: Mapping[str, Any]) -> Place:
    source = data
    if data is not None and not isinstance(data, (str, Path, DataSet)):
        source = dataset_of(data)
    own = {name: given.get(name, default) for name, default in _PLACE_DEFAULTS.items()}
    for name in ("budget", "trial_timeout"):
        own[name] = None if own[name] is None else parse_duration(str(own[name]), name)
    own["backend"] = own["backend"] or _loaded_backend()
    return Place(
        **own | {"out": Path(own["out"])},
        source=str(source) if isinstance(source, Path) else source,
        command=_command(words, data, given),
    )


def _loaded_backend() -> str | None:
    """The backend that Keras runs on already; it cannot change in this process."""
    keras = sys.modules.get("keras")
    return None if keras is None else keras.backend.backend()


def _starts(given: Mapping[str, Any], out: Path) -> Any:
    words, origin = given.get("start"), given.get("from_study")
    if words is None and origin is None:
        return None
    words = [words] if isinstance(words, (str, Path, Mapping)) else (words or ())
    path = None if origin is None else find_study(str(origin), out)
    return starts.gather(words, path, given.get("section"))


def _knobs(given: Mapping[str, Any]) -> dict[str, tuple[str, ...]]:
    """`knobs` as the texts that `--knob` takes."""
    knobs = given.get("knobs") or ()
    if isinstance(knobs, Mapping):
        return {"knobs": tuple(f"{name}={_listed(values)}" for name, values in knobs.items())}
    return {"knobs": (knobs,) if isinstance(knobs, str) else tuple(knobs)}


def _listed(values: Any) -> str:
    return ",".join(map(str, values)) if isinstance(values, (list, tuple)) else str(values)


def _command(words: Sequence[str], data: Any, given: Mapping[str, Any]) -> list[str]:
    """The command that does the same, for the manifest."""
    words = [*words]
    if data is not None:
        words += ["--data", str(data) if isinstance(data, (str, Path)) else "ARRAYS"]
    own = {**given, "knob": _knobs(given)["knobs"], "from": given.get("from_study")}
    for name in ("knobs", "from_study", "out"):
        own.pop(name, None)
    for name, value in own.items():
        option = "--" + name.replace("_", "-")
        several = isinstance(value, (list, tuple))
        for one in value if several else (value,):
            if one is not None and one is not False:
                words += [option] if one is True else [option, str(one)]
    return words
