import pytest

from lenet_tune import sections
from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.knobs import BY_NAME
from lenet_tune.space import configs, key

PUBLISHED = {
    "Table 2": [0.4322, 0.1, 0.2424, 0.1, 0.0867, 0.1002],
    "Table 4": [0.4825, 0.4595, 0.3988, 0.5475, 0.1409, 0.4797],
}


@pytest.mark.parametrize(
    ("section", "stage", "count"),
    [(1, None, 24), (1, "initial", 12), (1, "adjusted", 12), (2, None, 2), (3, None, 2)],
)
def test_each_section_has_the_reports_number_of_runs(section, stage, count):
    runs = sections.runs(section, stage)
    assert len(runs) == count
    assert len({key(run.setting) for run in runs}) == count


@pytest.mark.parametrize("where", PUBLISHED)
def test_published_accuracies_stand_in_the_order_of_their_table(where):
    assert [run.published for run in sections.runs(1) if run.where == where] == PUBLISHED[where]


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_every_run_builds_and_trains_thirty_epochs(section):
    for run in sections.runs(section):
        _, train = configs(run.setting, InputSpec())
        assert train.epochs == sections.PUBLISHED_EPOCHS
        assert train.batch_size == (128 if run.stage == "initial" else 32)
        assert train.momentum == 0


def test_initial_and_adjusted_differ_as_the_report_says():
    assert sections.INITIAL["dense_84"] is False
    assert sections.INITIAL["final_activation"] == "same"
    assert sections.INITIAL["normalization"] == "unit"
    assert sections.INITIAL["conv_bias"] is False
    adjusted = sections.ADJUSTED
    assert adjusted["bias_std_1"] == pytest.approx(1 / 3072)
    assert adjusted["l2_kernel"] == 1e-5
    assert adjusted["normalization"] == "none"


def test_bias_rule_counts_the_second_input_before_pooling():
    stds = sections.bias_stds(sections.ADJUSTED)
    assert stds == pytest.approx({"bias_std_1": 1 / 3072, "bias_std_2": 1 / 4704})


def test_section_three_has_five_small_convolutions():
    lenet, _ = configs(sections.SECTION_3, InputSpec())
    assert (lenet.depth, lenet.kernel_size, lenet.padding, lenet.activation) == (5, 3, "same", "relu")


@pytest.mark.parametrize("section", sections.SECTIONS)
def test_a_sections_space_holds_its_own_architecture(section):
    space = sections.search_space(section)
    for run in sections.runs(section):
        for name in ("depth", "kernel_size", "padding", "activation"):
            assert run.setting[name] in space.domains[name], name
    assert set(space.domains) == set(BY_NAME)


@pytest.mark.parametrize(("section", "stage"), [(4, None), (0, None), (2, "initial"), (1, "final")])
def test_an_unknown_section_or_stage_is_refused(section, stage):
    with pytest.raises(SettingError):
        sections.runs(section, stage)
