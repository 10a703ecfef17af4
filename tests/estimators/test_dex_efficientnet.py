"""The study's own estimator. Its weights are no part of any package, so a file of their layout is written here."""

import hashlib
from dataclasses import replace

import h5py
import numpy as np
import pytest

from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE
from age_audit.estimators import registry
from age_audit.estimators.entries import ENTRIES

ENTRY = ENTRIES["dex-efficientnet-b3"]
MD5 = ENTRY.weights_hash.removeprefix("md5:")
NAMES_OF_OLD = {"DepthwiseConv2D": {"kernel": "depthwise_kernel"}}  # array names of Keras 2 where they differ


def bare(name):
    """A layer's name as the first model of a process has it."""
    for automatic in ("normalization", "rescaling", "input_layer"):
        if name.startswith(automatic):
            return automatic
    return name


def random_arrays(model):
    """{layer in the file: [(array in the file, values)]} for every layer, with or without weights."""
    rng = np.random.default_rng(42)
    content = {}
    for layer in model.layers:
        renamed = NAMES_OF_OLD.get(type(layer).__name__, {})
        content[bare(layer.name)] = [
            (renamed.get(w.name, w.name), random_array(rng, bare(layer.name), w.name, tuple(w.shape)))
            for w in layer.weights
        ]
    return content


def random_array(rng, layer, name, shape):
    if layer == "normalization":
        return {"mean": np.float32([0.485, 0.456, 0.406]), "variance": np.float32([0.3, 0.2, 0.25])}.get(
            name, np.int64(9)
        )
    if name == "kernel":
        fan_in = max(int(np.prod(shape[:-1])) if "dwconv" not in layer else shape[0] * shape[1], 1)
        # Much less and every face gets the same answer, much more and rounding errors grow into another one.
        return rng.normal(0, 1.35 / np.sqrt(fan_in), shape).astype(np.float32)
    if name in ("gamma", "moving_variance"):
        return rng.uniform(0.5, 1.5, shape).astype(np.float32)
    return rng.normal(0, 0.1, shape).astype(np.float32)


def write_legacy(path, content, whole_model):
    """Keras 2: weights only at the root, or a whole model with its weights in a group beside its description."""
    with h5py.File(path, "w") as file:
        top = file.create_group("model_weights") if whole_model else file
        if whole_model:
            file.attrs["model_config"] = b'{"class_name": "Functional", "config": {"layers": "never read"}}'
        top.attrs["layer_names"] = [name.encode() for name in content]
        for target in {file, top}:
            target.attrs["backend"], target.attrs["keras_version"] = b"tensorflow", b"2.4.0"
        for layer, named in content.items():
            stored = top.create_group(layer)
            stored.attrs["weight_names"] = np.array([f"{layer}/{name}:0".encode() for name, _ in named], dtype="S")
            for name, values in named:
                stored.create_dataset(f"{layer}/{name}:0", data=values)
    return hashlib.md5(path.read_bytes()).hexdigest()


@pytest.fixture(scope="module")
def built(dex):
    return dex.build_efficientnet_b3()


@pytest.fixture(scope="module")
def third(dex, built, by_hand):
    """Not the first model of the process, and of the other precision; its weights are float32 all the same."""
    return dex.build_efficientnet_b3("bfloat16")


@pytest.fixture(scope="module")
def content(built):
    return random_arrays(built)


@pytest.fixture(scope="module")
def by_hand(keras, built, content):
    """A model with the same arrays put in by hand, its normalisation done outside."""
    for layer in built.layers:
        named = [values for _, values in content[bare(layer.name)]]
        if named:
            layer.set_weights(named)
    after = keras.Model(built.get_layer("stem_conv_pad").input, built.outputs)
    mean, variance = (dict(content["normalization"])[name] for name in ("mean", "variance"))

    def predict(faces):
        pixels = faces[..., ::-1].astype(np.float32) / 255  # BGR
        gender, age = after((pixels - mean) / np.sqrt(variance), training=False)
        return np.asarray(gender), np.asarray(age)

    return predict


@pytest.fixture(scope="module")
def loaded(dex, content, by_hand, tmp_path_factory):
    path = tmp_path_factory.mktemp("efficientnet") / "weights.hdf5"
    md5 = write_legacy(path, content, whole_model=False)
    return dex.load_dex_efficientnet_b3(path=path, md5=md5)


def test_same_answers_as_with_the_arrays_put_in_by_hand(loaded, by_hand, crops):
    faces = np.concatenate([crops, np.random.default_rng(0).integers(0, 256, (1, 224, 224, 3), dtype=np.uint8)])
    gender, age = by_hand(faces)
    answer = loaded.predict(faces)
    np.testing.assert_allclose(answer.probabilities, age, atol=1e-5)
    np.testing.assert_allclose(answer.probability_female, gender[:, 0], atol=1e-5)
    # The comparison sees something: faces differ, no class takes all, and the colours' order counts.
    assert np.ptp(answer.age) > 0.5 and 1e-3 < answer.probabilities.std() and answer.probabilities.max() < 0.5
    assert np.abs(by_hand(faces[..., ::-1])[1] - age).max() > 1e-3


def test_whole_model_files_hold_the_same_weights(dex, third, keras, loaded, content, tmp_path, monkeypatch):
    md5 = write_legacy(tmp_path / "weights.hdf5", content, whole_model=True)
    monkeypatch.setattr(dex, "build_efficientnet_b3", lambda _: third)
    other = dex.load_dex_efficientnet_b3(path=tmp_path / "weights.hdf5", md5=md5)
    # Keras numbers unnamed layers through the life of the process.
    (scale,) = (layer for layer in third.layers if isinstance(layer, keras.layers.Normalization))
    assert scale.name.startswith("normalization_")
    ours, theirs = (estimator._graph.get_weights() for estimator in (other, loaded))
    assert len(ours) == len(theirs) > 300
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_information_for_the_provenance(loaded):
    assert loaded.info.name == "dex-efficientnet-b3"
    assert (loaded.info.input_size, loaded.info.channel_order, loaded.info.value_range) == (224, "BGR", (0.0, 255.0))
    assert loaded.info.weights_hash.startswith("md5:")


def test_wrong_hash_is_refused_before_the_file_is_opened(dex, tmp_path, monkeypatch):
    (tmp_path / "weights.hdf5").write_bytes(b"not the weights")
    monkeypatch.setattr(dex, "load_legacy_weights", lambda *_: pytest.fail("opened all the same"))
    with pytest.raises(UsageError, match=rf"expected md5 {MD5}, found"):
        dex.load_dex_efficientnet_b3(path=tmp_path / "weights.hdf5")


def test_by_name_without_the_file_and_without_a_network(dex, tmp_path, monkeypatch):
    monkeypatch.setenv(WEIGHTS_FOLDER_VARIABLE, str(tmp_path))
    nowhere = replace(ENTRY, url="http://127.0.0.1:9/EfficientNetB3_224_weights.11-3.44.hdf5")
    monkeypatch.setitem(ENTRIES, ENTRY.name, nowhere)
    with pytest.raises(UsageError) as caught:
        registry.load_estimator("dex-efficientnet-b3")
    for needed in (
        "EfficientNetB3_224_weights.11-3.44.hdf5",
        "http://127.0.0.1:9/",
        str(tmp_path),
        MD5,
    ):
        assert needed in str(caught.value)


def test_a_wrong_file_in_the_weights_folder_is_refused(dex, tmp_path, monkeypatch):
    monkeypatch.setenv(WEIGHTS_FOLDER_VARIABLE, str(tmp_path))
    (tmp_path / ENTRY.url.rsplit("/", 1)[-1]).write_bytes(b"half a download")
    with pytest.raises(UsageError, match="refused to open EfficientNetB3"):
        registry.load_estimator("dex-efficientnet-b3")


def test_policy_of_the_process_is_left_as_it_was(keras, third):
    assert keras.config.dtype_policy().name == "float32"
    assert third.get_layer("stem_conv").dtype_policy.name == "mixed_bfloat16"
    assert third.get_layer("pred_age").dtype_policy.name == "float32"
