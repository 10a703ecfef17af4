"""The networks that can be trained: a small one from scratch, and ones that have learnt from pictures or faces before.

Each is one flat graph from crops, as stage 1 makes them, to probabilities of the groups, so that what is saved is an
estimator, and methods of explanation find its layers.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import keras
from keras import layers

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS
from age_audit.estimators.dex import wide_resnet_maps
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.faceres import mobilenet_descriptor
from age_audit.estimators.keras_model import as_fed, as_seen
from age_audit.estimators.registry import load_estimator
from age_audit.store.files import sha256_of
from age_audit.training.losses import head

IMAGENET = "imagenet"
DROPOUT, HIDDEN = 0.5, 256  # of the head; chosen by the validation part of UTKFace
CNN_FILTERS = (32, 64, 96, 128, 192, 256)
POOLED_AFTER = (1, 2, 4, 6)  # of the convolutions


@dataclass(frozen=True)
class Network:
    """A network to be trained.

    Attributes
    ----------
    name : str
        One of :data:`MODELS`.
    model : keras.Model
        (N, 224, 224, 3) RGB 0-255 to (N, K) probabilities.
    backbone : tuple of str
        Names of the layers with weights that come before the head, in their order; the last of them can be unfrozen.
    picture : KerasTensor
        The picture in the size that the network takes, RGB 0-255.
    learnt_from : str
        What its backbone was trained on; empty where it starts from scratch.
    """

    name: str
    model: keras.Model
    backbone: tuple[str, ...]
    picture: object
    learnt_from: str


@dataclass(frozen=True)
class Backbone:
    """What comes before the head: the picture that is fed, features (N, D) in one or more parts side by side, what they
    were learnt from, and the models that hold the weights.
    """

    picture: object
    parts: tuple
    learnt_from: str = ""
    sources: tuple[keras.Model, ...] = ()


@dataclass(frozen=True)
class Options:
    """``size``: pixels a side of what the cnn and mobilenet-v2 are fed. ``weights`` of mobilenet-v2: ``imagenet`` or a
    file. ``precision`` of dex-wrn.
    """

    size: int = 64
    weights: str | None = None
    precision: str = "float32"


def build(name: str, groups: int, loss: str = "cross-entropy", options: Options | None = None, *, seed: int) -> Network:
    """A network with a new head for so many groups.

    Parameters
    ----------
    name : str
        One of :data:`MODELS`.
    groups : int
    loss : str
        One of :data:`age_audit.training.losses.LOSSES`, which decides the form of the head.
    options : Options, optional
    seed : int
        Of the new weights.

    Raises
    ------
    UsageError
        For an unknown name, or weights that are absent, of another network or of one that brings its own.

    Examples
    --------
    >>> network = build("cnn", 10, seed=1)
    >>> network.model.output_shape, round(network.model.count_params() / 1e6, 2), network.learnt_from
    ((None, 10), 0.92, '')
    """
    options = options or Options()
    if name not in MODELS:
        raise UsageError(f"expected a model among {', '.join(MODELS)}, got {name!r}")
    if options.weights is not None and name != "mobilenet-v2":
        raise UsageError(f"expected no weights for {name}, which brings its own or starts from scratch; leave them out")
    keras.utils.clear_session()  # names of layers are part of what is saved, and count on through a process
    keras.utils.set_random_seed(seed)
    faces = keras.Input((CANVAS, CANVAS, 3), dtype="float32", name="faces")
    found = MODELS[name](faces, options)
    backbone = [layer for part in found.parts for layer in keras.Model(faces, part).layers if layer.weights]
    stored = {layer.name: layer for source in found.sources for layer in source.layers}
    for layer in backbone if stored else ():
        layer.set_weights(stored[layer.name].get_weights())
    x = layers.Concatenate(name="head_descriptors")(found.parts) if len(found.parts) > 1 else found.parts[0]
    x = layers.BatchNormalization(momentum=0.9, name="head_normalised", dtype="float32")(x)
    x = layers.Dropout(DROPOUT, name="head_dropout_1", dtype="float32")(x)
    x = layers.Dense(HIDDEN, activation="relu", name="head_dense", dtype="float32")(x)
    x = layers.Dropout(DROPOUT, name="head_dropout_2", dtype="float32")(x)
    model = keras.Model(faces, head(x, groups, loss), name=name.replace("-", "_").replace("+", "_and_"))
    return Network(name, model, tuple(layer.name for layer in backbone), found.picture, found.learnt_from)


def _cnn(faces, options: Options) -> Backbone:
    """Six convolutions, four poolings and a mean; with what is in the head, 15 layers beside normalisation."""
    picture = as_seen(faces, options.size)
    x = picture * (1 / 255)
    for number, filters in enumerate(CNN_FILTERS, 1):
        x = layers.Conv2D(filters, 3, padding="same", use_bias=False, name=f"conv_{number}")(x)
        x = layers.ReLU(name=f"relu_{number}")(layers.BatchNormalization(momentum=0.9, name=f"norm_{number}")(x))
        if number in POOLED_AFTER:
            x = layers.MaxPooling2D(name=f"pool_{number}")(x)
    return Backbone(picture, (layers.GlobalAveragePooling2D(name="descriptor")(x),))


def _mobilenet_v2(faces, options: Options) -> Backbone:
    picture = as_seen(faces, options.size)
    given, pixels = options.weights, picture * (2 / 255) - 1.0
    if given is not None:
        try:
            base = keras.applications.MobileNetV2(input_tensor=pixels, include_top=False, pooling="avg", weights=given)
            file = "" if given == IMAGENET else f", {Path(given).name}, sha256 {sha256_of(Path(given))}"
            return Backbone(picture, (base.output,), f"ImageNet{file}")
        except Exception as error:  # Keras raises plain ones where a download fails
            if given != IMAGENET:
                raise UsageError(f"expected {given} to hold MobileNetV2's weights without its top: {error}") from error
            print(f"mobilenet-v2: no ImageNet weights could be had ({type(error).__name__}): it starts from scratch")
            keras.utils.clear_session()
    base = keras.applications.MobileNetV2(input_tensor=pixels, include_top=False, pooling="avg", weights=None)
    return Backbone(picture, (base.output,))


def _faceres(faces, _) -> Backbone:
    estimator = load_estimator("faceres")
    picture = as_seen(faces, estimator.info.input_size, estimator.view)
    features = mobilenet_descriptor(as_fed(picture, estimator.info))
    return Backbone(picture, (features,), _learnt("faceres"), (estimator.model,))


def _dex_wrn(faces, options: Options) -> Backbone:
    estimator = load_estimator("dex-wrn", options.precision)
    picture = as_seen(faces, estimator.info.input_size)
    maps = wide_resnet_maps(as_fed(picture, estimator.info), options.precision)
    features = layers.GlobalAveragePooling2D(name="dex_descriptor", dtype="float32")(maps)
    return Backbone(picture, (features,), _learnt("dex-wrn"), (estimator.model,))


def _both(faces, options: Options) -> Backbone:
    """Both descriptors; faceres comes last, so that its layers are those that can be unfrozen."""
    dex, own = _dex_wrn(faces, options), _faceres(faces, options)
    learnt_from = f"{dex.learnt_from}; {own.learnt_from}"
    return Backbone(own.picture, dex.parts + own.parts, learnt_from, dex.sources + own.sources)


def _learnt(name: str) -> str:
    return f"{name}: {ENTRIES[name].trained_on} (weights {ENTRIES[name].weights_hash})"


# Another network is another row. Each is built on crops, a tensor (N, 224, 224, 3) RGB 0-255.
MODELS: dict[str, Callable[[object, Options], Backbone]] = {
    "cnn": _cnn,
    "mobilenet-v2": _mobilenet_v2,
    "faceres": _faceres,
    "dex-wrn": _dex_wrn,
    "faceres+dex-wrn": _both,
}


def cut(network: Network, last: int) -> tuple[keras.Model, keras.Model, bool]:
    """A network as two: what stays as it is, and what is trained.

    Parameters
    ----------
    network : Network
    last : int
        How many layers of the backbone with weights, counted from its end, are trained beside the head. Where that is
        all of them, what stays is the picture.

    Returns
    -------
    trunk : keras.Model
        From crops to what the rest is fed: the picture, or one array or several.
    tail : keras.Model
        From these to probabilities. It shares the layers of the network: to train it is to train that.
    pictures : bool
        Whether the tail is fed pictures.

    Raises
    ------
    UsageError
        Where all layers of two backbones are to be trained, which are fed different pictures.

    Examples
    --------
    >>> trunk, tail, pictures = cut(build("cnn", 3, seed=1), 2)  # its last convolution and normalisation
    >>> [output.shape for output in trunk.outputs], tail.output_shape, pictures
    ([(None, 8, 8, 192)], (None, 3), False)
    >>> cut(build("cnn", 3, seed=1), 99)[0].output_shape
    (None, 64, 64, 3)
    """
    model = network.model
    pictures = last >= len(network.backbone)
    if pictures and "+" in network.name:
        raise UsageError(f"expected fewer than {len(network.backbone)} trained layers of {network.name}, got {last}")
    trained = set(network.backbone[max(0, len(network.backbone) - last) :])
    moving, border = set(), {}
    for operation in model.operations:
        given = keras.tree.flatten(operation.input) if not isinstance(operation, layers.InputLayer) else []
        is_head = operation.name.startswith("head_")
        if is_head or operation.name in trained or any(id(tensor) in moving for tensor in given):
            moving |= {id(tensor) for tensor in keras.tree.flatten(operation.output)}
            border |= {id(tensor): tensor for tensor in given if id(tensor) not in moving}
    for layer in model.layers:
        frozen = layer.name in network.backbone and layer.name not in trained
        # What a pretrained network knows of means and spreads is of far more faces than a batch has; and those that the
        # head has learnt of it, while it was frozen, would run behind layers that move.
        known = bool(network.learnt_from) and isinstance(layer, layers.BatchNormalization)
        layer.trainable = not frozen and not (known and (trained or layer.name in network.backbone))
    inputs = [network.picture] if pictures else list(border.values())
    return keras.Model(model.input, inputs), keras.Model(inputs, model.output), pictures
