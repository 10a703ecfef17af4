"""What is known of the DEX wide ResNet."""

import numpy as np
import pytest
from PIL import Image

from age_audit.core.errors import ImageFailure, UsageError
from age_audit.estimators import entries
from age_audit.faces.detection import crop_face


@pytest.fixture(scope="module")
def portraits(dex_wrn, crops):
    return dex_wrn.predict(crops)


def unit_range(faces):
    """Every face min-max scaled to [0, 1], as the study fed its explanations."""
    faces = faces.astype(np.float64)
    low, high = faces.min(axis=(1, 2, 3), keepdims=True), faces.max(axis=(1, 2, 3), keepdims=True)
    return (faces - low) / (high - low)


def test_sensible_ages(portraits):
    # Eileen Collins was 42 and Grace Hopper 77; the model's mean error on faces like these is 11 years.
    assert 27 < portraits.age[0] < 47 and 57 < portraits.age[1] < 87


def test_ages_are_the_measured_ones(portraits):
    np.testing.assert_allclose(portraits.age, [32.18, 65.62], atol=0.1)
    np.testing.assert_allclose(portraits.probability_female, [0.345, 0.015], atol=0.01)


def test_channel_order_matters(dex_wrn, portraits, crops):
    swapped = dex_wrn.predict(crops[..., ::-1]).age
    assert (np.abs(swapped - portraits.age) > 1).all()


def test_scaled_to_unit_range_all_faces_look_alike(dex_wrn, many_faces):
    faces = np.concatenate([many_faces[:8], many_faces[-2:]])
    black = dex_wrn.predict(unit_range(faces))
    assert np.ptp(black.age) < 0.05
    assert len(set(black.probabilities.argmax(axis=1))) == 1
    assert np.ptp(dex_wrn.predict(faces).age) > 20


def test_bfloat16_moves_ages_by_tenths(dex, portraits, crops):
    rough = dex.load_dex_wrn("bfloat16").predict(crops)
    assert rough.age.dtype == np.float64
    assert 0 < np.abs(rough.age - portraits.age).max() < 0.3


def test_normalisation_in_one_pass_is_that_of_keras(dex):
    import keras

    rng = np.random.default_rng(3)
    plain = keras.layers.BatchNormalization(epsilon=1e-3, dtype="mixed_bfloat16")
    quick = dex.OnePassNormalization(epsilon=1e-3, dtype="mixed_bfloat16")
    maps = keras.ops.cast(rng.normal(2, 3, (2, 5, 6, 16)), "bfloat16")
    for layer in (plain, quick):
        layer.build(maps.shape)
    plain.set_weights([*rng.normal(0, 2, (3, 16)), rng.uniform(0.5, 4, 16)])
    quick.set_weights(plain.get_weights())
    one, other = (keras.ops.convert_to_numpy(keras.ops.cast(layer(maps), "float32")) for layer in (plain, quick))
    assert quick(maps).dtype == maps.dtype
    scale = np.abs(one).max()
    np.testing.assert_allclose(other, one, rtol=2**-7, atol=scale * 2**-15)  # the last of eight bits, rounded otherwise
    by_hand = np.asarray(maps, dtype=np.float64)
    gamma, beta, mean, variance = plain.get_weights()
    by_hand = (by_hand - mean) / np.sqrt(variance + 1e-3) * gamma + beta
    np.testing.assert_allclose(other, by_hand, rtol=2**-7, atol=scale * 2**-15)
    learning = [layer(maps, training=True) for layer in (plain, quick)]
    np.testing.assert_array_equal(*(keras.ops.convert_to_numpy(keras.ops.cast(y, "float32")) for y in learning))


def test_another_weight_file_is_refused_before_it_is_opened(dex, tmp_path, monkeypatch):
    tampered = tmp_path / "weights.hdf5"
    tampered.write_bytes(b"something else")
    monkeypatch.setattr(entries, "package_file", lambda *_: tampered)
    monkeypatch.setattr(dex, "load_legacy_weights", lambda *_: pytest.fail("opened all the same"))
    (md5,) = entries.ENTRIES["dex-wrn"].weights_hash.split(":")[1:]
    with pytest.raises(UsageError, match=rf"weights\.hdf5: expected md5 {md5}, found [0-9a-f]{{32}}"):
        dex.load_dex_wrn()


def test_utkface(dex_wrn, utkface):
    """The numbers of the study's estimator on its own data, roughly: 60 faces are few."""
    crops, ages, genders = [], [], []
    for path in utkface:
        try:
            crops.append(crop_face(np.array(Image.open(path).convert("RGB"))).image)
        except ImageFailure:
            continue
        age, gender = path.name.split("_")[:2]
        ages.append(int(age))
        genders.append(int(gender))
    answer = dex_wrn.predict(np.stack(crops))
    ages, female = np.array(ages), np.array(genders) == 1
    assert np.abs(answer.age - ages).mean() < 15 and np.corrcoef(answer.age, ages)[0, 1] > 0.8
    adult = ages > 18
    assert answer.probability_female[adult & female].mean() > 0.7
    assert answer.probability_female[adult & ~female].mean() < 0.3
    black = dex_wrn.predict(unit_range(np.stack(crops)))
    assert np.ptp(black.age) < 0.05 and len(set(black.probabilities.argmax(axis=1))) == 1
