"""Estimators of one's own in ONNX: what they are fed and answer, by loops, and what is refused."""

import json

import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.estimators.custom import load_custom
from age_audit.estimators.onnx_model import resized
from tests.estimators.onnx_files import FLOAT16, model, network, network_weights, node

NCHW, NHWC = ["N", 3, 16, 16], ["N", 16, 16, 3]
MEAN, STD = [0.5, 0.4, 0.3], [0.2, 0.3, 0.4]


def write(folder, content, **given):
    (folder / "net.onnx").write_bytes(content)
    (folder / "mine.json").write_text(json.dumps({"model": "net.onnx", **given}))
    return str(folder / "mine.json")


def by_loops(face, size=16, blue_first=False, low=0.0, high=1.0, mean=MEAN, std=STD):
    """What ``network`` scores one face with before its last layer, number by number."""
    picture = np.zeros((3, size, size))
    for row in range(size):
        for column in range(size):
            for channel in range(3):
                y, x = ((place + 0.5) * 224 / size - 0.5 for place in (row, column))
                top, left = int(y), int(x)
                down, right = y - top, x - left
                shown = face[:, :, 2 - channel if blue_first else channel].astype(float)
                above = shown[top, left] * (1 - right) + shown[top, left + 1] * right
                below = shown[top + 1, left] * (1 - right) + shown[top + 1, left + 1] * right
                value = low + (above * (1 - down) + below * down) * (high - low) / 255
                picture[channel, row, column] = (value - mean[channel]) / std[channel]
    weights = network_weights(101)
    pooled = []
    for kernel in weights["kernel"].astype(float):
        found = [
            max(0.0, sum(
                kernel[channel, i, j] * picture[channel, row + i, column + j]
                for channel in range(3) for i in range(5) for j in range(5)
            ))
            for row in range(0, size - 4, 3) for column in range(0, size - 4, 3)
        ]  # fmt: skip
        pooled.append(sum(found) / len(found))
    return np.array([sum(a * b for a, b in zip(pooled, units, strict=True)) for units in weights["dense"].T])


def softmax(scores):
    return np.exp(scores) / np.exp(scores).sum()


@pytest.fixture(scope="module")
def face(crops):
    return crops[0]


@pytest.fixture(scope="module")
def scores(face):
    return by_loops(face)


DESCRIBED = {"value_range": [0, 1], "mean": MEAN, "std": STD}


@pytest.mark.parametrize(
    ("content", "given"),
    [
        (network(NCHW), {}),
        (network(NHWC, nhwc=True), {}),
        (network(NCHW, last="Identity"), {"output": "logits"}),
        (network(["N", "C", 16, 16]), {"layout": "NCHW"}),
        (network(["N", 3, "H", "W"]), {"input_size": 16}),
        (network([1, 3, 16, 16]), {}),
        (network([5, 3, 16, 16]), {}),
        (network(NCHW, extra=["scores"]), {"output_name": "answer"}),
        (network(NCHW, extra=["scores"]), {"output_name": "scores", "output": "logits"}),
    ],
    ids=["NCHW", "NHWC", "logits", "layout", "any size", "one", "five", "first", "second"],
)
def test_answers_are_those_of_loops(tmp_path, face, scores, content, given):
    estimator = load_custom(write(tmp_path, content, **DESCRIBED, **given))
    faces = np.stack([face, face[::-1], face[:, ::-1], 255 - face, face, face[::-1]])
    answer = estimator.predict(faces)
    np.testing.assert_allclose(answer.probabilities[[0, 4]], [softmax(scores)] * 2, rtol=1e-4)
    assert len(np.unique(answer.age.round(4))) == 4 and answer.probabilities.std() > 1e-4
    assert estimator.info.input_size == 16 and estimator.info.name == "net.onnx"


def test_channel_order_and_range_are_those_of_loops(tmp_path, face, scores):
    given = {"channel_order": "BGR", "value_range": [-1, 1], "mean": [0.1, 0.2, 0.3]}
    estimator = load_custom(write(tmp_path, network(NCHW), **given))
    expected = softmax(by_loops(face, blue_first=True, low=-1, mean=[0.1, 0.2, 0.3], std=[1, 1, 1]))
    assert np.abs(expected - softmax(scores)).max() > 1e-4
    np.testing.assert_allclose(estimator.predict(face[None]).probabilities[0], expected, rtol=1e-4)


def test_half_precision(tmp_path, face, scores):
    estimator = load_custom(write(tmp_path, network(NCHW, kind=FLOAT16), **DESCRIBED))
    answer = estimator.predict(face[None]).probabilities[0]
    np.testing.assert_allclose(answer, softmax(scores), rtol=0.05)


@pytest.mark.parametrize("shape", [NCHW, [1, 3, 16, 16]])
@pytest.mark.parametrize("flat", [False, True])
def test_ages(tmp_path, shape, flat):
    """The mean of the picture, in the range 0 to 100, as (N, 1) or as (N,)."""
    nodes = [node("ReduceMean", ["pictures"], ["answer"], axes=[1, 2, 3], keepdims=0)]
    if not flat:
        nodes = [
            node("GlobalAveragePool", ["pictures"], ["pooled"]),
            node("ReduceMean", ["pooled"], ["answer"], axes=[2, 3], keepdims=0),
            node("ReduceMean", ["answer"], ["age"], axes=[1], keepdims=1),
        ]
    output = ("answer", [shape[0]]) if flat else ("age", [shape[0], 1])
    content = model(nodes, {}, [("pictures", shape)], [output])
    estimator = load_custom(write(tmp_path, content, output="ages", value_range=[0, 100]))
    assert not estimator.gives_classes
    greys = np.stack([np.full((224, 224, 3), grey, dtype=np.uint8) for grey in (51, 102, 204)])
    np.testing.assert_allclose(estimator.predict(greys).age, [20, 40, 80], atol=1e-3)


@pytest.mark.parametrize("size", [16, 100, 224, 300])
def test_faces_are_resized_as_keras_models_get_them(keras, crops, size):
    faces = crops.astype(np.float32)
    expected = keras.ops.image.resize(faces, (size, size), interpolation="bilinear")
    np.testing.assert_allclose(resized(faces, size), expected, atol=0.01)


@pytest.mark.parametrize(
    ("content", "given", "message"),
    [
        (network(["N", 3, 16, 20]), {}, r"net\.onnx to take pictures 16 x 16, it takes \['N', 3, 16, 20\]"),
        (network(NCHW), {"input_size": 20}, "to take pictures 20 x 20, it takes .*; leave 'input_size' out"),
        (network(["N", "C", 16, 16]), {}, "its layout is not declared; declare 'layout'"),
        (network(NCHW), {"layout": "NHWC"}, "three channels where its layout says.* its layout is NHWC"),
        (network(["N", 1, 16, 16]), {}, "three channels .* or export it for pictures in colour"),
        (network(NCHW, extra=["scores"]), {}, "to have one output, it has answer, scores; declare which"),
        (network(NCHW), {"output_name": "age"}, "to have an output 'age', it has answer"),
        (network(NCHW, units=9), {}, r"to return shape \(2, 101\), got \(2, 9\); declare 'classes' or 'output'"),
        (network(NCHW), {"output": "ages"}, r"to return shape \(2,\), got \(2, 101\)"),
        (network(NCHW, last="Identity"), {}, "to give probabilities .* end it with a softmax or declare"),
        (network(["N", 3, "H", "W"]), {"input_size": 2}, "to run on pictures 2 x 2, 2 at once; it failed"),
        (network(NCHW, opset=99), {}, r"(?s)ONNX model in one file .* with a lower opset_version"),
        (network(NCHW, outside="net.onnx.data"), {}, r"(?s)one file .* weights inside \(external_data=False\)"),
        (b"not a model", {}, r"expected .*net\.onnx to be an ONNX model"),
        (b"", {}, r"expected .*net\.onnx to be an ONNX model"),
        (network(["N", 3, 16]), {}, "opening it failed|one input of four axes"),
    ],
)
def test_misfits_are_told(tmp_path, monkeypatch, content, given, message):
    monkeypatch.chdir(tmp_path)
    (tmp_path / "net.onnx.data").write_bytes(bytes(10**5))  # there, yet no part of what is hashed
    with pytest.raises(UsageError, match=message):
        load_custom(write(tmp_path, content, **given))


def test_two_inputs(tmp_path):
    content = model([node("Add", ["a", "b"], ["c"])], {}, [("a", NCHW), ("b", NCHW)], [("c", NCHW)])
    with pytest.raises(UsageError, match=r"to take one input .*, it takes a tensor\(float\) .*, b tensor"):
        load_custom(write(tmp_path, content))


def test_no_file(tmp_path):
    path = write(tmp_path, b"")
    (tmp_path / "net.onnx").unlink()
    with pytest.raises(UsageError, match=r"expected the estimator's file .*net\.onnx; reading it failed: No such"):
        load_custom(path)


def test_no_graphics_card(tmp_path):
    import onnxruntime

    if "CUDAExecutionProvider" in onnxruntime.get_available_providers():
        pytest.skip("there is one")
    with pytest.raises(UsageError, match="expected onnxruntime with CUDA for --device gpu:1"):
        load_custom(write(tmp_path, network(NCHW)), device="gpu:1")


def test_a_file_alone_is_refused_with_a_description_that_works(tmp_path):
    (tmp_path / "net.onnx").write_bytes(network(NCHW, last="Identity"))
    with pytest.raises(UsageError, match=r"expected a description beside net\.onnx") as caught:
        load_custom(str(tmp_path / "net.onnx"))
    said = str(caught.value)
    (tmp_path / "net.json").write_text(said[said.index("{") : said.index("}") + 1])
    assert str(tmp_path / "net.json") in said
    assert load_custom(str(tmp_path / "net.json")).info.value_range == (0.0, 1.0)


@pytest.mark.parametrize("value", [1, [1, 2], [1, 2, 3, 4], ["a", "b", "c"], [1, 2, float("nan")]])
@pytest.mark.parametrize("key", ["mean", "std"])
def test_what_is_taken_off_and_divided_by_is_three_numbers(tmp_path, key, value):
    with pytest.raises(UsageError, match=f"expected {key} in .* to be three numbers"):
        load_custom(write(tmp_path, network(NCHW), **{key: value}))


@pytest.mark.parametrize(
    ("given", "message"),
    [
        ({"std": [1, 0, 1]}, "std in .* three numbers above 0"),
        ({"layout": "NCWH"}, "layout to be 'NCHW' or 'NHWC', got 'NCWH'"),
        ({"input_size": "16"}, "input_size in .* whole number above 0, got '16'"),
        ({"input_size": 0}, "input_size in .* whole number above 0, got 0"),
    ],
)
def test_wrong_values(tmp_path, given, message):
    with pytest.raises(UsageError, match=message):
        load_custom(write(tmp_path, network(NCHW), **given))


@pytest.mark.parametrize("model", ["numpy:mean", "net.keras"])
def test_other_kinds_have_no_such_keys(tmp_path, model):
    (tmp_path / "mine.json").write_text(json.dumps({"model": model, "std": [1, 1, 1], "layout": "NCHW"}))
    with pytest.raises(UsageError, match=r"expected no layout, std in .*mine\.json, since a"):
        load_custom(str(tmp_path / "mine.json"))
