"""Weights drawn anew: the same layers, the same numbers in another order, and answers that still depend on the face."""

import keras
import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.keras_model import KerasEstimator
from age_audit.estimators.randomised import drawn_weights, randomised
from age_audit.estimators.targets import parse_target


@pytest.fixture(scope="module")
def small():
    """With batch normalisation and dropout, as deep models have them."""
    keras.utils.set_random_seed(1)
    faces = keras.Input((16, 16, 3))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(6, 3)(faces))
    x = keras.layers.Dropout(0.5)(keras.layers.ReLU()(x))
    x = keras.layers.BatchNormalization()(keras.layers.Conv2D(6, 3)(x))
    x = keras.layers.GlobalAveragePooling2D()(x)
    heads = [keras.layers.Dense(n, "softmax")(x) for n in (2, 101)]
    info = EstimatorInfo("small", "sha256:1", 16, "BGR", (0.0, 255.0))
    return KerasEstimator(keras.Model(faces, heads), info, np.arange(101.0), gender_first=True)


def test_every_array_keeps_its_numbers_and_loses_their_order():
    weights = [np.arange(24.0).reshape(2, 3, 4), np.arange(50.0)]
    found = drawn_weights(weights, 1)
    for before, after in zip(weights, found, strict=True):
        assert after.shape == before.shape and (after != before).any()
        np.testing.assert_array_equal(np.sort(after, axis=None), before.ravel())
    again, other = drawn_weights(weights, 1), drawn_weights(weights, 2)
    np.testing.assert_array_equal(again[0], found[0])
    assert (other[0] != found[0]).any()


def test_the_estimator_itself_stays(small, crops):
    before, weights = small.predict(crops).age, small.model.get_weights()
    found = randomised(small, 1, crops)
    np.testing.assert_array_equal(small.predict(crops).age, before)
    for one, other in zip(weights, small.model.get_weights(), strict=True):
        np.testing.assert_array_equal(one, other)
    assert (found.predict(crops).age != before).all()
    assert (found.info.name, found.info.weights_hash) == ("small with drawn weights", "none")
    assert found.gives_gender and found.gives_classes and found.view == small.view


def test_the_same_seed_gives_the_same_also_into_a_copy(small, crops):
    first = randomised(small, 1, crops)
    ages = first.predict(crops).age
    other = randomised(small, 2, crops, into=first)
    assert other is first and (other.predict(crops).age != ages).any()
    back = randomised(small, 1, crops, into=first)
    np.testing.assert_allclose(back.predict(crops).age, ages, atol=1e-4)


def test_batch_normalisation_notes_the_faces_and_keeps_its_settings(small, crops):
    found = randomised(small, 3, crops)
    first = next(layer for layer in found.model.layers if isinstance(layer, keras.layers.BatchNormalization))
    before = keras.Model(found.model.input, first.input)
    maps = keras.ops.convert_to_numpy(before(found.preprocessing(crops.astype(np.float32))))
    np.testing.assert_allclose(first.moving_mean, maps.mean(axis=(0, 1, 2)), rtol=1e-3, atol=1e-3)
    np.testing.assert_allclose(first.moving_variance, maps.var(axis=(0, 1, 2)), rtol=1e-3)
    assert first.momentum == 0.99
    assert next(layer for layer in found.model.layers if isinstance(layer, keras.layers.Dropout)).rate == 0.5


def test_derivatives_are_those_of_the_drawn_weights(small, crops):
    age = parse_target("age")
    found = randomised(small, 1, crops)
    one = found.gradients(crops, age)
    randomised(small, 2, crops, into=found)
    assert np.abs(found.gradients(crops, age) - one).max() > 0.01 * np.abs(one).max() > 0


def test_a_real_estimator_with_drawn_weights_still_tells_faces_apart(dex_wrn, many_faces):
    """Under the normalisation that was noted for other weights, one class has all the probability."""
    found = randomised(dex_wrn, 1, many_faces[:2]).predict(many_faces[:8])
    assert found.probabilities.max() < 0.5
    assert np.ptp(found.age) > 0.001
    assert np.abs(found.age - dex_wrn.predict(many_faces[:8]).age).mean() > 5


def test_what_is_no_keras_model_is_refused(cydral, crops):
    with pytest.raises(UsageError, match="expected a Keras estimator, whose weights can be drawn anew, got Cydral"):
        randomised(cydral, 1, crops)


def test_faces_to_note_anew_are_faces(small, crops):
    with pytest.raises(ValueError, match=r"expected faces of shape \(N, 224, 224, 3\), got \(224, 224, 3\)"):
        randomised(small, 1, crops[0])
    with pytest.raises(ValueError, match="expected at least one face to note means and variances from, got none"):
        randomised(small, 1, crops[:0])
    with pytest.raises(UsageError, match="expected a seed"):
        randomised(small, -1, crops)


def test_another_model_is_no_place_for_these_weights(small, crops):
    faces = keras.Input((16, 16, 3))
    ages = keras.layers.Dense(101, "softmax")(keras.layers.Flatten()(faces))
    other = KerasEstimator(
        keras.Model(faces, ages), EstimatorInfo("other", "none", 16, "RGB", (0.0, 1.0)), np.arange(101)
    )
    before = other.model.get_weights()
    with pytest.raises(UsageError, match="what an earlier call gave for small, got other, whose layers are others"):
        randomised(small, 1, crops, into=other)
    with pytest.raises(UsageError, match="for small, got 'other', whose layers are others; leave it out"):
        randomised(small, 1, crops, into="other")
    np.testing.assert_array_equal(other.model.get_weights()[0], before[0])
