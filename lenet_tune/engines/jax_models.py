"""Steps of several Keras models in one JAX program; `tf_models` has the same names.

Letters: K models, n images, N images a batch.
"""

from collections.abc import Callable, Sequence
from functools import partial
from typing import Any

import jax
import jax.numpy as jnp
from jax import lax
from keras import Model

LOWERINGS = ("unrolled", "stacked")
State = list[list[jax.Array]]


def default_lowering() -> str:
    """How the models lie in the program: stacked on a GPU; XLA's grouped convolutions are slow on a CPU."""
    return "unrolled" if jax.default_backend() == "cpu" else "stacked"


def program(models: Sequence[Model], step: str, batch: int, lowering: str) -> Callable:
    """A function of images, answers and the order of the images that runs an epoch of all models.

    The models' variables are read before it and written after it: weights, optimizer, seeds and metrics.

    Args:
        step: "train_step" or "test_step" of the models.
        batch: N; a last partial batch is a step of its own size, as in Keras.
        lowering: "unrolled", or "stacked" for models of one skeleton, whose states become arrays (K, ...).
    """
    one = _train if step == "train_step" else _test
    if lowering == "stacked":
        each = jax.vmap(partial(one, models[0]), in_axes=(0, None))
    else:
        each = lambda states, data: [one(m, s, data) for m, s in zip(models, states, strict=True)]  # noqa: E731

    @jax.jit
    def epoch(states: Any, x: jax.Array, y: jax.Array, order: jax.Array) -> Any:
        def body(states: Any, rows: jax.Array) -> tuple[Any, None]:
            return each(states, (x[rows], y[rows])), None

        full = len(order) // batch * batch
        if full:
            states, _ = lax.scan(body, states, order[:full].reshape(-1, batch))
        if full < len(order):
            states, _ = body(states, order[full:])
        return states

    def run(x: jax.Array, y: jax.Array, order: jax.Array) -> None:
        states = [[[v.value for v in group] for group in _variables(model)] for model in models]
        if lowering == "stacked":
            stacked = epoch(jax.tree.map(lambda *own: jnp.stack(own), *states), x, y, order)
            states = [jax.tree.map(lambda values, k=k: values[k], stacked) for k in range(len(models))]
        else:
            states = epoch(states, x, y, order)
        for model, state in zip(models, states, strict=True):
            for variables, values in zip(_variables(model), state, strict=True):
                for variable, value in zip(variables, values, strict=True):
                    variable.assign(value)

    return run


def _variables(model: Model) -> tuple[list, ...]:
    return (
        model.trainable_variables,
        model.non_trainable_variables,
        model.optimizer.variables,
        model.metrics_variables,
    )


def _train(model: Model, state: State, data: tuple) -> State:
    return list(map(list, model.train_step(tuple(state), data)[1]))


def _test(model: Model, state: State, data: tuple) -> State:
    trainable, fixed, optimizer, metrics = state
    _, (_, fixed, metrics) = model.test_step((trainable, fixed, metrics), data)
    return [trainable, list(fixed), optimizer, list(metrics)]
