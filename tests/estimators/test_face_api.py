"""face-api's tiny Xception: held to its sums written out, on weights of its layout; and on its own where they are."""

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators.entries import ENTRIES
from tests.estimators.literal_networks import convolve, depthwise, largest, resized, softmax
from tests.estimators.tfjs_files import arrays_of, face_api_layout


def by_hand(face, w):
    """Age and probability of female of one face, uint8 (224, 224, 3)."""

    def relu(x):
        return np.maximum(x, 0)

    def separable(x, name):
        return depthwise(x, w[f"{name}/depthwise_filter"]) @ w[f"{name}/pointwise_filter"][0, 0] + w[f"{name}/bias"]

    def reduction(x, name, start):
        inner = separable(relu(separable(start, f"{name}/separable_conv0")), f"{name}/separable_conv1")
        side = convolve(x, w[f"{name}/expansion_conv/filters"], 2) + w[f"{name}/expansion_conv/bias"]
        return largest(inner, 3, 2) + side

    x = resized(face[39:185, 39:185].astype(float), 112)
    x = (x - [122.782, 117.001, 104.298]) / 255
    x = relu(convolve(x, w["entry_flow/conv_in/filters"], 2) + w["entry_flow/conv_in/bias"])
    x = reduction(x, "entry_flow/reduction_block_0", x)
    x = reduction(x, "entry_flow/reduction_block_1", relu(x))
    for block in (0, 1):
        inner = x
        for step in (0, 1, 2):
            inner = separable(relu(inner), f"middle_flow/main_block_{block}/separable_conv{step}")
        x = x + inner
    x = reduction(x, "exit_flow/reduction_block", relu(x))
    x = relu(separable(x, "exit_flow/separable_conv")).mean(axis=(0, 1))
    gender = softmax(x @ w["fc/gender/weights"] + w["fc/gender/bias"])  # male, female
    return (x @ w["fc/age/weights"] + w["fc/age/bias"])[0], gender[1]


def test_the_sums_written_out(from_npm, crops):
    estimator, entry = from_npm("face-api", made=True)
    answer = estimator.predict(crops)
    expected = [by_hand(face, arrays_of(entry)) for face in crops]
    np.testing.assert_allclose(answer.age, [age for age, _ in expected], atol=1e-3)
    np.testing.assert_allclose(answer.probability_female, [female for _, female in expected], atol=1e-5)
    assert np.ptp(answer.age) > 0.1


@pytest.mark.parametrize("name", ["face-api", "faceres", "ssr-net"])
def test_the_age_has_a_gradient_in_all_that_the_model_is_shown(from_npm, crops, name):
    import keras
    import tensorflow

    if keras.backend.backend() != "tensorflow":
        pytest.skip("asks TensorFlow for the gradient")
    estimator, _ = from_npm(name, made=True)
    faces = tensorflow.constant(crops[:1].astype(np.float32))
    with tensorflow.GradientTape() as tape:
        tape.watch(faces)
        answer = estimator._graph(faces)
        answer = answer[1] if isinstance(answer, list) else answer  # after the gender, where it is told
        age = tensorflow.reduce_sum(answer * (estimator.classes if estimator.gives_classes else 1.0))
    gradient = tape.gradient(age, faces).numpy()[0]
    # Of 224 pixels to 64, resizing without smoothing reads two of every three and a half, along either side.
    margin, part = {"face-api": (39, 0.5), "faceres": (28, 0.5), "ssr-net": (0, 0.3)}[name]
    inside = gradient[margin : 224 - margin, margin : 224 - margin]
    assert np.isfinite(gradient).all() and (inside != 0).any(axis=2).mean() > part
    assert np.count_nonzero(gradient) == np.count_nonzero(inside)


def test_a_file_with_one_array_less_is_refused(from_npm, monkeypatch):
    import age_audit.estimators.face_api as module

    _, entry = from_npm("face-api", made=True)
    kept = {name: value for name, value in arrays_of(entry).items() if name != "fc/age/bias"}
    monkeypatch.setattr(module, "read_weights", lambda *_: kept)
    with pytest.raises(UsageError, match=r"age_gender_model\.bin: expected fc-age/bias of shape \(1,\), found none"):
        module.load_face_api()


def test_the_real_one(from_npm, crops):
    """Eileen Collins was 42 and Grace Hopper 77."""
    estimator, entry = from_npm("face-api")
    assert {name: list(array.shape) for name, array in arrays_of(entry).items()} == face_api_layout()
    answer = estimator.predict(crops)
    np.testing.assert_allclose(answer.age, [30.37, 82.59], atol=0.1)
    np.testing.assert_allclose(answer.probability_female, [0.871, 0.121], atol=0.01)
    assert ENTRIES["face-api"].weights_hash == estimator.info.weights_hash
