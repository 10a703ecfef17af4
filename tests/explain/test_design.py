"""Which superpixels each masked face shows."""

import itertools

import numpy as np
import pytest

from age_audit.explain.design import balanced_design, folded_together, paley_design, paley_matrix, random_design


class TestRandomDesign:
    @pytest.mark.parametrize(("superpixels", "samples"), [(1, 1), (7, 20), (33, 100)])
    def test_rows_that_lime_draws(self, superpixels, samples):
        from lime.lime_image import LimeImageExplainer

        explainer = LimeImageExplainer(random_state=np.random.RandomState(42))
        segments = np.arange(superpixels)[None]
        image = np.zeros((1, superpixels, 3))
        theirs, _ = explainer.data_labels(image, image, segments, lambda faces: np.zeros((len(faces), 1)), samples)
        ours = random_design(superpixels, samples, np.random.RandomState(42))
        np.testing.assert_array_equal(ours, theirs)
        assert (ours[0] == 1).all()
        # both have drawn equally much
        state = np.random.RandomState(42)
        random_design(superpixels, samples, state)
        assert state.randint(10**6) == explainer.random_state.randint(10**6)


class TestBalancedDesign:
    # A power of two, at least 256 here, and above twice the superpixels: 127 still fit into 256, 128 do not.
    SIZES = ((1, 256), (5, 256), (127, 256), (128, 512), (300, 1024))

    @pytest.mark.parametrize(("superpixels", "rows"), SIZES)
    def test_size_and_values(self, superpixels, rows):
        shown = balanced_design(superpixels, 256, np.random.default_rng(0))
        assert shown.shape == (rows, superpixels)
        assert set(np.unique(shown)) == {0, 1} and shown.dtype.kind == "i"

    @pytest.mark.parametrize("superpixels", [size for size, _ in SIZES])
    def test_each_in_half_and_each_pair_in_a_quarter_of_the_rows(self, superpixels):
        shown = balanced_design(superpixels, 256, np.random.default_rng(1))
        together = shown.T @ shown
        expected = np.full((superpixels, superpixels), len(shown) // 4)
        np.fill_diagonal(expected, len(shown) // 2)
        np.testing.assert_array_equal(together, expected)

    @pytest.mark.parametrize("superpixels", [1, 7, 15])
    def test_no_superpixel_is_always_shown_or_always_hidden_in_the_first_half(self, superpixels):
        first = balanced_design(superpixels, 32, np.random.default_rng(4))[:16]
        assert first.sum(axis=0).tolist() == [8] * superpixels

    @pytest.mark.parametrize("superpixels", [1, 5, 128])
    def test_second_half_is_the_complement_of_the_first(self, superpixels):
        first, second = np.split(balanced_design(superpixels, 256, np.random.default_rng(2)), 2)
        np.testing.assert_array_equal(first + second, 1)

    def test_no_three_superpixels_are_confounded_with_a_fourths_opposite(self):
        """Foldover: any two columns' product is orthogonal to every single column."""
        signs = 2 * balanced_design(6, 32, np.random.default_rng(3)) - 1
        for a, b, c in itertools.product(range(6), repeat=3):
            if a != b:
                assert (signs[:, a] * signs[:, b] * signs[:, c]).sum() == 0

    @pytest.mark.parametrize(("samples", "rows"), [(1, 16), (16, 16), (17, 32), (32, 32), (1000, 1024)])
    def test_at_least_as_many_rows_as_asked(self, samples, rows):
        assert len(balanced_design(5, samples, np.random.default_rng(0))) == rows

    def test_seeded(self):
        first, again, other = (balanced_design(20, 256, np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_no_row_shows_everything_by_construction(self):
        designs = (balanced_design(20, 256, np.random.default_rng(seed)) for seed in range(20))
        assert sum(bool((shown.sum(axis=1) == 20).any()) for shown in designs) <= 1


def confounded(design, superpixels, pairs):
    """How much of what three superpixels do together is in the weight of a fourth, at most: 0-1."""
    signs = 2 * design(superpixels, 2 * pairs, np.random.default_rng(5))[:pairs] - 1
    assert len(signs) == pairs
    return max(
        abs((signs[:, [a]] * signs[:, [b]] * signs[:, [c]] * signs[:, c + 1 :]).mean(axis=0)).max()
        for a, b, c in itertools.combinations(range(superpixels - 1), 3)
    )


class TestPaleyDesign:
    # Pairs are a prime that leaves 3 of 4, and 1; at least half of the rows asked for, and twice the superpixels.
    SIZES = ((1, 256), (5, 256), (64, 256), (65, 264), (70, 280), (300, 1200))

    @pytest.mark.parametrize(("superpixels", "rows"), SIZES)
    def test_size_and_values(self, superpixels, rows):
        shown = paley_design(superpixels, 256, np.random.default_rng(0))
        assert shown.shape == (rows, superpixels)
        assert set(np.unique(shown)) == {0, 1} and shown.dtype.kind == "i"

    @pytest.mark.parametrize("superpixels", [size for size, _ in SIZES])
    def test_each_in_half_and_each_pair_in_a_quarter_of_the_rows(self, superpixels):
        shown = paley_design(superpixels, 256, np.random.default_rng(1))
        expected = np.full((superpixels, superpixels), len(shown) // 4)
        np.fill_diagonal(expected, len(shown) // 2)
        np.testing.assert_array_equal(shown.T @ shown, expected)
        first, second = np.split(shown, 2)
        np.testing.assert_array_equal(first + second, 1)
        assert first.sum(axis=0).tolist() == [len(first) // 2] * superpixels

    def test_three_superpixels_are_not_taken_for_a_fourth(self):
        assert confounded(balanced_design, 20, 128) == 1
        assert confounded(paley_design, 20, 128) <= 3 / 16

    @pytest.mark.parametrize(("samples", "rows"), [(1, 24), (24, 24), (25, 40), (100, 120), (1000, 1000)])
    def test_at_least_as_many_rows_as_asked(self, samples, rows):
        assert len(paley_design(5, samples, np.random.default_rng(0))) == rows

    def test_seeded(self):
        first, again, other = (paley_design(20, 256, np.random.default_rng(seed)) for seed in (1, 1, 2))
        np.testing.assert_array_equal(first, again)
        assert (first != other).any()

    def test_any_row_may_show_anything(self):
        """Flips make each row a draw of its own: over seeds, the first row shows each superpixel in half of them."""
        rows = np.array([paley_design(10, 20, np.random.default_rng(seed))[0] for seed in range(400)])
        np.testing.assert_allclose(rows.mean(axis=0), 0.5, atol=0.1)


def test_paley_by_hand():
    # q = 7: squares are 1, 2 and 4. Row 1 of the core has 1 where the column's distance is a square, else -1.
    np.testing.assert_array_equal(paley_matrix(8)[1], [1, -1, 1, 1, -1, 1, -1, -1])


@pytest.mark.parametrize(("least", "order"), [(1, 4), (4, 4), (5, 8), (9, 12), (13, 20), (128, 128), (129, 132)])
def test_paley_matrices_are_hadamards(least, order):
    matrix = paley_matrix(least)
    np.testing.assert_array_equal(matrix.T @ matrix, order * np.eye(order))
    assert (matrix[:, 0] == 1).all() and set(np.unique(matrix)) == {-1, 1}


def test_designs_folded_together_are_foldovers_still():
    one, other = (paley_design(6, 24, np.random.default_rng(seed)) for seed in (1, 2))
    both = folded_together(one, other)
    first, second = np.split(both, 2)
    np.testing.assert_array_equal(first + second, 1)
    np.testing.assert_array_equal(first, np.concatenate([one[:12], other[:12]]))
