"""The age and gender model of face-api (MIT): a tiny Xception that answers with an age in years.

Its own page says that it was trained on 80 % of UTKFace and of seven other sets. The architecture is written anew from
the names and shapes in its weights manifest and the description of the blocks in its sources (Chollet 2017 for
Xception).
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.keras_model import KerasEstimator, on_device
from age_audit.estimators.tfjs import fill, read_weights

VIEW = 146  # pixels of the crop: the detector's box, 17 % larger (docs/method.md says why)
INPUT_SIZE = 112
MEANS = (122.782, 117.001, 104.298)  # of red, green and blue
MAIN_BLOCKS = 2
# What Keras calls an array that the file calls the second.
KINDS = {
    "kernel": ("filters", "weights"),
    "bias": ("bias",),
    "depthwise_kernel": ("depthwise_filter",),
    "pointwise_kernel": ("pointwise_filter",),
}


def load_face_api(precision: str = "float32", device: str = "auto") -> KerasEstimator:
    """face-api's model on 112 x 112 RGB faces (weights of the npm package @vladmandic/face-api).

    Examples
    --------
    >>> load_face_api().info.input_size  # where its weights are: `make estimators`  # doctest: +SKIP
    112
    """
    entry = ENTRIES["face-api"]
    entry.check_precision(precision)
    binary, manifest = entry.npm.paths()
    names = {name: kind for kind, names in KINDS.items() for name in names}
    arrays = {}
    for path, array in read_weights(manifest, binary).items():
        layer, _, name = path.rpartition("/")
        arrays[f"{layer.replace('/', '-')}/{names.get(name, name)}"] = array
    with on_device(device):
        model = build_tiny_xception()
        fill(model, arrays, binary.name)
    info = EstimatorInfo(entry.name, entry.weights_hash, INPUT_SIZE, "RGB", (0.0, 255.0))
    return KerasEstimator(model, info, np.zeros(0), gender_first=True, output="ages", device=device, view=VIEW)


def build_tiny_xception() -> keras.Model:
    """Xception with two main blocks and narrow layers, which are named as in the weight file.

    Returns
    -------
    keras.Model
        (N, 112, 112, 3), RGB 0-255, to [(N, 2) probabilities of female and male, (N, 1) years].

    Examples
    --------
    >>> build_tiny_xception().count_params()  # a byte each in the file, and four for a bias
    421731
    """

    def separable(x, filters: int, name: str):
        return layers.SeparableConv2D(filters, 3, padding="same", name=name)(x)

    def reduction(x, filters: int, name: str, activated: bool = True):
        inner = separable(ops.relu(x) if activated else x, filters, f"{name}-separable_conv0")
        inner = separable(ops.relu(inner), filters, f"{name}-separable_conv1")
        inner = layers.MaxPooling2D(3, 2, padding="same")(inner)
        return inner + layers.Conv2D(filters, 1, 2, padding="same", name=f"{name}-expansion_conv")(x)

    faces = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="faces")
    x = (faces - np.array(MEANS, dtype=np.float32)) / 255.0
    x = ops.relu(layers.Conv2D(32, 3, 2, padding="same", name="entry_flow-conv_in")(x))
    x = reduction(x, 64, "entry_flow-reduction_block_0", activated=False)
    x = reduction(x, 128, "entry_flow-reduction_block_1")
    for block in range(MAIN_BLOCKS):
        inner = x
        for step in range(3):
            inner = separable(ops.relu(inner), 128, f"middle_flow-main_block_{block}-separable_conv{step}")
        x = inner + x
    x = reduction(x, 256, "exit_flow-reduction_block")
    x = ops.relu(separable(x, 512, "exit_flow-separable_conv"))
    x = layers.GlobalAveragePooling2D()(x)  # 7 x 7 is left of 112 x 112
    age, gender = (layers.Dense(units, name=f"fc-{name}")(x) for name, units in (("age", 1), ("gender", 2)))
    return keras.Model(faces, [ops.flip(ops.softmax(gender), axis=-1), age], name="face_api")
