"""`make_oracle`: an oracle by its name."""

import os

from lenet_tune.config import InputSpec, check_in
from lenet_tune.errors import SettingError
from lenet_tune.oracles.base import Oracle, OracleOptions
from lenet_tune.oracles.bayes import BayesOracle
from lenet_tune.oracles.hyperband import HyperbandOracle
from lenet_tune.oracles.listed import grid_oracle
from lenet_tune.oracles.sampling import RandomOracle
from lenet_tune.space import Space

KINDS = ("grid", "random", "bayes", "hyperband")


def make_oracle(
    kind: str, space: Space, spec: InputSpec, *, seed: int, options: OracleOptions | None = None
) -> Oracle:
    """The oracle of a search.

    Args:
        kind: one of `KINDS`.
        space: what to search.
        spec: of the data; decides which settings are feasible, so it needs channel statistics where the
            space may standardize.
        seed: from 0; with the trials told it determines every proposal.

    Raises:
        SettingError: unknown kind, a space the kind cannot search, or Keras Tuner's chief/worker mode is on.
        InfeasibleError: no network of the space can be built.
    """
    options = OracleOptions() if options is None else options
    check_in("kind", kind, KINDS)
    _refuse_chief_mode()
    if kind == "grid":
        return grid_oracle(space, spec)
    if kind == "random":
        return RandomOracle(space, spec, seed=seed, starts=options.starts)
    if kind == "hyperband":
        return HyperbandOracle(space, spec, seed=seed, options=options)
    return BayesOracle(space, spec, seed=seed, options=options)


def _refuse_chief_mode() -> None:
    if os.environ.get("KERASTUNER_ORACLE_IP"):
        raise SettingError(
            "KERASTUNER_ORACLE_IP must not be set: Keras Tuner's chief/worker mode opens a port without "
            "authentication and can hang. Unset it; --workers N (this host) or --ray auto (a cluster) train "
            "side by side."
        )
