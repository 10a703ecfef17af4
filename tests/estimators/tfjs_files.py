"""Weight files of the very layouts of face-api, faceres and ssr-net, with numbers drawn by seed, for where those are
absent.
"""

import hashlib
import json
from dataclasses import replace
from itertools import pairwise

import numpy as np

from age_audit.estimators.entries import ENTRIES


def reach(shape):
    """Half the width of weights that neither grow nor fade from layer to layer (He et al. 2015)."""
    inputs = np.prod(shape[:2]) if shape[-1] == 1 and len(shape) == 4 else np.prod(shape[:-1])
    return (6 / inputs) ** 0.5


MIDDLE = [f"middle_flow/main_block_{block}/separable_conv{step}" for block in (0, 1) for step in (0, 1, 2)]


def face_api_layout():
    """{name: shape} in the order of the file."""
    shapes = {}

    def convolution(name, size, inputs, outputs):
        shapes.update({f"{name}/filters": [size, size, inputs, outputs], f"{name}/bias": [outputs]})

    def separable(name, inputs, outputs):
        shapes[f"{name}/depthwise_filter"] = [3, 3, inputs, 1]
        shapes.update({f"{name}/pointwise_filter": [1, 1, inputs, outputs], f"{name}/bias": [outputs]})

    def reduction(name, inputs, outputs):
        separable(f"{name}/separable_conv0", inputs, outputs)
        separable(f"{name}/separable_conv1", outputs, outputs)
        convolution(f"{name}/expansion_conv", 1, inputs, outputs)

    convolution("entry_flow/conv_in", 3, 3, 32)
    reduction("entry_flow/reduction_block_0", 32, 64)
    reduction("entry_flow/reduction_block_1", 64, 128)
    for name in MIDDLE:
        separable(name, 128, 128)
    reduction("exit_flow/reduction_block", 128, 256)
    separable("exit_flow/separable_conv", 256, 512)
    shapes |= {"fc/age/weights": [512, 1], "fc/age/bias": [1], "fc/gender/weights": [512, 2], "fc/gender/bias": [2]}
    return shapes


WIDTHS = [32, 64, 128, 128, 256, 256, *[512] * 6, 1024, 1024]


def faceres_layout():
    """{name: shape} of what is computed with, in no order that matters."""
    shapes = {"conv1/convolution/merged_input": [3, 3, 3, 32], "conv1_bn/batchnorm_1/sub": [32]}
    for block, (inputs, outputs) in enumerate(pairwise(WIDTHS), 1):
        shapes[f"conv_dw_{block}/depthwise_kernel"] = [3, 3, inputs, 1]
        shapes |= {f"conv_dw_{block}_bn/batchnorm_1/{name}": [inputs] for name in ("mul", "sub")}
        shapes[f"conv_pw_{block}/convolution/merged_input"] = [1, 1, inputs, outputs]
        shapes[f"conv_pw_{block}_bn/batchnorm_1/sub"] = [outputs]
    for head, inputs, outputs in (("feats", 1024, 256), ("age_pred", 256, 100), ("gender_pred", 256, 1)):
        shapes |= {f"{head}/kernel": [inputs, outputs], f"{head}/bias": [outputs]}
    return shapes


GRAPH = "StatefulPartitionedCall/functional_1"


def ssr_net_layout():
    """{name: shape} of what is computed with, in no order that matters; the number of a bias follows its kernel's."""
    shapes = {}
    for place in range(8):
        name, outputs = f"{GRAPH}/conv2d{f'_{place}' if place else ''}", 32 if place < 4 else 16
        inputs = 3 if place in (0, 4) else outputs
        shapes |= {f"{name}/Conv2D_weights": [3, 3, inputs, outputs], f"{name}/Conv2D_bn_offset": [outputs]}
    kernels = {
        **{number: [1, 1, 32, 10] for number in (47, 51, 55)},
        **{number: [1, 1, 16, 10] for number in (49, 53, 57)},
        **{number: [90, 3] for number in (59, 61, 63, 65)},
        **{number: [160, 3] for number in (67, 69)},
        **{number: [3, 6] for number in (71, 73, 75)},
        **{number: [6, 3] for number in (77, 79, 81, 89, 91, 93)},
        **{83: [160, 1], 85: [90, 1], 87: [90, 1]},
    }
    for number, shape in kernels.items():
        shapes |= {f"unknown_{number}": shape, f"unknown_{number + 1}": shape[-1:]}
    return shapes


def write_face_api(folder, seed=1):
    """uint8 with a scale and a least value each, biases as float32."""
    rng, weights, content = np.random.default_rng(seed), [], b""
    for name, shape in face_api_layout().items():
        array = {"name": name, "shape": shape, "dtype": "float32"}
        if name.endswith("bias"):
            content += np.full(shape, 30.0 if "age" in name else 0.1, dtype="<f4").tobytes()
        else:
            most = reach(shape) / (50 if "age" in name else 1)  # some years beside 30
            array["quantization"] = {"dtype": "uint8", "scale": 2 * most / 255, "min": -most}
            content += rng.integers(0, 256, shape, dtype=np.uint8).tobytes()
        weights.append(array)
    return _write(folder, "face-api", content, [{"paths": ["age_gender_model.bin"], "weights": weights}])


def write_faceres(folder):
    """All float16 but for one int32 that nothing reads, as there."""
    rng, weights, content = np.random.default_rng(2), [], b""
    for name, shape in faceres_layout().items():
        values = rng.uniform(-1, 1, shape) * reach(shape) if len(shape) > 1 else rng.uniform(0.5, 1.0, shape)
        content += (0.1 * values if name.endswith(("sub", "bias")) else values).astype("<f2").tobytes()
        weights.append({"name": name, "shape": shape, "dtype": "float32"})
        weights[-1]["quantization"] = {"dtype": "float16", "original_dtype": "float32"}
    weights.append({"name": "global_pooling/Mean/reduction_indices", "shape": [2], "dtype": "int32"})
    content += np.array([1, 2], dtype="<i4").tobytes()
    return _write(folder, "faceres", content, {"weightsManifest": [{"paths": ["faceres.bin"], "weights": weights}]})


def write_ssr_net(folder):
    """All float32, with one of the constants of the graph, which nothing reads. Of this seed every array counts."""
    rng, content = np.random.default_rng(15), np.float32(101).tobytes()
    weights = [{"name": f"{GRAPH}/pred_a/mul_33/y", "shape": [], "dtype": "float32"}]
    for name, shape in ssr_net_layout().items():
        values = rng.uniform(-1, 1, shape) * reach(shape) if len(shape) > 1 else rng.uniform(0.1, 0.3, shape)
        # The first kernels are of bytes; a stretch near -1 would divide by next to nothing.
        values = values / (100 if shape[:3] == [3, 3, 3] or shape[1:] == [1] else 1)
        content += values.astype("<f4").tobytes()
        weights.append({"name": name, "shape": shape, "dtype": "float32"})
    return _write(folder, "ssr-net", content, {"weightsManifest": [{"paths": ["age.bin"], "weights": weights}]})


def arrays_of(entry):
    """The arrays of an entry's own files."""
    from age_audit.estimators.tfjs import read_weights  # here: every test process collects, and Keras takes long

    binary, manifest = entry.npm.paths()
    return read_weights(manifest, binary)


WRITERS = {"face-api": write_face_api, "faceres": write_faceres, "ssr-net": write_ssr_net}


def _write(folder, name, content, manifest):
    """The entry of an estimator whose files are these, once the weights folder is ``folder``."""
    entry = ENTRIES[name]
    contents = (content, json.dumps(manifest).encode())
    hashes = [hashlib.sha256(each).hexdigest() for each in contents]
    npm = replace(entry.npm, version="0.0.0", files=dict(zip(entry.npm.files, hashes, strict=True)))
    (folder / npm.folder.name).mkdir(parents=True)
    for file, each in zip(npm.files, contents, strict=True):
        (folder / npm.folder.name / file.rpartition("/")[2]).write_bytes(each)
    return replace(entry, npm=npm, weights_hash=f"sha256:{hashes[0]}")
