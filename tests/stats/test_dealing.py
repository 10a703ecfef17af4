"""Draws held against numpy's own, and where they leave the generator."""

import numpy as np
import pytest

from age_audit.stats.dealing import chosen, counted, permuted


def generators():
    """Two alike, which hold back half of the last number that they drew."""
    both = np.random.default_rng(5), np.random.default_rng(5)
    for rng in both:
        rng.integers(7)
    return both


def same_state(*both):
    first, second = (rng.bit_generator.state for rng in both)
    return first == second


@pytest.mark.parametrize("n", [1, 2, 3, 40, 128, 129, 300])
def test_permuted_as_numpy_does(n):
    rng, numpys = generators()
    dealt = np.full((50, n), np.nan)
    permuted(rng, n // 3, dealt)
    assert (dealt == numpys.permuted(np.tile(np.arange(n) < n // 3, (50, 1)), axis=1)).all() and same_state(rng, numpys)


@pytest.mark.parametrize(("n", "size"), [(1, 1), (301, 1), (301, 100), (301, 301), (10_000, 4000), (10_001, 4000)])
def test_chosen_as_numpy_does(n, size):
    rng, numpys = generators()
    dealt = np.full((50, n), np.nan)
    chosen(rng, size, dealt)
    for row in dealt:
        assert set(row.nonzero()[0]) == set(numpys.choice(n, size, replace=False, shuffle=False)), n
    assert (dealt.sum(axis=1) == size).all() and same_state(rng, numpys)


@pytest.mark.parametrize("n", [1, 2, 3, 1000, 9999])
def test_counted_as_numpy_draws(n):
    rng, numpys = generators()
    counts = np.full((50, n), np.nan)
    counted(rng, counts)
    for row, drawn in zip(counts, numpys.integers(n, size=(50, n)), strict=True):
        assert (row == np.bincount(drawn, minlength=n)).all()
    assert same_state(rng, numpys)


def test_numbers_that_lemire_refuses_are_drawn_again():
    """Of a limit far below 2**32 nearly none are; of about half of it, nearly half."""
    from age_audit.stats.dealing import _below, _source

    rng, numpys = generators()
    limit = 2**31 + 2**30
    assert [_below(*_source(rng), limit) for _ in range(99)] == numpys.integers(limit, size=99).tolist()
    assert same_state(rng, numpys)
