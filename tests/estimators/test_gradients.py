"""Derivatives against differences, on every kind of Keras estimator and on another backend."""

import keras
import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.gradients import cut_at_last_maps, gradient_of, traced_gradient
from age_audit.estimators.keras_model import KerasEstimator
from age_audit.estimators.targets import parse_target


def drawn(seed, spread=0.3):
    return keras.initializers.RandomNormal(stddev=spread, seed=seed)


def estimator(output="probabilities", gender=False, view=224, order="BGR", value_range=(-1.0, 1.0)):
    faces = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 5, 2, activation="tanh", kernel_initializer=drawn(1))(faces)
    x = keras.layers.GlobalAveragePooling2D()(x)
    activation = {"probabilities": "softmax", "logits": None, "ages": "softplus"}[output]
    units = 1 if output == "ages" else 6
    answers = [keras.layers.Dense(units, activation, kernel_initializer=drawn(2, 3))(x)]
    if gender:
        answers.insert(0, keras.layers.Dense(2, "softmax", kernel_initializer=drawn(3, 3))(x))
    model = keras.Model(faces, answers if gender else answers[0])
    info = EstimatorInfo("net", "none", 32, order, value_range)
    classes = np.zeros(0) if output == "ages" else np.array([0.0, 10, 18, 30, 50, 80])
    return KerasEstimator(model, info, classes, gender_first=gender, output=output, view=view)


def estimator_with(weights):
    model = estimator("logits")
    model.model.set_weights(weights)
    return model


def assert_as_differences(model, face, target, step=8.0, tolerance=0.05):
    """Move the face along its own gradient and along random ways: the target has to move as the gradient says."""
    target = parse_target(target)
    gradient = model.gradients(face[None].astype(np.float32), target)[0].astype(float)
    assert gradient.shape == face.shape and np.abs(gradient).max() > 0
    ways = [gradient / np.linalg.norm(gradient)]
    rng = np.random.default_rng(0)
    smooth = np.kron(rng.normal(size=(7, 7, 3)), np.ones((32, 32, 1)))
    ways.append(smooth / np.linalg.norm(smooth))
    for way in ways:
        faces = np.stack([face + step * way, face - step * way]).astype(np.float32)
        up, down = target.of(model.predict(faces))
        said = (gradient * way).sum()
        assert (up - down) / (2 * step) == pytest.approx(
            said, rel=tolerance, abs=tolerance * np.linalg.norm(gradient) / 20
        )


@pytest.mark.parametrize("target", ["age", "over:18", "class:2", "female"])
def test_small_estimators(target, crops):
    assert_as_differences(estimator(gender=True), crops[0].astype(float), target)
    if target != "female":
        assert_as_differences(estimator("logits", order="RGB", value_range=(0.0, 1.0)), crops[0].astype(float), target)


def test_plain_ages_and_a_view(crops):
    narrow = estimator("ages", view=112)
    assert_as_differences(narrow, crops[0].astype(float), "age")
    gradient = narrow.gradients(crops[:1], parse_target("age"))[0]
    assert np.abs(gradient[:56]).max() == np.abs(gradient[:, 168:]).max() == 0 < np.abs(gradient[56:168, 56:168]).max()


@pytest.mark.parametrize("target", ["age", "female"])
def test_a_real_estimator(target, crops):
    assert_as_differences(load_estimator("dex-wrn"), crops[0].astype(float), target, step=4.0, tolerance=0.15)


def test_many_faces_are_taken_a_few_at_a_time(crops):
    model = estimator()
    model.batch = 8
    faces = np.concatenate([crops, crops[:, ::-1], crops[:, :, ::-1]])
    together = model.gradients(faces, parse_target("age"))
    alone = [model.gradients(face[None], parse_target("age"))[0] for face in faces]
    np.testing.assert_allclose(together, alone, rtol=1e-4, atol=1e-9)
    maps, gradients = model.last_maps(faces, parse_target("age"))
    assert maps.shape == gradients.shape == (6, 14, 14, 8)


def test_the_last_maps_and_their_derivatives(crops):
    model = estimator()
    target = parse_target("age")
    maps, gradients = model.last_maps(crops, target)
    trunk, head = cut_at_last_maps(model.model)
    moved = maps + 0.05 * np.sign(gradients)
    classes = target.of_classes(model.classes)
    difference = (head.predict(moved, verbose=0) - head.predict(maps, verbose=0)) @ classes
    np.testing.assert_allclose(difference, 0.05 * np.abs(gradients).sum(axis=(1, 2, 3)), rtol=0.1)
    assert trunk.output_shape == (None, 14, 14, 8)


def test_the_cut_of_the_real_networks():
    from age_audit.estimators.dex import build_wide_resnet
    from age_audit.estimators.face_api import build_tiny_xception
    from age_audit.estimators.faceres import build_mobilenet

    for model, shape in (
        (build_wide_resnet(), (None, 16, 16, 512)),
        (build_tiny_xception(), (None, 7, 7, 512)),
        (build_mobilenet(), (None, 7, 7, 1024)),
    ):
        trunk, head = cut_at_last_maps(model)
        assert trunk.output_shape == shape
        assert "pool" not in trunk.layers[-1].name  # what convolutions gave, not their blurred version
        assert head.output_shape == model.output_shape


def test_a_branch_around_the_last_maps_moves_the_cut_up():
    faces = keras.Input((8, 8, 3))
    first = keras.layers.Conv2D(4, 3)(faces)
    second = keras.layers.Conv2D(5, 3)(first)
    pooled = [keras.layers.GlobalAveragePooling2D()(maps) for maps in (first, second)]
    model = keras.Model(faces, keras.layers.Dense(2)(keras.layers.Concatenate()(pooled)))
    assert cut_at_last_maps(model)[0].output_shape == (None, 6, 6, 4)


def test_a_network_without_maps():
    dense = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Flatten(), keras.layers.Dense(2)])
    convolving = keras.Sequential([keras.Input((8, 8, 3)), keras.layers.Conv2D(4, 3), keras.layers.Flatten()])
    assert cut_at_last_maps(convolving)[1].output_shape == (None, 144)
    with pytest.raises(UsageError, match="expected layers with rows and columns"):
        cut_at_last_maps(dense)


@pytest.mark.parametrize("name", ["gradients", "last_maps"])
def test_estimators_that_have_none_say_so(name, crops):
    with pytest.raises(UsageError, match="cydral-resnet10 has none; use lime"):
        getattr(load_estimator("cydral-resnet10"), name)(crops, parse_target("age"))


def test_gradients_check_faces_and_targets(crops):
    with pytest.raises(ValueError, match="expected faces of shape"):
        estimator().gradients(crops[0], parse_target("age"))
    with pytest.raises(UsageError, match="gives ages only"):
        estimator("ages").gradients(crops, parse_target("over:18"))
    with pytest.raises(UsageError, match="probability of gender"):
        estimator().last_maps(crops, parse_target("female"))


def test_gradient_of_a_product():
    inputs = np.array([[2.0, 3.0]], dtype=np.float32)
    assert gradient_of(lambda x: x[:, 0] * x[:, 1] ** 2, inputs).tolist() == [[9, 12]]


def test_traced_as_one_graph_the_same(crops):
    model, target = estimator("logits"), parse_target("age")
    faces = np.concatenate([crops, crops[:, ::-1], crops[:1]]).astype(np.float32)  # of 5, in batches of 8 and of 2
    for batch in (32, 8):
        model.batch = batch
        plain = gradient_of(lambda pixels: model._number(model._graph(pixels), target), faces)
        np.testing.assert_allclose(model.gradients(faces, target), plain, rtol=1e-4, atol=1e-6 * np.abs(plain).max())


def test_a_traced_gradient_is_of_the_weights_as_they_are_now(crops):
    model, target = estimator("logits"), parse_target("age")
    before = model.gradients(crops, target)
    model.model.set_weights([weights / 2 for weights in model.model.get_weights()])
    after = model.gradients(crops, target)
    assert np.abs(after - before).max() > np.abs(before).max() / 10
    np.testing.assert_array_equal(after, estimator_with(model.model.get_weights()).gradients(crops, target))


def test_traced_gradient_of_a_product():
    slope = traced_gradient(lambda x: x[:, 0] * x[:, 1] ** 2, (2,))
    assert slope(np.array([[2.0, 3.0]], dtype=np.float32)).tolist() == [[9, 12]]


@pytest.mark.long
def test_on_jax_the_same(crops, on_jax):
    model = load_estimator("dex-wrn")
    ours = {"found": model.gradients(crops[:1], parse_target("age"))}
    ours["maps"], ours["gradients"] = model.last_maps(crops[:1], parse_target("age"))
    for name, array in ours.items():
        np.testing.assert_allclose(on_jax[name], array, rtol=0.02, atol=2e-3 * np.abs(array).max(), err_msg=name)
