"""The rooms and who may use whom, as the README's picture says."""

import ast
from pathlib import Path

import pytest

import lenet_tune

ROOT = Path(lenet_tune.__file__).parent
HEAVY = {"keras", "tensorflow", "jax", "keras_tuner", "ray"}
# Rooms that may import Keras or a backend at the top of the file; all others must stay light.
MAY_BE_HEAVY = {
    "model",
    "hypermodel",
    "fitargs",
    "fused_tuner",
    "fusedjobs",
    "artifacts",
    "exporting",
    "modelfile",
    "engines",
    "oracles",
    "loop",
    "dryrun",
}
# Rooms and the rooms of this package that they may import at the top.
ALLOWED = {
    "errors": set(),
    "config": {"errors"},
    "knobs": {"config", "errors"},
    "space": {"config", "errors", "knobs"},
    "parse": {"config", "errors", "knobs", "space"},
    "sections": {"config", "errors", "knobs", "space"},
    "model": {"config"},
    "data": {"errors"},
    "buildable": {"config", "errors", "records", "space"},
    "contactsheet": {"data", "errors"},
    "dataview": {"data"},
    "doctor": {"__version__", "errors", "requirements"},
    "requirements": {"errors"},
    "arrays": {"data", "errors"},
    "fusion": {"engines", "errors"},
    "ablation": {"errors", "knobs", "records", "sections", "space", "starts"},
    "options": {"ablation", "config", "errors", "sections", "space"},
    "standing": set(),
    "stopping": {"engines", "records", "study"},
    "cohorts": {"config", "engines", "errors", "executions", "fusion", "records", "study", "training"},
    "training": {"engines", "errors", "records", "stopping", "study"},
    "sites": {"engines", "errors", "training"},
    "workers": {"engines", "progress", "records"},
    "cluster": {
        "devices",
        "engines",
        "errors",
        "estimate",
        "manifest",
        "progress",
        "requirements",
        "sites",
        "training",
    },
    "records": {"engines", "standing"},
    "studymeta": {"errors", "records"},
    "studyrows": {"config", "engines", "errors", "knobs", "records", "space", "studymeta"},
    "studyfile": {"engines", "errors", "interrupts"},
    "study": {"engines", "errors", "records", "studyfile", "studymeta", "studyrows"},
    "hypermodel": {"config", "data", "errors", "knobs", "model", "space"},
    "fitargs": {"engines", "errors"},
    "fusedjobs": {"engines", "fusion"},
    "fused_tuner": {
        "config",
        "engines",
        "errors",
        "fitargs",
        "fusedjobs",
        "hypermodel",
        "space",
        "tunerstudy",
    },
    "tunerstudy": {
        "devices",
        "engines",
        "errors",
        "fusedjobs",
        "manifest",
        "records",
        "report",
        "studyexport",
        "studymeta",
    },
    "analysis": {
        "ablation",
        "config",
        "engines",
        "errors",
        "knobs",
        "records",
        "sections",
        "space",
        "standing",
    },
    "report": {"analysis", "errors", "interchange", "knobs", "records", "sections", "selfcheck", "space"},
    "watching": {"errors", "records", "study"},
    "glance": {"analysis", "records"},
    "tensorboard": {"analysis", "engines", "knobs", "records", "requirements"},
    "callbacks": {"engines", "errors", "records", "study"},
    "loggers": {"callbacks", "engines", "errors", "records", "requirements", "tensorboard"},
    "studyexport": {"engines", "errors", "interchange", "records"},
    "selfcheck": {
        "config",
        "engines",
        "errors",
        "knobs",
        "loop",
        "manifest",
        "oracles",
        "records",
        "space",
    },
    "interchange": {"engines", "errors", "records"},
}


def room(path: Path) -> str:
    return path.relative_to(ROOT).parts[0].removesuffix(".py")


def top_imports(path: Path) -> set[str]:
    """Modules imported when the file is, in dotted form; imports inside functions do not count."""
    found = set()
    for node in ast.parse(path.read_text(encoding="utf-8")).body:
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            found |= {f"{node.module}.{alias.name}" for alias in node.names}
    return found


FILES = sorted(ROOT.rglob("*.py"))


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_only_the_rooms_that_build_or_train_import_keras(path):
    heavy = {name.split(".")[0] for name in top_imports(path)} & HEAVY
    assert not heavy or room(path) in MAY_BE_HEAVY


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_rooms_import_only_what_they_may(path):
    allowed = ALLOWED.get(room(path))
    if allowed is None:
        pytest.skip("a room at the edge, which may use all others")
    own = {name.split(".")[1] for name in top_imports(path) if name.startswith("lenet_tune.")}
    assert own - {room(path)} <= allowed


@pytest.mark.parametrize("path", FILES, ids=lambda p: str(p.relative_to(ROOT)))
def test_files_stay_readable_in_one_sitting(path):
    assert len(path.read_text(encoding="utf-8").splitlines()) <= 330
