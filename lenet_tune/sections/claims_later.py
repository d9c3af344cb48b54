"""Claims about sections 2 and 3, and about the feature maps."""

from lenet_tune.sections.claim import FLAT, MANY_OF_TEN, Claim, gain, level
from lenet_tune.sections.readings import Reading, model
from lenet_tune.sections.runs import CE, MSE, changed, family

_L2 = 1e-4
_PENALTIES = {
    "kernel": {"l2_kernel": _L2},
    "bias": {"l2_bias": _L2},
    "activity": {"l2_activity": _L2},
    "all three": {"l2_kernel": _L2, "l2_bias": _L2, "l2_activity": _L2},
}


def c14(reading: Reading | None) -> Claim:
    """The start of the ReLU runs."""
    large = (model("section2", reading),)
    small = changed(large, kernel_size=3)
    return Claim(
        name="C14",
        section=2,
        words="ReLU with 5x5 kernels starts slowly, with 3x3 kernels it does not",
        tests=(
            level("5x5 starts flat", large, "<", FLAT, "early share"),
            level("3x3 does not", small, ">", FLAT, "early share"),
            gain("3x3 has the larger share early", small, large, measure="early share"),
        ),
    )


def c15(reading: Reading | None) -> Claim:
    """Five convolutions."""
    five = (model("section3", reading),)
    adjusted = family(model("adjusted", reading), "tanh", CE)[1:2]
    initial = family(model("initial", reading), "tanh", MSE)[:1]
    second = changed((model("section2", reading),), kernel_size=3)
    sooner = {"measure": "epochs to best", "relation": "<"}
    return Claim(
        name="C15",
        section=3,
        words="Five convolutions: best accuracy, fewest epochs, overfitting from epoch 5 or 6",
        how="against the best runs of the other sections; epoch 5 or 6 is taken as 4 to 7",
        tests=(
            gain("better than section 1's best", five, adjusted),
            gain("better than the initial stage's best", five, initial),
            gain("better than section 2's", five, second),
            gain("fewer epochs than section 1's best", five, adjusted, **sooner),
            gain("fewer epochs than section 2's", five, second, **sooner),
            level("overfitting not before epoch 4", five, ">", 3.5, "overfitting epoch"),
            level("overfitting by epoch 7", five, "<", 7.5, "overfitting epoch"),
        ),
    )


def c16(reading: Reading | None) -> Claim:
    """The learning rate of section 3."""
    five = (model("section3", reading),)
    return Claim(
        name="C16",
        section=3,
        words="Section 3: learning rate 0.001 beats 0.01",
        tests=(gain("better than 0.01", five, changed(five, learning_rate=0.01)),),
    )


def c17(reading: Reading | None) -> Claim:
    """The regularisers of section 3."""
    five = (model("section3", reading),)
    return Claim(
        name="C17",
        section=3,
        words="Section 3: other regularisers of kernel, bias and activity made it worse, but have potential",
        how="L2 of 1e-4, alone and together; the report does not say which values it tried",
        tests=tuple(
            gain(f"better than with {name}", five, changed(five, **knobs))
            for name, knobs in _PENALTIES.items()
        ),
        not_decidable="Whether they have potential: that is the closing question, a search of its own.",
    )


def c18(reading: Reading | None) -> Claim:
    """Ten random images."""
    return Claim(
        name="C18",
        section=1,
        words="Many of ten random images are mislabelled by the 54 % model, and its last feature maps "
        "separate object from background",
        how=f"chance that {MANY_OF_TEN} or more of ten random test images are labelled wrong",
        tests=(level("more likely than not", table_5(reading), ">", 0.5, "many of ten wrong"),),
        not_decidable="Whether feature maps separate object from background: no number here says so; the "
        "pictures of Table 5 show them.",
    )


def table_5(reading: Reading | None) -> tuple:
    """The run whose feature maps Table 5 shows."""
    return family(model("adjusted", reading), "tanh", CE)[1:2]
