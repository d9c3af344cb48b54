"""The page of a comparison, the index of all studies, and commands that run a trial again."""

import shlex
from dataclasses import replace

import pytest
import report_factory as factory
from click.testing import CliRunner

from lenet_tune import analysis, pages
from lenet_tune.cli import grid, main
from lenet_tune.options import Options
from lenet_tune.plan import grid_runs
from lenet_tune.report import export_tables, render_comparison, render_index
from lenet_tune.report.rerun import again, rerun_command
from lenet_tune.space import key

DATA = {"image_shape": [32, 32, 3], "num_classes": 10}


def study(name, trials=12, **more):
    made = factory.search(trials, **more)
    definition = replace(made.definition, name=name, data={**made.definition.data, **DATA})
    return replace(made, definition=definition)


def compared(*studies):
    return analysis.compare(studies)


def test_a_comparison_is_whole_accessible_and_the_same_every_time(parse):
    found = compared(study("first"), study("second", seeds=2))
    html = render_comparison(found)
    assert html == render_comparison(found)
    page = parse(html)
    assert page.unclosed == []
    assert page.all("script") == factory.SCRIPTS
    assert len(page.all("h1")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    charts = [a["data-chart"] for _, a in page.tags if "data-chart" in a]
    assert charts == ["best-by-trials", "best-by-seconds", "scores", "paired-0"]
    assert "After 12 trials each" in page.text


def test_a_comparison_of_studies_without_a_score_says_so(parse):
    empty = replace(study("first", best=False), trials=(), test_readings=())
    text = parse(render_comparison(compared(empty, replace(empty)))).text
    assert "No study has a score yet" in text


def test_names_in_a_comparison_stay_text(parse):
    bad = "<script>alert(1)</script>"
    html = render_comparison(compared(study(bad), study("other")))
    page = parse(html)
    assert page.all("script") == factory.SCRIPTS
    assert bad in page.text


def test_compare_writes_its_page(tmp_path):
    for name in ("one", "two"):
        export_tables(study(name), tmp_path / name)
    paths = [str(tmp_path / name / "trials.json") for name in ("one", "two")]
    result = CliRunner().invoke(main, ["compare", *paths, "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    assert result.output.splitlines()[-1] == str(tmp_path / "reports" / "compare-one-two.html")
    assert (tmp_path / "reports" / "compare-one-two.html").stat().st_size > 100_000


def test_the_index_links_the_pages_that_are_there_and_names_the_others(parse):
    studies = {"new": study("new"), "odd name": study("odd name"), "later": study("later")}
    page = parse(render_index(studies, ["new.html", "odd name.html", "selfcheck.html"]))
    assert page.unclosed == []
    links = [a["href"] for a in page.all("a")]
    assert {"new.html", "odd%20name.html", "selfcheck.html"} <= set(links)
    assert "lenet-tune report later" in page.text
    assert "3 studies" in page.text


def test_an_empty_index_says_how_to_fill_it(parse):
    assert "No study is here yet" in parse(render_index({}, [])).text


def test_every_study_that_can_be_read_gets_a_page(tmp_path):
    export_tables(study("kept"), tmp_path / "reports" / "x")
    (tmp_path / "reports" / "x" / "trials.json").rename(tmp_path / "reports" / "kept.json")
    (tmp_path / "reports" / "figures.json").write_text("{}")
    (tmp_path / "studies" / "broken").mkdir(parents=True)
    (tmp_path / "studies" / "broken" / "study.db").write_bytes(b"no database")
    result = CliRunner().invoke(main, ["report", "--out", str(tmp_path)])
    assert result.exit_code == 0, result.output
    names = [line.rsplit("/", 1)[1] for line in result.output.splitlines()]
    assert names == ["kept.html", "index.html"]
    assert set(pages.found(tmp_path)) == {"kept"}


def parsed(command):
    """The `Options` that a `lenet-tune grid` command stands for."""
    words = shlex.split(command)
    assert words[:2] == ["lenet-tune", "grid"]
    values = grid.make_context("grid", words[2:]).params
    names = ("base", "knobs", "epochs", "train_size", "validation_size", "seeds", "seed")
    return Options(kind="grid", **{name: values[name] for name in names})


@pytest.mark.parametrize("wide", [False, True])
def test_the_command_of_a_trial_is_that_trial(wide):
    made = study("wide", trials=20, wide=wide, seeds=2)
    for trial in made.trials:
        options = parsed(rerun_command(made, trial))
        runs = list(grid_runs(options))
        assert [key(setting) for _, setting in runs] == [key(trial.setting)]
        assert (options.train_size, options.validation_size) == (45_000, 5_000)
        assert (options.seeds, options.seed) == (2, 0)


def test_a_command_names_a_backend_that_is_not_the_default():
    made = study("on-jax", trials=2)
    (trial, *_), proof = made.trials, made.manifest
    on_jax = replace(made, manifest={**proof, "backend": "jax"})
    assert rerun_command(on_jax, trial) == f"KERAS_BACKEND=jax {rerun_command(made, trial)}"
    assert again({"command": "lenet-tune bayes", "backend": "tensorflow"}) == "lenet-tune bayes"
    named = {"command": "lenet-tune bayes --backend jax", "backend": "jax"}
    assert again(named) == named["command"]
    assert again({}) is None


def test_the_reports_own_runs_have_the_command_of_their_study():
    made = factory.section_grid(1, epochs=3)
    assert rerun_command(made, made.trials[0]) is None
