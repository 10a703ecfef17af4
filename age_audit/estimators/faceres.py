"""The face model of human (MIT), after HSE-FaceRes: a MobileNet with 100 age classes, gender and a face descriptor.

What it was trained on is not stated. The architecture is MobileNet's (Howard et al. 2017), written anew; batch
normalisation is folded into the kernels of the file.
"""

from __future__ import annotations

import keras
import numpy as np
from keras import layers, ops

from age_audit.estimators.base import EstimatorInfo
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.keras_model import KerasEstimator, on_device, policy_of
from age_audit.estimators.tfjs import fill, read_weights

VIEW = 168  # pixels of the crop: the detector's box, 35 % larger (docs/method.md says why)
INPUT_SIZE = 224
MEANS = (103.939, 116.779, 123.68)  # of blue, green and red
# Filters and stride of each depthwise separable block.
BLOCKS = (
    *((64, 1), (128, 2), (128, 1), (256, 2), (256, 1), (512, 2)),
    *((512, 1), (512, 1), (512, 1), (512, 1), (512, 1), (1024, 2), (1024, 1)),
)
EXACT = 1  # blocks in float32 at any precision: rounded, the first maps alone move ages by 0.2 years more (64 faces)
AGES = np.arange(1.0, 101.0)  # the first class is one year, as HSE-FaceRes reads it; human itself takes it for 0


def load_faceres(precision: str = "float32", device: str = "auto") -> KerasEstimator:
    """The face model of human, on 224 x 224 BGR faces (weights of the npm package @vladmandic/human).

    Examples
    --------
    >>> load_faceres().info.input_size  # where its weights are: `make estimators`  # doctest: +SKIP
    224
    """
    entry = ENTRIES["faceres"]
    entry.check_precision(precision)
    binary, manifest = entry.npm.paths()
    stored = read_weights(manifest, binary)
    with on_device(device):
        model = build_mobilenet(precision)
        fill(model, arrays_by_layer(stored), binary.name)
    info = EstimatorInfo(entry.name, entry.weights_hash, INPUT_SIZE, "BGR", (0.0, 255.0), precision)
    return KerasEstimator(model, info, AGES, gender_first=True, device=device, view=VIEW)


def arrays_by_layer(stored: dict[str, np.ndarray]) -> dict[str, np.ndarray]:
    """The arrays of the file by layer and variable of :func:`build_mobilenet`, what is left of batch normalisation
    multiplied into the depthwise kernels.

    Examples
    --------
    >>> stored = {"conv_dw_1/depthwise_kernel": np.ones((1, 1, 2, 1)), "conv_dw_1_bn/batchnorm_1/mul": np.array([2, 3])}
    >>> arrays_by_layer(stored)["conv_dw_1/kernel"].ravel().tolist()
    [2.0, 3.0]
    """
    arrays = {}
    for path, array in stored.items():
        layer, _, name = path.partition("/")
        if name == "depthwise_kernel":
            arrays[f"{layer}/kernel"] = array * stored[f"{layer}_bn/batchnorm_1/mul"][:, None]
        elif name in ("convolution/merged_input", "kernel"):
            arrays[f"{layer}/kernel"] = array
        elif name == "batchnorm_1/sub":
            arrays[f"{layer.removesuffix('_bn')}/bias"] = array
        elif name == "bias":
            arrays[f"{layer}/bias"] = array
    return arrays


def build_mobilenet(precision: str = "float32") -> keras.Model:
    """MobileNet without batch normalisation, with the heads of the file; layers are named as there.

    Returns
    -------
    keras.Model
        (N, 224, 224, 3), BGR 0-255, to [(N, 1) probability of female, (N, 100) age probabilities]. Its layer
        ``descriptor`` gives the 1,024 numbers that describe a face.

    Examples
    --------
    >>> build_mobilenet().get_layer("descriptor").output.shape
    (None, 1024)
    """
    faces = keras.Input((INPUT_SIZE, INPUT_SIZE, 3), name="faces")
    x = layers.Dense(256, activation="relu", name="feats")(mobilenet_descriptor(faces, precision))
    male = layers.Dense(1, activation="sigmoid", name="gender_pred")(x)
    age = layers.Dense(100, activation="softmax", name="age_pred")(x)
    return keras.Model(faces, [1.0 - male, age], name="faceres")


def mobilenet_descriptor(faces, precision: str = "float32"):
    """From faces, a tensor (N, 224, 224, 3) of BGR 0-255, to the 1,024 numbers that describe each, (N, 1024).

    In ``bfloat16`` the maps are rounded from the second block on; their mean, from which all heads start, is not.

    Examples
    --------
    >>> mobilenet_descriptor(keras.Input((224, 224, 3))).shape
    (None, 1024)
    """

    def activate(x):
        return ops.relu6(x)

    x = faces - np.array(MEANS, dtype=np.float32)
    x = activate(layers.Conv2D(32, 3, 2, padding="same", name="conv1", dtype="float32")(x))
    for number, (filters, stride) in enumerate(BLOCKS, 1):
        policy = policy_of(precision if number > EXACT else "float32")
        # Of a strided one TensorFlow's derivative in bfloat16 takes some twenty times as long as in float32.
        own = policy if stride == 1 else "float32"
        x = activate(layers.DepthwiseConv2D(3, stride, padding="same", name=f"conv_dw_{number}", dtype=own)(x))
        x = activate(layers.Conv2D(filters, 1, name=f"conv_pw_{number}", dtype=policy)(x))
    return layers.GlobalAveragePooling2D(name="descriptor", dtype="float32")(x)
