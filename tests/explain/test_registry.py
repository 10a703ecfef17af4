"""Methods by name, one contract for all of them, and the light start of those who only name them."""

import subprocess
import sys
from dataclasses import is_dataclass
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.config import PRESETS
from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.core.vocabulary import WITHOUT_UNIT
from age_audit.estimators import load_estimator
from age_audit.explain import EXPLAINERS, explainer_for, load_explainer

FEWER = {
    "lime": {"num_samples": 64},
    "kernel-shap": {"num_samples": 64},
    "rise": {"num_samples": 32},
    "score-cam": {"most": 8},
    "integrated-gradients": {"steps": 4, "most_steps": 4},
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
    # DEX answers in a fifth of a second: its LIME is in test_lime_equality.py, and Kernel SHAP asks in the same way.
    estimator = load_estimator("cydral-resnet10" if name in ("lime", "kernel-shap") else "dex-wrn")
    found = load_explainer(name, estimator, **few).explain(crops[0])
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


WRONG = [
    ("lime", {"hidden": "white"}, "hidden to be one of black, mean-colour, got 'white'"),
    ("lime", {"design": "foo"}, "design to be one of random, balanced, paley, got 'foo'"),
    ("lime", {"settled_by": "foo"}, "settled_by to be one of interval, false-discovery-rate, got 'foo'"),
    ("lime", {"num_samples": 0}, "num_samples to be a whole number, at least 2, such as .*, got 0"),
    ("lime", {"num_samples": -5}, "got -5"),
    ("lime", {"num_samples": 10.5}, "got 10.5"),
    ("lime", {"until_settled": 2.0}, "until_settled to be a number, at least 0 and at most 1, .*, got 2.0"),
    ("lime", {"until_settled": -1}, "got -1"),
    ("lime", {"confidence": 95}, "confidence to be a number, above 0 and below 1, such as 0.95, got 95"),
    ("lime", {"kernel_width": 0}, "kernel_width to be a number, at least 0.02"),
    ("lime", {"ridge_alpha": -1}, "ridge_alpha to be a number, at least 0"),
    ("lime", {"max_dist": -1}, "max_dist to be a number, above 0"),
    ("kernel-shap", {"hidden": "white"}, "got 'white'"),
    ("kernel-shap", {"confidence": 1}, "got 1"),
    ("kernel-shap", {"kernel_size": 0}, "kernel_size to be a number, above 0"),
    ("random", {"ratio": float("nan")}, "ratio to be a number, at least 0, such as 0.2, got nan"),
    ("occlusion", {"window": 0}, "window to be a whole number, at least 1"),
    ("occlusion", {"window": 15}, "window to be at most cells, 14, got 15"),
    ("occlusion", {"cells": 0}, "cells to be a whole number, at least 1 and at most 56, such as 14, got 0"),
    ("occlusion", {"cells": 300}, "got 300"),
    ("rise", {"shown": 0}, "shown to be a number, above 0 and below 1, such as 0.5, got 0"),
    ("rise", {"shown": 1.5}, "got 1.5"),
    ("rise", {"cells": 0}, "got 0"),
    ("rise", {"cells": 500}, "got 500"),
    ("rise", {"num_samples": 1}, "num_samples to be a whole number, at least 3, such as 512, got 1"),
    ("rise", {"target": 5}, "target to be a text, such as 'expected-age', got 5"),
    ("rise", {"target": ""}, "got ''"),
]


@pytest.mark.parametrize(("name", "parameters", "said"), WRONG)
def test_wrong_parameters_are_refused_before_any_work(name, parameters, said):
    with pytest.raises(UsageError, match=f"expected .*{said}" if said.startswith("got") else f"expected {said}"):
        load_explainer(name, Years(), **parameters)


@pytest.mark.parametrize(
    ("name", "parameters"),
    [
        ("integrated-gradients", {"steps": 0}),
        ("integrated-gradients", {"steps": 64, "most_steps": 32}),
        ("integrated-gradients", {"baseline": "white"}),
        ("integrated-gradients", {"tolerance": -0.1}),
        ("smooth-grad", {"num_samples": 0}),
        ("smooth-grad", {"noise": -1}),
        ("score-cam", {"most": 1.5}),
    ],
)
def test_wrong_parameters_of_what_works_on_derivatives(name, parameters, small):
    with pytest.raises(UsageError, match=f"expected {list(parameters)[-1]} to be"):
        load_explainer(name, small, **parameters)


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize("seed", [1.5, None, -1, 2**32, "3"])
def test_what_is_no_seed_is_refused(name, seed, small):
    with pytest.raises(UsageError, match="expected a seed that is a whole number of 0 to 4294967295"):
        load_explainer(name, small, seed=seed)


def test_seeds_of_numpy_are_seeds(crops):
    one, other = (load_explainer("random", Years(), seed=seed).explain(crops[0]) for seed in (3, np.int64(3)))
    np.testing.assert_array_equal(one.weights, other.weights)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_the_name_of_an_estimator_is_no_estimator(name):
    loading = r"load it first: age_audit.estimators.load_estimator\('cydral-resnet10'\)"
    with pytest.raises(UsageError, match=loading):
        load_explainer(name, "cydral-resnet10")
    with pytest.raises(UsageError, match="expected an estimator that is loaded, got its name"):
        load_explainer(name, Path("mine.keras"))


@pytest.mark.parametrize("name", EXPLAINERS)
@pytest.mark.parametrize("target", [5, "", 18.0])
def test_a_target_of_another_type_is_refused(name, target, crops, small):
    with pytest.raises(UsageError, match="expected a target as"):
        fewer(name, small).explain(crops[0], target=target)


@pytest.mark.parametrize("name", EXPLAINERS)
def test_a_gate_beyond_the_classes_is_refused(name, crops, small):
    for target in ("over:200", "over:0"):
        with pytest.raises(UsageError, match="expected over: and years above 0 and at most 100 to explain"):
            fewer(name, small, target=target)
        with pytest.raises(UsageError, match="expected over: and years above 0 and at most 100 to explain"):
            fewer(name, small).explain(crops[0], target=target)


@pytest.mark.parametrize("name", ["grad-cam", "grad-cam++", "score-cam"])
def test_a_model_without_rows_and_columns_is_told_so_when_the_method_is_loaded(name):
    import keras

    from age_audit.estimators.base import EstimatorInfo
    from age_audit.estimators.keras_model import KerasEstimator

    faces = keras.Input((4, 4, 3))
    model = keras.Model(faces, keras.layers.Dense(101, "softmax")(keras.layers.Flatten()(faces)))
    flat = KerasEstimator(model, EstimatorInfo("flat", "none", 4, "RGB", (0.0, 1.0)), np.arange(101.0))
    with pytest.raises(UsageError, match="expected layers with rows and columns"):
        load_explainer(name, flat)


class Rounding:
    """An age that does not depend on the face but for what single precision rounds away."""

    gives_classes = False

    def predict(self, faces):
        ages = 40 + 1e-6 * np.sin(faces.sum(axis=(1, 2, 3), dtype=float))
        return AgeEstimate(ages, np.zeros((len(faces), 0)), np.zeros(0))


@pytest.mark.parametrize("name", ["lime", "kernel-shap", "occlusion", "rise"])
def test_what_is_rounding_has_no_sign(name, crops):
    found = fewer(name, Rounding()).explain(crops[0])
    assert np.abs(found.map).max() > 0
    assert not found.positive_mask.any() and not found.negative_mask.any()


def test_superpixels_that_are_no_parts_of_a_face_are_refused(crops):
    with pytest.raises(UsageError, match=r"expected at most 2000 superpixels of a face, got .*; raise max_dist"):
        fewer("lime", Years(), max_dist=0.5).explain(crops[0])


def test_naming_methods_loads_none():
    loaded = "'lime' in sys.modules or 'skimage' in sys.modules or 'keras' in sys.modules"
    code = f"import sys, age_audit.explain; raise SystemExit({loaded})"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0


def test_methods_without_a_unit_are_methods_and_none_of_them_adds_up():
    assert set(WITHOUT_UNIT) < set(EXPLAINERS)
    assert not [name for name in WITHOUT_UNIT if EXPLAINERS[name].additive]
    # Weights of superpixels, pixels that add up, and means of the target itself have the target's unit.
    assert set(EXPLAINERS) - set(WITHOUT_UNIT) == {"lime", "kernel-shap", "occlusion", "rise", "integrated-gradients"}
