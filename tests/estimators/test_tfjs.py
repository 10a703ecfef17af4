"""Weight files of TensorFlow.js: what they hold, and everything that must not load quietly."""

import json

import numpy as np
import pytest

from age_audit.core.errors import UsageError


def read(folder, weights, content, **around):
    from age_audit.estimators.tfjs import read_weights  # here: every test process collects, and Keras takes long

    group = {"paths": ["w.bin"], "weights": weights}
    (folder / "m.json").write_text(json.dumps(around | {"weightsManifest": [group]} if around else [group]))
    (folder / "w.bin").write_bytes(content)
    return read_weights(folder / "m.json", folder / "w.bin")


def array(name, shape, dtype="float32", quantization=None):
    described = {"name": name, "shape": shape, "dtype": dtype}
    return described | ({"quantization": quantization} if quantization else {})


def test_every_stored_type_one_after_the_other(tmp_path):
    weights = [
        array("plain", [1, 2]),
        array("bytes", [3], quantization={"dtype": "uint8", "scale": 0.5, "min": -1.0}),
        array("words", [2], quantization={"dtype": "uint16", "scale": 0.25, "min": 0.0}),
        array("half", [1], quantization={"dtype": "float16", "original_dtype": "float32"}),
        array("axes", [], "int32"),
    ]
    parts = [np.array([1.5, -2], "<f4"), np.array([0, 1, 255], "u1"), np.array([2, 65535], "<u2")]
    parts += [np.array([0.5], "<f2"), np.array(7, "<i4")]
    arrays = read(tmp_path, weights, b"".join(part.tobytes() for part in parts), format="graph-model")
    assert {name: value.tolist() for name, value in arrays.items()} == {
        "plain": [[1.5, -2.0]],
        "bytes": [-1.0, -0.5, 126.5],
        "words": [0.5, 16383.75],
        "half": [0.5],
        "axes": 7,
    }
    assert [value.dtype for value in arrays.values()] == [np.float32] * 4 + [np.int32]


@pytest.mark.parametrize("length", [7, 9])
def test_a_file_that_is_cut_or_too_long_is_refused(tmp_path, length):
    with pytest.raises(UsageError, match=rf"expected w\.bin to be of 8 bytes, as m\.json says, got {length}"):
        read(tmp_path, [array("a", [2])], bytes(length))


@pytest.mark.parametrize(
    "manifest",
    [
        *("", "{}", "[]", "[1]", '[{"weights": []}, {"weights": []}]', '[{"weights": [{"name": "a", "shape": [1]}]}]'),
        '[{"weights": [{"name": "a", "shape": [1], "dtype": "string"}]}]',
    ],
)
def test_another_manifest_is_refused(tmp_path, manifest):
    from age_audit.estimators.tfjs import read_weights

    (tmp_path / "m.json").write_text(manifest)
    (tmp_path / "w.bin").write_bytes(bytes(4))
    with pytest.raises(UsageError, match=r"expected m\.json to be a TensorFlow\.js weights manifest of one file"):
        read_weights(tmp_path / "m.json", tmp_path / "w.bin")


@pytest.mark.parametrize(
    ("arrays", "said"),
    [
        ({}, r"w\.bin: expected head/kernel of shape \(2, 1\), found none"),
        ({"head/kernel": np.ones((1, 2))}, r"expected head/kernel of shape \(2, 1\), found \(1, 2\)"),
        ({"head/kernel": np.ones((2, 1)), "tail/kernel": np.ones(1)}, r"holds arrays that the model has not: tail/ker"),
    ],
)
def test_arrays_that_do_not_fit_a_model_are_refused(keras, arrays, said):
    from age_audit.estimators.tfjs import fill

    model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, name="head")])
    with pytest.raises(UsageError, match=said):
        fill(model, arrays, "w.bin")
