"""Networks: built, filled with the weights that they should have, and cut so that both parts are the whole."""

import keras
import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators import load_estimator
from age_audit.training.models import Options, build, cut


@pytest.fixture(scope="module")
def dex():
    return build("dex-wrn", 10, "soft", seed=1)


def test_the_small_network_is_as_published():
    network = build("cnn", 10, seed=1)
    kinds = (keras.layers.Conv2D, keras.layers.MaxPooling2D, keras.layers.Dense, keras.layers.Dropout)
    kinds = (*kinds, keras.layers.GlobalAveragePooling2D)
    assert sum(isinstance(layer, kinds) for layer in network.model.layers) == 15
    assert 0.8e6 < network.model.count_params() < 1.2e6


def test_a_pretrained_backbone_says_what_its_estimator_says(crops, dex):
    maps = keras.Model(dex.model.input, dex.model.get_layer("dex_descriptor").input)
    estimator = load_estimator("dex-wrn")
    layer = next(layer for layer in estimator.model.layers if isinstance(layer, keras.layers.AveragePooling2D))
    own = keras.Model(estimator.model.input, layer.input)
    faces = crops.astype(np.float32)
    expected = own.predict_on_batch(estimator.preprocessing.predict_on_batch(faces))
    assert np.array_equal(maps.predict_on_batch(faces), expected)


@pytest.mark.parametrize("last", [0, 2])
def test_both_parts_are_the_whole(crops, dex, last):
    faces = crops.astype(np.float32)
    trunk, tail, pictures = cut(dex, last)
    assert not pictures
    assert np.allclose(
        tail.predict_on_batch(trunk.predict_on_batch(faces)), dex.model.predict_on_batch(faces), atol=1e-6
    )
    trained = {variable.path.split("/")[0] for variable in tail.trainable_variables}
    moving = [name for name in dex.backbone[-last:] if "conv" in name] if last else ["head_normalised"]
    assert trained == {"head_dense", "groups", *moving}


def test_what_is_known_of_means_stays_where_it_was_learnt_from_more_faces(dex):
    cut(dex, 4)
    assert not any(layer.trainable for layer in dex.model.layers if layer.name.startswith("batch_normalization"))
    scratch = build("cnn", 3, seed=1)
    cut(scratch, 99)
    assert scratch.model.get_layer("norm_1").trainable and scratch.model.get_layer("head_normalised").trainable


def test_from_scratch_the_picture_is_what_the_rest_is_fed(crops):
    network = build("cnn", 3, options=Options(size=32), seed=1)
    trunk, tail, pictures = cut(network, 99)
    assert pictures and trunk.output_shape == (None, 32, 32, 3)
    assert trunk.predict_on_batch(crops.astype(np.float32)).max() > 1  # as 0-255, which changes of pictures expect
    assert len(tail.trainable_variables) == len(network.model.trainable_variables)


def test_the_seed_decides_the_weights():
    one, same, other = (build("cnn", 3, seed=seed).model.get_weights() for seed in (1, 1, 2))
    assert all(map(np.array_equal, one, same)) and not all(map(np.array_equal, one, other))


def test_mobilenet_says_from_what_it_starts(tmp_path, capsys):
    network = build("mobilenet-v2", 3, options=Options(size=96), seed=1)
    assert network.learnt_from == ""
    file = tmp_path / "mine.weights.h5"
    keras.applications.MobileNetV2(input_shape=(96, 96, 3), include_top=False, weights=None).save_weights(file)
    network = build("mobilenet-v2", 3, options=Options(size=96, weights=str(file)), seed=1)
    assert network.learnt_from.startswith("ImageNet, mine.weights.h5, sha256 ")


@pytest.mark.parametrize(
    ("name", "weights", "said"),
    [("vgg", None, "among cnn"), ("cnn", "imagenet", "no weights for cnn"), ("mobilenet-v2", "absent.h5", "absent.h5")],
)
def test_what_cannot_be_built_is_refused(name, weights, said):
    with pytest.raises(UsageError, match=said):
        build(name, 3, options=Options(weights=weights), seed=1)
