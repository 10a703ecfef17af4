"""What methods share that hide superpixels: mean colours against a rule written pixel by pixel, and seeds."""

import hashlib

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.superpixels import (
    checked_face,
    classifier_image,
    hidden_image,
    image_seed,
    masked_targets,
    mean_colours,
    segment,
)

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


def test_what_a_hidden_superpixel_shows():
    assert not hidden_image(BYTES, SEGMENTS, "black").any()
    np.testing.assert_array_equal(hidden_image(UNIT, SEGMENTS, "mean-colour"), mean_colours(UNIT, SEGMENTS))


def test_what_the_classifier_sees():
    face = np.array([[[50, 100, 151]], [[60, 50, 60]]], dtype=np.uint8)
    assert classifier_image(face, rescale=False) is face
    np.testing.assert_allclose(classifier_image(face, rescale=True)[0, 0], [0, 50 / 101, 1])
    np.testing.assert_allclose(classifier_image(np.array([[[7, 8, 8]]], np.uint8), rescale=True), [[[0, 1, 1]]])
    np.testing.assert_array_equal(classifier_image(np.full((1, 1, 3), 9, np.uint8), rescale=True), np.zeros((1, 1, 3)))


def test_a_face_is_bytes_of_224_by_224_by_3():
    assert checked_face(np.zeros((224, 224, 3), np.uint8)).shape == (224, 224, 3)
    for wrong in (np.zeros((224, 224, 4), np.uint8), np.zeros((224, 224, 2), np.uint8), np.zeros((224, 224, 3), int)):
        with pytest.raises(ValueError, match="expected a uint8 face"):
            checked_face(wrong)


def test_superpixels_are_those_of_lime():
    from lime.wrappers.scikit_image import SegmentationAlgorithm

    image = np.random.default_rng(3).integers(0, 256, (16, 16, 3)).repeat(3, axis=0).repeat(3, axis=1).astype(np.uint8)
    lime = SegmentationAlgorithm("quickshift", kernel_size=4, max_dist=200, ratio=0.2, random_seed=7)
    np.testing.assert_array_equal(segment(image, 4, 200, 0.2), lime(image))


class Levels:
    """Years and probabilities of three classes from the level of the first pixel; remembers how many were asked."""

    def __init__(self):
        self.asked = []

    def predict(self, faces):
        self.asked.append(len(faces))
        level = faces[:, 0, 0, 0].astype(float)
        probabilities = np.column_stack([level / 200, 0.5 + 0 * level, 0.5 - level / 200])
        return AgeEstimate(level, probabilities, np.arange(3.0))


class TestMaskedTargets:
    # 33 versions: one more than are made at a time; the first pixel is 40 where its superpixel is shown, else 0.
    shown = np.array([[1, 0]] * 32 + [[0, 1]])
    image = np.full((4, 4, 3), 40, dtype=np.uint8)
    masked = MaskedFaces(image, np.zeros_like(image), np.arange(4) // 2 * np.ones((4, 1), dtype=int), shown)

    def test_years_in_the_order_of_the_versions(self):
        estimator = Levels()
        years, name = masked_targets(estimator, self.image, self.masked, "expected-age")
        assert (years.tolist(), name) == ([40.0] * 32 + [0.0], "expected_age")
        assert estimator.asked == [32, 1]

    def test_probabilities_of_the_first_versions_class(self):
        probabilities, name = masked_targets(Levels(), self.image, self.masked, "top-class")
        assert (probabilities.tolist(), name) == ([0.5] * 33, "class:1")  # 0.2, 0.5, 0.3
        only_last = MaskedFaces(self.image, self.masked.hidden, self.masked.segments, self.shown[-1:])
        probabilities, name = masked_targets(Levels(), self.image, only_last, "top-class")
        assert (probabilities.tolist(), name) == ([0.5], "class:2")  # of equals the last

    def test_an_estimator_that_makes_versions_itself_is_bound_and_asked_once(self):
        class Own(Levels):
            def bind(self, face):
                self.bound_to = face
                return self

            def predict_masked(self, masked):
                return self.predict(np.concatenate(list(masked.batches(100))))

        estimator = Own()
        years, _ = masked_targets(estimator, self.image, self.masked, "expected-age")
        assert years.tolist() == [40.0] * 32 + [0.0] and estimator.asked == [33]
        assert estimator.bound_to is self.image


@pytest.fixture(scope="module")
def face(crops):
    return crops[0]


class TestImageSeed:
    def test_by_hand(self, face):
        # The first four bytes of the hash, least first: of the seed as eight bytes, least first, and the face's bytes.
        digest = hashlib.sha256(bytes([44, 1, 0, 0, 0, 0, 0, 0]) + face.tobytes()).digest()
        assert image_seed(face, 300) == digest[0] + 256 * (digest[1] + 256 * (digest[2] + 256 * digest[3]))

    def test_depends_on_every_byte_and_on_the_seed(self, face):
        changed = face.copy()
        changed[223, 223, 2] ^= 1
        seeds = {image_seed(face, 42), image_seed(changed, 42), image_seed(face, 43)}
        assert len(seeds) == 3 and all(0 <= seed < 2**32 for seed in seeds)

    def test_not_on_the_memory_layout(self, face):
        assert image_seed(np.asfortranarray(face), 42) == image_seed(face, 42)

    def test_largest_seed(self, face):
        assert 0 <= image_seed(face, 2**32 - 1) < 2**32
