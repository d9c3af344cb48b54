"""The scripts under `examples/` do what the README says of them."""

import html
import json
import runpy
from pathlib import Path

import pytest
from click.testing import CliRunner

from lenet_tune.analysis import summary
from lenet_tune.cli import main
from lenet_tune.data import load
from lenet_tune.data.shapes import CLASSES, load_shapes
from lenet_tune.report.page import render_page
from lenet_tune.studyexport import read_export

EXAMPLES = Path(__file__).parent.parent / "examples"


def example(name):
    return runpy.run_path(str(EXAMPLES / name))


def test_the_folder_of_shapes_holds_the_built_in_images_some_classes_rarer(tmp_path, capsys):
    folder = tmp_path / "drawn-shapes"
    example("shapes_folder.py")["main"]([str(folder), "--most", "24"])
    assert "115 images of 10 classes" in capsys.readouterr().out
    found = load(str(folder))
    assert found.name == "drawn-shapes"
    assert set(found.classes) == set(CLASSES)
    sizes = {name: len(list((folder / name).iterdir())) for name in CLASSES}
    assert sizes["disc"] == 24
    assert sizes["crescent"] == 4
    known = {image.tobytes() for image in load_shapes(seed=0).train.images}
    assert all(image.tobytes() in known for image in found.train.images)
    shown = CliRunner().invoke(main, ["data", str(folder)]).output
    assert "read balanced accuracy beside accuracy" in shown


def test_a_folder_with_more_images_than_there_are_is_refused_in_one_line(tmp_path, capsys):
    with pytest.raises(SystemExit):
        example("shapes_folder.py")["main"]([str(tmp_path), "--most", "1001"])
    assert "--most must be in [6, 1000], but got 1001" in capsys.readouterr().err


# Keras Tuner's lock still calls threading.currentThread and getName.
@pytest.mark.filterwarnings("ignore:currentThread:DeprecationWarning")
@pytest.mark.filterwarnings("ignore:getName:DeprecationWarning")
def test_the_model_of_ones_own_leaves_a_page_that_its_json_gives_again(tmp_path, capsys):
    page = tmp_path / "reports" / "own-model.html"
    example("own_model.py")["main"]([str(page), "--data", "shapes", "--quick"])
    assert capsys.readouterr().out.startswith("4 executions trained fused; best 0.")
    found = read_export(page.with_suffix(".json"))
    assert [t.status for t in found.trials] == ["done"] * 4
    assert [len(t.executions[0].epochs) for t in found.trials] == [2] * 4
    assert set(found.trials[0].setting) == {"filters", "activation", "normalise", "dropout", "rate"}
    assert found.definition.data["name"] == "shapes, a stratified part"
    text = page.read_text(encoding="utf-8")
    assert "A model of one&#39;s own on shapes" in text
    assert text == render_page(found)


def test_the_speed_of_the_model_of_ones_own_is_measured_in_pairs(tmp_path, monkeypatch, capsys):
    pytest.importorskip("tensorboard", reason="Keras Tuner's TensorFlow tuners import tensorboard")
    out = tmp_path / "reports" / "speed.json"
    words = ["--images", "64", "--trials", "2", "--epochs", "2", "--pairs", "1"]
    example("own_model_speed.py")["main"]([str(out), *words])
    found = json.loads(out.read_text(encoding="utf-8"))
    (pair,) = found["pairs"]
    assert found["search_ratio"] == pair["stock"]["search_seconds"] / pair["fused"]["search_seconds"]
    assert found["rate_ratio"] == pair["fused"]["rate"] / pair["stock"]["rate"] > 0
    assert "whole search" in capsys.readouterr().out


def plain(text):
    return " ".join(text.split())


@pytest.mark.parametrize("name", ["drawn-shapes", "own-model"])
def test_the_committed_studies_are_whole_and_say_what_made_them(name):
    reports = EXAMPLES.parent / "reports"
    found = read_export(reports / f"{name}.json")
    assert found.definition.name == name
    assert [t.status for t in found.trials] == ["done"] * 12
    assert "dirty" not in found.manifest["commit"]
    page = (reports / f"{name}.html").read_text(encoding="utf-8")
    assert plain(summary(found)) in plain(html.unescape(page))
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    typed = plain(readme.replace("\\\n", " "))
    program, *words = found.manifest["command"].split(" --")
    assert program in typed
    assert all(f"--{word}" in typed for word in words)


def test_the_readme_has_the_measured_speed_of_a_model_of_ones_own():
    found = json.loads((EXAMPLES.parent / "reports" / "bench-own-model.json").read_text(encoding="utf-8"))
    readme = (EXAMPLES.parent / "README.md").read_text(encoding="utf-8")
    assert "dirty" not in found["proof"]["commit"]
    assert f"search {found['search_ratio']:.1f} x as fast" in plain(readme)
    assert f"after the first {found['rate_ratio']:.1f} x" in plain(readme)
