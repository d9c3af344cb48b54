"""The main job with nothing replaced: real engines, a real study file, a real page, a real model file."""

import json
import subprocess
import sys
from pathlib import Path

import keras
import numpy as np
import pytest
from click.testing import CliRunner
from PIL import Image

from lenet_tune.cli import main

GRID = [
    "grid",
    "--knob",
    "momentum=0,0.9",
    "--knob",
    "kernel_size=3",
    "--knob",
    "padding=same",
    "--epochs",
    "3",
]


def run(*words: str):
    result = CliRunner().invoke(main, list(words))
    assert result.exit_code == 0, result.output
    return result


@pytest.fixture(scope="module")
def place(tiny_npz, tmp_path_factory):
    """A folder with the same grid run by both engines."""
    folder = tmp_path_factory.mktemp("place")
    for engine in ("fused", "reference"):
        run(*GRID, "--engine", engine, "--name", engine, "--data", str(tiny_npz), "--out", str(folder))
    return folder


def rows(place: Path, name: str) -> list[dict]:
    return json.loads(run("trials", name, "--json", "--out", str(place)).stdout)


def test_both_engines_find_the_same(place):
    fused, reference = rows(place, "fused"), rows(place, "reference")
    assert [r["trial"] for r in fused] == [r["trial"] for r in reference]
    assert [r["score"] for r in fused] == pytest.approx([r["score"] for r in reference], abs=0.05)


@pytest.mark.parametrize("name", ["fused", "reference"])
def test_the_exported_model_has_the_recorded_accuracy_on_raw_pixels(place, tiny_data, name, tmp_path):
    run("export", name, "--out", str(place), "--to", str(tmp_path))
    facts = json.loads((tmp_path / "best.json").read_text())
    model = keras.models.load_model(tmp_path / "best.keras")
    snapshot = json.loads((tmp_path / "trials.json").read_text())
    figures = snapshot["best_model"]
    labels = np.eye(4, dtype=np.float32)[tiny_data.test.labels]
    _, accuracy = model.evaluate(tiny_data.test.images, labels, verbose=0)
    assert accuracy == pytest.approx(figures["accuracy"], abs=1e-6)
    assert facts["trial"] == figures["trial"]
    assert np.sum(figures["confusion"]) == len(tiny_data.test)
    assert np.trace(figures["confusion"]) / len(tiny_data.test) == pytest.approx(accuracy)
    assert {p.suffix for p in tmp_path.iterdir()} >= {".csv", ".json", ".keras", ".png", ".svg"}


def test_predict_names_the_class_of_an_image_file(place, tiny_data, tmp_path):
    run("export", "fused", "--out", str(place), "--to", str(tmp_path / "out"))
    paths = []
    for i in range(4):
        paths.append(str(tmp_path / f"{i}.png"))
        Image.fromarray(tiny_data.test.images[i]).save(paths[-1])
    lines = run("predict", str(tmp_path / "out" / "best.keras"), *paths).stdout.splitlines()
    assert [line.split("\t")[0] for line in lines] == paths
    assert {line.split("\t")[1] for line in lines} <= set(tiny_data.classes)


@pytest.mark.parametrize("content", [b"", b"not a zip", b"PK\x03\x04 half a zip"])
def test_a_broken_model_file_is_refused_in_one_line(tmp_path, content):
    path = tmp_path / "bad.keras"
    path.write_bytes(content)
    result = CliRunner().invoke(main, ["predict", str(path), "x.png"])
    assert result.exit_code == 6
    assert "bad.keras" in result.stderr
    assert len(result.stderr.splitlines()) == 1


def test_a_model_with_code_inside_is_refused(tmp_path):
    inputs = keras.Input((8, 8, 3))
    outputs = keras.layers.Flatten()(keras.layers.Lambda(lambda x: x * 2)(inputs))
    path = tmp_path / "lambda.keras"
    keras.Model(inputs, outputs).save(path)
    result = CliRunner().invoke(main, ["predict", str(path), "x.png"])
    assert result.exit_code == 6
    assert "safely" in result.stderr


def test_the_test_images_are_read_once_at_the_end(place, tmp_path):
    run("export", "fused", "--out", str(place), "--to", str(tmp_path))
    readings = json.loads((tmp_path / "trials.json").read_text())["test_readings"]
    assert len(readings) == 1


def test_the_page_is_made_from_the_study_without_a_backend(place):
    page = place / "reports" / "fused.html"
    before = page.read_bytes()
    page.unlink()
    code = (
        "import sys\nfor name in ('tensorflow', 'keras', 'jax', 'keras_tuner'): sys.modules[name] = None\n"
        "from lenet_tune.cli import main\nmain()"
    )
    words = [sys.executable, "-c", code, "report", "fused", "--out", str(place)]
    subprocess.run(words, check=True, capture_output=True)
    assert page.read_bytes() == before


@pytest.mark.parametrize("kind", ["random", "bayes", "hyperband"])
def test_every_search_ends_with_a_page(tiny_npz, tmp_path, kind):
    trials = [] if kind == "hyperband" else ["--trials", "3"]
    knobs = ["--knob", "depth=2", "--knob", "kernel_size=3", "--knob", "padding=same", "--knob", "filters=6"]
    more = ["--epochs", "2", "--data", str(tiny_npz), "--out", str(tmp_path)]
    result = run(kind, *trials, *knobs, *more)
    page = Path(result.stdout.splitlines()[-1])
    assert "not CIFAR-10" in page.read_text(encoding="utf-8")
