"""`load`: names, paths, LENET_TUNE_DATA and falling back."""

import subprocess
import sys

import pytest

from lenet_tune.data import NAMES, load


def test_importing_the_room_needs_no_keras():
    code = "import sys, lenet_tune.data; print({'keras', 'tensorflow', 'sklearn'} & set(sys.modules))"
    answer = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert answer.stdout.strip() == "set()"


# --- names and paths ---


@pytest.mark.parametrize("source", ["cifar", "CIFAR10", "no/such/path", "", " ", "x\0y", "x" * 5000])
def test_load_refuses_what_is_neither_a_name_nor_a_path(source, refusal):
    line = refusal(source)
    assert "cannot be read" in line or all(name in line for name in NAMES)


def test_load_refuses_a_file_of_another_kind(tmp_path, refusal):
    (tmp_path / "x.txt").write_text("hello")
    assert "but is none of them" in refusal(str(tmp_path / "x.txt"))


def test_load_shapes_by_name_says_that_it_is_not_comparable(blocked, few_shapes):
    data = load("shapes", environ={})
    assert (data.name, data.comparable) == ("shapes", False)
    assert data.notice == "not CIFAR-10, not comparable with the report"
    assert blocked == []


def test_load_takes_the_path_from_the_environment(tmp_path, save_npz):
    path = save_npz(tmp_path / "mine.npz")
    assert load(None, environ={"LENET_TUNE_DATA": path}).name == "mine"


def test_load_does_not_fall_back_from_a_wrong_path_in_the_environment(tmp_path, refusal):
    assert "no/such/path" in refusal(None, {"LENET_TUNE_DATA": "no/such/path"})


def test_load_by_name_does_not_take_other_data_from_the_environment(tmp_path, refusal, save_npz):
    path = save_npz(tmp_path / "mine.npz")
    assert "cifar-10-python.tar.gz" in refusal(
        "cifar10", {"LENET_TUNE_DATA": path, "KERAS_HOME": str(tmp_path)}
    )


def test_load_cifar10_takes_the_folder_from_the_environment(tmp_path, refusal):
    (tmp_path / "data_batch_1").write_bytes(b"")
    assert "lacks data_batch_2" in refusal("cifar10", {"LENET_TUNE_DATA": str(tmp_path)})
