"""`lenet-tune doctor`: what is there, what is missing, and the command that mends it; never a traceback."""

import json
import os
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from click.testing import CliRunner

from lenet_tune import doctor, requirements
from lenet_tune.cli import main

ANSWER = {"backend": "tensorflow", "devices": [{"name": "CPU", "bytes": None}]}


@pytest.fixture
def started(monkeypatch):
    """Backends that start at once, without being started."""
    monkeypatch.setattr(doctor, "_probe", lambda backend, environ: ANSWER)


def look(tmp_path, **changes):
    """Findings by (topic, name) for a machine that has CIFAR-10's name only."""
    environ = {"KERAS_HOME": str(tmp_path), "PATH": "", **changes.pop("environ", {})}
    place = {"out": tmp_path, "source": None, "backend": None, "environ": environ, **changes}
    return {(f.topic, f.name): f for f in doctor.examine(doctor.Place(**place))}


def run(*words, **environ):
    return CliRunner().invoke(main, ["doctor", *words], env={"COLUMNS": "80", **environ})


def test_the_real_backend_starts_and_names_its_devices(tmp_path, tiny_npz):
    result = run("--json", "--out", str(tmp_path), LENET_TUNE_DATA=str(tiny_npz))
    assert result.exit_code == 0, result.output
    found = json.loads(result.stdout)
    assert found["ok"] is True
    by_name = {(f["topic"], f["name"]): f for f in found["findings"]}
    assert by_name["version", "numpy"]["text"] == np.__version__
    assert any(topic == "device" and "cores" in name for topic, name in by_name)
    assert str(tiny_npz) in by_name["data", "path"]["text"]
    assert by_name["disk", "writing"]["is_ok"]


@pytest.mark.usefixtures("started")
def test_a_machine_without_the_data_is_fit_and_told_where_to_put_them(tmp_path):
    found = look(tmp_path)["data", "cifar10"]
    assert not found.is_ok
    assert not found.is_fatal
    assert "170 MB" in found.text
    assert str(tmp_path / "datasets") in found.fix


@pytest.mark.usefixtures("started")
@pytest.mark.parametrize(
    "place", ["cifar-10-batches-py/", "cifar-10-batches-py-target_archive", "cifar-10-python.tar.gz"]
)
def test_cached_data_are_found_where_keras_keeps_them(tmp_path, place):
    path = tmp_path / "datasets" / place
    path.parent.mkdir()
    path.mkdir() if place.endswith("/") else path.write_bytes(b"x")
    found = look(tmp_path)["data", "cifar10"]
    assert found.is_ok
    assert str(path) in found.text


@pytest.mark.usefixtures("started")
def test_data_that_are_named_and_not_there_are_fatal(tmp_path):
    found = look(tmp_path, environ={"LENET_TUNE_DATA": "/no/such"})["data", "data"]
    assert found.is_fatal
    assert "named by LENET_TUNE_DATA" in found.text
    assert look(tmp_path, source="/no/such")["data", "data"].is_fatal
    assert look(tmp_path, source="shapes")["data", "shapes"].is_ok
    missing = tmp_path / "mnist"
    assert not look(missing, source="mnist")["data", "mnist"].is_ok


@pytest.mark.usefixtures("started")
def test_missing_and_old_packages_are_named_with_their_command(tmp_path, monkeypatch):
    wanted = [("numpy", "1.0"), ("keras", "999.1"), ("no-such-package", "2.0")]
    monkeypatch.setattr(requirements, "needed", lambda: iter(wanted))
    found = look(tmp_path)
    assert found["version", "numpy"].is_ok
    old, missing = found["version", "keras"], found["version", "no-such-package"]
    assert old.is_fatal
    assert missing.is_fatal
    assert old.fix == "pip install 'keras>=999.1'"
    assert missing.fix == "pip install 'no-such-package>=2.0'"
    result = run("--out", str(tmp_path), LENET_TUNE_DATA="shapes")
    assert result.exit_code == 1
    assert "pip install 'keras>=999.1'" in result.stdout
    assert result.stdout.splitlines()[-1] == "2 of what is needed is missing: keras, no-such-package"


@pytest.mark.usefixtures("started")
def test_damaged_metadata_are_a_missing_package(tmp_path, monkeypatch):
    folder = tmp_path / "half_there-1.0.dist-info"
    folder.mkdir()
    (folder / "METADATA").write_text("")
    monkeypatch.syspath_prepend(str(tmp_path))
    monkeypatch.setattr(requirements, "needed", lambda: iter([("half-there", "1.0")]))
    assert look(tmp_path)["version", "half-there"].is_fatal


@pytest.mark.usefixtures("started")
def test_extras_are_told_there_or_missing_with_their_command(tmp_path, monkeypatch):
    extras = {
        "rich": ("rich", "rich", "print"),
        "none": ("no_such_module", "no-such-package", "do nothing"),
        "child": ("no_such_module.child", "no-such-child", "do nothing"),
    }
    monkeypatch.setattr(doctor, "EXTRAS", extras)
    found = look(tmp_path)
    assert found["extra", "rich"].text.endswith(", to print")
    assert found["extra", "none"].fix == "pip install 'no-such-package'"
    assert not found["extra", "none"].is_fatal
    assert not found["extra", "child"].is_ok


def broken(folder: Path, code: str) -> dict[str, str]:
    """An environment in which `import keras` runs `code`."""
    (folder / "keras.py").write_text(code)
    return {**os.environ, "PYTHONPATH": os.pathsep.join([str(folder), *sys.path])}


@pytest.mark.parametrize(
    ("code", "words"),
    [
        ("raise ImportError('libcuda.so: cannot open\\nshared object')", "shared object"),
        ("import os; os.abort()", "exit code -6"),
        ("import sys; sys.exit(3)", "exit code 3"),
        ("import time; time.sleep(60)", "does not start within 1 s"),
    ],
)
def test_a_broken_backend_costs_a_line(tmp_path, monkeypatch, code, words):
    monkeypatch.setattr(doctor, "PROBE_TIMEOUT", 1.0)
    found = look(tmp_path, environ=broken(tmp_path, code))
    assert found["backend", "tensorflow"].is_fatal
    assert words in found["backend", "tensorflow"].text
    assert "tensorflow" in found["backend", "tensorflow"].fix
    assert ("extra", "jax") in found


@pytest.mark.usefixtures("started")
def test_a_folder_that_cannot_be_written_is_fatal(tmp_path):
    (tmp_path / "file").write_text("x")
    found = look(tmp_path, out=tmp_path / "file")
    assert found["disk", "writing"].is_fatal
    assert "--out" in found["disk", "writing"].fix
    assert look(tmp_path, out=tmp_path / "not" / "yet")["disk", "writing"].is_ok


@pytest.mark.usefixtures("started")
def test_little_room_is_said(tmp_path, monkeypatch):
    monkeypatch.setattr(doctor, "DISK_NEEDED", 2**70)
    found = look(tmp_path)["disk", "free"]
    assert not found.is_ok
    assert not found.is_fatal


def test_memory_of_graphics_cards_comes_from_the_drivers_tool(tmp_path, monkeypatch):
    answer = {
        "backend": "tensorflow",
        "devices": [{"name": "CPU", "bytes": None}, {"name": "H", "bytes": None}],
    }
    monkeypatch.setattr(doctor, "_probe", lambda backend, environ: answer)
    assert look(tmp_path)["device", "H"].text == "memory unknown"
    tool = tmp_path / "nvidia-smi"
    tool.write_text("#!/bin/sh\necho 81559\n")
    tool.chmod(0o755)
    assert look(tmp_path, environ={"PATH": str(tmp_path)})["device", "H"].text == "79.6 GiB"
    tool.write_text("#!/bin/sh\necho no driver\nexit 9\n")
    assert look(tmp_path, environ={"PATH": str(tmp_path)})["device", "H"].text == "memory unknown"


@pytest.mark.usefixtures("started")
def test_the_text_fits_80_columns_but_for_commands(tmp_path):
    result = run("--out", str(tmp_path), LENET_TUNE_DATA="cifar10", KERAS_HOME=str(tmp_path))
    for line in result.stdout.splitlines():  # paths and hashes are not broken
        assert len(line) <= 80 or "pip install" in line or max(map(len, line.split())) > 50
    assert "everything that is needed is there" in result.stdout


def test_it_looks_without_numpy_or_pillow(tmp_path):
    """The packages it looks for may be the ones that are missing."""
    code = (
        "import sys\n"
        "class Missing:\n"
        "    def find_spec(self, name, path=None, target=None):\n"
        "        if name.partition('.')[0] in ('numpy', 'PIL', 'rich', 'keras', 'scipy'):\n"
        "            raise ModuleNotFoundError(f'No module named {name!r}', name=name)\n"
        "sys.meta_path.insert(0, Missing())\n"
        "from lenet_tune import doctor\n"
        "doctor._probe = lambda backend, environ: 'does not start: No module named keras'\n"
        "from lenet_tune.cli import main\n"
        "sys.argv = ['lenet-tune', 'doctor']\n"
        "main()\n"
    )
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=False, cwd=tmp_path
    )
    assert done.returncode == 1
    assert "Traceback" not in done.stderr
    assert "cannot be looked for: No module named" in " ".join(done.stdout.split())
    assert "is missing: tensorflow, data" in done.stdout
