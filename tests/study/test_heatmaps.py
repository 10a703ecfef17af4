"""Sums of masks, against the literal way: pixel by pixel, face by face."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.masks import block_means, pack_masks, signed_mask_sums
from age_audit.study.heatmaps import cohort_sum, compared_heatmap, repeated_mask_sum, scale_to_unit


def literal_sums(positive, groups, negative=None):
    sums = {}
    for i, group in enumerate(groups):
        if group is None:
            continue
        signed = np.full((224, 224), 0 if negative is not None else -1)
        if negative is not None:
            signed[negative[i]] = -1
        signed[positive[i]] = 1
        sums[group] = sums.get(group, 0) + signed
    return sums


def random_masks(count, share=0.4, seed=0):
    return np.random.default_rng(seed).random((count, 224, 224)) < share


@pytest.mark.parametrize("values", [2, 3])
def test_as_pixel_by_pixel(values):
    positive = random_masks(23)
    negative = random_masks(23, seed=1) & ~positive if values == 3 else None
    groups = np.random.default_rng(2).choice(["Asian", "African", None], 23)
    packed = None if negative is None else pack_masks(negative)
    found = signed_mask_sums(pack_masks(positive), groups, packed)
    expected = literal_sums(positive, groups, negative)
    assert list(found) == ["African", "Asian"]
    for group in found:
        assert found[group].dtype == np.int64
        np.testing.assert_array_equal(found[group], expected[group])


def test_by_hand():
    positive = np.zeros((3, 224, 224), bool)
    positive[0, 0, 0] = positive[1, 0, 0] = positive[1, 0, 1] = positive[2, 5, 7] = True
    sums = signed_mask_sums(pack_masks(positive), ["f", "f", "m"])
    assert sums["f"][0, :3].tolist() == [2, 0, -2]
    assert sums["m"][5, 6:9].tolist() == [-1, 1, -1]


@pytest.mark.parametrize("count", [254, 255, 256, 511])
def test_counts_beyond_one_byte(count):
    packed = np.full((count, 6272), 0b11110000, np.uint8)
    heatmap = signed_mask_sums(packed, ["a"] * count)["a"]
    assert heatmap[3, :8].tolist() == [count] * 4 + [-count] * 4


def test_groups_of_a_categorical_keep_their_order_and_may_be_empty():
    groups = pd.Series(["b", None], dtype=pd.CategoricalDtype(["c", "b", "a"]))
    sums = signed_mask_sums(pack_masks(random_masks(2)), groups)
    assert list(sums) == ["c", "b", "a"]
    assert not sums["c"].any() and np.abs(sums["b"]).min() == 1


def test_no_masks():
    assert signed_mask_sums(pack_masks(random_masks(0)), []) == {}


@pytest.mark.parametrize(
    "packed", [np.zeros((2, 6272), np.uint8), np.zeros((3, 6271), np.uint8), np.zeros((3, 6272), bool)]
)
def test_what_does_not_fit(packed):
    good = np.zeros((3, 6272), np.uint8)
    for masks in ((packed, None), (good, packed)):
        with pytest.raises(ValueError, match=r"expected packed masks of uint8, shape \(3, 6272\)"):
            signed_mask_sums(masks[0], ["a", "b", "a"], masks[1])


def test_arguments_are_left_alone():
    packed = pack_masks(random_masks(4))
    packed.setflags(write=False)
    before = packed.copy()
    signed_mask_sums(packed, ["a", "b", "a", "a"])  # would raise if it wrote
    np.testing.assert_array_equal(packed, before)


class TestScale:
    def test_by_hand(self):
        np.testing.assert_array_equal(scale_to_unit([[4, 2], [0, -2]]), [[1, 0], [-1, -2]])
        np.testing.assert_array_equal(scale_to_unit([[-1, -2]]), [[1, 3]])  # the published arithmetic turns the signs

    @pytest.mark.parametrize("heatmap", [[[0, 0], [0, -3]], [[np.nan, 1], [2, 3]], np.zeros((2, 2), int)])
    def test_no_answer(self, heatmap):
        assert np.isnan(scale_to_unit(heatmap)).all()
        assert scale_to_unit(heatmap).shape == (2, 2)

    def test_of_an_empty_group(self):
        groups = pd.Categorical(["a"], categories=["a", "b"])
        assert np.isnan(scale_to_unit(signed_mask_sums(pack_masks(random_masks(1)), groups)["b"])).all()

    def test_to_the_last_digit(self):
        heatmap = np.arange(-40, 60).reshape(10, 10)
        expected = heatmap.astype(float)
        expected *= 2 / expected.max()
        expected -= 1
        np.testing.assert_array_equal(scale_to_unit(heatmap), expected)


class TestRepeatedAndCompared:
    def test_repeated_faces_count_repeatedly(self):
        masks, times = random_masks(7), [3, 3, 2, 2, 2, 2, 2]
        expected = np.zeros((224, 224))
        for mask, repeats in zip(masks, times, strict=True):
            for _ in range(repeats):
                expected += np.where(mask, 1, -1)
        np.testing.assert_array_equal(repeated_mask_sum(pack_masks(masks), times), expected)
        assert not repeated_mask_sum(pack_masks(random_masks(0)), []).any()

    @pytest.mark.parametrize("how", ["accurate", "inaccurate", "observing"])
    def test_against_the_literal_way(self, how):
        first, second = (np.random.default_rng(seed).integers(-9, 10, (6, 5)) for seed in (1, 2))
        a, b = first * (2 / first.max()) - 1, second * (2 / second.max()) - 1
        outcome = {"accurate": a - b, "inaccurate": b - a, "observing": b + a}[how]
        np.testing.assert_array_equal(compared_heatmap(first, second, how), outcome * (2 / outcome.max()) - 1)

    def test_by_hand(self):
        first, second = [[2, 0]], [[-1, 4]]  # scaled: 1, -1 and -1.5, 1; difference 2.5, -2
        np.testing.assert_allclose(compared_heatmap(first, second, "accurate"), [[1, -2.6]])
        np.testing.assert_allclose(compared_heatmap(first, second, "inaccurate"), [[-3.5, 1]])

    def test_an_empty_group_has_no_answer(self):
        assert np.isnan(compared_heatmap(np.zeros((2, 2)), np.ones((2, 2)), "observing")).all()

    def test_another_word(self):
        with pytest.raises(UsageError, match="one of accurate, inaccurate, observing, got 'both'"):
            compared_heatmap([[1]], [[1]], "both")


class TestBlocksAndCohorts:
    @pytest.mark.parametrize("values", [2, 3])
    def test_block_means_square_by_square(self, values):
        positive = random_masks(3)
        negative = random_masks(3, seed=1) & ~positive if values == 3 else ~positive
        found = block_means(pack_masks(positive), pack_masks(negative) if values == 3 else None)
        assert found.shape == (3, 28, 28) and found.dtype == np.float32
        for face in range(3):
            for row, column in [(0, 0), (3, 17), (27, 27)]:
                square = np.s_[face, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
                assert found[face, row, column] == positive[square].mean() - negative[square].mean()

    def test_no_masks(self):
        assert block_means(pack_masks(random_masks(0))).shape == (0, 28, 28)

    def test_cohort_sum_row_by_row(self):
        masks = random_masks(3)
        rows = [{"fname": name} for name in ("c", "a", "c", None, "lost")] + [{}]
        sums, n = cohort_sum(rows, {"a": 0, "b": 1, "c": 2}, pack_masks(masks))
        signed = np.where(masks, 1, -1)
        np.testing.assert_array_equal(sums, signed[0] + 2 * signed[2])
        assert n == 2
