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
