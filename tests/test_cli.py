import json
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest
from click.testing import CliRunner
from fakes import fake_engine, fake_measurement

from lenet_tune.cli import main

SMALL = ["--knob", "kernel_size=3", "--knob", "padding=same", "--epochs", "2"]


@pytest.fixture
def cli(tiny_npz, tmp_path, monkeypatch):
    """Run a command on the tiny data with an engine that trains nothing."""
    from lenet_tune import session

    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("LENET_TUNE_DATA", str(tiny_npz))
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine())
    monkeypatch.setattr("lenet_tune.artifacts.measure_leaders", fake_measurement)

    def run(*words: str):
        return CliRunner().invoke(main, list(words))

    return run


def every_command():
    return sorted(main.commands)


@pytest.mark.parametrize("name", every_command())
def test_every_command_has_help_with_an_example_and_defaults(name):
    result = CliRunner().invoke(main, [name, "--help"])
    assert result.exit_code == 0
    assert "Example:" in result.output
    assert f"lenet-tune {name}" in result.output
    for option in main.commands[name].params:
        if option.param_type_name == "option":
            assert option.help, option.name


@pytest.mark.parametrize("name", every_command())
def test_every_command_stands_in_the_readme(name):
    readme = (Path(__file__).parent.parent / "README.md").read_text(encoding="utf-8")
    assert f"lenet-tune {name}" in readme


def test_help_imports_no_keras_and_is_quick():
    code = "import sys; from lenet_tune.cli import main\ntry: main(['--help'])\nexcept SystemExit: pass\n" + (
        "heavy = {'keras', 'tensorflow', 'jax', 'matplotlib', 'numpy', 'sklearn'} & set(sys.modules)\n"
        "sys.exit(str(heavy) if heavy else 0)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_a_search_prints_its_answer_and_leaves_a_page(cli):
    result = cli("random", "--trials", "3", *SMALL)
    assert result.exit_code == 0, result.output
    assert "[3/3] trial 2: validation accuracy" in result.stderr
    page = Path(result.stdout.splitlines()[-1])
    assert page.parent.name == "reports"
    assert "validation accuracy" in page.read_text(encoding="utf-8")


def test_the_same_command_again_finds_the_study_complete(cli):
    first = cli("random", "--trials", "3", *SMALL)
    again = cli("random", "--trials", "3", *SMALL)
    assert again.exit_code == 0
    assert "is complete: 3 trials" in again.stderr
    assert again.stdout == first.stdout


def test_resume_extends_a_study(cli):
    cli("random", "--trials", "3", "--name", "mine", *SMALL)
    result = cli("resume", "mine", "--trials", "5")
    assert result.exit_code == 0, result.output
    assert "resuming: 3 done, 0 again, 2 to go" in result.stderr
    assert "[5/5] trial 4" in result.stderr


def test_another_search_under_a_taken_name_is_refused_with_what_differs(cli):
    cli("random", "--trials", "3", "--name", "mine", *SMALL)
    result = cli("random", "--trials", "3", "--name", "mine", "--seed", "7", *SMALL)
    assert result.exit_code == 4
    assert "seed was 0 and is now 7" in result.stderr


def test_resuming_on_other_data_is_refused(cli):
    cli("random", "--trials", "3", "--name", "mine", *SMALL)
    result = cli("resume", "mine", "--trials", "4", "--data", "shapes")
    assert result.exit_code == 4
    assert "fingerprint" in result.stderr


def test_trials_come_as_a_table_as_csv_and_as_json(cli, monkeypatch):
    monkeypatch.setenv("COLUMNS", "120")
    cli("random", "--trials", "3", "--name", "mine", *SMALL)
    table = cli("trials", "mine").stdout
    measured = "accuracy 100.0 %, balanced accuracy 100.0 % on 4 test images"
    assert measured in table
    assert measured in cli("study", "mine").stdout
    assert "rank  trial" in table
    assert max(map(len, table.splitlines()[3:])) <= 120
    rows = json.loads(cli("trials", "mine", "--json").stdout)
    assert [row["rank"] for row in rows] == [1, 2, 3]
    assert rows[0]["score"] >= rows[2]["score"]
    csv = cli("trials", "mine", "--csv").stdout.splitlines()
    assert len(csv) == 4
    assert "learning_rate" in csv[0]


def test_report_writes_the_same_page_again(cli):
    page = Path(cli("random", "--trials", "3", "--name", "mine", *SMALL).stdout.splitlines()[-1])
    before = page.read_bytes()
    page.unlink()
    assert cli("report", "mine").exit_code == 0
    assert page.read_bytes() == before


def test_studies_lists_what_is_there(cli):
    cli("random", "--trials", "3", "--name", "mine", *SMALL)
    line = cli("studies").stdout
    assert line.startswith("mine\tcomplete")


def test_dry_run_prints_the_trials_and_stores_nothing(cli):
    result = cli("grid", "--knob", "momentum=0,0.5,0.9", *SMALL, "--dry-run")
    assert result.exit_code == 0, result.output
    assert [line.split()[-1] for line in result.stdout.splitlines()] == ["momentum", "0", "0.5", "0.9"]
    assert "3 trials x 1 seeds on 96 images: about" in result.stderr
    assert not Path("studies").exists()


def test_a_dry_run_with_workers_says_what_they_make_of_the_time(cli):
    pytest.importorskip("ray", reason="needs ray: pip install 'lenet-tune[cluster]'")
    result = cli("grid", "--knob", "momentum=0,0.5", *SMALL, "--dry-run", "--device", "cpu", "--workers", "3")
    assert result.exit_code == 0, result.output
    assert result.stderr.splitlines()[-1].startswith("That is for this process alone. With --workers 3 they")
    assert not Path("studies").exists()


@pytest.mark.parametrize(
    ("count", "ray", "gpus", "said"),
    [
        (None, None, 2, None),
        (4, None, 2, "With --workers 4 on 2 GPUs count on 30 s at best."),
        (1, None, 2, "With --workers 1 on 2 GPUs count on 60 s at best."),
        (None, "auto", 0, "(its workers are a GPU or a node each): n workers"),
        (3, "auto", 0, "(3 a node): n workers"),
    ],
)
def test_what_workers_make_of_a_time(count, ray, gpus, said):
    from types import SimpleNamespace

    from lenet_tune.workers import estimate_words

    found = estimate_words(SimpleNamespace(workers=count, ray=ray), 60.0, gpus)
    assert (found is None) if said is None else (said in found)


def test_knobs_lists_every_knob(cli):
    from lenet_tune.knobs import BY_NAME

    output = cli("knobs").output
    assert all(name in output for name in BY_NAME)


@pytest.mark.parametrize(
    ("words", "code", "names"),
    [
        (["random", "--trials", "0"], 2, "trials"),
        (["random", "--trials", "-1"], 2, "trials"),
        (["random", "--trials", "ten"], 2, "--trials"),
        (["grid", "--section", "9"], 2, "--section"),
        (["grid"], 2, "--knob"),
        (["grid", "--knob", "speed=1"], 2, "speed"),
        (["bayes", "--knob", "learning_rate=fast"], 2, "learning_rate"),
        (["bayes", "--budget", "soon"], 2, "budget"),
        (["bayes", "--name", "../../x"], 2, "name"),
        (["bayes", "--data", "nowhere"], 6, "nowhere"),
        (["trials", "nothing"], 4, "nothing"),
        (["resume", "nothing"], 4, "nothing"),
        (["export", "nothing"], 4, "nothing"),
        (["predict", "nothing.keras", "x.png"], 6, "nothing.keras"),
        (["walk"], 2, "walk"),
    ],
)
def test_a_wrong_command_ends_in_one_line_with_its_exit_code(cli, words, code, names):
    result = cli(*words)
    assert result.exit_code == code, result.output
    assert names in result.stderr
    assert "Traceback" not in result.output
    assert not Path("reports").exists()


@pytest.mark.parametrize(
    ("number", "code"), [(signal.SIGINT, 130), (signal.SIGTERM, 143), (signal.SIGHUP, 129)]
)
def test_a_signal_stops_the_search_keeps_what_is_done_and_says_how_to_go_on(tiny_npz, tmp_path, number, code):
    script = (
        "import sys, time; sys.path.insert(0, sys.argv.pop(1))\n"
        "from fakes import fake_engine; from lenet_tune import session; from lenet_tune.cli import main\n"
        "session.load_engine = lambda name: fake_engine(on_epoch=lambda: time.sleep(0.3))\n"
        "from lenet_tune import artifacts; artifacts.measure_leaders = lambda *words: None\n"
        "main()\n"
    )
    command = [sys.executable, "-c", script, str(Path(__file__).parent), "random", "--trials", "400", *SMALL]
    environment = {**os.environ, "LENET_TUNE_DATA": str(tiny_npz)}
    with subprocess.Popen(
        command, cwd=tmp_path, env=environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        lines = []
        for line in process.stderr:
            lines.append(line)
            if line.startswith("[3/400]"):
                break
        else:
            pytest.fail("".join(lines))
        process.send_signal(number)
        sent = time.monotonic()
        stdout, stderr = process.communicate(timeout=60)
        assert time.monotonic() - sent < 25  # on cores that others use too
    assert process.returncode == code
    assert "Go on with: lenet-tune resume studies/" in stderr
    page = tmp_path / stdout.splitlines()[-1]
    assert "interrupted" in page.read_text(encoding="utf-8")


def test_a_search_on_a_folder_of_images_resumes_at_the_size_it_was_begun_with(cli, image_folder):
    words = ("random", "--trials", "3", "--data", str(image_folder), *SMALL)
    refused = cli(*words)
    assert refused.exit_code == 6
    assert "--image-size" in refused.stderr
    begun = cli(*words, "--image-size", "10x12", "--name", "mine")
    assert begun.exit_code == 0, begun.output
    assert "a stratified sixth" in begun.stdout
    more = cli("resume", "mine", "--trials", "4")
    assert more.exit_code == 0, more.output
    other = cli("resume", "mine", "--trials", "5", "--image-size", "12x10")
    assert other.exit_code == 4
    assert "fingerprint" in other.stderr


def test_class_weights_are_an_option_of_every_search(cli):
    for words in (("random", "--trials", "2"), ("hyperband",), ("grid", "--knob", "momentum=0,0.9")):
        result = cli(*words, "--class-weights", "balanced", *SMALL, "--knob", "learning_rate=0.01,0.02,0.03")
        assert result.exit_code == 0, result.output
        assert "balanced class weights" in result.stderr
    assert "class-weights" in cli("random", "--class-weights", "heavy").stderr


@pytest.mark.parametrize("text", ["0", "x", "8x", "8x8x8", "-8", "4097", "²"])
def test_a_wrong_image_size_is_refused(cli, image_folder, text):
    result = cli("random", "--data", str(image_folder), "--image-size", text)
    assert result.exit_code == 2
    assert "image_size" in result.stderr


@pytest.mark.parametrize(
    "words",
    [
        ("grid", "--section", "1"),
        ("random", "--section", "1", "--knob", "padding=valid"),
        ("hyperband", "--section", "2"),
        ("grid", "--section", "1", "--dry-run"),
    ],
)
def test_a_study_of_which_nothing_can_be_built_is_refused_before_it_is_there(cli, words):
    result = cli(*words)
    assert result.exit_code == 2, result.output
    assert "can be built for 8x8 images: A " in result.stderr
    assert not Path("studies").exists()


def test_a_setting_that_the_images_are_too_small_for_fails_with_its_rule(cli):
    result = cli("grid", "--knob", "kernel_size=3,5", "--knob", "padding=valid,same", "--epochs", "2")
    assert result.exit_code == 0, result.output
    assert "2 of 4 settings cannot be built for 8x8 images and end as failed." in result.stderr
    assert result.stdout.count("  failed  ") == 2
