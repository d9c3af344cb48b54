"""`lenet-tune reproduce` with an engine that trains nothing: what is run, kept, resumed and written."""

import json
import os
import shutil
import signal
import subprocess
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import repro_factory as factory
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement

from lenet_tune.cli import main
from lenet_tune.config import InputSpec
from lenet_tune.data.remote import UnavailableError
from lenet_tune.reproduce.plan import Asked, define, groups, missing
from lenet_tune.sections.arms import Pick, arms
from lenet_tune.space import key
from lenet_tune.studyexport import compact, export_text, read_export

QUICK = ["reproduce", "--quick"]
ROOT = Path(__file__).parent.parent
SPEC = InputSpec(channel_mean=(0.5,) * 3, channel_std=(0.25,) * 3)


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    """A data set that the report's networks fit, of noise."""
    path = tmp_path_factory.mktemp("data") / "noise.npz"
    rng = np.random.default_rng(0)
    images, labels = rng.integers(0, 256, (80, 32, 32, 3), dtype=np.uint8), np.arange(80) % 10
    np.savez(path, x_train=images[:60], y_train=labels[:60], x_test=images[60:], y_test=labels[60:])
    return path


class Bench:
    """A folder to reproduce in, and every execution that was trained there."""

    def __init__(self, data, monkeypatch, folder):
        from lenet_tune import session

        self.trained: list[tuple] = []
        monkeypatch.chdir(folder)
        monkeypatch.setenv("LENET_TUNE_DATA", str(data))
        monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(fail=self._note))
        monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", lambda *words: None)

    def _note(self, execution):
        if execution.start is None:
            self.trained.append((execution.label, execution.seed))

    def __call__(self, *words):
        return CliRunner().invoke(main, [*QUICK, *words])

    @property
    def folder(self):
        return next(Path("reports").glob("reproduction-quick*/"))

    def results(self):
        return {path.name: read_export(path) for path in sorted(self.folder.glob("*.json"))}


@pytest.fixture
def bench(data, monkeypatch, tmp_path):
    return Bench(data, monkeypatch, tmp_path)


def executions(snapshots):
    return [(t.label, e.repeat) for s in snapshots for t in s.trials for e in t.executions]


def test_a_claim_is_run_judged_and_written(bench):
    result = bench("--claim", "C16", "--seeds", "2")
    assert result.exit_code == 0, result.output
    assert "4 executions of 2 settings missing" in result.stderr
    assert "[4/4] test accuracy" in result.stderr
    assert "C16" in result.stdout
    page = Path(result.stdout.splitlines()[-1])
    assert "not comparable" in page.read_text(encoding="utf-8")
    (snapshot,) = bench.results().values()
    assert sorted(executions([snapshot])) == sorted(
        (arm.label, k) for arm in arms(Pick(claims=("C16",))) for k in (0, 1)
    )


def test_more_seeds_add_only_what_is_missing(bench):
    bench("--claim", "C16", "--seeds", "1")
    first = list(bench.trained)
    bench("--claim", "C16", "--seeds", "3")
    assert len(first) == 2
    assert len(bench.trained) == 6
    assert len(set(bench.trained)) == 6
    assert list(bench.results()) == ["reproduction-quick-noise.json"]


def test_more_claims_add_only_what_is_missing(bench):
    bench("--claim", "C6", "--seeds", "1")
    bench("--claim", "C7", "--seeds", "1")
    assert len(set(bench.trained)) == len(bench.trained)
    wanted = {arm.label for name in ("C6", "C7") for arm in arms(Pick(claims=(name,)))}
    assert {label for label, _ in bench.trained} == wanted


def test_a_finished_reproduction_trains_nothing_and_writes_the_same_page(bench):
    page = Path(bench("--claim", "C16", "--seeds", "1").stdout.splitlines()[-1])
    before = page.read_bytes()
    again = bench("--claim", "C16", "--seeds", "1")
    assert "nothing is missing" in again.stderr
    assert len(bench.trained) == 2
    assert page.read_bytes() == before


def test_results_alone_count_as_done_and_new_ones_go_into_a_study_of_their_own(bench):
    bench("--claim", "C16", "--seeds", "1")
    (name,) = bench.results()
    before = (bench.folder / name).read_bytes()
    shutil.rmtree("studies")  # a fresh clone
    bench("--claim", "C16", "--seeds", "2")
    assert len(set(bench.trained)) == len(bench.trained) == 4
    assert list(bench.results()) == ["reproduction-quick-noise-2.json", name]
    assert (bench.folder / name).read_bytes() == before
    assert sorted(k for _, k in executions(bench.results().values())) == [0, 0, 1, 1]


def test_another_commit_starts_another_study(bench, monkeypatch):
    bench("--claim", "C16", "--seeds", "1")
    monkeypatch.setattr("lenet_tune.manifest.commit", lambda: "0123456789")
    bench("--claim", "C16", "--seeds", "2")
    commits = [s.manifest["commit"] for s in bench.results().values()]
    assert commits[0] == "0123456789"
    assert len(commits) == len(set(commits)) == 2
    assert len(bench.trained) == 4


def test_results_written_beside_the_code_do_not_start_another_study(bench, monkeypatch):
    monkeypatch.setattr("lenet_tune.manifest.commit", lambda: "0123456789")
    bench("--claim", "C16", "--seeds", "1")
    monkeypatch.setattr("lenet_tune.manifest.commit", lambda: "0123456789-dirty")
    bench("--claim", "C16", "--seeds", "2")
    assert len(bench.results()) == 1


def test_a_study_never_overwrites_results_that_know_more(bench):
    bench("--claim", "C16", "--seeds", "1")
    shutil.copytree("studies", "kept")
    bench("--claim", "C16", "--seeds", "2")
    shutil.rmtree("studies")
    shutil.move("kept", "studies")
    bench("--claim", "C16", "--seeds", "3")
    assert len(bench.trained) == 6
    assert sorted(k for _, k in executions(bench.results().values())) == [0, 0, 1, 1, 2, 2]


def test_a_budget_cuts_between_groups_and_the_same_command_goes_on(bench):
    sittings = 0
    while sittings < 20:
        result = bench("--section", "2", "--claim", "C14", "--seeds", "2", "--budget", "0.001s")
        assert result.exit_code == 0, result.output
        sittings += 1
        if "nothing is missing" in result.stderr:
            break
    assert sittings > 3
    assert len(set(bench.trained)) == 4
    assert sorted(executions(bench.results().values())) == sorted(
        (arm.label, k) for arm in arms(Pick(claims=("C14",))) for k in (0, 1)
    )


def test_a_failing_execution_is_kept_apart_and_tried_again_by_another_commit_only(bench, monkeypatch):
    from lenet_tune import session

    def fail(execution):
        if execution.train.learning_rate == 0.01:
            raise MemoryError("no room")

    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(fail=fail))
    result = bench("--claim", "C16", "--seeds", "1")
    assert result.exit_code == 0, result.output
    assert (
        "A group of 2 failed and trains on one by one, which takes longer: MemoryError: no room"
        in result.stderr
    )
    assert len(executions(bench.results().values())) == 2
    again = bench("--claim", "C16", "--seeds", "1")
    assert "1 execution failed with this version" in again.stderr
    assert "nothing is missing" in again.stderr
    monkeypatch.setattr("lenet_tune.manifest.commit", lambda: "0123456789")
    assert "1 execution of 1 setting missing" in bench("--claim", "C16", "--seeds", "1").stderr


def test_the_model_of_table_5_is_measured_later_where_a_sitting_was_killed_before(bench, monkeypatch):
    bench("--claim", "C18", "--seeds", "1")  # measures nothing here, as if killed just before
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)
    result = bench("--claim", "C18", "--seeds", "1")
    assert result.exit_code == 0, result.output
    assert len(bench.trained) == 1
    (snapshot,) = bench.results().values()
    assert snapshot.best_model["trial"] == 0
    assert "nothing is missing" in bench("--claim", "C18", "--seeds", "1").stderr


def test_a_signal_keeps_what_is_done_and_writes_it(data, tmp_path):
    script = (
        "import sys, time; sys.path.insert(0, sys.argv.pop(1))\n"
        "from fakes import fake_engine; from lenet_tune import artifacts, session\n"
        "session.load_engine = lambda name: fake_engine(on_epoch=lambda: time.sleep(0.5))\n"
        "artifacts.measure_leaders = lambda *words: None\n"
        "from lenet_tune.cli import main; main()\n"
    )
    words = [*QUICK, "--claim", "C14", "--seeds", "9"]
    with subprocess.Popen(
        [sys.executable, "-c", script, str(Path(__file__).parent), *words],
        cwd=tmp_path,
        env={**os.environ, "LENET_TUNE_DATA": str(data)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    ) as process:
        for line in process.stderr:
            if line.startswith("[2/18]"):
                break
        process.send_signal(signal.SIGTERM)
        stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 143
    assert "Go on with: the same command" in stderr
    assert (tmp_path / stdout.splitlines()[-1]).is_file()
    (path,) = tmp_path.glob("reports/*/*.json")
    assert len(executions([read_export(path)])) >= 2


def test_the_report_command_rebuilds_the_page_from_the_results(bench, tmp_path):
    page = Path(bench("--claim", "C16", "--seeds", "2").stdout.splitlines()[-1])
    before = page.read_bytes()
    shutil.rmtree("studies")
    page.unlink()
    result = CliRunner().invoke(main, ["report", str(bench.folder)])
    assert result.exit_code == 0, result.output
    assert page.read_bytes() == before


def test_the_report_command_rebuilds_any_studys_page_from_its_export(bench):
    run = CliRunner().invoke
    made = run(main, ["grid", "--section", "2", "--quick", "--name", "two"])
    page = Path(made.stdout.splitlines()[-1])
    before = page.read_bytes()
    snapshot = read_study("two")
    Path("two.json").write_text(export_text(snapshot))
    shutil.rmtree("studies")
    page.unlink()
    result = run(main, ["report", "two.json"])
    assert result.exit_code == 0, result.output
    assert page.read_bytes() == before


def read_study(name):
    from lenet_tune.study import Study

    with Study.read(Path("studies") / name / "study.db") as study:
        return study.snapshot()


def test_a_broken_export_is_refused_in_one_line(bench, tmp_path):
    path = tmp_path / "broken.json"
    path.write_text("{")
    result = CliRunner().invoke(main, ["report", str(path)])
    assert result.exit_code == 4
    assert "broken.json" in result.stderr


def test_a_dry_run_prints_what_is_missing_with_times_and_stores_nothing(bench):
    result = bench("--claim", "C16", "--seeds", "2", "--dry-run")
    assert result.exit_code == 0, result.output
    head, *rows = result.stdout.splitlines()
    assert head.split() == ["seeds", "time", "setting", "(needed", "by)"]
    assert len(rows) == 2
    assert all("0,1" in row and "C16" in row for row in rows)
    assert "seed 1: 2 executions, done after about" in result.stderr
    assert not Path("studies").exists()
    assert not Path("reports").exists()


def test_workers_get_whole_rounds_and_the_results_are_the_same(bench, monkeypatch):
    from contextlib import contextmanager

    from lenet_tune import workers
    from lenet_tune.sites import Here

    words = ("--claim", "C6", "--claim", "C16", "--seeds", "2")
    bench(*words)
    alone = {k: (e.accuracy, e.seed) for k, e in by_run(bench.results()).items()}
    shutil.rmtree("studies")
    shutil.rmtree("reports")
    waiting = []

    class Site(Here):
        device = "workers: 2 x CPU"

        def group_size(self, executions):
            waiting.append(executions)
            return max(1, -(-executions // 2))

    @contextmanager
    def hired(definition, data, wish, backend, capacities):
        assert wish.workers == 2
        with Site(fake_engine(), data, capacity=1, device="CPU") as site:
            yield site

    monkeypatch.setattr(workers, "check", lambda wish: None)
    monkeypatch.setattr(workers, "hired", hired)
    result = bench(*words, "--workers", "2")
    assert result.exit_code == 0, result.output
    assert "2 rounds, on" in result.stderr
    assert [size for size in waiting if size] == [len(alone) // 2] * 2
    assert {k: (e.accuracy, e.seed) for k, e in by_run(bench.results()).items()} == alone
    (snapshot,) = bench.results().values()
    assert snapshot.manifest["device"] == "workers: 2 x CPU"


def by_run(results):
    return {(t.label, e.repeat): e for s in results.values() for t in s.trials for e in t.executions}


def test_a_dry_run_with_workers_measures_here_and_says_so(bench, monkeypatch):
    from lenet_tune import workers

    monkeypatch.setattr(workers, "check", lambda wish: None)
    result = bench("--claim", "C16", "--seeds", "1", "--dry-run", "--ray", "auto")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[-1].startswith(
        "That is for this process alone. The Ray cluster was not"
    )


def test_the_table_is_markdown_of_all_numbers_and_claims(bench):
    bench("--claim", "C16", "--seeds", "2")
    lines = bench("--table").stdout.splitlines()
    assert sum(line.startswith("|") for line in lines) == 2 + 16 + 2 + 18
    assert lines[0].startswith("0 of 16 published figures reproduced")


def test_the_table_has_both_backends_side_by_side(bench):
    bench("--claim", "C16", "--seeds", "2")
    (path,) = bench.folder.glob("*.json")
    one = read_export(path)
    name = one.definition.name.replace("reproduction", "reproduction-jax")
    other = replace(one, definition=replace(one.definition, name=name), manifest={"backend": "jax"})
    folder = bench.folder.with_name(name)
    folder.mkdir()
    (folder / f"{name}.json").write_text(export_text(other), encoding="ascii")
    lines = bench("--table").stdout.splitlines()
    assert [line.partition(":")[0] for line in lines[:3]] == ["TensorFlow", "", "JAX"]
    tables = [line for line in lines if line.startswith("|")]
    assert tables[0] == (
        "| where | run | published | measured, TensorFlow | n | verdict | measured, JAX | n | verdict |"
    )
    assert len(tables) == 2 + 16 + 2 + 18


def test_a_reproduction_on_jax_has_a_name_of_its_own(tiny_data):
    asked = Asked(pick=Pick(), backend="jax")
    definition = define(asked, tiny_data)
    assert definition.name.startswith("reproduction-jax")
    assert definition.title.endswith("the report reproduced on JAX")
    assert Asked(pick=Pick()).name == "reproduction"


def test_a_table_without_results_says_what_to_run(bench):
    result = bench("--table")
    assert result.exit_code == 2
    assert "lenet-tune reproduce" in result.stderr


def test_only_a_quick_reproduction_goes_on_with_a_stand_in_for_cifar_10(bench, monkeypatch):
    def nowhere(*words):
        raise UnavailableError("CIFAR-10 is not in the cache and cannot be downloaded.")

    monkeypatch.delenv("LENET_TUNE_DATA")
    monkeypatch.setattr("lenet_tune.data.loading._cifar10", nowhere)
    refused = CliRunner().invoke(main, ["reproduce", "--claim", "C16", "--seeds", "1"])
    assert refused.exit_code == 6
    assert refused.stderr == "Error: CIFAR-10 is not in the cache and cannot be downloaded.\n"
    assert not Path("studies").exists()
    quick = bench("--claim", "C16", "--seeds", "1", "--dry-run")
    assert quick.exit_code == 0, quick.output
    assert "going on with the built-in data set shapes" in quick.stderr


def test_a_search_becomes_the_answer_to_the_closing_question(bench):
    bench("--claim", "C16", "--seeds", "1")
    words = ["random", "--section", "3", "--quick", "--trials", "2", "--name", "deep", "--confirm", "0"]
    made = CliRunner().invoke(main, words)
    assert made.exit_code == 0, made.output
    result = bench("--claim", "C16", "--seeds", "1", "--closing", "deep")
    assert result.exit_code == 0, result.output
    assert "closing-deep.json" in bench.results()
    page = Path(result.stdout.splitlines()[-1]).read_text(encoding="utf-8")
    assert "random search of section 3" in page


def test_a_setting_taken_apart_says_which_knobs_made_the_difference_and_is_no_search(bench):
    bench("--claim", "C16", "--seeds", "1")
    words = ["random", "--section", "3", "--quick", "--trials", "2", "--name", "deep", "--confirm", "0"]
    made = CliRunner().invoke(main, words)
    assert made.exit_code == 0, made.output
    bench("--claim", "C16", "--seeds", "1", "--closing", "deep")
    words = ["ablate", "deep", "--towards", "section3", "--quick", "--seeds", "2", "--name", "apart"]
    made = CliRunner().invoke(main, words)
    assert made.exit_code == 0, made.output
    result = bench("--claim", "C16", "--seeds", "1", "--closing", "apart")
    assert result.exit_code == 0, result.output
    page = Path(result.stdout.splitlines()[-1]).read_text(encoding="utf-8")
    assert page.count('id="fig-ablation-apart"') == 1
    assert "The searches, in the order in which they began" not in page


def test_a_study_that_looked_at_the_test_images_answers_no_question(bench):
    bench("--claim", "C16", "--seeds", "1")
    CliRunner().invoke(main, ["grid", "--section", "2", "--quick", "--name", "two"])
    result = bench("--claim", "C16", "--closing", "two")
    assert result.exit_code == 4
    assert "lenet-tune bayes --section 3" in result.stderr


@pytest.mark.parametrize("words", [["--claim", "C99"], ["--seeds", "0"], ["--reading", "pooling=median"]])
def test_a_wrong_pick_is_refused_before_anything_is_read(bench, words):
    result = bench(*words)
    assert result.exit_code == 2
    assert not Path("reports").exists()


def test_another_reading_has_a_page_of_its_own_and_shares_what_it_can(bench):
    bench("--claim", "C16", "--seeds", "1")
    result = bench("--claim", "C16", "--seeds", "1", "--reading", "pooling=max")
    assert Path(result.stdout.splitlines()[-1]).name == "reproduction-quick-noise-pooling-max.html"
    assert len(bench.trained) == 4
    result = bench("--claim", "C16", "--seeds", "1", "--reading", "batch=32")
    assert "nothing is missing" in result.stderr  # section 3 has no initial runs


def test_a_sections_grid_takes_a_reading_and_still_finds_its_published_numbers(bench):
    words = ["grid", "--section", "3", "--quick", "--reading", "pooling=max"]
    result = CliRunner().invoke(main, words)
    assert result.exit_code == 0, result.output
    page = Path(result.stdout.splitlines()[-1]).read_text(encoding="utf-8")
    assert "2 of 2 published numbers" in page


def test_all_settings_get_their_first_seed_before_any_gets_its_second():
    asked = Asked(pick=Pick(), seeds=3)
    rounds = missing(asked, factory.definition(), set())
    everything = {key(arm.setting) for arm in arms(Pick())}
    assert [{job.repeat for job in jobs} for jobs in rounds] == [{0}, {1}, {2}]
    assert all({key(job.setting) for job in jobs} == everything for jobs in rounds)


def test_seeds_may_be_trained_at_once_in_larger_groups():
    one = missing(Asked(pick=Pick(claims=("C14",)), seeds=4), factory.definition(), set())
    four = missing(Asked(pick=Pick(claims=("C14",)), seeds=4, at_once=4), factory.definition(), set())
    assert len(groups(one, SPEC, 16)) == 8
    assert len(groups(four, SPEC, 16)) == 2


def test_groups_hold_each_job_once_and_no_more_than_the_capacity():
    rounds = missing(Asked(pick=Pick(readings=True), seeds=2), factory.definition(), set())
    found = groups(rounds, SPEC, 16)
    assert max(map(len, found)) <= 16
    identities = [job.identity for group in found for job in group]
    assert (
        len(set(identities)) == len(identities) == sum(map(len, rounds)) == 2 * len(arms(Pick(readings=True)))
    )


def test_the_model_of_table_5_is_the_one_that_is_kept():
    (jobs,) = missing(Asked(pick=Pick(), seeds=1), factory.definition(), set())
    (shown,) = (job for job in jobs if job.is_shown)
    assert shown.arm.label == "adjusted: lr 0.01, tanh, cross-entropy"


def test_seeds_are_those_that_a_grid_has():
    from lenet_tune.executions import execution_seeds

    (jobs,) = missing(Asked(pick=Pick(claims=("C16",)), seeds=1), factory.definition(), set())
    assert jobs[0].seeds == execution_seeds(0, 0)


def test_fewer_epochs_scale_all_runs_and_are_another_reproduction():
    definition = factory.definition(options={"runs": [], "epochs": 3})
    (jobs,) = missing(Asked(pick=Pick(), seeds=1, epochs=3), definition, set())
    assert {job.setting["epochs"] for job in jobs} == {3, 6}


def test_results_are_small_and_say_the_same():
    wanted = arms(Pick(readings=True))
    made = compact(factory.study([(arm.setting, {k: 0.1 + 0.001 * k for k in range(5)}) for arm in wanted]))
    text = export_text(made)
    assert len(text) < 2_000_000
    assert compact(made) == made
    assert export_text(made) == text
    from lenet_tune.interchange import snapshot_from_json

    assert snapshot_from_json(json.loads(text)) == made


def test_results_hold_finished_executions_only():
    from dataclasses import replace

    made = factory.study([(arms(Pick())[0].setting, {0: 0.3, 1: 0.4})])
    (trial,) = made.trials
    waiting = replace(trial.executions[1], outcome=None)
    left = compact(replace(made, trials=(replace(trial, executions=(trial.executions[0], waiting)),)))
    assert [e.repeat for e in left.trials[0].executions] == [0]
    assert compact(replace(made, trials=(replace(trial, executions=(waiting,)),))).trials == ()


def test_the_readmes_table_is_what_the_command_prints():
    readme = (ROOT / "README.md").read_text(encoding="utf-8")
    printed = CliRunner().invoke(main, ["reproduce", "--table", "--out", str(ROOT)])
    assert printed.exit_code == 0, printed.output
    assert printed.stdout.strip() in readme
