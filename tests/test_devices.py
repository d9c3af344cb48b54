import os
import subprocess
import sys

import keras
import pytest

from lenet_tune import devices
from lenet_tune.errors import LeNetTuneError, SettingError


def test_the_device_is_described():
    assert devices.describe().startswith(("CPU, ", "GPU "))


def test_preparing_the_running_backend_again_is_harmless():
    devices.prepare(keras.backend.backend(), "auto")
    assert os.environ["KERAS_BACKEND"] == keras.backend.backend()


@pytest.mark.parametrize(("backend", "device"), [("torch", "auto"), ("tensorflow", "tpu")])
def test_an_unknown_backend_or_device_is_refused(backend, device):
    with pytest.raises(SettingError):
        devices.prepare(backend, device)


def test_a_gpu_that_is_not_there_is_refused_with_the_way_out():
    if devices.gpus():
        pytest.skip("there is a GPU here")
    with pytest.raises(LeNetTuneError, match="--device"):
        devices.prepare(keras.backend.backend(), "gpu")


def test_changing_the_backend_after_keras_is_there_is_refused(monkeypatch):
    other = "jax" if keras.backend.backend() == "tensorflow" else "tensorflow"
    pytest.importorskip(other)
    monkeypatch.setenv("KERAS_BACKEND", keras.backend.backend())
    with pytest.raises(SettingError, match="before Keras is imported"):
        devices.prepare(other, "auto")


def test_a_missing_backend_is_named_with_the_pip_command():
    code = (
        "import sys; sys.modules['jax'] = None\n"
        "from lenet_tune import devices\nfrom lenet_tune.errors import LeNetTuneError\n"
        "try: devices.prepare('jax', 'cpu')\nexcept LeNetTuneError as error: print(error)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert "pip install 'lenet-tune[jax]'" in done.stdout


def test_start_up_is_silent():
    code = "from lenet_tune import devices; devices.prepare(None, 'cpu')"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stderr == ""


def test_row_27_a_gpu_that_cannot_be_used_is_announced(monkeypatch, tmp_path, capsys):
    (tmp_path / "0000:01:00.0").mkdir()
    monkeypatch.setattr(devices, "_DRIVER", tmp_path)
    monkeypatch.setattr(devices, "gpus", list)
    monkeypatch.setattr(os, "environ", {**os.environ})  # what `cpu` sets is not for other tests
    devices.prepare(keras.backend.backend(), "auto")
    said = capsys.readouterr().err
    assert said.startswith(f"NOTICE: a GPU is there, but {keras.backend.backend()} cannot use it")
    assert said.count("\n") == 1
    devices.prepare(keras.backend.backend(), "cpu")
    assert capsys.readouterr().err == ""


def test_row_27_a_device_that_does_not_start_is_one_line(monkeypatch):
    def broken():
        raise RuntimeError("Unable to initialize backend 'cuda':\nno device")

    monkeypatch.setattr(devices, "gpus", broken)
    with pytest.raises(LeNetTuneError, match="--device cpu") as refusal:
        devices.prepare(keras.backend.backend(), "auto")
    assert "\n" not in str(refusal.value)


@pytest.mark.skipif(len(os.sched_getaffinity(0)) < 2, reason="needs two cores to keep one")
def test_a_process_that_shares_its_host_keeps_to_its_cores():
    code = (
        "from lenet_tune import devices; devices.prepare(None, 'cpu', threads=1)\n"
        "import os, keras, numpy as np\nfrom lenet_tune.engines.backend import ops\n"
        "a = keras.ops.convert_to_tensor(np.ones((1500, 1500), np.float32))\n"
        "keras.ops.convert_to_numpy(keras.ops.matmul(a, a))\n"
        "cpu, wall = sum(os.times()[:2]), os.times().elapsed\n"
        "for _ in range(20): keras.ops.convert_to_numpy(keras.ops.matmul(a, a))\n"
        "print(ops.default_strands(), (sum(os.times()[:2]) - cpu) / (os.times().elapsed - wall))"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    strands, cores = done.stdout.split()
    assert int(strands) == 1
    assert float(cores) < 1.3
