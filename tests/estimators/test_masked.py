"""Masked versions of a face, against a rule written pixel by pixel, and what estimators make of them."""

import numpy as np
import pytest

from age_audit.core.schema import CANVAS
from age_audit.estimators.base import AgeEstimator
from age_audit.estimators.masked import MaskedFaces

SEGMENTS = np.array([[0, 0, 1, 1, 2], [0, 3, 3, 1, 2], [0, 0, 3, 2, 2], [4, 4, 3, 2, 2]])
BYTES = np.random.default_rng(0).integers(0, 256, (4, 5, 3), dtype=np.uint8)
UNIT = BYTES / 255.0


def literal_masked(image, hidden, segments, shown):
    result = np.zeros((len(shown), *image.shape), dtype=image.dtype)
    for n, y, x in np.ndindex(len(shown), *segments.shape):
        result[n, y, x] = image[y, x] if shown[n, segments[y, x]] else hidden[y, x]
    return result


@pytest.mark.parametrize("chunk", [1, 2, 3, 7, 50])
@pytest.mark.parametrize("image", [BYTES, UNIT], ids=["bytes", "unit"])
def test_masked_faces_whatever_the_chunk(image, chunk):
    shown = np.random.default_rng(1).integers(0, 2, (7, 5))
    hidden = image[::-1]
    batches = list(MaskedFaces(image, hidden, SEGMENTS, shown).batches(chunk))
    assert [len(batch) for batch in batches] == [chunk] * (7 // chunk) + ([7 % chunk] if 7 % chunk else [])
    together = np.concatenate(batches)
    expected = literal_masked(image, hidden, SEGMENTS, shown)
    if image.dtype == np.uint8:
        assert together.dtype == np.uint8
        np.testing.assert_array_equal(together, expected)
    else:
        assert together.dtype == np.float32
        np.testing.assert_array_equal(together, expected.astype(np.float32))


class Counting(AgeEstimator):
    """Years are the mean of the red channel; runs out of memory above some number of faces."""

    classes = np.array([0.0, 255.0])
    info = None

    def __init__(self, room, complaint="RESOURCE_EXHAUSTED: out of memory while trying to allocate"):
        self.room, self.complaint, self.seen = room, complaint, []

    def forward(self, faces):
        self.seen.append(len(faces))
        if len(faces) > self.room:
            raise RuntimeError(self.complaint)
        share = faces[..., 0].mean(axis=(1, 2)) / 255
        return np.stack([1 - share, share], axis=1), None


@pytest.fixture(scope="module")
def masked():
    rng = np.random.default_rng(7)
    image, hidden = rng.integers(0, 256, (2, CANVAS, CANVAS, 3), dtype=np.uint8)
    segments = np.arange(CANVAS * CANVAS).reshape(CANVAS, CANVAS) * 12 // CANVAS**2
    return MaskedFaces(image, hidden, segments, rng.integers(0, 2, (35, 12)))


def test_asked_in_batches_and_never_about_one(masked):
    estimator = Counting(room=100)
    answer = estimator.predict_masked(masked)
    assert estimator.seen == [32, 3]
    (faces,) = masked.batches(35)
    assert np.array_equal(answer.age, estimator.predict(faces).age)
    one = estimator.predict_masked(MaskedFaces(masked.image, masked.hidden, masked.segments, masked.shown[:1]))
    assert estimator.seen[-1] == 2 and one.age.tolist() == answer.age[:1].tolist()


def test_a_batch_that_does_not_fit_is_halved_and_stays_so(masked):
    estimator = Counting(room=10)
    expected = Counting(room=100).predict_masked(masked).age
    assert np.array_equal(estimator.predict_masked(masked).age, expected)
    assert estimator.seen == [32, 16, 8, 8, 8, 8, 3]
    assert estimator.batch == 8


@pytest.mark.parametrize(("room", "complaint"), [(1, "out of memory"), (10, "something else")])
def test_what_cannot_be_helped_is_raised(masked, room, complaint):
    with pytest.raises(RuntimeError, match=complaint):
        Counting(room, complaint).predict_masked(masked)
