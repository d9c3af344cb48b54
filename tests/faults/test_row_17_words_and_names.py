"""Rows 16, 17, 23, 24, 26, 27 and 29: command lines, names, payloads, environments, dependencies."""

import contextlib
import html.parser
import os
import re
import signal
import subprocess
from dataclasses import replace
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from kill_harness import comparable
from small_studies import WORDS, command, lenet_tune

from lenet_tune.cli import main
from lenet_tune.config import InputSpec
from lenet_tune.errors import InfeasibleError, SettingError
from lenet_tune.knobs import KNOBS, Range
from lenet_tune.space import configs, is_feasible
from lenet_tune.study import Study
from lenet_tune.studyexport import export_text

SEARCH = ["random", "--trials", "3", "--epochs", "2", "--name", "mine", "--confirm", "0", *WORDS]


def values(knob):
    if isinstance(knob.domain, Range):
        return st.floats(knob.domain.low, knob.domain.high)
    return st.sampled_from(knob.domain.values)


@given(st.fixed_dictionaries({knob.name: values(knob) for knob in KNOBS}), st.sampled_from([4, 8, 28, 32]))
@settings(max_examples=200, deadline=None)
def test_row_16_an_impossible_setting_is_known_before_training(setting, side):
    spec = InputSpec(image_shape=(side, side, 3), channel_mean=(0.0,) * 3, channel_std=(1.0,) * 3)
    if is_feasible(setting, spec):
        lenet, _ = configs(setting, spec)
        assert lenet.pools
    else:
        with pytest.raises(InfeasibleError) as refusal:
            configs(setting, spec)
        assert "\n" not in str(refusal.value)


@pytest.mark.parametrize(
    ("words", "names"),
    [
        (["random", "--trials", "1.5"], "--trials"),
        (["random", "--seeds", "0"], "seeds"),
        (["random", "--seed", "-1"], "seed"),
        (["random", "--epochs", "0"], "epochs"),
        (["random", "--train-size", "1"], "train_size"),
        (["random", "--validation-size", "100000"], "validation_size"),
        (["bayes", "--parallel", "0"], "parallel"),
        (["bayes", "--confirm", "-1"], "confirm"),
        (["random", "--budget", "0s"], "budget"),
        (["random", "--budget", "-5m"], "budget"),
        (["random", "--budget", "nan"], "budget"),
        (["random", "--trial-timeout", "0"], "trial_timeout"),
        (["random", "--trial-timeout", "soon"], "trial_timeout"),
        (["random", "--checkpoint-every", "0"], "--checkpoint-every"),
        (["random", "--knob", "learning_rate"], "NAME=VALUE"),
        (["random", "--knob", "learning_rate=nan"], "learning_rate"),
        (["random", "--knob", "learning_rate=1e999"], "learning_rate"),
        (["random", "--knob", "learning_rate=0.1..0.01"], "0.1..0.01"),
        (["random", "--knob", "activation=selu"], "activation"),
        (["random", "--knob", "=1"], "knob"),
        (["grid", "--knob", "kernel_size=0"], "kernel_size"),
        (["grid", "--section", "1", "--stage", "last"], "--stage"),
        (["random", "--engine", "warp"], "--engine"),
        (["random", "--backend", "torch"], "--backend"),
        (["random", "--device", "tpu"], "--device"),
        (["random", "--speed"], "--speed"),
        (["random", "extra"], "extra"),
        (["study"], "STUDY"),
    ],
)
def test_row_17_a_wrong_command_line_is_refused_with_exit_code_2(cli, words, names):
    result = cli(*words)
    assert result.exit_code == 2, result.output
    assert names.lower() in result.stderr.lower()
    assert "Traceback" not in result.output
    assert not Path("studies").exists()


def test_row_17_seed_zero_is_a_seed(cli):
    assert cli(*SEARCH, "--seed", "0").exit_code == 0
    assert cli(*SEARCH).exit_code == 0
    with Study.read(Path("studies/mine/study.db")) as study:
        assert study.definition.seed == 0


class Page(html.parser.HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.tags, self.text = [], ""
        self.feed(text)

    def handle_starttag(self, tag, attributes) -> None:
        self.tags.append((tag, dict(attributes)))

    def handle_data(self, data) -> None:
        self.text += data


PAYLOAD = "<script>alert(1)</script><img src=x onerror=alert(1)>"


def test_row_23_payloads_in_classes_and_errors_are_shown_as_text(cli, tmp_path, tiny_data, monkeypatch):
    from fakes import fake_engine

    from lenet_tune import session

    def fail(execution) -> None:
        if execution.trial == 1:
            raise RuntimeError(PAYLOAD + "\x1b[2J\nsecond line")

    arrays = {
        f"{xy}_{name}": a
        for name, s in (("train", tiny_data.train), ("test", tiny_data.test))
        for xy, a in (("x", s.images), ("y", s.labels))
    }
    np.savez(tmp_path / "bad.npz", classes=np.array([f"{PAYLOAD}{i}" for i in range(4)]), **arrays)
    monkeypatch.setattr(session, "load_engine", lambda name: fake_engine(fail=fail))
    result = cli(*SEARCH, "--data", "bad.npz")
    assert result.exit_code == 0, result.output
    page = Page(Path("reports/mine.html").read_text(encoding="utf-8"))
    assert PAYLOAD in page.text
    # The page's own three: its data, Vega, its script.
    assert [tag for tag, _ in page.tags].count("script") == 3
    assert not [a for _, a in page.tags if any(name.startswith("on") for name in a)]
    assert "\x1b" not in result.output
    assert "\x1b" not in page.text


names = st.one_of(
    st.text(max_size=300),
    st.sampled_from(
        ["../../x", "a\x00b", "a" * 300, "a b", "🦊", "/etc/x", "CON", "-x", ".", "..", "a/../b"]
    ),
)


@given(name=names)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_row_24_any_name_is_safe_or_refused_and_nothing_is_written_elsewhere(tmp_path, name):
    from lenet_tune.plan import slug

    with contextlib.suppress(SettingError):
        safe = slug(name)
        assert re.fullmatch(r"[A-Za-z0-9._-]+", safe)
        assert (tmp_path / "studies" / safe).resolve().parent == (tmp_path / "studies").resolve()
    for words in (["trials"], ["report"], ["resume"], ["export"], ["study"]):
        result = CliRunner().invoke(main, [*words, "--out", str(tmp_path), "--", name])
        assert result.exit_code in (2, 4), (words, name, result.output, result.exception)
    assert list(tmp_path.iterdir()) == []


def test_row_24_the_name_inside_an_export_cannot_lead_elsewhere(cli, tmp_path):
    assert cli(*SEARCH).exit_code == 0
    with Study.read(Path("studies/mine/study.db")) as study:
        sent = study.snapshot()
    for name, code in (("mine", 0), ("../../elsewhere", 4)):
        definition = replace(sent.definition, name=name)
        Path("sent.json").write_text(export_text(replace(sent, definition=definition)))
        result = cli("report", "sent.json", "--out", "deep/er")
        assert result.exit_code == code, result.output
    assert result.exit_code == 4
    assert "definition.name" in result.stderr
    assert not list(tmp_path.rglob("elsewhere*"))


ENVIRONMENTS = {
    "another zone, plain C locale, no home": {
        "TZ": "Pacific/Kiritimati",
        "LC_ALL": "C",
        "LANG": "C",
        "PYTHONUTF8": "0",
        "PYTHONCOERCECLOCALE": "0",
        "HOME": "/nonexistent",
        "XDG_CACHE_HOME": "/nonexistent/cache",
    },
}


@pytest.mark.parametrize("name", ENVIRONMENTS)
def test_row_26_the_same_result_in_another_environment(cli, tiny_npz, tmp_path, name):
    assert cli(*SEARCH).exit_code == 0
    with Study.read(tmp_path / "studies/mine/study.db") as study:
        expected = comparable(study.snapshot())
    odd = tmp_path / "ünï ☃ dir"
    odd.mkdir()
    data = odd / "tiny.npz"
    data.write_bytes(tiny_npz.read_bytes())
    result = lenet_tune(*SEARCH, cwd=odd, data=data, **ENVIRONMENTS[name])
    assert result.returncode == 0, result.stderr
    with Study.read(odd / "studies/mine/study.db") as study:
        assert comparable(study.snapshot()) == expected
    assert (odd / "reports/mine.html").read_text(encoding="utf-8").startswith("<!DOCTYPE html>")


def test_row_26_a_clock_that_jumps_back_changes_no_figure(cli, monkeypatch):
    from lenet_tune import manifest

    moments = iter([datetime(2030, 1, 1, tzinfo=UTC), *[datetime(1999, 1, 1, tzinfo=UTC)] * 50])
    monkeypatch.setattr(manifest, "now", lambda: next(moments).isoformat(timespec="seconds"))
    monkeypatch.setattr("time.time", lambda: 0.0)
    result = cli(*SEARCH)
    assert result.exit_code == 0, result.output
    assert cli("resume", "mine", "--trials", "5").exit_code == 0
    with Study.read(Path("studies/mine/study.db")) as study:
        assert study.manifest["wall_seconds"] >= 0
        assert study.snapshot().ended == 5


@pytest.mark.parametrize("module", ["keras_tuner", "scipy"])
def test_row_27_a_missing_package_is_one_line_with_the_pip_command(tiny_npz, tmp_path, module):
    result = lenet_tune(*SEARCH, cwd=tmp_path, data=tiny_npz, patch=f"sys.modules[{module!r}] = None")
    if module == "scipy" and result.returncode == 0:
        pytest.skip("a random search needs no scipy")
    assert result.returncode == 1, result.stderr
    assert "Traceback" not in result.stderr
    assert f"pip install '{module.replace('_', '-')}" in result.stderr.splitlines()[-1]


def test_row_27_an_old_package_is_named_with_both_versions(cli, monkeypatch):
    from lenet_tune import requirements

    monkeypatch.setattr(requirements.metadata, "requires", lambda name: ["keras>=3.15", "numpy >= 999.0"])
    result = cli(*SEARCH)
    assert result.exit_code == 1
    assert f"numpy >= 999.0, but {np.__version__} is installed: pip install 'numpy>=999.0'" in result.stderr


def test_row_29_a_process_killed_while_it_renders_leaves_the_old_page(cli, tiny_npz, tmp_path):
    assert cli(*SEARCH).exit_code == 0
    page = tmp_path / "reports/mine.html"
    before = page.read_bytes()
    # Dies between the new file and its renaming.
    death = "import os\nos.replace = lambda *words: os.kill(os.getpid(), 9)"
    given = {**os.environ, "LENET_TUNE_DATA": str(tiny_npz)}
    words = command("report", "mine", patch=death)
    died = subprocess.run(words, cwd=tmp_path, env=given, capture_output=True, check=False)
    assert died.returncode == -signal.SIGKILL
    assert page.read_bytes() == before
    assert cli("report", "mine").exit_code == 0
    assert page.read_bytes() == before
