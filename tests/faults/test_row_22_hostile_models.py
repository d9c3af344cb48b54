"""Row 22: a `.keras` file from somewhere else: with code, with wrong shapes, with huge sizes."""

import json
import shutil
import zipfile

import h5py
import numpy as np
import pytest

from lenet_tune.config import InputSpec
from lenet_tune.errors import DataError
from lenet_tune.model import build_lenet
from lenet_tune.modelfile import load_model
from lenet_tune.space import configs

SPEC = InputSpec(image_shape=(8, 8, 3), num_classes=4, channel_mean=(9.0,) * 3, channel_std=(5.0,) * 3)


@pytest.fixture(scope="module")
def honest(tmp_path_factory):
    """A model file as `export` writes it."""
    lenet, _ = configs({"kernel_size": 3, "padding": "same", "normalization": "standardize"}, SPEC)
    path = tmp_path_factory.mktemp("model") / "best.keras"
    build_lenet(lenet, seed=1).save(path)
    return path


def rewritten(path, folder, change=lambda config: None, weights=None, more=()):
    """The model file with its config changed, its weights replaced, or members added."""
    with zipfile.ZipFile(path) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    config = json.loads(members["config.json"])
    change(config)
    members["config.json"] = json.dumps(config).encode()
    members |= {} if weights is None else {"model.weights.h5": weights}
    changed = folder / "changed.keras"
    with zipfile.ZipFile(changed, "w") as archive:
        for name, content in (*members.items(), *more):
            archive.writestr(name, content)
    return changed


def layer(config, kind):
    return next(item for item in config["config"]["layers"] if item["class_name"] == kind)


def test_row_22_an_exported_model_is_rebuilt_with_the_same_outputs(honest):
    import keras

    images = np.random.default_rng(0).integers(0, 256, (5, 8, 8, 3), dtype=np.uint8)
    original = keras.models.load_model(honest)
    np.testing.assert_array_equal(
        load_model(honest).predict(images, verbose=0), original.predict(images, verbose=0)
    )


def _code(config):
    layer(config, "Dense")["class_name"] = "Lambda"


def _module(config):
    layer(config, "Dense").update(module="os", class_name="system")


def _activation(config):
    layer(config, "Dense")["config"]["activation"] = {
        "module": "builtins",
        "class_name": "function",
        "config": "exec",
    }


def _initializer(config):
    layer(config, "Dense")["config"]["kernel_initializer"] = {
        "module": "os",
        "class_name": "system",
        "config": {},
    }


def _units(config):
    layer(config, "Dense")["config"]["units"] = 90_000_000_000


def _dense_on_a_large_map(config):
    layer(config, "InputLayer")["config"]["batch_shape"] = [None, 4096, 4096, 4096]


def _negative(config):
    layer(config, "Conv2D")["config"]["filters"] = -1


def _branch(config):
    layer(config, "Flatten")["inbound_nodes"][0]["args"][0]["config"]["keras_history"][0] = "image"


def _sequential(config):
    config["class_name"] = "Sequential"


REFUSED = [_code, _module, _activation, _units, _dense_on_a_large_map, _negative, _branch, _sequential]


@pytest.mark.parametrize("change", REFUSED, ids=lambda f: f.__name__)
def test_row_22_a_hostile_configuration_is_refused_in_one_line(honest, tmp_path, change):
    with pytest.raises(DataError, match="safely") as refusal:
        load_model(rewritten(honest, tmp_path, change))
    assert "\n" not in str(refusal.value)


def test_row_22_what_a_file_names_besides_its_layers_is_never_built(honest, tmp_path):
    load_model(rewritten(honest, tmp_path, _initializer))  # not even looked at


def test_row_22_weights_of_other_shapes_are_refused(honest, tmp_path):
    def wider(config):
        layer(config, "Dense")["config"]["units"] = 60

    with pytest.raises(DataError, match="safely"):
        load_model(rewritten(honest, tmp_path, wider))


PLACE = "layers/dense/vars/0"


@pytest.mark.parametrize(
    "kind", ["missing", "external link", "soft link", "external storage", "text", "huge claim"]
)
def test_row_22_weights_that_reach_outside_or_claim_too_much_are_refused(honest, tmp_path, kind):
    secret = tmp_path / "secret"
    secret.write_bytes(b"\x00" * 2**20)
    with zipfile.ZipFile(honest) as archive:
        (tmp_path / "w.h5").write_bytes(archive.read("model.weights.h5"))
    with h5py.File(tmp_path / "w.h5", "a") as file:
        shape = file[PLACE].shape
        file.move(PLACE, "elsewhere")
        if kind == "external link":
            file[PLACE] = h5py.ExternalLink(str(secret), "/")
        elif kind == "soft link":
            file[PLACE] = h5py.SoftLink("/elsewhere")
        elif kind == "external storage":
            file.create_dataset(PLACE, shape, "f4", external=[(str(secret), 0, h5py.h5f.UNLIMITED)])
        elif kind == "huge claim":
            file.create_dataset(PLACE, (10**6, 10**6), "f4", chunks=(100, 100))
        elif kind == "text":
            file[PLACE] = "text"
    with pytest.raises(DataError, match=f"safely.*{PLACE}") as refusal:
        load_model(rewritten(honest, tmp_path, weights=(tmp_path / "w.h5").read_bytes()))
    assert "\n" not in str(refusal.value)


def test_row_22_members_that_do_not_belong_and_bombs_are_refused(honest, tmp_path):
    with pytest.raises(DataError, match="must hold"):
        load_model(rewritten(honest, tmp_path, more=[("../escape", b"x")]))
    bomb = tmp_path / "bomb.keras"
    shutil.copy(honest, bomb)
    with zipfile.ZipFile(bomb, "w", zipfile.ZIP_DEFLATED) as archive:
        for name in ("metadata.json", "config.json", "model.weights.h5"):
            archive.writestr(name, b" " * 2**22)
    with pytest.raises(DataError, match="more than"):
        load_model(bomb)
    assert sorted(p.name for p in tmp_path.iterdir()) == ["bomb.keras", "changed.keras"]
