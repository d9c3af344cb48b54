"""What to do next: each rule where it applies, and silent where it does not."""

import sys
from dataclasses import replace
from pathlib import Path

import pytest

from lenet_tune import analysis
from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError
from lenet_tune.space import configs

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory

DATA = {"name": "cifar10", "fingerprint": "ab12", "comparable": True, "classes": list(factory.CLASSES),
        "image_shape": [32, 32, 3], "num_classes": 10}  # fmt: skip


def study(*trials, **changes):
    return replace(
        factory.search(1, best=False),
        definition=factory.definition(data=DATA, **changes),
        trials=trials,
        planned=len(trials),
    )


def said(snapshot):
    return " ".join(f"{a.do} {a.why}" for a in analysis.advice(snapshot))


def test_the_rule_of_the_failures_is_told():
    rates = [0.001 * 1.3**i for i in range(20)]
    made = study(
        *(
            factory.trial(i, [0.3 + i / 100], setting={"learning_rate": rate},
                          outcome="diverged" if rate > 0.05 else "done")
            for i, rate in enumerate(rates)
        )
    )  # fmt: skip
    rule = analysis.failure_rule(made)
    assert rule.short.startswith("learning_rate above 0.0")
    assert f"Avoid {rule.short}" in said(made)
    assert rule.words in said(made)


def test_nobody_is_sent_where_trials_fail():
    rates = [round(0.001 * 1.3**i, 6) for i in range(20)]
    good = [r for r in rates if r < 0.05]
    trials = [
        factory.trial(i, [0.3 + i / 100], setting={"learning_rate": rate},
                      outcome="done" if rate in good else "diverged")
        for i, rate in enumerate(rates)
    ]  # fmt: skip
    space = {"learning_rate": {"range": [min(rates), max(good)], "log": True}}
    assert "Try higher values of learning_rate" not in said(study(*trials, space=space))
    assert "Try higher values of learning_rate" in said(study(*trials[: len(good)], space=space))


def test_many_failures_without_a_rule_are_looked_at():
    bad = [factory.trial(i, [0.1], outcome="failed", error="x") for i in range(2, 5)]
    words = said(study(factory.trial(0, [0.5]), factory.trial(1, [0.4]), *bad))
    assert "See why trials failed" in words
    assert "no rule over the knobs predicts which" in words
    assert "no rule" not in said(study(factory.trial(0, [0.5]), *bad[:2]))


def test_the_smaller_of_two_within_noise_is_preferred():
    large = factory.trial(0, [0.50, 0.54], setting={"filters": 32})
    small = factory.trial(1, [0.49, 0.54], setting={"filters": 6})
    words = said(study(large, small, seeds=2))
    sizes = [analysis.parameter_count(t.setting, DATA) for t in (small, large)]
    assert "Consider trial 1, which is smaller." in words
    assert f"has {sizes[0]:,} parameters instead of {sizes[1]:,}" in words


def test_a_larger_or_clearly_worse_trial_is_not_preferred():
    small = factory.trial(0, [0.50, 0.54], setting={"filters": 6})
    large = factory.trial(1, [0.49, 0.54], setting={"filters": 32})
    assert "Consider" not in said(study(small, large, seeds=2))
    worse = factory.trial(1, [0.30, 0.34], setting={"filters": 6})
    assert "Consider" not in said(study(replace(large, number=0), worse, seeds=2))


def test_each_piece_of_advice_is_two_sentences():
    made = factory.search(60, seeds=2, wide=True)
    found = analysis.advice(made)
    assert len(found) > 2
    for piece in found:
        assert piece.do.endswith(".")
        assert piece.why.endswith(".")


@pytest.mark.parametrize(
    "setting",
    [
        {},
        {"dense_84": False, "conv_bias": False, "depth": 3, "kernel_size": 3, "filter_step": 16},
        {"padding": "same", "depth": 5, "pooling": "max", "pool_places": "spread", "filters": 32},
        {"depth": 4, "kernel_size": 3, "pool_places": "first_two", "normalization": "standardize"},
    ],
    ids=str,
)
def test_parameters_are_counted_as_keras_counts_them(setting):
    from lenet_tune.model import build_lenet

    spec = InputSpec(channel_mean=(1.0,) * 3, channel_std=(1.0,) * 3)
    model = build_lenet(configs(setting, spec)[0], seed=0)
    assert analysis.parameter_count(setting, DATA) == model.count_params()


def test_parameters_of_what_cannot_be_built_or_is_unknown_are_none():
    setting = {"depth": 5, "kernel_size": 5}
    with pytest.raises(InfeasibleError):
        configs(setting, InputSpec())
    assert analysis.parameter_count(setting, DATA) is None
    assert analysis.parameter_count({}, {"name": "unknown"}) is None
