"""Weight files of the legacy Keras layout: everything that must not load quietly."""

import h5py
import numpy as np
import pytest

from age_audit.core.errors import UsageError


def load_legacy_weights(*arguments):
    from age_audit.estimators.hdf5 import load_legacy_weights  # here: every test process collects, and Keras takes long

    load_legacy_weights(*arguments)


def small_model():
    """Normalisation, two kinds of convolution, batch statistics, a head, and a layer without weights."""
    import keras

    inputs = keras.Input((4, 4, 3))
    x = keras.layers.Normalization(name="scale")(inputs)
    x = keras.layers.Conv2D(2, 3, name="conv", use_bias=False)(x)
    x = keras.layers.DepthwiseConv2D(2, name="deep", use_bias=False)(x)
    x = keras.layers.BatchNormalization(name="norm")(x)
    x = keras.layers.Flatten(name="flat")(x)
    return keras.Model(inputs, keras.layers.Dense(2, name="head")(x))


ARRAYS = {
    "scale": {"mean": (3,), "variance": (3,), "count": ()},
    "conv": {"kernel": (3, 3, 3, 2)},
    "deep": {"depthwise_kernel": (2, 2, 2, 1)},
    "norm": {"gamma": (2,), "beta": (2,), "moving_mean": (2,), "moving_variance": (2,)},
    "flat": {},
    "head": {"kernel": (2, 2), "bias": (2,)},
}


def arrays(changes=None):
    """{layer: {array name: values}}; changes replace whole layers, None removes one."""
    rng = np.random.default_rng(0)
    layout = {**ARRAYS, **(changes or {})}
    return {
        layer: {name: rng.uniform(0.5, 1.5, shape).astype(np.float32) for name, shape in named.items()}
        for layer, named in layout.items()
        if named is not None
    }


def write(path, content, group=None, prefix=None):
    """The layout of Keras 2: a group a layer, named in ``layer_names``; arrays named in its ``weight_names``."""
    with h5py.File(path, "w") as file:
        top = file.create_group(group) if group else file
        top.attrs["layer_names"] = [layer.encode() for layer in content]
        top.attrs["backend"], top.attrs["keras_version"] = b"tensorflow", b"2.4.0"
        for layer, named in content.items():
            stored = top.create_group(layer)
            stored.attrs["weight_names"] = np.array(
                [f"{prefix or layer}/{name}:0".encode() for name in named], dtype="S"
            )
            for name, values in named.items():
                stored.create_dataset(f"{prefix or layer}/{name}:0", data=values)
    return path


@pytest.mark.parametrize("group", [None, "model_weights"])
def test_every_array_lands_in_its_place(tmp_path, group):
    model, content = small_model(), arrays()
    load_legacy_weights(model, write(tmp_path / "w.hdf5", content, group))
    for layer in model.layers:
        for variable in layer.weights:
            name = "depthwise_kernel" if layer.name == "deep" else variable.name
            np.testing.assert_array_equal(np.asarray(variable), content[layer.name][name].astype(variable.dtype))


def test_forward_pass_against_plain_numpy(tmp_path):
    model, a = small_model(), arrays()
    load_legacy_weights(model, write(tmp_path / "w.hdf5", a))
    image = np.random.default_rng(1).uniform(0, 1, (4, 4, 3))
    x = (image - a["scale"]["mean"]) / np.sqrt(a["scale"]["variance"])
    x = np.array([[np.tensordot(x[i : i + 3, j : j + 3], a["conv"]["kernel"], 3) for j in (0, 1)] for i in (0, 1)])
    x = (x * a["deep"]["depthwise_kernel"][..., 0]).sum(axis=(0, 1))
    norm = a["norm"]
    x = (x - norm["moving_mean"]) / np.sqrt(norm["moving_variance"] + 1e-3) * norm["gamma"] + norm["beta"]
    expected = x @ a["head"]["kernel"] + a["head"]["bias"]
    np.testing.assert_allclose(model.predict_on_batch(image[None])[0], expected, rtol=1e-4)


def test_names_may_differ_between_model_and_file(tmp_path):
    model, content = small_model(), arrays()
    content = {"renamed" if layer == "conv" else layer: named for layer, named in content.items()}
    path = write(tmp_path / "w.hdf5", content)
    load_legacy_weights(model, path, lambda name: "renamed" if name == "conv" else name)
    np.testing.assert_array_equal(np.asarray(model.get_layer("conv").kernel), content["renamed"]["kernel"])


def test_prefixes_of_array_names_do_not_matter(tmp_path):
    model, content = small_model(), arrays()
    load_legacy_weights(model, write(tmp_path / "w.hdf5", content, prefix="replica_1/model/any"))
    np.testing.assert_array_equal(np.asarray(model.get_layer("head").bias), content["head"]["bias"])


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"conv": {"kernel": (3, 3, 3, 5)}}, r"conv/kernel of shape \(3, 3, 3, 2\), found \(3, 3, 3, 5\)"),
        ({"norm": {"gamma": (2,), "beta": (2,), "moving_mean": (2,)}}, "norm/moving_variance .* found none"),
        ({"conv": None}, "lacks the layer conv"),
        ({"conv": {}}, "lacks the layer conv"),
        ({"more": {"kernel": (2, 2)}}, "layers that the model has not: more"),
        ({"conv": {"kernel": (3, 3, 3, 2), "bias": (2,)}}, "arrays that the layer conv has not: bias"),
    ],
)
def test_files_of_other_models_are_refused(tmp_path, changes, message):
    path = write(tmp_path / "w.hdf5", arrays(changes))
    with pytest.raises(UsageError, match=message) as caught:
        load_legacy_weights(small_model(), path)
    assert "w.hdf5" in str(caught.value) and str(tmp_path) not in str(caught.value)


def test_layers_without_weights_may_be_added_or_missing(tmp_path):
    model, content = small_model(), arrays({"flat": None, "dropout_7": {}})
    load_legacy_weights(model, write(tmp_path / "w.hdf5", content))
    np.testing.assert_array_equal(np.asarray(model.get_layer("head").bias), content["head"]["bias"])


@pytest.mark.parametrize("content", [b"", b"not HDF5 at all", b"\x89HDF\r\n\x1a\n" + b"\0" * 100])
def test_not_an_hdf5_file(tmp_path, content):
    (tmp_path / "w.hdf5").write_bytes(content)
    with pytest.raises(UsageError, match=r"expected w\.hdf5 to be a Keras HDF5 weight file"):
        load_legacy_weights(small_model(), tmp_path / "w.hdf5")


def test_hdf5_of_something_else(tmp_path):
    with h5py.File(tmp_path / "w.hdf5", "w") as file:
        file["data"] = np.arange(3)
    with pytest.raises(UsageError, match="layer_names"):
        load_legacy_weights(small_model(), tmp_path / "w.hdf5")


def test_layer_named_but_not_stored(tmp_path):
    path = write(tmp_path / "w.hdf5", arrays())
    with h5py.File(path, "a") as file:
        del file["conv"]
    with pytest.raises(UsageError, match="conv"):
        load_legacy_weights(small_model(), path)


def test_array_named_but_not_stored(tmp_path):
    path = write(tmp_path / "w.hdf5", arrays())
    with h5py.File(path, "a") as file:
        del file["conv/conv/kernel:0"]
    with pytest.raises(UsageError, match="kernel"):
        load_legacy_weights(small_model(), path)
