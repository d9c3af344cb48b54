"""How the reproduction page judges, in sentences: the rules of `analysis` beside their results."""

from lenet_tune.analysis.reproduction import Reproduction
from lenet_tune.analysis.text import BACKEND_NAMES, listed, percent, points
from lenet_tune.report.chart import Table
from lenet_tune.sections import show_reading
from lenet_tune.sections.published import MARGIN
from lenet_tune.sections.readings import CHOICES

NUMBER_RULE = (
    "The report gives one run and no spread. A published number counts as reproduced when it lies where one "
    "new run of ours is expected (mean ± t(0.975, n − 1) · s · √(1 + 1/n), s the standard deviation over n "
    f"seeds) and our mean is at most {points(MARGIN)} away; otherwise our mean is higher or lower. The rule "
    "and the margin were fixed before the runs. s is never taken smaller than what 10,000 test images give "
    "by themselves, √(p(1 − p)/10,000)."
)
CLAIM_RULE = (
    "Each claim is a list of tests that must all come out, fixed before the runs. All runs of a test share "
    "their seeds, so differences are taken seed by seed and compared with the bound by a t-test. A claim is "
    "confirmed when all its tests come out, refuted when one clearly does not, and undecided otherwise; over "
    "all claims together a false verdict has a chance of at most 5 % (Holm's correction). Intervals are 95 % "
    "of single means, not corrected."
)
_CHOSEN = listed(f"{choice.question} ({choice.default})" for choice in CHOICES if choice.is_fitted)
FIT_RULE = (
    "For each choice the report leaves open, the alternatives were run too. A reading's distance is the root "
    "mean squared difference between measured means and published numbers; its interval comes from drawing "
    "the published numbers again and again (bootstrap), the same draws for every reading. "
    f"Chosen by this distance: {_CHOSEN}. The numbers behind a choice do not test it: reproduced says of "
    "them that a reading exists which gives them."
)
_MEASURES = (
    ("final accuracy", "test accuracy after the last epoch"),
    ("early share", "part of the curve's whole rise, from chance to its highest, after three epochs"),
    ("steepest epoch", "first of the three epochs in a row over which accuracy rises most"),
    ("late share", "part of the whole rise that falls into the last third of the epochs"),
    ("epochs to best", "epochs until accuracy is within a point of its highest"),
    ("overfitting epoch", "the epoch after the one with the lowest test loss"),
    ("many of ten wrong", "chance that four or more of ten test images are labelled wrong"),
)


_CROSS_ENTROPY = {
    "tensorflow": "goes back to the logits of a softmax or a sigmoid",
    "jax": "takes the outputs, divided by their sum and clipped at 1e-7, so that a model which is sure and "
    "wrong learns nothing",
}


def _backend_words(found: Reproduction) -> tuple[str, ...]:
    """How the loss differs by backend."""
    backend = found.studies[0].manifest.get("backend")
    others = [name for name in BACKEND_NAMES if name != backend]
    if backend not in BACKEND_NAMES:
        return ()
    return tuple(
        f"On {BACKEND_NAMES[backend]} Keras's cross-entropy {_CROSS_ENTROPY[backend]}; on "
        f"{BACKEND_NAMES[other]} it {_CROSS_ENTROPY[other]}. The report does not name its backend, so "
        f"each has a page: lenet-tune reproduce --backend {other} makes the other one."
        for other in others
    )


def sentences(found: Reproduction) -> tuple[str, ...]:
    """What was measured, and how."""
    if not found.studies:
        return ()
    d = found.studies[0].definition
    return (
        f"The report's own protocol: {found.pool.epochs} epochs on {d.train_size:,} training images, "
        f"accuracy on {d.held_out_size:,} test images after every epoch, final accuracy after the last one.",
        "The k-th execution of every setting starts from the same seeds: they are compared on the same order "
        "of images and, where shapes agree, the same initial weights.",
        f"A diverged execution counts with {percent(found.pool.chance)} from the epoch in which its loss "
        "stopped being a number: its outputs are no numbers then, and one class is named for every image.",
        *_backend_words(found),
        f"Reading of the open choices on this page: {show_reading(found.reading)}.",
        f"{found.executions:,} finished executions of {len(found.pool.found):,} settings.",
    )


def measure_table() -> Table:
    """What claims about curves are decided by."""
    return Table(caption="Measures of a learning curve", columns=("measure", "what it is"), rows=_MEASURES)
