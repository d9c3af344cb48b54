"""Optuna's TPE on the same surfaces, for comparison; imported only where Optuna is installed.

Its defaults (10 random trials first), with `constant_liar` in batches, as its manual advises. It sees the
space as a user of Optuna would write it: conditional knobs only where they count, listed numbers in order.
It cannot know which networks can be built: such a proposal is told chance accuracy and not charged to it.
"""

import optuna

from lenet_tune.knobs import KNOBS, Choice, Domain
from lenet_tune.oracles import Proposal
from lenet_tune.oracles.sampling import tidy
from lenet_tune.selfcheck.play import Game, Run
from lenet_tune.selfcheck.surface import CHANCE, SPEC, Surface
from lenet_tune.space import Setting, Space, is_active, is_feasible

MAX_REFUSED = 200  # proposals in a row that cannot be built, before a run is given up


def play_tpe(surface: Surface, *, seed: int, trials: int, batch: int) -> Run:
    """Let Optuna's TPE search `surface`, `batch` at a time."""
    optuna.logging.set_verbosity(optuna.logging.ERROR)
    sampler = optuna.samplers.TPESampler(seed=seed, constant_liar=batch > 1)
    study = optuna.create_study(direction="maximize", sampler=sampler)
    game = Game(surface, seed)
    while (count := min(batch, trials - len(game.trials))) > 0:
        asked = [_ask(study, surface.space) for _ in range(count)]
        for trial, setting in asked:
            game.play(Proposal(setting=setting, detail={"origin": "tpe"}))
            study.tell(trial, game.told()[-1].score)
    return game.run(slowest=0.0)


def _ask(study: optuna.Study, space: Space) -> tuple[optuna.Trial, Setting]:
    for _ in range(MAX_REFUSED):
        trial = study.ask()
        setting = _suggested(trial, space)
        if is_feasible(setting, SPEC):
            return trial, setting
        study.tell(trial, CHANCE)
    raise RuntimeError(f"Optuna proposed {MAX_REFUSED} settings in a row that cannot be built.")


def _suggested(trial: optuna.Trial, space: Space) -> Setting:
    values: Setting = {}
    for knob in KNOBS:
        if is_active(knob, values):
            values[knob.name] = _value(trial, knob.name, space.domains[knob.name])
    return tidy(values, space)


def _value(trial: optuna.Trial, name: str, domain: Domain) -> object:
    if not isinstance(domain, Choice):
        return trial.suggest_float(name, domain.low, domain.high, log=domain.log)
    if domain.is_fixed:
        return domain.values[0]
    if all(isinstance(v, (int, float)) and not isinstance(v, bool) for v in domain.values):
        return domain.values[trial.suggest_int(name, 0, len(domain.values) - 1)]
    return trial.suggest_categorical(name, domain.values)
