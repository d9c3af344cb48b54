"""The command `watch`: how it begins and ends, and what a terminal or a pipe sees."""

import http.client
import io
import json
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import live_studies
import pytest
from click.testing import CliRunner
from live_studies import propose, train
from rich.console import Console

from lenet_tune import watching
from lenet_tune.cli import main
from lenet_tune.cli_watch import show, view
from lenet_tune.glance import BARS, glance, sparkline

sys.path.insert(0, str(Path(__file__).parent / "report"))
import report_factory as factory


@pytest.fixture
def study(tiny_data, tmp_path):
    """A random search that has begun: no trial yet."""
    with live_studies.begun(tmp_path / "studies", tiny_data) as opened:
        yield opened


# The command


def command(*words):
    return [sys.executable, "-c", "from lenet_tune.cli import main; main()", "watch", *words]


def test_the_command_prints_the_address_and_ends_cleanly_on_ctrl_c(study):
    propose(study, 0)
    with subprocess.Popen(
        command(str(study.path)), stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as process:
        address = process.stdout.readline().strip()
        port = int(re.fullmatch(r"http://127\.0\.0\.1:(\d+)/", address)[1])
        connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
        connection.request("GET", "/version")
        assert json.loads(connection.getresponse().read()) == {"version": 1, "running": True}
        connection.close()
        process.send_signal(signal.SIGINT)
        out, err = process.communicate(timeout=20)
    assert process.returncode == 130
    assert out == ""
    assert len(err.splitlines()) == 1
    assert "Ctrl-C" in err


def test_a_port_in_use_is_one_line(study):
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = str(taken.getsockname()[1])
        done = CliRunner().invoke(main, ["watch", str(study.path), "--port", port])
    assert done.exit_code == 1
    assert done.stdout == ""
    assert (
        done.stderr
        == f"Error: Port {port} of 127.0.0.1 is in use: name another --port, or none for a free one.\n"
    )


@pytest.mark.parametrize("words", [[], ["--terminal"]])
def test_a_study_that_is_not_there_is_one_line(tmp_path, words):
    done = CliRunner().invoke(main, ["watch", "nothing", "--out", str(tmp_path), *words])
    assert done.exit_code == 4
    assert len(done.stderr.splitlines()) == 1
    assert done.stdout == ""


def test_a_port_means_nothing_in_the_terminal(study):
    done = CliRunner().invoke(main, ["watch", str(study.path), "--port", "8000", "--terminal"])
    assert done.exit_code == 2
    assert "--port" in done.stderr


# The terminal


def test_when_piped_each_change_is_one_plain_line(study, capsys):
    watched = watching.Watched(study.path, every=0)
    shown = threading.Thread(target=show, args=(watched, 0.01))
    shown.start()
    lines = []

    def wait_for(words):
        for _ in range(2000):
            lines.extend(capsys.readouterr().out.splitlines())
            if any(words in line for line in lines):
                return
            time.sleep(0.01)
        pytest.fail(f"{words!r} not in {lines}")

    try:
        wait_for("no trial yet, 6 trials planned")
        propose(study, 0)
        train(study, 0, 1, 0.2)
        wait_for("1 trial in training, epoch 1")
        train(study, 0, 2, 0.4, outcome="done")
        wait_for("1 of 6 trials ended; best 40.00 % (trial 0)")
        propose(study, 1)
        train(study, 1, 1, 0.1, outcome="failed", error="no memory")
        wait_for("2 of 6 trials ended, 1 failed")
        # A change that shows in no line.
        study.set_manifest({"device": "CPU"})
        time.sleep(0.3)
    finally:
        study.set_manifest({"ended": "2026-01-01T11:00:00Z", "interrupted": True})
        shown.join(timeout=20)
    assert not shown.is_alive()
    lines.extend(capsys.readouterr().out.splitlines())
    assert lines[-1].startswith("interrupted, 2 of 6 trials, 1 failed")
    assert len(lines) == len(set(lines))
    assert all(line.isprintable() for line in lines)


def printed(snapshot, width=80):
    console = Console(file=io.StringIO(), width=width, force_terminal=True, no_color=True, color_system=None)
    console.print(view(glance(snapshot), width))
    return console.file.getvalue()


@pytest.fixture
def busy():
    """A search with trials that run, ended and failed, the labels longer than a line."""
    made = factory.search(40, epochs=5)
    trials = [replace(t, label=f"{t.label}, " + "and so on, " * 9) for t in made.trials]
    for number in range(30, 40):
        open_one = replace(trials[number].executions[0], outcome=None)
        trials[number] = replace(
            trials[number], executions=(replace(open_one, epochs=open_one.epochs[: number - 28]),)
        )
    manifest = {k: v for k, v in made.manifest.items() if k != "ended"}
    return replace(made, trials=tuple(trials), manifest=manifest)


def test_the_view_fits_80_columns_and_needs_no_colour(busy):
    text = printed(busy)
    assert "\x1b" not in text
    assert max(map(len, text.splitlines())) <= 80
    best = busy.best
    assert f"{100 * best.score:.2f} %" in text
    assert re.search(r"running or cut off, 30 of 40 trials ended", text)
    assert re.search(r"^ +33 +5/5 ", text, re.MULTILINE)
    assert "and 2 more" in text
    assert re.search(r"^ +29 +[\d.]+ % +done", text, re.MULTILINE)
    assert "3 trials diverged: a loss was no longer a finite number" in text


def test_the_view_marks_the_best_in_words(busy):
    last = replace(busy.trials[29], executions=(factory.execution(29, 0, 0.99),))
    made = replace(busy, trials=(*busy.trials[:29], last, *busy.trials[30:]))
    assert re.search(r"^ +29 +99\.00 % +best", printed(made), re.MULTILINE)


def test_the_view_of_an_empty_study_says_so(study):
    assert "no trial yet, 6 trials planned" in printed(study.snapshot())


def test_a_terminal_obeys_no_text_of_a_study(busy):
    hostile = replace(busy.trials[29], label="\x1b]0;owned\x07\x1b[2Jx")
    made = replace(busy, trials=(*busy.trials[:29], hostile, *busy.trials[30:]))
    assert not set(printed(made)) & {"\x1b", "\x07"}


def test_a_sparkline_goes_from_the_least_to_the_greatest():
    assert sparkline((0.1, 0.2, 0.8), 10) == f"{BARS[0]}{BARS[1]}{BARS[-1]}"
    assert sparkline((0.3, 0.3), 10) == BARS[-1] * 2
    assert sparkline((), 10) == ""
    rising = tuple(range(1000))
    assert len(sparkline(rising, 40)) == 40
    assert sparkline(rising, 40)[-1] == BARS[-1]
    assert sparkline(rising, 8) == BARS
