"""Simulations adjust p-values hundreds of times."""

import gc

import pytest


@pytest.fixture(autouse=True, scope="module")
def libraries_are_no_garbage():
    """Statsmodels collects garbage with each Holm adjustment; what is there already need not be searched each time."""
    gc.collect()
    gc.freeze()
    yield
    gc.unfreeze()
