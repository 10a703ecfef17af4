"""ssr-net: held to its sums written out, on weights of its layout; and on its own where they are."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators.entries import ENTRIES
from tests.estimators.literal_networks import convolve, resized
from tests.estimators.tfjs_files import GRAPH, arrays_of, ssr_net_layout


def by_hand(face, w):
    """Age of one face, uint8 (224, 224, 3), named as in the file."""

    def relu(x):
        return np.maximum(x, 0)

    def convolved(x, place):
        name = f"{GRAPH}/conv2d{f'_{place}' if place else ''}"
        return convolve(x, w[f"{name}/Conv2D_weights"])[1:-1, 1:-1] + w[f"{name}/Conv2D_bn_offset"]

    def pooled(x, size, how):
        count = len(x) // size  # what is left over at the end is not looked at
        return how(x[: count * size, : count * size].reshape(count, size, count, size, -1), axis=(1, 3))

    def times(x, number):
        kernel = w[f"unknown_{number}"]
        return x @ (kernel[0, 0] if kernel.ndim == 4 else kernel) + w[f"unknown_{number + 1}"]

    def stage(x, y, size, numbers):
        """What a stage says, in bins, and how wide its bins are beside those of the stage before."""
        squeeze_x, squeeze_y, bins_x, bins_y, mix, weigh, shift, stretch = numbers
        x = pooled(relu(times(x, squeeze_x)), size, np.mean).ravel()
        y = pooled(relu(times(y, squeeze_y)), size, np.max).ravel()
        mixed = relu(times(relu(times(x, bins_x)) * relu(times(y, bins_y)), mix))
        weights, shifts = relu(times(mixed, weigh)), np.tanh(times(mixed, shift))
        said = sum(weights[i] * (i + shifts[i]) for i in range(3))
        return said, 1 / (3 * (1 + np.tanh(times(x * y, stretch)[0])))

    start = resized(face.astype(float), 64)[..., ::-1]
    x1, y1 = pooled(relu(convolved(start, 0)), 2, np.mean), pooled(np.tanh(convolved(start, 4)), 2, np.max)
    x2, y2 = pooled(relu(convolved(x1, 1)), 2, np.mean), pooled(np.tanh(convolved(y1, 5)), 2, np.max)
    x3, y3 = pooled(relu(convolved(x2, 2)), 2, np.mean), pooled(np.tanh(convolved(y2, 6)), 2, np.max)
    x4, y4 = relu(convolved(x3, 3)), np.tanh(convolved(y3, 7))
    assert [len(x) for x in (x1, x2, x3, x4)] == [31, 14, 6, 4]
    first, wide1 = stage(x4, y4, 1, (55, 57, 69, 67, 75, 77, 89, 83))
    second, wide2 = stage(x2, y2, 4, (51, 53, 65, 63, 73, 79, 91, 85))
    third, wide3 = stage(x1, y1, 8, (47, 49, 61, 59, 71, 81, 93, 87))
    return 101 * wide1 * (first + wide2 * (second + wide3 * third))


def test_the_sums_written_out(from_npm, crops):
    estimator, entry = from_npm("ssr-net", made=True)
    answer = estimator.predict(crops)
    np.testing.assert_allclose(answer.age, [by_hand(face, arrays_of(entry)) for face in crops], atol=1e-3)
    assert answer.probability_female is None and np.ptp(answer.age) > 0.1


def test_every_array_counts_in_these_sums(from_npm, crops):
    """Or one at the place of another would go unnoticed by the test before."""
    _, entry = from_npm("ssr-net", made=True)
    arrays = arrays_of(entry)
    age = by_hand(crops[0], arrays)
    for name in ssr_net_layout():
        assert abs(by_hand(crops[0], arrays | {name: arrays[name] * 1.5}) - age) > 0.01, name


def test_a_file_with_one_array_less_is_refused(from_npm, monkeypatch):
    import age_audit.estimators.ssr_net as module

    _, entry = from_npm("ssr-net", made=True)
    kept = {name: value for name, value in arrays_of(entry).items() if name != "unknown_84"}
    monkeypatch.setattr(module, "read_weights", lambda *_: kept)
    with pytest.raises(UsageError, match=r"age\.bin: expected stage1-stretch/bias of shape \(1,\), found none"):
        module.load_ssr_net()


def test_the_real_one(from_npm, crops):
    """Eileen Collins was 42 and Grace Hopper 77."""
    estimator, entry = from_npm("ssr-net")
    arrays = arrays_of(entry)
    assert ssr_net_layout().items() <= {name: list(array.shape) for name, array in arrays.items()}.items()
    # What else is in the file: constants of the last sum, which are ours too, shapes and axes.
    rest = {name.removeprefix(f"{GRAPH}/"): value for name, value in arrays.items() if name not in ssr_net_layout()}
    numbers = {name: float(value) for name, value in rest.items() if name.endswith(("/x", "/y"))}
    assert set(numbers.values()) == {0.0, 1.0, 2.0, 3.0, 101.0} and numbers["pred_a/mul_33/y"] == 101
    kinds = {name.rstrip("_0123456789").rpartition("/")[2] for name in set(rest) - set(numbers)}
    assert kinds == {"Const", "dim", "stack"}
    answer = estimator.predict(crops)
    np.testing.assert_allclose(answer.age, [30.75, 63.77], atol=0.1)
    np.testing.assert_allclose(answer.age, [by_hand(face, arrays) for face in crops], atol=0.001)
    assert ENTRIES["ssr-net"].weights_hash == estimator.info.weights_hash
