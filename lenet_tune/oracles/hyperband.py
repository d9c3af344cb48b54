"""Hyperband (Li et al. 2018), Keras Tuner's, with its brackets rebuilt from the trials told."""

from collections.abc import Sequence, Set
from itertools import islice
from typing import Any

import keras_tuner
from keras_tuner.engine.trial import Trial

from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.knobs import Choice, Range
from lenet_tune.oracles.base import OneByOne, OracleOptions, Proposal, Told
from lenet_tune.oracles.sampling import KnobOracle
from lenet_tune.space import Setting, Space, complete, is_feasible, key


class _Brackets(KnobOracle, keras_tuner.oracles.HyperbandOracle):
    """Keras Tuner's oracle, whose state is replaced before each proposal by what the trials say.

    State: `_brackets` are those begun, each with its rounds of {"id", "past_id"}; `_current_bracket`
    and `_current_iteration` name the one begun last.
    """

    def replay(self, past: Sequence[Told]) -> None:
        """Take the trials told for the whole history."""
        begun: dict[tuple[int, int], dict[str, Any]] = {}
        self.trials, self.ongoing_trials = {}, {}
        for told in past:
            detail = told.detail
            place = detail["iteration"], detail["bracket"]
            if place not in begun:
                begun[place] = _bracket(detail["bracket"], self._get_num_rounds(detail["bracket"]))
            parent = None if detail["parent"] is None else str(detail["parent"])
            entry = {"past_id": parent, "id": str(told.number)}
            begun[place]["rounds"][detail["round"]].append(entry)
            trial = _as_trial(told)
            self.trials[trial.trial_id] = trial
            if told.score is None:
                self.ongoing_trials[trial.trial_id] = trial
        if not begun:
            first = self._get_num_brackets() - 1
            begun[0, first] = _bracket(first, self._get_num_rounds(first))
        self._brackets = list(begun.values())
        self._current_iteration, self._current_bracket = list(begun)[-1]

    def place(self) -> tuple[int, int]:
        """(iteration, number) of the bracket begun last."""
        return self._current_iteration, self._current_bracket

    def starts(self) -> int:
        """How many new settings all brackets of all iterations begin with."""
        brackets = range(self._get_num_brackets())
        return self.hyperband_iterations * sum(self._get_size(bracket, 0) for bracket in brackets)


class HyperbandOracle(OneByOne):
    """Many settings for few epochs; of each round the best go on, `factor` times longer.

    The `epochs` of a proposal are its round's; a later round names the trial whose training it continues
    (`parent`) and after how many epochs (`initial_epoch`). Which trial goes on is settled as soon as enough
    of its round have ended.

    Args:
        options: `max_epochs`, `factor` and `iterations` are used.

    Raises:
        SettingError: the space has fewer settings than the first rounds need.
    """

    def __init__(self, space: Space, spec: InputSpec, *, seed: int, options: OracleOptions) -> None:
        self._seed = seed
        self._epochs = options.max_epochs
        # Without the epochs: a setting of one bracket does not come back in another.
        self._space = space.replace({"epochs": Choice((self._epochs,))})
        self._kt = _Brackets(
            self._space,
            spec,
            max_epochs=options.max_epochs,
            factor=options.factor,
            hyperband_iterations=options.iterations,
        )
        self._check_size(spec)

    def propose(self, past: Sequence[Told], seen: Set[tuple]) -> Proposal | None:
        """A trial that may go on, else a new one; None while all that is left waits for results."""
        own = [told for told in past if "bracket" in told.detail]
        number = len(past)
        self._kt.replay(own)
        self._kt.reseed(self._seed, number, {key({**t.setting, "epochs": self._epochs}) for t in past})
        answer = self._kt.populate_space(str(number))
        if answer["status"] != "RUNNING":
            return None
        values: Setting = answer["values"]
        parent = values.get("tuner/trial_id")
        iteration, bracket = self._kt.place()
        if parent is not None:  # Keras Tuner labels it with the bracket begun last, which need not be its own
            origin = next(told.detail for told in own if told.number == int(parent))
            iteration, bracket = origin["iteration"], origin["bracket"]
        knobs = {name: value for name, value in values.items() if not name.startswith("tuner/")}
        return Proposal(
            setting=complete({**knobs, "epochs": values["tuner/epochs"]}),
            detail={
                "origin": "hyperband",
                "iteration": iteration,
                "bracket": bracket,
                "round": values["tuner/round"],
                "parent": None if parent is None else int(parent),
                "initial_epoch": values["tuner/initial_epoch"],
            },
        )

    def _check_size(self, spec: InputSpec) -> None:
        if any(isinstance(self._space.domains[name], Range) for name in self._space.free):
            return
        needed = self._kt.starts()
        feasible = (setting for setting in self._space.grid() if is_feasible(setting, spec))
        found = sum(1 for _ in islice(feasible, needed))
        if found < needed:
            raise SettingError(
                f"Hyperband over {self._epochs} epochs begins with {needed} settings, "
                f"but the space has {found}: free more knobs, lower --epochs, or use a grid."
            )


def _bracket(number: int, rounds: int) -> dict[str, Any]:
    return {"bracket_num": number, "rounds": [[] for _ in range(rounds)]}


def _as_trial(told: Told) -> Trial:
    hp = keras_tuner.HyperParameters()
    hp.values = {name: value for name, value in told.setting.items() if name != "epochs"}
    status = "RUNNING" if told.score is None else "COMPLETED"
    trial = Trial(hyperparameters=hp, trial_id=str(told.number), status=status)
    trial.score = told.score
    return trial
