import json

import keras
import pytest

from lenet_tune import bench, sections
from lenet_tune.config import InputSpec
from lenet_tune.errors import SettingError
from lenet_tune.estimate import epoch_flops, forward_flops, seconds_needed, training_flops
from lenet_tune.parse import parse_sizes
from lenet_tune.space import configs
from lenet_tune.views import print_bench


def test_flops_count_every_product_of_the_adjusted_model():
    lenet, _ = configs(sections.ADJUSTED, InputSpec())
    first = 2 * 28 * 28 * 6 * 75
    rest = 2 * (10 * 10 * 16 * 150 + 400 * 120 + 120 * 84 + 84 * 10)
    assert forward_flops(lenet) == first + rest
    assert training_flops(lenet) == 2 * first + 3 * rest
    assert training_flops(lenet) == pytest.approx(3.2e6, rel=0.01)


def test_an_estimate_grows_with_epochs_and_images():
    lenet, train = configs({**sections.ADJUSTED, "epochs": 2}, InputSpec())
    once = seconds_needed([(lenet, train)], 1e9, 100, 10)
    assert once == pytest.approx(2 * epoch_flops(lenet, 100, 10) / 1e9)
    assert seconds_needed([(lenet, train.with_epochs(6))] * 2, 1e9, 100, 10) == pytest.approx(6 * once)


def test_the_bench_measures_side_by_side_and_says_what_it_could_not(tmp_path, capsys):
    task = bench.Task(section=1, images=64, epochs=2, device="cpu", backend=keras.backend.backend())
    said: list[str] = []
    results = bench.run(task, [("reference", 1), ("fused", 2), ("abacus", 1)], 1, said.append)
    lenet, _ = configs(sections.ADJUSTED, InputSpec())
    assert [(row["contender"], row["models"]) for row in results["rows"]] == [("reference", 1), ("fused", 2)]
    for row in results["rows"]:
        assert row["rate"] > 0
        assert row["gflops"] == pytest.approx(row["rate"] * training_flops(lenet) / 1e9)
        assert row["step_ms"] == pytest.approx(32 * row["models"] * 1000 / row["rate"])
        assert row["matmul_share"] == pytest.approx(row["gflops"] / results["matmul_gflops"])
        assert row["to_stock"] is None
        assert row["peak_bytes"] > 2**26
    assert "abacus" in results["not_measured"]["abacus 1"]
    assert json.loads(bench.store(results, tmp_path).read_text()) == json.loads(json.dumps(results))
    print_bench(results)
    shown = capsys.readouterr().out
    assert "not measured: abacus 1" in shown
    assert f"{results['rows'][1]['rate']:,.0f}" in shown


def test_section_three_is_measured_with_32_filters_so_that_figures_stay_comparable():
    task = bench.Task(section=3, images=64, epochs=2, device="cpu", backend="tensorflow")
    lenet, train = configs(bench.network(task), InputSpec())
    assert (lenet.filters, train.epochs) == ((32,) * 5, 2)


def test_stock_keras_tuner_is_always_among_the_contenders():
    names = bench.contenders("cpu", (3,))
    assert names[0] == ("stock", 1)
    assert ("fused", 3) in names


def test_ratios_are_to_stock_within_the_run():
    task = bench.Task(section=1, images=64, epochs=2, device="cpu", backend="tensorflow")

    def measured(contender, models, *rates):
        facts = {"compile_seconds": 1.0, "peak_bytes": 10}
        return [bench.Measurement(contender=contender, models=models, rate=r, **facts) for r in rates]

    found = {
        ("stock", 1): measured("stock", 1, 90, 100, 300),
        ("fused", 4): measured("fused", 4, 400, 500, 100),
    }
    rows = bench._rows(task, found, 50.0)
    assert [row.to_stock for row in rows] == [1.0, 4.0]


@pytest.mark.parametrize("text", ["", "1,x", "0", "-3", "1.5"])
def test_wrong_group_sizes_are_refused(text):
    with pytest.raises(SettingError, match="sizes"):
        parse_sizes(text)
