"""What the ledger holds reads to what was put in; what older runs put in stays readable and is still written so."""

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.store.files import pack_arrays, unpack_arrays
from age_audit.store.records import (
    attribution_from_bytes,
    attribution_to_bytes,
    estimate_from_bytes,
    estimate_to_bytes,
)

HERE = Path(__file__).parent
SEGMENTS = np.arange(4).reshape(2, 2).repeat(112, 0).repeat(112, 1)
WEIGHTS = np.array([1.5, -2.25, 0.125, -0.5])
SETTLED = np.array([True, True, False, True])
LIME = {
    "audit": Attribution(
        SEGMENTS,
        WEIGHTS,
        "expected_age",
        (SETTLED & (WEIGHTS > 0))[SEGMENTS],
        (SETTLED & (WEIGHTS < 0))[SEGMENTS],
        np.stack([WEIGHTS - 0.25, WEIGHTS + 0.25], axis=1),
        SETTLED,
        40.5,
        0.75,
    ),
    "published": Attribution(
        SEGMENTS, WEIGHTS, "class:30", (WEIGHTS >= 0)[SEGMENTS], (WEIGHTS < 0)[SEGMENTS], intercept=0.03, score=0.5
    ),
}


def assert_same(found, expected):
    for name, value in vars(expected).items():
        if value is None:
            assert getattr(found, name) is None
        else:
            np.testing.assert_array_equal(getattr(found, name), value, strict=isinstance(value, np.ndarray))


class TestSuperpixels:
    @pytest.mark.parametrize("preset", LIME)
    def test_a_payload_of_an_older_run(self, preset):
        assert_same(attribution_from_bytes((HERE / f"lime_{preset}.npz").read_bytes()), LIME[preset])

    @pytest.mark.parametrize("preset", LIME)
    def test_same_bytes_as_an_older_run(self, preset):
        """Packed anew, because compressors differ between machines: same arrays, same order, same types."""
        kept = (HERE / f"lime_{preset}.npz").read_bytes()
        assert attribution_to_bytes(LIME[preset]) == pack_arrays(**unpack_arrays(kept))

    def test_how_many_samples_is_kept_where_it_depends_on_the_face(self):
        attribution = replace(LIME["audit"], samples=512)
        assert_same(attribution_from_bytes(attribution_to_bytes(attribution)), attribution)

    def test_pixels(self):
        np.testing.assert_array_equal(LIME["audit"].map, WEIGHTS[SEGMENTS])


class TestDenseMap:
    @pytest.mark.parametrize("missing", [0.0, -0.36])
    def test_what_its_values_lack_of_a_difference_is_kept(self, missing):
        values = np.ones((4, 4), dtype=np.float32)
        made = Attribution(None, None, "expected_age", values > 0, values < 0, dense=values, unexplained=missing)
        content = attribution_to_bytes(made)
        assert_same(attribution_from_bytes(content), made)
        assert ("unexplained" in unpack_arrays(content)) == bool(missing)

    @pytest.mark.parametrize("shape", [(224, 224), (5, 3)])
    def test_there_and_back(self, shape):
        values = np.random.default_rng(0).normal(size=shape).astype(np.float32)
        made = Attribution(None, None, "expected_age", values > 0.5, values < -0.5, dense=values)
        found = attribution_from_bytes(attribution_to_bytes(made))
        assert_same(found, made)
        np.testing.assert_array_equal(found.map, values)

    def test_kept_in_single_precision(self):
        values = np.full((8, 8), 0.1)
        made = Attribution(None, None, "expected_age", values > 0, values < 0, dense=values)
        assert attribution_from_bytes(attribution_to_bytes(made)).dense.dtype == np.float32


@pytest.mark.parametrize(
    ("segments", "weights", "dense"),
    [
        (None, None, None),
        (SEGMENTS, None, None),
        (SEGMENTS, WEIGHTS, WEIGHTS[SEGMENTS]),
        (None, WEIGHTS, WEIGHTS[SEGMENTS]),
    ],
)
def test_an_attribution_is_of_one_kind(segments, weights, dense):
    mask = np.zeros((224, 224), dtype=bool)
    with pytest.raises(ValueError, match="either segments with weights, or a dense map"):
        Attribution(segments, weights, "expected_age", mask, mask, dense=dense)


@pytest.mark.parametrize("female", [None, np.array([0.25, 0.75])])
def test_estimate_there_and_back(female):
    probabilities = np.array([[0.25, 0.75], [0.5, 0.5]], dtype=np.float32)
    estimate = AgeEstimate(np.array([30.1, 40.2]), probabilities, np.array([20.0, 50.0]), female)
    expected = AgeEstimate(
        estimate.age[1:], probabilities[1:], estimate.classes, None if female is None else female[1:]
    )
    assert_same(estimate_from_bytes(estimate_to_bytes(estimate, 1)), expected)
