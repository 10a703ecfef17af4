"""Which superpixels each masked face shows."""

import itertools

import numpy as np
import pytest

from age_audit.explain.design import balanced_design, random_design


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
