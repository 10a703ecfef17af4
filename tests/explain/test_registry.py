"""Methods by name, and the light start of those who only name them."""

import subprocess
import sys
from dataclasses import is_dataclass

import numpy as np
import pytest

from age_audit.core.config import PRESETS
from age_audit.core.errors import UsageError
from age_audit.core.schema import AgeEstimate
from age_audit.explain import METHODS, explainer_for


class Years:
    """Ages from the brightness of the upper half."""

    gives_classes = False

    def predict(self, faces):
        ages = 30 + faces[:, :112].mean(axis=(1, 2, 3)) / 10
        return AgeEstimate(ages, np.ones((len(faces), 1)), np.array([30.0]))


@pytest.mark.parametrize("method", METHODS)
def test_every_method_keeps_the_protocol(method, crops):
    presets = METHODS[method].presets
    assert presets.keys() == PRESETS.keys() and all(map(is_dataclass, presets.values()))
    found = explainer_for(method, Years(), presets["audit"], 42).explain(crops[0])
    assert found.pixels.shape == found.positive_mask.shape == found.negative_mask.shape == (224, 224)
    assert not (found.positive_mask & found.negative_mask).any()


def test_lime_through_the_registry_is_lime(crops):
    from age_audit.explain.lime import LimeExplainer

    asked, direct = (
        explainer.explain(crops[0])
        for explainer in (
            explainer_for("lime", Years(), PRESETS["audit"], 7),
            LimeExplainer(Years(), "audit", seed=7),
        )
    )
    np.testing.assert_array_equal(asked.weights, direct.weights)


def test_an_unknown_method():
    with pytest.raises(UsageError, match="expected explanation method to be one of lime"):
        explainer_for("tea-leaves", Years(), PRESETS["audit"], 42)


def test_what_the_method_refuses():
    with pytest.raises(UsageError, match="gives ages only"):
        explainer_for("lime", Years(), PRESETS["published"], 42)


def test_naming_methods_loads_none():
    code = "import sys, age_audit.explain; raise SystemExit('lime' in sys.modules or 'skimage' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code]).returncode == 0
