"""Masks as pictures, as bits and in sums."""

import numpy as np
import pandas as pd
import pytest

from age_audit.core.masks import (
    block_means,
    mask_picture,
    pack_masks,
    raising_pixels,
    signed_mask_sums,
    unpack_masks,
)
from age_audit.core.schema import Attribution


def attribution(segments, positive, negative):
    """Of 224 x 224 with the given superpixels positive and negative."""
    segments = np.pad(np.asarray(segments), [(0, 222), (0, 221)], mode="edge")
    return Attribution(segments, np.zeros(9), "expected_age", np.isin(segments, positive), np.isin(segments, negative))


def test_picture():
    picture = mask_picture(attribution([[0, 1, 2], [1, 1, 0]], positive=[1], negative=[2]))
    assert picture.dtype == np.uint8 and picture.shape == (224, 224)
    assert picture[:2, :3].tolist() == [[128, 255, 0], [255, 255, 128]]


def test_positive_reads_as_positive_by_the_published_threshold():
    picture = mask_picture(attribution([[0, 1, 2], [1, 1, 0]], positive=[1], negative=[0, 2]))
    np.testing.assert_array_equal(picture > 200, attribution([[0, 1, 2], [1, 1, 0]], [1], []).positive_mask)
    assert set(np.unique(picture)) == {0, 255}


def test_a_picture_is_read_as_the_mask_that_it_was_made_of():
    for positive, negative in (([1], [2]), ([], [2]), ([], []), ([0, 1, 2], [])):
        made_of = attribution([[0, 1, 2], [1, 1, 0]], positive, negative)
        np.testing.assert_array_equal(raising_pixels(mask_picture(made_of)), made_of.positive_mask)


def test_masks_of_other_kinds():
    assert raising_pixels(np.array([0, 1], dtype=np.uint8)).tolist() == [False, True]
    assert raising_pixels(np.array([-1, 0, 1])).tolist() == [False, False, True]
    assert raising_pixels(np.array([-0.5, 0.0, 1e-9])).tolist() == [False, False, True]
    with pytest.raises(ValueError, match="grey levels 0, 128 and 255, got 0, 37, 255"):
        raising_pixels(np.array([0, 37, 255], dtype=np.uint8))
    with pytest.raises(ValueError, match="finite"):
        raising_pixels(np.array([0, np.nan]))


@pytest.mark.parametrize("count", [0, 1, 5])
def test_round_trip(count):
    masks = np.random.default_rng(0).random((count, 224, 224)) < 0.3
    packed = pack_masks(masks)
    assert packed.shape == (count, 6272) and packed.dtype == np.uint8
    unpacked = unpack_masks(packed)
    assert unpacked.dtype == bool
    np.testing.assert_array_equal(unpacked, masks)


def test_layout_is_row_major_with_the_first_pixel_highest():
    masks = np.zeros((1, 224, 224), dtype=bool)
    masks[0, 0, 0] = masks[0, 0, 9] = masks[0, 1, 7] = True
    packed = pack_masks(masks)[0]
    assert packed[0] == 0b10000000 and packed[1] == 0b01000000
    assert packed[28] == 0b00000001  # 224 / 8 bytes a row
    assert packed.sum() == 128 + 64 + 1


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
def test_sums_pixel_by_pixel(values):
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


def test_sums_by_hand():
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
    signed_mask_sums(packed, ["a", "b", "a", "a"])


@pytest.mark.parametrize("values", [2, 3])
def test_block_means_square_by_square(values):
    positive = random_masks(3)
    negative = random_masks(3, seed=1) & ~positive if values == 3 else ~positive
    found = block_means(pack_masks(positive), pack_masks(negative) if values == 3 else None)
    assert found.shape == (3, 28, 28) and found.dtype == np.float32
    for face in range(3):
        for row, column in [(0, 0), (3, 17), (27, 27)]:
            square = np.s_[face, 8 * row : 8 * row + 8, 8 * column : 8 * column + 8]
            assert found[face, row, column] == positive[square].mean() - negative[square].mean()


def test_block_means_of_no_masks():
    assert block_means(pack_masks(random_masks(0))).shape == (0, 28, 28)
