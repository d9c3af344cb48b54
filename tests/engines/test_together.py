"""A user's own models trained as one program give what `model.fit` gives."""

import keras
import numpy as np
import pytest
from keras import layers

from lenet_tune.engines import fusible, together
from lenet_tune.engines.together import Fit, Member, fit_together
from lenet_tune.errors import SettingError

TIGHT = 1e-9
"""In float64, the same operations compiled twice."""

LOOSE = 1e-4
"""In float32: rounding that eight steps have made larger; measured: none on TensorFlow, below 3e-6 on JAX."""

JAX = keras.backend.backend() == "jax"


def make_data(n=70, classes=3, one_hot=True):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, classes, n)
    images = rng.normal(size=(n, 8, 8, 2)).astype(np.float32)
    images[np.arange(n), labels] += 1.0
    return images, np.eye(classes, dtype=np.float32)[labels] if one_hot else labels


def rich(seed=0, *, rate=0.3, filters=3, loss="categorical_crossentropy", optimizer=None):
    """Every kind of layer; all that is random has a seed."""
    init = lambda k: keras.initializers.GlorotUniform(seed=seed * 10 + k)  # noqa: E731
    model = keras.Sequential(
        [
            keras.Input((8, 8, 2)),
            layers.Rescaling(0.5),
            # A bias before a normalisation has no gradient but rounding, of which Adam makes steps.
            layers.Conv2D(filters, 3, use_bias=False, kernel_initializer=init(1), kernel_regularizer="l2"),
            layers.BatchNormalization(),
            layers.ReLU(),
            layers.MaxPooling2D(2),
            layers.Dropout(rate, seed=seed),
            layers.Conv2D(4, 2, activation="tanh", kernel_initializer=init(2)),
            layers.AveragePooling2D(2),
            layers.Flatten(),
            layers.Dense(6, kernel_initializer=init(3)),
            layers.Activation("sigmoid"),
            layers.Dense(3, activation="softmax", kernel_initializer=init(4)),
        ]
    )
    model.compile(optimizer or keras.optimizers.SGD(0.1, momentum=0.5), loss, metrics=["accuracy"])
    return model


def functional(seed=0):
    inputs = keras.Input((8, 8, 2))
    init = keras.initializers.HeNormal(seed=seed)
    x = layers.Conv2D(4, 3, padding="same", strides=2, kernel_initializer=init)(inputs)
    x = layers.GlobalAveragePooling2D()(layers.LeakyReLU()(x))
    model = keras.Model(inputs, layers.Softmax()(layers.Dense(3, kernel_initializer=init)(x)))
    model.compile("adam", "categorical_crossentropy", metrics=["accuracy"])
    return model


def fitted(model, fit, epochs, **more):
    """The history of plain Keras on the same data, in the same order."""
    return model.fit(
        fit.x,
        fit.y,
        batch_size=fit.batch_size,
        epochs=epochs,
        validation_data=fit.held_out,
        validation_batch_size=fit.held_out_batch_size,
        shuffle=False,
        verbose=0,
        **more,
    ).history


def largest_gap(histories, models, twins):
    """Largest difference of any figure of any epoch and any weight, relative to 1 + its size."""
    pairs = []
    for (own, other), model, twin in zip(histories, models, twins, strict=True):
        assert own.keys() == other.keys()
        pairs += [(np.array(own[name]), np.array(other[name])) for name in own]
        pairs += zip(model.get_weights(), twin.get_weights(), strict=True)
    assert all(a.shape == b.shape for a, b in pairs)
    return max(float(np.max(np.abs(a - b) / (1 + np.abs(b)))) for a, b in pairs)


def gap_to_plain_keras(make, epochs=2, **fit):
    x, y = make_data()
    held_out = make_data(21)
    data = Fit(**{"x": x, "y": y, "held_out": held_out, "batch_size": 16, **fit})
    models, twins = [m() for m in make], [m() for m in make]
    found = fit_together([Member(model=model, epochs=epochs) for model in models], data)
    histories = [(h.history, fitted(t, data, epochs)) for h, t in zip(found, twins, strict=True)]
    assert all(len(own["loss"]) == epochs for own, _ in histories)
    return largest_gap(histories, models, twins)


ADAM = lambda: keras.optimizers.Adam(0.01)  # noqa: E731


def test_models_that_differ_in_everything_are_as_plain_keras_trains_them():
    make = [
        lambda: rich(0),
        lambda: rich(1, rate=0.6, filters=5, optimizer=ADAM()),
        lambda: rich(2, loss="mse", optimizer=keras.optimizers.SGD(0.02)),
        functional,
    ]
    assert gap_to_plain_keras(make, lowering="unrolled") < LOOSE


@pytest.mark.usefixtures("float64")
def test_the_same_in_double_precision():
    assert (
        gap_to_plain_keras([lambda: rich(0), lambda: rich(1, optimizer=ADAM())], lowering="unrolled") < TIGHT
    )


@pytest.mark.skipif(not JAX, reason="models are stacked on JAX only")
@pytest.mark.parametrize("optimizer", ["sgd", "adam"])
def test_stacked_models_are_as_plain_keras_trains_them(optimizer):
    rates = (0.1, 0.03, 0.01)
    kinds = {"sgd": keras.optimizers.SGD, "adam": keras.optimizers.Adam}
    make = [lambda r=r, i=i: rich(i, optimizer=kinds[optimizer](r)) for i, r in enumerate(rates)]
    assert gap_to_plain_keras(make, lowering="stacked") < LOOSE


@pytest.mark.skipif(not JAX, reason="models are stacked on JAX only")
def test_models_of_two_skeletons_are_not_stacked():
    x, y = make_data()
    members = [Member(model=rich(0), epochs=1), Member(model=rich(1, rate=0.2), epochs=1)]
    with pytest.raises(SettingError, match="one skeleton"):
        fit_together(members, Fit(x=x, y=y, lowering="stacked"))


def test_a_skeleton_leaves_out_what_may_differ():
    x, y = make_data()
    fit = Fit(x=x, y=y)

    def key(model):
        together.build(model, fit)
        return fusible.skeleton(model)

    first = key(rich(0))
    assert first == key(rich(1, optimizer=keras.optimizers.SGD(0.7, momentum=0.5)))
    others = [rich(0, rate=0.2), rich(0, filters=4), rich(0, loss="mse"), rich(0, optimizer=ADAM())]
    others.append(rich(0, optimizer=keras.optimizers.SGD(0.1, momentum=0.9)))
    assert all(key(other) != first for other in others)


def test_whole_numbers_as_answers_and_no_held_out_images():
    x, y = make_data(one_hot=False)
    make = [lambda: rich(0, loss="sparse_categorical_crossentropy")]
    assert gap_to_plain_keras(make, x=x, y=y, held_out=None, batch_size=32) < LOOSE


def test_batches_larger_than_the_data_and_exact_batches():
    for batch in (100, 35):
        assert gap_to_plain_keras([functional], epochs=1, batch_size=batch, held_out_batch_size=7) < LOOSE


def test_a_model_without_an_input_shape_is_built():
    def make():
        init = keras.initializers.GlorotNormal(seed=3)
        model = keras.Sequential([layers.Flatten(), layers.Dense(3, "softmax", kernel_initializer=init)])
        model.compile("sgd", "categorical_crossentropy")
        return model

    assert gap_to_plain_keras([make]) < LOOSE


def test_members_leave_when_their_epochs_are_over_or_their_callbacks_stop_them():
    x, y = make_data()
    fit = Fit(x=x, y=y, held_out=make_data(21), batch_size=16, lowering="unrolled")
    patience = keras.callbacks.EarlyStopping(
        "val_loss", patience=0, min_delta=100.0, restore_best_weights=True
    )
    models, twins = [rich(i) for i in range(3)], [rich(i) for i in range(3)]
    members = [
        Member(model=models[0], epochs=1),
        Member(model=models[1], epochs=3),
        Member(model=models[2], epochs=3, callbacks=[patience]),
    ]
    found = fit_together(members, fit)
    assert [len(h.history["loss"]) for h in found] == [1, 3, 2]
    histories = [(found[k].history, fitted(twins[k], fit, epochs)) for k, epochs in ((0, 1), (1, 3))]
    assert largest_gap(histories, models[:2], twins[:2]) < LOOSE
    fitted(twins[2], fit, 1)  # the best weights were those of the first epoch
    assert largest_gap([({}, {})], models[2:], twins[2:]) < LOOSE


def test_a_callback_that_changes_the_learning_rate_is_heeded():
    x, y = make_data()
    fit = Fit(x=x, y=y, batch_size=16, lowering="unrolled")
    slower = lambda: keras.callbacks.LearningRateScheduler(lambda epoch: (0.2, 0.01)[epoch])  # noqa: E731
    model, twin, other = rich(0), rich(0), rich(0)
    (found,) = fit_together([Member(model=model, epochs=2, callbacks=[slower()])], fit)
    expected = fitted(twin, fit, 2, callbacks=[slower()])
    assert largest_gap([(found.history, expected)], [model], [twin]) < LOOSE
    assert fitted(other, fit, 2)["loss"][1] != pytest.approx(expected["loss"][1], rel=1e-3)


def test_an_order_of_images_belongs_to_seed_and_epoch():
    x, y = make_data()
    fit = Fit(x=x, y=y, order_seed=4)
    assert sorted(fit.order(1)) == list(range(len(x)))
    assert (fit.order(1) == Fit(x=x, y=y, order_seed=4).order(1)).all()
    assert (fit.order(1) != fit.order(2)).any()
    assert (Fit(x=x, y=y).order(3) == np.arange(len(x))).all()


class Own(keras.layers.Layer):
    def call(self, x):
        return 2 * x


def branched():
    inputs = keras.Input((8, 8, 2))
    one, other = (layers.Conv2D(2, 3, name=name)(inputs) for name in ("left", "right"))
    return keras.Model(inputs, layers.Dense(3)(layers.Flatten()(layers.Add(name="sum")([one, other]))))


def parallel():
    inputs = keras.Input((8, 8, 2))
    first = layers.Flatten(name="flat")(inputs)
    return keras.Model(inputs, [layers.Dense(3, name="a")(first), layers.Dense(3, name="b")(first)])


def chain(*more):
    return keras.Sequential([keras.Input((8, 8, 2)), *more, layers.Flatten(), layers.Dense(3)])


class Subclass(keras.Sequential):
    def train_step(self, *data):
        return super().train_step(*data)


REFUSED = {
    "a Lambda": (lambda: chain(layers.Lambda(lambda x: x, name="twice")), {}, "Layer 'twice' is a Lambda"),
    "a layer of one's own": (lambda: chain(Own(name="own")), {}, "Layer 'own' is a Own"),
    "an own activation": (
        lambda: chain(layers.Dense(2, activation=lambda x: x * x, name="squares")),
        {},
        "Layer 'squares' has the activation <lambda>",
    ),
    "a branch": (branched, {}, "'sum' is a Add"),
    "two outputs": (parallel, {}, "Layer 'b' does not follow 'a' alone"),
    "a model of one's own": (lambda: Subclass(chain().layers), {}, "is a Subclass"),
    "another optimizer": (chain, {"optimizer": "rmsprop"}, "The optimizer RMSprop"),
    "an average of weights": (chain, {"optimizer": keras.optimizers.SGD(0.1, use_ema=True)}, "has use_ema"),
    "a schedule": (
        chain,
        {"optimizer": keras.optimizers.SGD(keras.optimizers.schedules.CosineDecay(0.1, 10))},
        "has a learning rate schedule",
    ),
    "another loss": (chain, {"loss": "hinge"}, "The loss hinge"),
    "an own loss": (chain, {"loss": lambda y, p: keras.ops.mean(p)}, "The loss <lambda>"),
    "eager": (chain, {"run_eagerly": True}, "runs eagerly"),
    "half precision": (
        lambda: chain(layers.Dense(2, dtype="mixed_bfloat16", name="half")),
        {},
        "Layer 'half' computes in bfloat16",
    ),
}


@pytest.mark.parametrize("name", REFUSED)
def test_what_cannot_be_fused_is_said_by_name_in_one_line(name):
    make, compiled, words = REFUSED[name]
    model = make()
    model.compile(**{"optimizer": "sgd", "loss": "mse", **compiled})
    with pytest.raises(SettingError) as refusal:
        fusible.check(model)
    assert words in str(refusal.value)
    assert "the reference engine trains it" in str(refusal.value)
    assert "\n" not in str(refusal.value)


def test_a_model_that_is_not_compiled_is_refused():
    with pytest.raises(SettingError, match="is not compiled"):
        fusible.check(chain())


@pytest.mark.parametrize(
    "loss", ["mse", "mean_squared_error", keras.losses.MeanSquaredError(), keras.losses.mean_squared_error]
)
def test_a_loss_may_be_given_in_any_form(loss):
    model = chain()
    model.compile("adam", loss)
    fusible.check(model)
