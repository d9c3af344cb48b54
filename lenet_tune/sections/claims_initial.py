"""Claims about the initial runs, and about what was changed first, each on top of the change before."""

from lenet_tune.sections.claim import (
    CLEAR,
    FLAT,
    LATER,
    LEARNS,
    PLATEAU,
    SHARP,
    Claim,
    Runs,
    gain,
    level,
)
from lenet_tune.sections.readings import Reading, model
from lenet_tune.sections.runs import CE, MSE, changed, family, grid

_SIX = "mean of the six initial runs that the report saw learn"
# Biases as Keras starts them where no initialiser is named.
_ZERO_BIAS = {"bias_mean_1": 0.0, "bias_mean_2": 0.0, "bias_std_1": 0.0, "bias_std_2": 0.0}


def _learning(reading: Reading | None) -> Runs:
    base = model("initial", reading)
    return (*family(base, "tanh", MSE), *family(base, "sigmoid", CE))


def _raw(reading: Reading | None) -> Runs:
    return changed(_learning(reading), normalization="none")


def c1(reading: Reading | None) -> Claim:
    """Which families learn."""
    base = model("initial", reading)
    return Claim(
        name="C1",
        section=1,
        words="Initial runs: only tanh with MSE and sigmoid with cross-entropy learn",
        how="best of the three learning rates of each family",
        tests=(
            level("tanh + MSE learns", family(base, "tanh", MSE), ">", LEARNS),
            level("sigmoid + cross-entropy learns", family(base, "sigmoid", CE), ">", LEARNS),
            level("sigmoid + MSE does not learn", family(base, "sigmoid", MSE), "<", LEARNS),
            level("tanh + cross-entropy does not learn", family(base, "tanh", CE), "<", LEARNS),
        ),
    )


def c2(reading: Reading | None) -> Claim:
    """The shape of their curves."""
    base = model("initial", reading)
    quick, flat = family(base, "tanh", MSE)[:1], family(base, "sigmoid", CE)[:1]
    return Claim(
        name="C2",
        section=1,
        words="tanh + MSE improves at once; sigmoid + cross-entropy is flat, then steep, then a plateau",
        how="the initial runs with learning rate 0.1",
        tests=(
            level("tanh + MSE is steepest at the start", quick, "<", LATER, "steepest epoch"),
            level("sigmoid + cross-entropy starts flat", flat, "<", FLAT, "early share"),
            level("sigmoid + cross-entropy is steepest later", flat, ">", LATER, "steepest epoch"),
            level("sigmoid + cross-entropy ends on a plateau", flat, "<", PLATEAU, "late share"),
        ),
    )


def c3(reading: Reading | None) -> Claim:
    """Kernel initialisers."""
    runs = _learning(reading)
    return Claim(
        name="C3",
        section=1,
        words="Glorot uniform kernels beat random normal and Glorot normal ones",
        how=_SIX,
        tests=tuple(
            gain(f"better than {name.replace('_', ' ')}", runs, changed(runs, kernel_initializer=name))
            for name in ("random_normal", "glorot_normal")
        ),
    )


def c4(reading: Reading | None) -> Claim:
    """Input normalisation."""
    runs = grid(model("initial", reading))
    return Claim(
        name="C4",
        section=1,
        words="Dropping input normalisation lets models learn",
        how="mean of all twelve initial runs",
        tests=(gain("raw pixels better", changed(runs, normalization="none"), runs, bound=CLEAR),),
    )


def c5(reading: Reading | None) -> Claim:
    """Biases."""
    raw = _raw(reading)
    zero, gaussian = changed(raw, conv_bias=True, **_ZERO_BIAS), changed(raw, conv_bias=True)
    return Claim(
        name="C5",
        section=1,
        words="Biases in the convolutions improve accuracy significantly, a non-zero initialiser further",
        how=f"{_SIX}, after dropping normalisation",
        tests=(
            gain("biases from zero better than none", zero, raw, bound=CLEAR),
            gain("Gaussian biases better than zero ones", gaussian, zero),
        ),
    )


def c8(reading: Reading | None) -> Claim:
    """The forgotten layer."""
    runs = changed(_raw(reading), conv_bias=True)
    return Claim(
        name="C8",
        section=1,
        words="Adding the 84-unit layer drops performance sharply, before the other adjustments",
        how=f"{_SIX}, after dropping normalisation and adding biases",
        tests=(gain("better without it", runs, changed(runs, dense_84=True), bound=SHARP),),
    )
