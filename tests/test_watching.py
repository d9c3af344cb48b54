"""A study followed while it is written: the served page, who may ask for it, and the terminal's view."""

import http.client
import io
import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from dataclasses import replace
from pathlib import Path

import pytest
from click.testing import CliRunner
from rich.console import Console

from lenet_tune import watching
from lenet_tune.cli import main
from lenet_tune.cli_watch import show, view
from lenet_tune.engines.base import EpochResult
from lenet_tune.glance import BARS, glance, sparkline
from lenet_tune.records import Ending, NewTrial
from lenet_tune.space import complete

sys.path.insert(0, str(Path(__file__).parent / "report"))
sys.path.insert(0, str(Path(__file__).parent / "faults"))
import report_factory as factory
from small_studies import asked, begin


@pytest.fixture
def study(tiny_data, tmp_path):
    """A random search that has begun: no trial yet."""
    with begin(tmp_path / "studies", tiny_data, asked("random", name="mine")) as opened:
        yield opened


def propose(study, number, rate=0.01):
    setting = complete({"learning_rate": rate, "kernel_size": 3, "epochs": 3})
    study.add_trials([NewTrial(setting=setting, label=f"lr {rate}", proposal={}, seeds=[(number, number)])])


def train(study, number, epoch, accuracy, outcome=None, error=None):
    result = EpochResult(
        trial=number,
        repeat=0,
        epoch=epoch,
        train_loss=1.0,
        train_accuracy=accuracy,
        held_out_loss=1.0,
        held_out_accuracy=accuracy,
        seconds=0.1,
    )
    endings = [Ending(trial=number, repeat=0, outcome=outcome, error=error)] if outcome else []
    study.record([result], endings=endings)


class Clock:
    """A clock that tests set."""

    now = 100.0

    def __call__(self):
        return self.now


# Reading


def test_a_study_is_read_where_it_has_changed_and_not_too_often(study):
    clock = Clock()
    watched = watching.Watched(study.path, every=5, clock=clock)
    assert watched.look().trials == ()
    clock.now += 6
    assert watched.look() is None
    propose(study, 0)
    assert [t.number for t in watched.look().trials] == [0]
    train(study, 0, 1, 0.2)
    clock.now += 4.9
    assert watched.look() is None
    clock.now += 0.2
    assert len(watched.look().trials[0].executions[0].epochs) == 1


def test_looking_takes_a_fifth_of_the_time_at_most():
    clock = Clock()
    watched = watching.Watched(Path("none"), every=5, clock=clock)
    clock.now += 10
    watched.rest(started=100)
    clock.now += 39
    assert watched.look() is None
    clock.now += 2
    with pytest.raises(Exception, match="no study file"):
        watched.look()


# The server


def described(snapshot):
    return f"<!doctype html><title>{len(snapshot.trials)} trials</title>"


@pytest.fixture
def serving():
    """Serve pages in a thread; returns what asks the server."""
    servers = []

    def start(study, render=described, every=0.0, complain=print):
        server = watching.serve(
            watching.Pages(watching.Watched(study.path, every=every), render, complain), 0
        )
        threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01}, daemon=True).start()
        servers.append(server)
        port = server.server_address[1]

        def ask(path="/", method="GET", host=None, headers=()):
            connection = http.client.HTTPConnection("127.0.0.1", port, timeout=20)
            connection.putrequest(method, path, skip_host=True)
            for value in host if isinstance(host, list) else [host or f"localhost:{port}"]:
                connection.putheader("Host", value.replace("PORT", str(port)))
            for name, value in headers:
                connection.putheader(name, value)
            connection.endheaders()
            answer = connection.getresponse()
            answer.content = answer.read().decode()
            connection.close()
            return answer

        ask.port = port
        return ask

    yield start
    for server in servers:
        server.shutdown()
        server.server_close()


def test_the_page_follows_a_study_that_is_written(study, serving):
    ask = serving(study)
    assert "0 trials" in ask().content
    propose(study, 0)
    assert "1 trials" in ask().content
    assert json.loads(ask("/version").content) == {"version": 2, "running": True}
    assert json.loads(ask("/version").content)["version"] == 2
    propose(study, 1)
    assert json.loads(ask("/version").content)["version"] == 3


def test_the_page_is_the_studys_own(study, serving):
    propose(study, 0)
    train(study, 0, 1, 0.25, outcome="done")
    answer = serving(study, render=watching.page_of)()
    assert answer.status == 200
    assert answer.getheader("Content-Type") == "text/html; charset=utf-8"
    assert "25.0" in answer.content
    assert study.definition.title in answer.content


def test_the_page_renews_itself_while_the_study_runs_and_is_never_stored(study, serving):
    ask = serving(study, every=3)
    answer = ask()
    assert answer.getheader("Refresh") == "3"
    assert answer.getheader("Cache-Control") == "no-store"
    assert answer.getheader("X-Frame-Options") == "DENY"
    study.set_manifest({"ended": "2026-01-01T11:00:00Z"})
    ended = serving(study)()
    assert ended.getheader("Refresh") is None
    assert ended.getheader("Cache-Control") == "no-store"


@pytest.mark.parametrize("host", ["localhost:PORT", "127.0.0.1:PORT", "LOCALHOST:PORT"])
def test_names_of_this_machine_are_answered(study, serving, host):
    assert serving(study)(host=host).status == 200


@pytest.mark.parametrize(
    "host",
    ["evil.example", "evil.example:PORT", "localhost", "localhost:1", "127.0.0.1.evil.example:PORT",
     "localhost:PORT.evil.example", "[::1]:PORT", "0.0.0.0:PORT", "", [],
     ["localhost:PORT", "evil.example"]],
    ids=str,
)  # fmt: skip
@pytest.mark.parametrize("path", ["/", "/version", "/x"])
def test_other_names_are_refused_and_told_nothing(study, serving, host, path):
    asking = serving(study)
    answer = asking(path, host=host) if host != "" else asking(path, host=[""])
    assert answer.status == 403
    assert "trials" not in answer.content
    assert "version" not in answer.content


@pytest.mark.parametrize(
    "path", ["/x", "/study.db", "/../study.db", "/?a", "/version/", "http://localhost/", "*"]
)
def test_there_is_nothing_else(study, serving, path):
    assert serving(study)(path).status == 404


@pytest.mark.parametrize("method", ["POST", "PUT", "DELETE", "OPTIONS", "PATCH", "TRACE", "CONNECT", "MAKE"])
def test_no_other_method_is_allowed(study, serving, method):
    answer = serving(study)("/", method=method)
    assert answer.status == 405
    assert answer.getheader("Allow") == "GET, HEAD"
    assert answer.content == ""


def test_head_has_the_headers_and_no_page(study, serving):
    ask = serving(study)
    page, head = ask(), ask(method="HEAD")
    assert head.content == ""
    assert head.getheader("Content-Length") == page.getheader("Content-Length") == str(len(page.content))


def test_the_server_listens_on_loopback_only_and_says_little(study, serving):
    ask = serving(study)
    assert ask().getheader("Server") == "lenet-tune"
    # Another address of this machine reaches nothing.
    with pytest.raises(ConnectionRefusedError):
        socket.create_connection(("127.0.0.2", ask.port), timeout=2)


def test_what_is_no_http_gets_an_error_and_the_server_lives_on(study, serving):
    ask = serving(study)
    with socket.create_connection(("127.0.0.1", ask.port), timeout=20) as raw:
        raw.sendall(b"\x16\x03\x01 nonsense\r\n\r\n")
        assert b"200" not in raw.recv(100)
    assert ask().status == 200


def test_the_last_good_page_outlives_what_goes_wrong(study, serving):
    said, broken = [], []

    def render(snapshot):
        if broken:
            raise RuntimeError("no\nroom")
        return described(snapshot)

    ask = serving(study, render=render, complain=said.append)
    broken.append(True)
    propose(study, 0)
    assert "0 trials" in ask().content
    assert said == ["The page stays as it was: no room"]
    broken.clear()
    os.rename(study.path, study.path.with_name("away.db"))
    assert "0 trials" in ask().content
    os.rename(study.path.with_name("away.db"), study.path)
    propose(study, 1)
    assert "2 trials" in ask().content


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
