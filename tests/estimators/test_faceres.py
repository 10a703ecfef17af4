"""faceres: held to its sums written out, on weights of its layout; and on its own where they are."""

from dataclasses import replace

import numpy as np

from age_audit.estimators import load_estimator
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.targets import parse_target
from tests.estimators.literal_networks import convolve, depthwise, resized, softmax
from tests.estimators.tfjs_files import arrays_of, faceres_layout

STRIDES = [1, 2, 1, 2, 1, 2, 1, 1, 1, 1, 1, 2, 1]


def by_hand(face, w):
    """Age probabilities and probability of female of one face, uint8 (224, 224, 3)."""

    def relu6(x):
        return np.clip(x, 0, 6)

    x = resized(face[28:196, 28:196].astype(float), 224)[..., ::-1] - [103.939, 116.779, 123.68]
    x = relu6(convolve(x, w["conv1/convolution/merged_input"], 2) + w["conv1_bn/batchnorm_1/sub"])
    for block, stride in enumerate(STRIDES, 1):
        x = depthwise(x, w[f"conv_dw_{block}/depthwise_kernel"], stride) * w[f"conv_dw_{block}_bn/batchnorm_1/mul"]
        x = relu6(x + w[f"conv_dw_{block}_bn/batchnorm_1/sub"])
        x = x @ w[f"conv_pw_{block}/convolution/merged_input"][0, 0]
        x = relu6(x + w[f"conv_pw_{block}_bn/batchnorm_1/sub"])
    x = np.maximum(x.mean(axis=(0, 1)) @ w["feats/kernel"] + w["feats/bias"], 0)
    male = 1 / (1 + np.exp(-(x @ w["gender_pred/kernel"] + w["gender_pred/bias"])[0]))
    return softmax(x @ w["age_pred/kernel"] + w["age_pred/bias"]), 1 - male


def test_the_sums_written_out(from_npm, crops):
    estimator, entry = from_npm("faceres", made=True)
    answer = estimator.predict(crops)
    expected = [by_hand(face, arrays_of(entry)) for face in crops]
    np.testing.assert_allclose(answer.probabilities, [ages for ages, _ in expected], atol=1e-4)
    np.testing.assert_allclose(answer.probability_female, [female for _, female in expected], atol=1e-4)
    assert answer.probabilities.max() < 0.9 and np.ptp(answer.age) > 0.01
    np.testing.assert_allclose(answer.age, answer.probabilities @ np.arange(1, 101), rtol=1e-5)


def test_the_real_one(from_npm, crops):
    """Eileen Collins was 42 and Grace Hopper 77."""
    estimator, entry = from_npm("faceres")
    arrays = {name: list(array.shape) for name, array in arrays_of(entry).items()}
    assert faceres_layout().items() <= arrays.items()
    # What else is in the file: limits of the activations, 0 and 6, and axes.
    rest = {name: value for name, value in arrays_of(entry).items() if name not in faceres_layout()}
    assert {name.partition("/")[2] for name in rest} == {"Cast", "Const_1", "Mean/reduction_indices"}
    assert {float(value) for name, value in rest.items() if name.endswith("Cast")} == {6.0}
    assert {float(value) for name, value in rest.items() if name.endswith("Const_1")} == {0.0}
    answer = estimator.predict(crops)
    np.testing.assert_allclose(answer.age, [33.97, 68.28], atol=0.1)
    np.testing.assert_allclose(answer.probability_female, [0.736, 0.043], atol=0.01)
    assert ENTRIES["faceres"].weights_hash == estimator.info.weights_hash


def test_bfloat16_moves_ages_by_tenths(from_npm, crops):
    single, _ = from_npm("faceres")
    rough = load_estimator("faceres", "bfloat16")
    assert rough.info == replace(single.info, precision="bfloat16")
    answers = single.predict(crops), rough.predict(crops)
    assert 0 < np.abs(answers[0].age - answers[1].age).max() < 0.5
    kinds = {layer.name: layer.compute_dtype for layer in rough.model.layers if layer.weights}
    assert {name for name, kind in kinds.items() if kind == "float32"} == {
        *("conv1", "conv_dw_1", "conv_pw_1", "conv_dw_2", "conv_dw_4", "conv_dw_6", "conv_dw_12"),
        *("feats", "gender_pred", "age_pred"),
    }
    target = parse_target("age")
    slopes = [estimator.gradients(crops, target).ravel() for estimator in (single, rough)]
    assert np.corrcoef(*slopes)[0, 1] > 0.9
