"""Mean colours of superpixels, against a rule written pixel by pixel."""

import numpy as np
import pytest

from age_audit.explain.lime import mean_colours

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


@pytest.mark.parametrize("image", [BYTES, UNIT], ids=["bytes", "unit"])
def test_mean_colours(image):
    means = mean_colours(image, SEGMENTS)
    assert means.dtype == image.dtype
    np.testing.assert_allclose(means, literal_mean_colours(image, SEGMENTS), rtol=1e-12)


def test_mean_colours_by_hand():
    image = np.array([[[0, 10, 255], [1, 20, 255], [200, 0, 0]]], dtype=np.uint8)
    # halves are rounded to the even neighbour: 0.5 becomes 0
    assert mean_colours(image, np.array([[0, 0, 1]])).tolist() == [[[0, 15, 255], [0, 15, 255], [200, 0, 0]]]
