"""`FusedTuner`: a `keras_tuner.Tuner` whose trials train a group at a time, as one program.

Oracle, trials, project folder and saved weights are Keras Tuner's own, so that what its users know of them
(`results_summary`, `get_best_models`, going on with a project) holds here.
"""

import os
import time
from collections.abc import Mapping, Sequence
from contextlib import AbstractContextManager, suppress
from dataclasses import replace
from pathlib import Path
from typing import Any

import keras
import keras_tuner
from keras_tuner.src import utils  # it, and the next two, have no public names
from keras_tuner.src.engine import tuner_utils
from keras_tuner.src.engine.trial import Trial, TrialStatus

from lenet_tune import tunerstudy
from lenet_tune.config import check_int
from lenet_tune.engines import fusible, lenets, together
from lenet_tune.engines.base import Execution
from lenet_tune.engines.together import Fit, Member
from lenet_tune.errors import SettingError
from lenet_tune.fitargs import arguments, check_callbacks, shared_fit
from lenet_tune.fusedjobs import Job, SaveBest, Shared, Trained, fit_jobs, trained_alone
from lenet_tune.hypermodel import LeNetHyperModel
from lenet_tune.space import configs

MAX_FAILED = 20
"""Trials that may fail in a row: about a fifth of the full space of a `LeNetHyperModel` cannot be built."""

_OF_THE_ORACLE = (
    "hyperparameters",
    "allow_new_entries",
    "tune_new_entries",
    "max_retries_per_trial",
    "max_consecutive_failed_trials",
)


class FusedTuner(keras_tuner.Tuner):
    """Keras Tuner with trials that train fused.

    Args:
        hypermodel: a `LeNetHyperModel`, a function of `hp`, or any other `HyperModel`. Models of the layers
            in `engines.fusible` train fused; others are said by layer name, and trained as stock Keras
            Tuner does (see `not_fused`).
        objective: as in Keras Tuner.
        max_trials: settings to try.
        oracle: any of Keras Tuner's but Hyperband's, with its own objective and number of trials; None draws
            settings at random.
        group: trials asked for and trained at a time.
        seed: of the random oracle; 0 is a seed.
        kwargs: of `keras_tuner.Tuner` (`directory`, `project_name`, `overwrite`, `executions_per_trial`, ...)
            and, without an oracle, of `keras_tuner.Oracle`.

    Attributes:
        groups: ids of the trials that trained as one program, in order.
        not_fused: why a trial was trained by the reference engine, by its id.

    Raises:
        SettingError: an oracle or a group that it cannot work with.

    Example:
        tuner = FusedTuner(build_model, "val_accuracy", max_trials=20, directory="work", project_name="mine")
        tuner.search(x, y, epochs=5, validation_split=0.2)
        model = tuner.get_best_models()[0]
    """

    def __init__(
        self,
        hypermodel: Any = None,
        objective: Any = "val_accuracy",
        max_trials: int = 10,
        *,
        oracle: keras_tuner.Oracle | None = None,
        group: int = 8,
        seed: int | None = None,
        **kwargs: Any,
    ) -> None:
        check_int("group", group, 1, 1000)
        own = {name: kwargs.pop(name) for name in _OF_THE_ORACLE if name in kwargs}
        if oracle is None:
            own.setdefault("max_consecutive_failed_trials", MAX_FAILED)
            oracle = keras_tuner.oracles.RandomSearchOracle(objective, max_trials, seed=seed, **own)
            if seed is not None:  # Keras Tuner takes 0 for none
                oracle.seed = oracle._seed_state = seed
        elif own:
            raise SettingError(f"`{next(iter(own))}` belongs to the oracle, but you pass one: give it there.")
        if isinstance(oracle, keras_tuner.oracles.HyperbandOracle):
            raise SettingError(
                "FusedTuner does not go with Hyperband's oracle, whose trials go on with others' weights: "
                "use lenet_tune.search('hyperband'), or keras_tuner.Hyperband."
            )
        if "KERASTUNER_ORACLE_IP" in os.environ:
            raise SettingError(
                "FusedTuner trains in one process, but KERASTUNER_ORACLE_IP names a chief: unset it."
            )
        self.group = group
        self.groups: list[tuple[str, ...]] = []
        self.not_fused: dict[str, str] = {}
        self._results: dict[str, list[Trained]] = {}
        super().__init__(oracle, hypermodel, **kwargs)

    def search(self, *fit_args: Any, **fit_kwargs: Any) -> None:
        """Search as `keras_tuner.Tuner.search` does, a group of trials at a time.

        Args:
            fit_args, fit_kwargs: of `model.fit`. Images are shuffled by the oracle's seed, alike for all
                trials.
        """
        if "verbose" in fit_kwargs:
            self.oracle.verbose = fit_kwargs["verbose"]
        self.on_search_begin()
        with self._recorded(fit_args, fit_kwargs):
            while trials := self._ask():
                self._train_fused(trials, fit_args, fit_kwargs)
                for trial in trials:
                    self._try_run_and_update_trial(trial, *fit_args, **fit_kwargs)
                    self.on_trial_end(trial)
        self.on_search_end()

    def report(
        self,
        path: str | Path,
        *,
        title: str | None = None,
        data: str = "arrays",
        classes: Sequence[str] = (),
    ) -> Path:
        """Write the page of the project, and beside it the JSON from which it can be written again.

        Args:
            path: of the page; its name without the ending is the study's.
            title, data: for people: of the study, and what to call the images.
            classes: their names, in the order of the labels.

        Raises:
            SettingError: nothing was searched, or models without accuracy or images to validate on.
            StudyError: a file cannot be written.
        """
        path = Path(path)
        found = tunerstudy.snapshot_of(self, name=path.stem, title=title, data=data, classes=classes)
        return tunerstudy.write_report(found, path)

    def run_trial(self, trial: Trial, *args: Any, **kwargs: Any) -> Any:
        """The trial's histories: those it has from its group, or what Keras Tuner's own way gives."""
        folder = Path(self.get_trial_dir(trial.trial_id))
        if trial.trial_id in self._results:
            trained = self._results.pop(trial.trial_id)
            tunerstudy.keep_epochs(folder, trained, fused=True)
            return [one.history for one in trained]
        started = time.perf_counter()
        results = super().run_trial(trial, *args, **kwargs)
        if alone := trained_alone(results, time.perf_counter() - started):
            tunerstudy.keep_epochs(folder, alone, fused=False)
        return results

    def load_model(self, trial: Trial) -> Any:
        """The trial's model with the weights of its best epoch, and its optimizer's state."""
        model = self._try_build(trial.hyperparameters)
        if not model.built:
            model.build_from_config(utils.load_json(self._get_build_config_fname(trial.trial_id)))
        if model.optimizer is not None:  # Keras Tuner leaves its saved state without a place, and warns
            model.optimizer.build(model.trainable_variables)
        model.load_weights(self._get_checkpoint_fname(trial.trial_id))
        return model

    def _ask(self) -> list[Trial]:
        """The next trials; none at the end of the search."""
        trials: list[Trial] = []
        while len(trials) < self.group:
            self.pre_create_trial()
            # Keras Tuner gives each id one trial at a time.
            trial = self.oracle.create_trial(f"{self.tuner_id}-{len(trials)}")
            if trial.status == TrialStatus.STOPPED or (trial.status == TrialStatus.IDLE and trials):
                break
            if trial.status != TrialStatus.IDLE:
                self.on_trial_begin(trial)
                trials.append(trial)
        if trials:
            self.save()  # so that the project goes on with these where it is stopped in its first group
        return trials

    def _recorded(self, args: Sequence[Any], kwargs: Mapping[str, Any]) -> AbstractContextManager[None]:
        """A context that keeps what is searched on, for `report`."""
        fit = None
        with suppress(SettingError):  # no arrays: said by trial, and by `report`
            given = {"batch_size": None, **arguments(args, kwargs)}
            fit = shared_fit(given, order_seed=self.oracle.seed)
        return tunerstudy.recorded(Path(self.project_dir), fit, keras.backend.backend())

    def _train_fused(self, trials: Sequence[Trial], args: Sequence[Any], kwargs: Mapping[str, Any]) -> None:
        """Train what can be fused, into `_results`."""
        programs: dict[tuple, list[Job]] = {}
        fits: dict[tuple, Fit] = {}
        for trial in trials:
            try:
                jobs = self._jobs(trial, arguments(args, kwargs), fits)
            except SettingError as error:
                self._refuse([trial], str(error))
                continue
            except Exception:  # `run_trial` meets it again, and Keras Tuner deals with it
                self._refuse([trial], "its model cannot be built")
                continue
            for job in jobs:
                programs.setdefault(job.key, []).append(job)
        found: dict[str, list[Trained]] = {}
        for jobs in programs.values():
            group = [job.trial for job in jobs]
            try:
                trained = fit_jobs(jobs)
            except Exception as error:
                why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
                self._refuse(group, f"The group failed ({why}), so the reference engine trains its trials.")
                continue
            self.groups.append(tuple(trial.trial_id for trial in group))
            for job, one in zip(jobs, trained, strict=True):
                found.setdefault(job.trial.trial_id, []).append(one)
        self._results = {i: own for i, own in found.items() if i not in self.not_fused}

    def _jobs(self, trial: Trial, given: dict[str, Any], fits: dict[tuple, Fit]) -> list[Job]:
        """The executions of a trial.

        Args:
            fits: those of this group of trials, by batch size and execution; new ones are added.

        Raises:
            SettingError: the trial cannot be fused.
        """
        given = self._own_arguments(trial, given)
        callbacks = given.get("callbacks") or []
        check_callbacks(callbacks)
        jobs, best = [], Shared()
        for execution in range(self.executions_per_trial):
            key = given["batch_size"], execution
            if key not in fits:
                fits[key] = shared_fit(given, order_seed=self.oracle.seed + execution)
            fit = fits[key]
            model = self._try_build(trial.hyperparameters)
            together.build(model, fit)
            fusible.check(model)
            utils.save_json(self._get_build_config_fname(trial.trial_id), model.get_build_config())
            own = self._deepcopy_callbacks(callbacks)
            self._configure_tensorboard_dir(own, trial, execution)
            path = self._get_checkpoint_fname(trial.trial_id)
            own += [tuner_utils.TunerCallback(self, trial), SaveBest(self.oracle.objective, path, best)]
            member = Member(model=model, epochs=given.get("epochs", 1), callbacks=own)
            member = self._as_lenet(trial, member, fit, callbacks)
            jobs.append(Job(trial=trial, execution=execution, member=member, fit=fit))
        return jobs

    def _as_lenet(self, trial: Trial, member: Member, fit: Fit, callbacks: Sequence[Any]) -> Member:
        """The member for the engine of LeNets, where it is one and that engine can do what is asked."""
        if not isinstance(self.hypermodel, LeNetHyperModel) or self.optimizer or self.loss or self.metrics:
            return member
        if fit.order_seed is None:
            return member
        try:
            lenets.check(fit, callbacks)
        except SettingError:
            return member
        lenet, train = configs(self.hypermodel.values_to_setting(trial.hyperparameters), self.hypermodel.spec)
        execution = Execution(
            trial=int(trial.trial_id),
            repeat=0,
            seed=self.hypermodel.seed,
            order_seed=fit.order_seed,
            lenet=lenet,
            train=replace(train, batch_size=fit.batch_size, epochs=member.epochs),
        )
        return lenets.LeNetMember(
            model=member.model, epochs=member.epochs, callbacks=member.callbacks, execution=execution
        )

    def _own_arguments(self, trial: Trial, given: dict[str, Any]) -> dict[str, Any]:
        """The arguments of `fit` as the hypermodel changes them."""
        if self.distribution_strategy is not None:
            raise SettingError("A distribution strategy cannot be fused, so the reference engine trains.")
        given = {**given, "batch_size": given.get("batch_size")}
        if isinstance(self.hypermodel, LeNetHyperModel):
            given = self.hypermodel.fit_arguments(trial.hyperparameters, given)
        elif type(self.hypermodel).fit is not keras_tuner.HyperModel.fit:
            raise SettingError(
                f"The hypermodel {type(self.hypermodel).__name__} has a fit of its own, so the reference "
                "engine trains all trials."
            )
        return {**given, "batch_size": given["batch_size"] or 32}

    def _configure_tensorboard_dir(self, callbacks: list, trial: Trial, execution: int = 0) -> None:
        # Keras Tuner imports tensorboard even where no callback needs it.
        if any(type(callback).__name__ == "TensorBoard" for callback in callbacks):
            super()._configure_tensorboard_dir(callbacks, trial, execution)

    def _refuse(self, trials: Sequence[Trial], reason: str) -> None:
        """Remember, and say once, why trials are not fused."""
        if self.oracle.verbose and reason not in self.not_fused.values():
            print(f"Trial {trials[0].trial_id} is not fused: {reason}")
        self.not_fused.update({trial.trial_id: reason for trial in trials})
