"""Studies on tiny data with an engine that trains nothing, for fault tests to break and to compare."""

import os
import subprocess
import sys
from pathlib import Path
from typing import Any

from fakes import SilentWatcher, fake_engine

from lenet_tune import loop, plan, session
from lenet_tune.plan import Options
from lenet_tune.study import Study

TESTS = Path(__file__).parent.parent
KNOBS = ("learning_rate=0.001..0.1", "depth=2", "kernel_size=3", "padding=same")
WORDS = [word for knob in KNOBS for word in ("--knob", knob)]
LISTED = ("learning_rate=0.001,0.01,0.1", "momentum=0,0.9", "kernel_size=3", "padding=same")


def asked(kind: str, **changes: Any) -> Options:
    """A small search of a kind."""
    facts: dict[str, Any] = {"kind": kind, "epochs": 3, "validation_size": 20, "engine": "fused"}
    facts["knobs"] = LISTED if kind == "grid" else KNOBS
    if kind in ("random", "bayes"):
        facts |= {"trials": 6, "confirm": 0}
    if kind == "hyperband":
        facts["confirm"] = 0
    return Options(**{**facts, **changes})


def begin(folder: Path, dataset: Any, options: Options) -> Study:
    """A new study as `session.start` makes it."""
    definition = plan.define(options, dataset)
    planned = plan.planned_trials(options, definition)
    return Study.create(folder / definition.name, definition, planned=planned, source=None)


def tools(study: Study, dataset: Any, **changes: Any) -> loop.Tools:
    """What a search of the study works with: a fake engine, groups of four."""
    training = plan.training_data(study.definition, dataset)
    spec = plan.input_spec(study.definition, training)
    facts = {
        "oracle": session.build_oracle(study.definition, spec, study.planned),
        "train_group": fake_engine(),
        "data": training,
        "spec": spec,
        "watcher": SilentWatcher(),
        "device": "none",
        "batch": 3,
        "capacity": 4,
    }
    return loop.Tools(**{**facts, **changes})


SCRIPT = """
import sys, time
sys.path[:0] = [{tests!r}, {here!r}]
from fakes import fake_engine, fake_measurement
from lenet_tune import artifacts, devices, session
artifacts.measure_leaders = fake_measurement
session.load_engine = lambda name: fake_engine()
{patch}
from lenet_tune.cli import main
main()
"""


def command(*words: str, patch: str = "") -> list[str]:
    """argv of a `lenet-tune` whose engine trains nothing; `patch` is code that runs before it."""
    script = SCRIPT.format(tests=str(TESTS), here=str(Path(__file__).parent), patch=patch)
    return [sys.executable, "-c", script, *words]


def lenet_tune(
    *words: str, cwd: Path, data: Path, patch: str = "", **environment: str
) -> subprocess.CompletedProcess:
    """Run such a process to its end."""
    given = {**os.environ, "LENET_TUNE_DATA": str(data), **environment}
    return subprocess.run(
        command(*words, patch=patch), cwd=cwd, env=given, capture_output=True, text=True, check=False
    )
