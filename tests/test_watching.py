"""A study followed while it is written: when it is read, the served page, and who may ask for it."""

import http.client
import json
import os
import socket
import threading
from pathlib import Path

import live_studies
import pytest
from live_studies import propose, train

from lenet_tune import watching


@pytest.fixture
def study(tiny_data, tmp_path):
    """A random search that has begun: no trial yet."""
    with live_studies.begun(tmp_path / "studies", tiny_data) as opened:
        yield opened


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
def serving(monkeypatch):
    """Serve pages in a thread, as often as they are asked for; returns what asks the server."""
    monkeypatch.setattr(watching, "MOST_LOAD", 1.0)
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
