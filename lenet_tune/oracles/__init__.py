"""Grid, random, Bayesian and Hyperband search behind ask/tell, on Keras Tuner's oracles.

`make_oracle(kind, space, spec, seed=..., options=OracleOptions(...))` gives an `Oracle`;
`ask(past, count)` gives proposals; telling is to pass the trials so far, finished or not, as `past`.
An oracle keeps nothing between calls that changes an answer, so a search resumes from its trials alone.
"""

from lenet_tune.oracles.base import Oracle, OracleOptions, Proposal, Told
from lenet_tune.oracles.factory import KINDS, make_oracle
from lenet_tune.oracles.listed import ListOracle, grid_oracle

__all__ = [
    "KINDS",
    "ListOracle",
    "Oracle",
    "OracleOptions",
    "Proposal",
    "Told",
    "grid_oracle",
    "make_oracle",
]
