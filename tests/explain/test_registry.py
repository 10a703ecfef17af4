"""Methods by name, one contract for all of them, and the light start of those who only name them."""

import subprocess
import sys
from dataclasses import is_dataclass

import numpy as np
import pytest

from age_audit.core.config import PRESETS
from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.estimators import load_estimator
from age_audit.explain import EXPLAINERS, explainer_for, load_explainer

FEWER = {
    "lime": {"num_samples": 64},
    "kernel-shap": {"num_samples": 64},
    "rise": {"num_samples": 32},
    "score-cam": {"most": 8},
    "integrated-gradients": {"steps": 4},
    "smooth-grad": {"num_samples": 4},
}
ASK_ONLY = [name for name, method in EXPLAINERS.items() if not method.needs_gradients]
WANT_GRADIENTS = [name for name, method in EXPLAINERS.items() if method.needs_gradients]


class Years:
    """Ages from the contrast of the upper half, so that a part in its mean colour changes them."""

    gives_classes = False

    def predict(self, faces):
        ages = faces[:, :112].std(axis=(1, 2, 3))
        return AgeEstimate(ages, np.ones((len(faces), 1)), np.array([30.0]))


@pytest.fixture(scope="module")
def small():
    """A Keras estimator of 101 classes and two genders on 32 x 32 pixels, with drawn weights: as dex-wrn, but quick."""
    import keras

    from age_audit.estimators.base import EstimatorInfo
    from age_audit.estimators.keras_model import KerasEstimator

    def drawn(seed, spread=0.3):
        return keras.initializers.RandomNormal(stddev=spread, seed=seed)

    faces = keras.Input((32, 32, 3))
    x = keras.layers.Conv2D(8, 5, 2, activation="relu", kernel_initializer=drawn(1))(faces / 255.0)
    x = keras.layers.Conv2D(16, 3, padding="same", activation="relu", kernel_initializer=drawn(2))(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    heads = [keras.layers.Dense(n, "softmax", kernel_initializer=drawn(n, spread=2))(x) for n in (2, 101)]
    info = EstimatorInfo("small", "none", 32, "BGR", (0.0, 255.0))
    return KerasEstimator(keras.Model(faces, heads), info, np.arange(101.0), gender_first=True)


def fewer(name, estimator, **parameters):
    return load_explainer(name, estimator, **(FEWER.get(name, {}) | parameters))


def assert_is_one(found, target):
    """What holds of every attribution, whatever made it."""
    assert found.target == target
    assert found.map.shape == found.positive_mask.shape == found.negative_mask.shape == (224, 224)
    assert found.positive_mask.dtype == found.negative_mask.dtype == bool
    assert np.isfinite(found.map).all()
    assert not (found.positive_mask & found.negative_mask).any()
    assert (found.map[found.positive_mask] >= 0).all() and (found.map[found.negative_mask] <= 0).all()
    if not found.signed:
        assert found.map.min() >= 0 and not found.negative_mask.any()
    if found.segments is not None:
        np.testing.assert_array_equal(found.map, found.weights[found.segments])
    if found.interval is not None:
        values = found.map if found.segments is None else found.weights
        assert found.interval.shape == (*values.shape, 2)
        assert (found.interval[..., 0] <= values).all() and (values <= found.interval[..., 1]).all()


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_method_keeps_the_contract(name, crops, small):
    before = crops[0].copy()
    found = fewer(name, small).explain(crops[0], target="age")
    assert_is_one(found, "expected_age")
    assert found.map.std() > 0
    np.testing.assert_array_equal(crops[0], before)
    again = fewer(name, small).explain(crops[0])  # what is asked for by itself, and the same for the same seed
    np.testing.assert_array_equal(again.map, found.map)


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize(("target", "named"), [("over:18", "over:18"), ("female", "female"), ("class:25", "class:25")])
def test_every_method_explains_every_target(name, target, named, crops, small):
    found = fewer(name, small).explain(crops[0], target=target)
    assert found.target == named
    assert np.isfinite(found.map).all()


@pytest.mark.parametrize("name", [name for name in EXPLAINERS if name != "random"])
def test_another_target_is_another_explanation(name, crops, small):
    years, gate = (fewer(name, small).explain(crops[0], target=target).map for target in ("age", "over:18"))
    assert np.abs(years).max() > 2 * np.abs(gate).max() > 0  # years against shares of 1


@pytest.mark.parametrize("name", ASK_ONLY)
def test_methods_that_only_ask_take_anything_that_predicts(name, crops):
    found = fewer(name, Years(), **({"num_samples": 256} if name == "rise" else {})).explain(crops[0])
    assert_is_one(found, "expected_age")
    if name != "random":
        assert np.abs(found.map[:112]).mean() > 2 * np.abs(found.map[136:]).mean()


@pytest.mark.parametrize("name", WANT_GRADIENTS)
def test_an_estimator_without_derivatives_is_told_so(name):
    with pytest.raises(UsageError, match="cydral-resnet10 has none; use lime, kernel-shap, occlusion or rise"):
        load_explainer(name, load_estimator("cydral-resnet10"))
    with pytest.raises(UsageError, match="Years has none"):
        load_explainer(name, Years())


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize("face", [np.zeros((224, 224), np.uint8), np.zeros((224, 224, 3)), None])
def test_what_is_no_face_is_refused(name, face, small):
    with pytest.raises(ValueError, match="expected a uint8 face"):
        fewer(name, small).explain(face)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_targets_that_an_estimator_does_not_give(name, crops, small):
    with pytest.raises(UsageError, match="expected a class from 0 to 100 to explain, got 101"):
        fewer(name, small).explain(crops[0], target="class:101")
    with pytest.raises(UsageError, match="expected a target as age, over:YEARS"):
        fewer(name, small).explain(crops[0], target="beauty")
    if name in ASK_ONLY:
        with pytest.raises(UsageError, match="this estimator gives ages only"):
            fewer(name, Years(), target="over:18")


@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_black_face_ends_in_an_answer(name, small):
    found = fewer(name, small).explain(np.zeros((224, 224, 3), dtype=np.uint8))
    assert np.isfinite(found.map).all()


@pytest.mark.parametrize("name", EXPLAINERS)
def test_every_method_on_a_real_estimator(name, crops):
    few = FEWER.get(name, {}) | {"rise": {"num_samples": 8}, "smooth-grad": {"num_samples": 2}}.get(name, {})
    few |= {"cells": 5} if name == "occlusion" else {}
    found = load_explainer(name, load_estimator("dex-wrn"), **few).explain(crops[0])
    assert_is_one(found, "expected_age")
    # Score-CAM's is flat where every map gives a younger face than a black picture does (docs/methods.md).
    assert found.map.std() > 0 or name == "score-cam"


def test_the_presets_are_parameters():
    assert EXPLAINERS["lime"].presets == PRESETS
    for method in EXPLAINERS.values():
        assert "audit" in method.presets and all(map(is_dataclass, method.presets.values()))


def test_lime_through_the_registry_is_lime(crops):
    from age_audit.explain.lime import LimeExplainer

    asked, loaded, direct = (
        explainer.explain(crops[0])
        for explainer in (
            explainer_for("lime", Years(), PRESETS["audit"], 7),
            load_explainer("lime", Years(), seed=7),
            LimeExplainer(Years(), "audit", seed=7),
        )
    )
    np.testing.assert_array_equal(asked.weights, direct.weights)
    np.testing.assert_array_equal(loaded.weights, direct.weights)


def test_what_is_unknown_is_named():
    with pytest.raises(UsageError, match="expected explanation method to be one of lime, kernel-shap, occlusion"):
        load_explainer("tea-leaves", Years())
    with pytest.raises(UsageError, match="expected preset audit with rise, got published: the study used LIME"):
        load_explainer("rise", Years(), preset="published")
    with pytest.raises(UsageError, match=r"expected parameters of occlusion among cells, window, target; got samples"):
        load_explainer("occlusion", Years(), samples=3)
    with pytest.raises(UsageError, match="gives ages only"):
        explainer_for("lime", Years(), PRESETS["published"], 42)


def test_naming_methods_loads_none():
    loaded = "'lime' in sys.modules or 'skimage' in sys.modules or 'keras' in sys.modules"
    code = f"import sys, age_audit.explain; raise SystemExit({loaded})"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
