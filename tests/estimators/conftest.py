"""Model libraries as fixtures: a test process that runs none of these tests does not spend seconds on loading them."""

import importlib

import pytest


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
