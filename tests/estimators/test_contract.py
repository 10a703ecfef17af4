"""One contract for every estimator that can be loaded here: the shipped ones and all ways of bringing one's own."""

import json
from pathlib import Path

import numpy as np
import pytest

from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
from age_audit.core.schema import AgeEstimate
from age_audit.estimators import load_estimator
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.masked import MaskedFaces
from tests.estimators.onnx_files import network

MODULE = '''
import numpy as np

def probabilities(faces):
    """101 classes around the mean brightness of the first channel, in 0-1."""
    assert faces.dtype == np.float32 and faces.flags.c_contiguous
    centre = np.array([face[..., 0].mean() for face in faces]) * 100
    scores = -((np.arange(101) - centre[:, None]) / 8) ** 2
    weights = np.exp(scores)
    return weights / weights.sum(axis=1, keepdims=True)

def of_bytes(faces):
    """The same of faces in 0-255, as they come where nothing is declared."""
    return probabilities(faces / np.float32(255))

def years(faces):
    """Ages straight from the mean of the first channel."""
    return np.array([face[..., 0].mean() for face in faces]) / 3
'''

NAMES = [
    "dex-wrn",
    "cydral-resnet10",
    "face-api",
    "faceres",
    "ssr-net",
    "module:function",
    "FILE.keras",
    "function.json",
    "keras.json",
    "ages.json",
    "keras-ages.json",
    "onnx.json",
    "onnx-one.json",
]
OWN_NETWORKS = {"tiny.keras", "tiny", "tiny-ages.keras", "tiny.onnx", "tiny-one.onnx"}
# Of processors without AVX-512, matrix kernels add the last rows of a batch up in another order.
ONE_ORDER = any("avx512f" in line for line in Path("/proc/cpuinfo").read_text().splitlines()[:40])


def assert_same(again, answer, name):
    """The same bits, or but for rounding where the order of additions is not ours to choose."""
    if name in OWN_NETWORKS or (name.startswith("dex") and not ONE_ORDER):
        np.testing.assert_allclose(again, answer, rtol=1e-5)  # the smallest of 505 probabilities differed by 1.2e-6
    else:
        np.testing.assert_array_equal(again, answer)


def tiny_network(outputs, activation):
    import keras

    def kernel(seed):
        return keras.initializers.RandomNormal(stddev=0.3, seed=seed)

    inputs = keras.Input((32, 32, 3))
    x = keras.layers.Rescaling(1 / 64)(inputs)
    x = keras.layers.Conv2D(6, 5, strides=3, activation="relu", kernel_initializer=kernel(1))(x)
    x = keras.layers.GlobalAveragePooling2D()(x)
    return keras.Model(inputs, keras.layers.Dense(outputs, activation, kernel_initializer=kernel(2))(x))


@pytest.fixture(scope="module")
def own(tmp_path_factory):
    """{name in NAMES: what to load}, for estimators of one's own; the module is on the import path meanwhile."""
    folder = tmp_path_factory.mktemp("own")
    (folder / "contract_functions.py").write_text(MODULE)
    tiny_network(101, "softmax").save(folder / "tiny.keras")
    tiny_network(1, "softplus").save(folder / "tiny-ages.keras")
    (folder / "tiny.onnx").write_bytes(network(["N", 3, 32, 32], last="Identity"))
    (folder / "tiny-one.onnx").write_bytes(network([1, 32, 32, 3], nhwc=True))
    configs = {
        "function": {"model": "contract_functions:probabilities", "value_range": [0, 1], "channel_order": "BGR"},
        "keras": {"model": "tiny.keras", "name": "tiny", "value_range": [-1, 1], "channel_order": "BGR"},
        "ages": {"model": "contract_functions:years", "output": "ages"},
        "onnx": {"model": "tiny.onnx", "output": "logits", "value_range": [0, 1], "mean": [0.5] * 3, "std": [0.1] * 3},
        "onnx-one": {"model": "tiny-one.onnx", "value_range": [-9, 9], "channel_order": "BGR"},
        "keras-ages": {"model": "tiny-ages.keras", "output": "ages"},
    }
    for name, config in configs.items():
        (folder / f"{name}.json").write_text(json.dumps(config))
    names = {f"{name}.json": str(folder / f"{name}.json") for name in configs}
    with pytest.MonkeyPatch.context() as patch:
        patch.syspath_prepend(folder)
        yield names | {"module:function": "contract_functions:of_bytes", "FILE.keras": str(folder / "tiny.keras")}


@pytest.fixture(scope="module", params=NAMES)
def estimator(request, own, made_weights):
    with pytest.MonkeyPatch.context() as patch:
        if request.param in made_weights:  # their own, where they are, are in tests of their names
            folder, entry = made_weights[request.param]
            patch.setenv(WEIGHTS_FOLDER_VARIABLE, str(folder))
            patch.setitem(ENTRIES, entry.name, entry)
        yield load_estimator(own.get(request.param, request.param))


@pytest.fixture(scope="module")
def answer(estimator, many_faces):
    return estimator.predict(many_faces)


def test_shapes_and_types(estimator, answer, many_faces):
    assert isinstance(answer, AgeEstimate)
    count, classes = len(many_faces), len(estimator.classes)
    assert answer.age.shape == (count,) and answer.age.dtype == np.float64
    assert answer.probabilities.shape == (count, classes)
    assert np.issubdtype(answer.probabilities.dtype, np.floating)
    assert answer.classes.shape == (classes,) and (np.diff(answer.classes) > 0).all()
    if answer.probability_female is not None:
        assert answer.probability_female.shape == (count,)
        assert (0 <= answer.probability_female).all() and (answer.probability_female <= 1).all()


def test_probabilities_are_distributions(estimator, answer):
    if not estimator.gives_classes:
        assert answer.probabilities.shape[1] == 0
        return
    assert answer.probabilities.min() >= 0
    np.testing.assert_allclose(answer.probabilities.sum(axis=1), 1, atol=1e-5)


def test_age_is_the_expectation(estimator, answer):
    if not estimator.gives_classes:  # a plain age
        assert answer.age.min() > 0
        return
    np.testing.assert_allclose(answer.age, answer.probabilities.astype(np.float64) @ answer.classes, rtol=1e-12)


def test_faces_get_different_ages(answer):
    assert len(np.unique(answer.age)) > len(answer.age) // 2


@pytest.mark.parametrize("chosen", [[0], [32], [0, 1], [17, 4], [30, 2, 0, 9, 5]])
def test_same_bits_in_whatever_batch(estimator, answer, many_faces, chosen):
    again = estimator.predict(many_faces[chosen])
    name = estimator.info.name
    assert_same(again.age, answer.age[chosen], name)
    if name not in OWN_NETWORKS:
        assert_same(again.probabilities, answer.probabilities[chosen], name)
    if answer.probability_female is not None:
        assert_same(again.probability_female, answer.probability_female[chosen], name)


@pytest.mark.parametrize("dtype", [np.float32, np.float64])
def test_floating_point_faces_are_the_same_faces(estimator, answer, many_faces, dtype):
    again = estimator.predict(many_faces[:2].astype(dtype)).age
    assert_same(again, answer.age[:2], estimator.info.name)


@pytest.mark.parametrize("unit_range", [False, True], ids=["bytes", "unit"])
def test_masked_faces_get_the_answers_of_the_faces_they_are(estimator, crops, unit_range):
    image = crops[0] / 255.0 if unit_range else crops[0]
    segments = np.arange(224 * 224).reshape(224, 224) * 9 // 224**2
    shown = np.random.default_rng(3).integers(0, 2, (5, 9))
    masked = MaskedFaces(image, image[::-1], segments, shown)
    (faces,) = masked.batches(5)
    for asked in (estimator, estimator.bind(crops[0]) if hasattr(estimator, "bind") else estimator):
        expected, answer = asked.predict(faces), asked.predict_masked(masked)
        assert len(np.unique(expected.age)) > 1
        np.testing.assert_array_equal(answer.probabilities, expected.probabilities)
        np.testing.assert_array_equal(answer.age, expected.age)


def test_no_faces(estimator):
    empty = estimator.predict(np.zeros((0, 224, 224, 3), dtype=np.uint8))
    assert empty.age.shape == (0,)
    assert empty.probabilities.shape == (0, len(estimator.classes))


@pytest.mark.parametrize("shape", [(224, 224, 3), (1, 64, 64, 3), (1, 224, 224), (1, 224, 224, 4), (1, 3, 224, 224)])
def test_wrong_shape(estimator, shape):
    with pytest.raises(ValueError, match=r"expected faces of shape \(N, 224, 224, 3\), got"):
        estimator.predict(np.zeros(shape, dtype=np.uint8))


@pytest.mark.parametrize("dtype", [np.int64, np.int8, bool, complex])
def test_wrong_type(estimator, dtype):
    with pytest.raises(ValueError, match="expected faces of type uint8 or floating point, got"):
        estimator.predict(np.zeros((1, 224, 224, 3), dtype=dtype))


def test_information_for_the_provenance(estimator):
    info = estimator.info
    assert info.name and "/" not in info.name
    assert info.weights_hash == "none" or len(info.weights_hash.partition(":")[2]) in (32, 64)
    assert info.channel_order in ("RGB", "BGR") and info.precision == "float32"


def test_an_entry_says_what_it_gives(estimator):
    if entry := ENTRIES.get(estimator.info.name):
        assert (entry.gives_classes, entry.gives_gender) == (estimator.gives_classes, estimator.gives_gender)


def test_loaded_once(estimator, own, request):
    name = request.node.callspec.params["estimator"]
    assert load_estimator(own.get(name, name)) is estimator
