"""Reading the weight files of TensorFlow.js: one binary file, and a manifest that says what lies in it.

Nothing of JavaScript is run, and no graph that a file describes: architectures are rebuilt in our own code, and each
array is put where its name says, with its shape checked.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from math import prod
from pathlib import Path

import keras
import numpy as np

from age_audit.core.errors import UsageError

# Numbers are stored in little-endian order, each array after the one before it, without gaps.
STORED = {"float32": "<f4", "float16": "<f2", "int32": "<i4", "uint8": "u1", "uint16": "<u2"}


def read_weights(manifest: Path, binary: Path) -> dict[str, np.ndarray]:
    """The arrays of a TensorFlow.js model.

    Parameters
    ----------
    manifest : Path
        JSON: a weights manifest, or a ``model.json`` that has one under ``weightsManifest``.
    binary : Path
        The file that it speaks of; manifests of several files are refused.

    Returns
    -------
    dict of str to ndarray
        float32 by name, or int32 where that is stored. Arrays quantised to uint8 or uint16 become
        ``stored * scale + min``.

    Raises
    ------
    UsageError
        When the manifest is none, or the binary is shorter or longer than it says.

    Examples
    --------
    >>> import tempfile
    >>> stored = {"name": "bias", "shape": [2], "dtype": "float32"}
    >>> stored["quantization"] = {"dtype": "uint8", "scale": 0.5, "min": -1.0}
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     manifest, binary = Path(folder) / "manifest.json", Path(folder) / "weights.bin"
    ...     _ = manifest.write_text(json.dumps([{"paths": ["weights.bin"], "weights": [stored]}]))
    ...     _ = binary.write_bytes(bytes([0, 4]))
    ...     read_weights(manifest, binary)["bias"]
    array([-1.,  1.], dtype=float32)
    """
    try:
        described = json.loads(manifest.read_text())
        (group,) = described["weightsManifest"] if isinstance(described, dict) else described
        layout = [(str(array["name"]), *_layout(array)) for array in group["weights"]]
    except (OSError, ValueError, TypeError, KeyError) as error:
        raise UsageError(
            f"expected {manifest.name} to be a TensorFlow.js weights manifest of one file; reading it failed: "
            f"{type(error).__name__}: {error}"
        ) from error
    content, start, arrays = binary.read_bytes(), 0, {}
    expected = sum(prod(shape) * stored.itemsize for _, shape, stored, _ in layout)
    if len(content) != expected:
        raise UsageError(
            f"expected {binary.name} to be of {expected} bytes, as {manifest.name} says, got {len(content)}"
        )
    for name, shape, stored, restore in layout:
        arrays[name] = restore(np.frombuffer(content, stored, prod(shape), start).reshape(shape))
        start += prod(shape) * stored.itemsize
    return arrays


def _layout(array: dict) -> tuple[tuple[int, ...], np.dtype, Callable[[np.ndarray], np.ndarray]]:
    """Shape of an array, type in which it is stored, and how its values come back."""
    shape, quantised = tuple(map(int, array["shape"])), array.get("quantization")
    stored = np.dtype(STORED[quantised["dtype"] if quantised else array["dtype"]])
    if quantised and stored.kind == "u":  # float16 only drops digits
        scale, least = float(quantised["scale"]), float(quantised["min"])
        return shape, stored, lambda values: (values * scale + least).astype(np.float32)
    return shape, stored, lambda values: values.astype(np.int32 if stored.kind == "i" else np.float32)


def fill(model: keras.Model, arrays: dict[str, np.ndarray], source: str) -> None:
    """Give each variable of a model its array.

    Parameters
    ----------
    model : keras.Model
        Built.
    arrays : dict of str to ndarray
        By the variable that each is for, as ``layer/variable``.
    source : str
        Name of the file, for errors.

    Raises
    ------
    UsageError
        When an array is missing, superfluous or of another shape.

    Examples
    --------
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, name="age")])
    >>> fill(model, {"age/kernel": np.array([[1.5], [2.5]])}, "weights.bin")
    >>> np.asarray(model.get_layer("age").kernel).ravel().tolist()
    [1.5, 2.5]
    """
    variables = {f"{layer.name}/{variable.name}": variable for layer in model.layers for variable in layer.weights}
    if superfluous := sorted(set(arrays) - set(variables)):
        raise UsageError(f"{source} holds arrays that the model has not: {', '.join(superfluous[:5])}")
    for name, variable in variables.items():
        array = arrays.get(name)
        if array is None or array.shape != tuple(variable.shape):
            came = "none" if array is None else str(array.shape)
            raise UsageError(f"{source}: expected {name} of shape {tuple(variable.shape)}, found {came}")
        variable.assign(array)
