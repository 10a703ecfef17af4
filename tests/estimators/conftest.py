"""Model libraries as fixtures: a test process that runs none of these tests does not spend seconds on loading them."""

import importlib

import pytest


@pytest.fixture(scope="session")
def keras():
    return importlib.import_module("keras")


@pytest.fixture(scope="session")
def dex():
    return importlib.import_module("age_audit.estimators.dex")
