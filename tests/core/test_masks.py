"""Masks as pictures and as bits."""

import numpy as np
import pytest

from age_audit.core.masks import mask_picture, pack_masks, unpack_masks
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
