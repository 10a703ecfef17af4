"""What methods share that hide superpixels: mean colours against a rule written pixel by pixel, and seeds."""

import numpy as np
import pytest

from age_audit.explain.superpixels import image_seed, mean_colours

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


@pytest.fixture(scope="module")
def face(crops):
    return crops[0]


class TestImageSeed:
    def test_depends_on_every_byte_and_on_the_seed(self, face):
        changed = face.copy()
        changed[223, 223, 2] ^= 1
        seeds = {image_seed(face, 42), image_seed(changed, 42), image_seed(face, 43)}
        assert len(seeds) == 3 and all(0 <= seed < 2**32 for seed in seeds)

    def test_not_on_the_memory_layout(self, face):
        assert image_seed(np.asfortranarray(face), 42) == image_seed(face, 42)

    def test_largest_seed(self, face):
        assert 0 <= image_seed(face, 2**32 - 1) < 2**32
