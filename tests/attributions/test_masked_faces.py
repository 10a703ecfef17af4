"""Mean colours and masked faces, against rules written pixel by pixel."""

import numpy as np
import pytest

from age_audit.attributions.lime import CHUNK, masked_faces, mean_colours

SEGMENTS = np.array([[0, 0, 1, 1, 2], [0, 3, 3, 1, 2], [0, 0, 3, 2, 2], [4, 4, 3, 2, 2]])
BYTES = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
UNIT = BYTES / 255.0


def literal_mean_colours(image, segments):
    result = np.zeros_like(image)
    for y, x in np.ndindex(segments.shape):
        members = [image[v, u].astype(float) for v, u in np.ndindex(segments.shape) if segments[v, u] == segments[y, x]]
        mean = sum(members) / len(members)
        result[y, x] = np.rint(mean) if image.dtype == np.uint8 else mean
    return result


def literal_masked(image, hidden, segments, shown):
    result = np.zeros((len(shown), *image.shape), dtype=image.dtype)
    for n, y, x in np.ndindex(len(shown), *segments.shape):
        result[n, y, x] = image[y, x] if shown[n, segments[y, x]] else hidden[y, x]
    return result


@pytest.mark.parametrize("image", [BYTES, UNIT], ids=["bytes", "unit"])
def test_mean_colours(image):
    means = mean_colours(image, SEGMENTS)
    assert means.dtype == image.dtype
    np.testing.assert_allclose(means, literal_mean_colours(image, SEGMENTS), rtol=1e-12)


def test_mean_colours_by_hand():
    image = np.array([[[0, 10, 255], [1, 20, 255], [200, 0, 0]]], dtype=np.uint8)
    # halves are rounded to the even neighbour: 0.5 becomes 0
    assert mean_colours(image, np.array([[0, 0, 1]])).tolist() == [[[0, 15, 255], [0, 15, 255], [200, 0, 0]]]


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("image", [BYTES, UNIT], ids=["bytes", "unit"])
def test_masked_faces_whatever_the_chunk(image, chunk):
    shown = np.random.default_rng(1).integers(0, 2, (7, 5))
    hidden = mean_colours(image, SEGMENTS)
    batches = list(masked_faces(image, hidden, SEGMENTS, shown, chunk))
    assert [len(batch) for batch in batches] == [chunk] * (7 // chunk) + ([7 % chunk] if 7 % chunk else [])
    together = np.concatenate(batches)
    expected = literal_masked(image, hidden, SEGMENTS, shown)
    if image.dtype == np.uint8:
        assert together.dtype == np.uint8
        np.testing.assert_array_equal(together, expected)
    else:
        assert together.dtype == np.float32
        np.testing.assert_array_equal(together, expected.astype(np.float32))


def test_no_more_than_a_chunk_at_a_time():
    shown = np.ones((CHUNK + 1, 5), dtype=int)
    assert [len(batch) for batch in masked_faces(BYTES, BYTES, SEGMENTS, shown)] == [CHUNK, 1]
