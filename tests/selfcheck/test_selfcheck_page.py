"""A whole, tiny self-check: its results, its page, what the command prints and how it ends."""

import json
import re
from dataclasses import replace

import pytest
from click.testing import CliRunner
from report_factory import SCRIPTS

from lenet_tune.cli import main
from lenet_tune.report.selfcheck_page import render_selfcheck
from lenet_tune.selfcheck import running, words
from lenet_tune.selfcheck.results import Promise
from lenet_tune.selfcheck.tasks import REAL, Plan

PLAN = Plan(seeds=2, trials=6, batches=(2,), surfaces=("cliff", REAL), quick=True)


@pytest.fixture(scope="module")
def results():
    return running.run(PLAN, command=["selfcheck"], processes=1, say=lambda text: None)


@pytest.fixture
def broken(results):
    bad = Promise(kind="bayes", what="a setting is never proposed twice", checked=9, broken=1)
    return replace(results, promises=(bad, *results.promises))


def test_a_self_check_is_the_same_every_time(results):
    again = running.run(PLAN, command=["selfcheck"], processes=1, say=lambda text: None)
    first, second = ([replace(t, slowest=0.0) for t in found.trials] for found in (again, results))
    assert first == second
    assert again.landscapes == results.landscapes
    assert again.promises == results.promises


def test_every_search_is_checked_and_compared(results):
    assert {p.kind for p in results.promises} == {"grid", "random", "bayes", "hyperband"}
    assert {(t.surface, t.kind) for t in results.trials} == {
        (s, k) for s in PLAN.surfaces for k in ("bayes", "hyperband")
    }
    assert results.kept
    assert json.loads(json.dumps(results.to_json()))["plan"]["seeds"] == 2


def test_the_verdict_says_first_whether_a_promise_broke(results, broken):
    assert words.verdict(results).startswith("No oracle proposed a setting twice")
    assert words.verdict(broken).startswith("BROKEN: bayes: a setting is never proposed twice (1 of 9)")
    assert not broken.kept


def test_the_page_is_whole_accessible_and_the_same_every_time(results, parse):
    html = render_selfcheck(results)
    assert html == render_selfcheck(results)
    page = parse(html)
    assert page.unclosed == []
    assert len(page.all("h1")) == 1
    ids = [a["id"] for _, a in page.tags if "id" in a]
    assert len(ids) == len(set(ids))
    assert all(link["href"].removeprefix("#") in ids for link in page.all("a"))
    assert len(page.all("caption")) == len(page.all("table"))
    assert len(page.all("svg")) == len(PLAN.surfaces)
    assert page.all("script") == SCRIPTS
    assert page.all("link") == []
    assert "http" not in re.sub(r">[^<]*<", "><", html).replace("http-equiv", "")
    assert words.verdict(results).replace(" %", "\u00a0%") in page.text
    assert words.NO_TPE in page.text


@pytest.mark.parametrize("text", ["<script>alert(1)</script>", '"><img src=x onerror=alert(1)>'])
def test_what_the_proof_says_stays_text(results, parse, text):
    page = parse(render_selfcheck(replace(results, proof={**results.proof, "command": text})))
    assert page.all("script") == SCRIPTS
    assert page.all("img") == []
    assert text in page.text


def test_the_command_prints_80_columns_and_leaves_a_page_and_its_figures(results, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "run", lambda *a, **k: results)
    done = CliRunner().invoke(main, ["selfcheck", "--quick", "--out", str(tmp_path)])
    assert done.exit_code == 0, done.output
    lines = done.stdout.splitlines()
    assert max(map(len, lines[:-2])) <= 80
    assert json.loads((tmp_path / "reports" / "selfcheck.json").read_text())["trials"]
    assert (tmp_path / "reports" / "selfcheck.html").read_text(encoding="utf-8") == render_selfcheck(results)


def test_a_broken_promise_ends_in_exit_code_1_with_the_page_written(broken, tmp_path, monkeypatch):
    monkeypatch.setattr(running, "run", lambda *a, **k: broken)
    done = CliRunner().invoke(main, ["selfcheck", "--quick", "--out", str(tmp_path)])
    assert done.exit_code == 1
    assert "BROKEN" in done.stdout
    assert (tmp_path / "reports" / "selfcheck.html").exists()
