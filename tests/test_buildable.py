"""Images too small for a setting: it is left out with its rule, and a study of such settings is refused."""

import numpy as np
import pytest

from lenet_tune import buildable, oracles, plan
from lenet_tune.config import InputSpec
from lenet_tune.data import DataSet, Split
from lenet_tune.errors import InfeasibleError
from lenet_tune.options import Options
from lenet_tune.session import build_oracle
from lenet_tune.space import is_feasible

SHAPES = [(1, 1, 1), (4, 9, 2), (8, 8, 3), (16, 16, 4), (28, 28, 1), (64, 64, 3)]


def dataset(shape, classes):
    """Noise; two images of each class to train on, one to test on."""
    rng = np.random.default_rng(0)
    splits = [
        Split(
            images=rng.integers(0, 256, (n * classes, *shape), dtype=np.uint8),
            labels=np.arange(n * classes, dtype=np.int64) % classes,
        )
        for n in (10, 1)
    ]
    return DataSet(name="noise", train=splits[0], test=splits[1], classes=tuple(map(str, range(classes))))


def study_of(shape, classes, **options):
    """A definition, and the oracle that a session would ask for it."""
    definition = plan.define(Options(**options), dataset(shape, classes))
    h, w, channels = shape
    spec = InputSpec(
        image_shape=(h, w, channels),
        num_classes=classes,
        channel_mean=(100.0,) * channels,
        channel_std=(50.0,) * channels,
    )
    return definition, spec, lambda: build_oracle(definition, spec, 12)


def ask(oracle, count):
    past = []
    while len(past) < count and (found := oracle.ask(past, 4)):
        past += [
            oracles.Told(
                number=len(past) + i, setting=p.setting, score=0.5 + 0.01 * len(past), detail=p.detail
            )
            for i, p in enumerate(found)
        ]
    return [told.setting for told in past]


@pytest.mark.parametrize("classes", [2, 100])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["random", "hyperband", "bayes"])
def test_searches_of_the_full_space_propose_only_what_can_be_built(kind, shape, classes):
    definition, spec, oracle = study_of(shape, classes, kind=kind, epochs=9)
    buildable.check(definition)
    settings = ask(oracle(), 8)
    assert len(settings) >= 8
    assert all(is_feasible(setting, spec) for setting in settings)


@pytest.mark.parametrize("section", [1, 2, 3])
@pytest.mark.parametrize("shape", SHAPES, ids=str)
@pytest.mark.parametrize("kind", ["grid", "random"])
def test_a_section_is_searched_where_it_can_be_built_and_refused_where_not(kind, shape, section):
    definition, spec, oracle = study_of(shape, 2, kind=kind, section=section)
    if any(is_feasible(setting, spec) for setting in buildable.settings_of(definition)):
        buildable.check(definition)
        assert any(is_feasible(setting, spec) for setting in ask(oracle(), 4))
    else:
        with pytest.raises(InfeasibleError, match=f"for {shape[0]}x{shape[1]} images: A "):
            buildable.check(definition)


def test_the_reports_own_sizes_can_all_be_built():
    for section in (1, 2, 3):
        definition, _, _ = study_of((32, 32, 3), 10, kind="grid", section=section)
        assert buildable.sentence(definition) is None


def test_what_is_left_out_of_a_grid_is_counted_with_the_first_rule():
    definition, _, _ = study_of((8, 8, 3), 2, kind="grid", knobs=("kernel_size=3,5,7", "padding=valid,same"))
    assert buildable.sentence(definition) == (
        "3 of 6 settings cannot be built for 8x8 images and end as failed. The first: A 2x2 window does not "
        "fit in the 1x1 map at pooling 2: use padding=same, a smaller kernel_size, or fewer convolutions."
    )


def test_what_is_left_out_of_a_search_is_counted_by_shape_of_network():
    definition, _, _ = study_of((8, 8, 3), 2, kind="random", knobs=("kernel_size=3,5", "depth=2"))
    words = buildable.sentence(definition)
    assert words.startswith("2 of 4 shapes of network cannot be built for 8x8 images and are never proposed.")
