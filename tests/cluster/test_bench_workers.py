import json

from lenet_tune import bench_workers, devices
from lenet_tune.bench_workers import Figures, Load


def test_workers_double_up_to_those_asked_for_and_then_trials_take_no_time():
    found = bench_workers.loads(6, 1000)
    assert [load.workers for load in found] == [1, 2, 4, 6, 6, 6]
    assert [load.trials for load in found[:4]] == [64 * load.workers for load in found[:4]]
    assert [(load.trials, load.trial_seconds, load.space) for load in found[4:]] == [
        (1000, 0.0, "alike"),
        (1000, 0.0, "mixed"),
    ]
    assert [load.workers for load in bench_workers.loads(1, 10)] == [1, 1, 1]


def figures(**changes) -> Figures:
    facts = {"groups": 10, "start_seconds": 5.0, "search_seconds": 4.0, "oracle_seconds": 1.0}
    facts |= {"driver_cpu_seconds": 2.0, "driver_peak_bytes": 2**29, "study_bytes": 1000, "load_average": 0.5}
    return Figures(load=Load(workers=2, trials=60, **changes), **facts)


def test_a_search_that_waits_is_held_against_the_ideal_and_one_that_does_not_against_its_driver(tmp_path):
    waiting = figures(trial_seconds=0.1, space="alike").record()
    assert (waiting["rate"], waiting["ideal"]) == (15.0, 20.0)
    assert bench_workers.row(waiting)[4:] == ("15.0", "75 %", "-", "512")
    busy = figures(trial_seconds=0.0, space="mixed").record()
    assert (busy["ideal"], busy["driver_ms"]) == (None, 50.0)
    assert bench_workers.row(busy)[2:] == ("0 s, mixed", "10", "15.0", "-", "50.0", "512")
    path = bench_workers.store({"searches": [waiting]}, tmp_path)
    assert json.loads(path.read_text())["searches"][0]["rate"] == 15.0


def test_a_search_is_measured_through_oracle_store_and_ray(ray_environment, tmp_path, monkeypatch):
    monkeypatch.setattr(devices, "prepare", lambda *words: None)
    monkeypatch.setenv("LENET_TUNE_SYNTHETIC_SECONDS", "0.05")
    load = Load(workers=2, trials=24, trial_seconds=0.05, space="alike")
    found = bench_workers.measure(load, tmp_path / "bench")
    assert found.search_seconds > 24 * 0.05 / 2
    assert found.rate < found.ideal
    assert 0 < found.oracle_seconds < found.search_seconds
    assert 2 <= found.groups < 24
    assert found.study_bytes > 0
