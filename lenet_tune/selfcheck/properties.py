"""What must never fail: finite spaces are covered exactly once, and a resumed search proposes the same."""

import json
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from itertools import product

from lenet_tune.knobs import Choice
from lenet_tune.oracles import KINDS, Oracle, OracleOptions, Told, make_oracle
from lenet_tune.selfcheck.play import Game
from lenet_tune.selfcheck.results import Promise
from lenet_tune.selfcheck.surface import SPEC, Surface
from lenet_tune.selfcheck.surfaces import SYNTHETIC
from lenet_tune.space import Space, complete, configs, is_feasible, key

_FIXED = {"epochs": 10}
_OPTIONS = OracleOptions(trials=30, max_epochs=9)
_CUTS = (0, 1, 7, 12, 20)
_RESUMED = 24


def _space(fixed: dict, **choices: tuple) -> Space:
    return Space.at({**_FIXED, **fixed}).replace({name: Choice(values) for name, values in choices.items()})


SMALL = {
    "one setting": _space({}),
    "one knob": _space({}, batch_size=(32, 64, 128)),
    "categories": _space(
        {}, activation=("sigmoid", "tanh", "relu"), loss=("mean_squared_error", "categorical_crossentropy"),
        final_activation=("same", "softmax"), normalization=("none", "unit", "standardize"),
    ),
    "conditions, some of which cannot be built": _space(
        {"padding": "valid"}, depth=(2, 3, 4, 5), kernel_size=(3, 5),
        pool_places=("every", "spread", "first_two"),
    ),
    "knobs that count only with a bias": _space(
        {}, conv_bias=(False, True), bias_mean_1=(0.0, 0.5), l2_bias=(0.0, 1e-4, 1e-3), depth=(2, 3),
        bias_mean_3=(0.0, 0.5), padding=("same",),
    ),
}  # fmt: skip
LARGE = _space(
    {}, learning_rate=(0.001, 0.01, 0.1), activation=("tanh", "relu"), depth=(2, 3, 5),
    kernel_size=(3, 5), padding=("valid", "same"), conv_bias=(False, True),
    l2_bias=(0.0, 1e-4), pool_places=("every", "first_two"),
)  # fmt: skip
"""Several hundred settings: for the searches that do not get slower with every trial."""


@dataclass(frozen=True, kw_only=True)
class Check:
    """One promise to check: "coverage" of a finite space, or "resume" on a surface."""

    what: str
    kind: str
    name: str
    batch: int = 1


def checks(quick: bool) -> Iterator[Check]:
    """Every check of a self-check."""
    for kind in ("grid", "random", "bayes"):
        names = list(SMALL)[:4] if quick else [*SMALL, *(["large"] if kind != "bayes" else [])]
        for name in names:
            for batch in (8,) if name == "large" else (1, 8):
                yield Check(what="coverage", kind=kind, name=name, batch=batch)
    for kind in KINDS[1:]:
        for surface in SYNTHETIC[:1] if quick else SYNTHETIC[::3]:
            yield Check(what="resume", kind=kind, name=surface.name)


def check(asked: Check) -> Promise:
    """Check it."""
    if asked.what == "coverage":
        space = LARGE if asked.name == "large" else SMALL[asked.name]
        missing, extra, size = coverage(make_oracle(asked.kind, space, SPEC, seed=0), space, asked.batch)
        what = "a finite space is covered exactly once"
        return Promise(kind=asked.kind, what=what, checked=size, broken=missing + extra)
    surface = next(s for s in SYNTHETIC if s.name == asked.name)
    what = "resumed, a search proposes what it would have"
    return Promise(kind=asked.kind, what=what, checked=len(_CUTS), broken=broken_resumes(asked.kind, surface))


def coverage(oracle: Oracle, space: Space, batch: int) -> tuple[int, int, int]:
    """(settings never proposed, proposals beyond each once, settings of the space)."""
    expected = everything(space)
    surface = Surface(
        name="finite", space=space, accuracy=lambda s: 0.5, noise=lambda s: 0.1, about="", source="", group=""
    )
    game = Game(surface, 0)
    found: list[tuple] = []
    while len(found) <= 2 * len(expected) and (proposals := oracle.ask(game.told(), batch)):
        for proposal in proposals:
            game.play(proposal)
            found.append(configs(proposal.setting, SPEC))
    known = set(found)
    return len(expected - known), len(found) - len(known & expected), len(expected)


def everything(space: Space) -> set[tuple]:
    """Every network and training of a finite space, listed by brute force, not by the space's own walk."""
    names = list(space.domains)
    listed = [domain.values for domain in space.domains.values() if isinstance(domain, Choice)]
    settings = (dict(zip(names, values, strict=True)) for values in product(*listed))
    return {configs(setting, SPEC) for s in settings if is_feasible(setting := complete(s), SPEC)}


def broken_resumes(kind: str, surface: Surface) -> int:
    """How many places there are where a fresh oracle, told the trials so far from JSON, goes another way."""
    oracle, game = _oracle(kind, surface), Game(surface, 0)
    while len(game.trials) < _RESUMED and (proposals := oracle.ask(game.told(), 1)):
        game.play(proposals[0])
    told = game.told()
    return sum(not _goes_on(_oracle(kind, surface), told, cut) for cut in _CUTS if cut < len(told))


def _goes_on(oracle: Oracle, told: list[Told], cut: int) -> bool:
    stored = [Told(**json.loads(json.dumps(asdict(t)))) for t in told[:cut]]
    next_one = oracle.ask(stored, 1)
    return [key(p.setting) for p in next_one] == [key(told[cut].setting)]


def _oracle(kind: str, surface: Surface) -> Oracle:
    return make_oracle(kind, surface.space, SPEC, seed=0, options=_OPTIONS)
