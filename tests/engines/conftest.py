"""Fixtures of the engines' tests."""

import os

if os.environ.get("KERAS_BACKEND") == "jax":
    # The programs are small and run once: compiling them is nearly all the time that the tests take.
    os.environ.setdefault(
        "XLA_FLAGS", "--xla_backend_optimization_level=0 --xla_llvm_disable_expensive_passes=true"
    )

import keras
import pytest


@pytest.fixture
def float64():
    """Keras, and with it both engines, in double precision."""
    before = keras.config.floatx()
    if keras.backend.backend() == "jax":
        import jax

        jax.config.update("jax_enable_x64", True)
    keras.config.set_floatx("float64")
    keras.config.set_dtype_policy("float64")
    yield
    keras.config.set_floatx(before)
    keras.config.set_dtype_policy(before)
    if keras.backend.backend() == "jax":
        jax.config.update("jax_enable_x64", False)


@pytest.fixture
def cpu_can_run():
    """Whether a lowering trains on a CPU with this backend."""
    return lambda lowering: lowering != "grouped" or keras.backend.backend() == "jax"
