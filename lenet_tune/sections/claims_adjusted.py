"""Claims about single adjustments, each judged by taking it back from the adjusted model."""

from collections.abc import Mapping
from itertools import pairwise
from typing import Any

from lenet_tune.sections.claim import LITTLE, Claim, Runs, best_gain, gain, more_gain
from lenet_tune.sections.readings import Reading, model
from lenet_tune.sections.runs import CE, MSE, changed, family, grid

_HOW = "mean of the three best adjusted runs of Table 4"
_L2 = 1e-5
_PENALTIES: Mapping[str, Mapping[str, Any]] = {
    "none": {"l2_kernel": 0.0},
    "bias": {"l2_kernel": 0.0, "l2_bias": _L2},
    "activity": {"l2_kernel": 0.0, "l2_activity": _L2},
    "kernel and bias": {"l2_kernel": _L2, "l2_bias": _L2},
    "kernel and activity": {"l2_kernel": _L2, "l2_activity": _L2},
    "bias and activity": {"l2_kernel": 0.0, "l2_bias": _L2, "l2_activity": _L2},
    "all three": {"l2_kernel": _L2, "l2_bias": _L2, "l2_activity": _L2},
}


def _best_runs(reading: Reading | None) -> Runs:
    # The three highest printed accuracies of Table 4: what the report kept improving.
    base = model("adjusted", reading)
    tanh, sigmoid = family(base, "tanh", CE), family(base, "sigmoid", CE)
    return (tanh[1], sigmoid[0], tanh[2])


def c6(reading: Reading | None) -> Claim:
    """The mean of the biases."""
    runs = _best_runs(reading)
    return Claim(
        name="C6",
        section=1,
        words="A bias mean of 0.5 beats 0 and 1",
        how=_HOW,
        tests=tuple(
            gain(f"better than {mean:g}", runs, changed(runs, bias_mean_1=mean, bias_mean_2=mean))
            for mean in (0.0, 1.0)
        ),
    )


def c7(reading: Reading | None) -> Claim:
    """The spread of the second bias."""
    runs = _best_runs(reading)
    printed, rule = changed(runs, bias_std_2=1 / 3702), changed(runs, bias_std_2=1 / 4704)
    return Claim(
        name="C7",
        section=1,
        words="A standard deviation of 1/3702 instead of 1/4704 for the second bias gains 1 %",
        how=_HOW,
        tests=(gain("gains at least half a point", printed, rule, bound=LITTLE),),
    )


def c9(reading: Reading | None) -> Claim:
    """Regularisers."""
    runs = _best_runs(reading)
    return Claim(
        name="C9",
        section=1,
        words="L2 of 1e-5 on the kernel was the best of kernel, bias and activity, alone and combined",
        how=f"{_HOW}; every factor 1e-5",
        tests=tuple(
            gain(f"better than {name}", runs, changed(runs, **knobs)) for name, knobs in _PENALTIES.items()
        ),
    )


def c10(reading: Reading | None) -> Claim:
    """The last activation."""
    runs, initial = _best_runs(reading), grid(model("initial", reading))
    hidden, softmax = (changed(initial, final_activation=name) for name in ("same", "softmax"))
    return Claim(
        name="C10",
        section=1,
        words="Last activation: the hidden one is better before the adjustments, softmax after",
        how=f"before: mean of all twelve initial runs; after: {_HOW}",
        tests=(
            gain("before: the hidden one better", hidden, softmax),
            gain("after: softmax better", runs, changed(runs, final_activation="same")),
        ),
    )


def c11(reading: Reading | None) -> Claim:
    """Momentum."""
    runs = _best_runs(reading)
    test = best_gain(
        "gains less than half a point", changed(runs, momentum=0.9), runs, relation="<", bound=LITTLE
    )
    return Claim(
        name="C11",
        section=1,
        words="Momentum does not help",
        how="best of the three best adjusted runs of Table 4, with momentum 0.9 and without",
        tests=(test,),
    )


def c12(reading: Reading | None) -> Claim:
    """The batch size."""
    runs = _best_runs(reading)
    large = changed(runs, batch_size=128)
    undone = {
        "dropping normalisation": changed(runs, normalization="unit"),
        "biases": changed(runs, conv_bias=False),
        "a bias mean of 0.5 instead of 0": changed(runs, bias_mean_1=0.0, bias_mean_2=0.0),
        "L2 on the kernel": changed(runs, l2_kernel=0.0),
        "softmax": changed(runs, final_activation="same"),
    }
    return Claim(
        name="C12",
        section=1,
        words="A batch size of 32 instead of 128 is the biggest improvement of all",
        how=f"{_HOW}; the other adjustments taken back one by one",
        tests=(
            gain("better than 128", runs, large),
            *(
                more_gain(f"gains more than {name}", (runs, large), (runs, without))
                for name, without in undone.items()
            ),
        ),
    )


def c13(reading: Reading | None) -> Claim:
    """The order of the families."""
    base = model("adjusted", reading)
    ranked = (
        ("tanh + cross-entropy", family(base, "tanh", CE)),
        ("tanh + MSE", family(base, "tanh", MSE)),
        ("sigmoid + cross-entropy", family(base, "sigmoid", CE)),
        ("sigmoid + MSE", family(base, "sigmoid", MSE)),
    )
    return Claim(
        name="C13",
        section=1,
        words="Adjusted: tanh + cross-entropy, then tanh + MSE, sigmoid + cross-entropy, sigmoid + MSE",
        how="best of the three learning rates of each family",
        tests=tuple(
            best_gain(f"{better} before {worse}", these, those)
            for (better, these), (worse, those) in pairwise(ranked)
        ),
    )
