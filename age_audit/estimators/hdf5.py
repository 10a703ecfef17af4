"""Reading weight files in the legacy Keras HDF5 layout, by layer name, into a model built here.

The files were written by Keras 2. Their stored model description is not executed: the architecture is rebuilt in our
own code, and each array is put where its name says, with its shape checked.
"""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import keras
import numpy as np

from age_audit.core.errors import UsageError

# Keras 2 called these what Keras 3 calls the second.
RENAMED = {"depthwise_kernel": "kernel"}


def load_legacy_weights(model: keras.Model, path: Path, name_in_file: Callable[[str], str] = lambda name: name) -> None:
    """Fill a model from a legacy HDF5 file.

    Parameters
    ----------
    model : keras.Model
        Built, with every weighted layer named as in the file (or as ``name_in_file`` maps it).
    path : Path
        A weights-only file, or a whole-model file (its group ``model_weights`` is read).
    name_in_file : callable
        From a layer's name in the model to its name in the file.

    Raises
    ------
    UsageError
        When the file is no such file, or a layer or array is missing, superfluous or of another shape.

    Examples
    --------
    >>> import tempfile
    >>> model = keras.Sequential([keras.Input((2,)), keras.layers.Dense(1, use_bias=False, name="head")])
    >>> with tempfile.TemporaryDirectory() as folder:
    ...     with h5py.File(Path(folder) / "weights.hdf5", "w") as file:
    ...         file.attrs["layer_names"] = ["head"]
    ...         file.create_group("head").attrs["weight_names"] = ["head/kernel:0"]
    ...         file["head/head/kernel:0"] = np.array([[1.5], [2.5]])
    ...     load_legacy_weights(model, Path(folder) / "weights.hdf5")
    >>> np.asarray(model.get_layer("head").kernel).ravel().tolist()
    [1.5, 2.5]
    """
    try:
        with h5py.File(path, "r") as file:
            group = file.get("model_weights", file)
            stored = {_text(name): group[_text(name)] for name in group.attrs["layer_names"]}
            stored = {name: layer for name, layer in stored.items() if len(layer.attrs["weight_names"])}
            weighted = [layer for layer in model.layers if layer.weights]
            extra = set(stored) - {name_in_file(layer.name) for layer in weighted}
            if extra:
                raise UsageError(f"{path.name} holds layers that the model has not: {', '.join(sorted(extra)[:5])}")
            for layer in weighted:
                _fill(layer, stored.get(name_in_file(layer.name)), path.name)
                if hasattr(layer, "finalize_state"):  # Normalization computes with copies of its weights
                    layer.finalize_state()
    except (OSError, KeyError) as error:
        raise UsageError(
            f"expected {path.name} to be a Keras HDF5 weight file, but reading it failed: {error}"
        ) from error


def _fill(layer: keras.Layer, stored: h5py.Group | None, file_name: str) -> None:
    if stored is None:
        raise UsageError(f"{file_name} lacks the layer {layer.name}; it belongs to another model")
    arrays = {}
    for path in map(_text, stored.attrs["weight_names"]):
        name = path.rsplit("/", 1)[-1].split(":")[0]
        arrays[RENAMED.get(name, name)] = stored[path]
    extra = set(arrays) - {variable.name for variable in layer.weights}
    if extra:
        raise UsageError(f"{file_name} holds arrays that the layer {layer.name} has not: {', '.join(sorted(extra))}")
    for variable in layer.weights:
        array = arrays.get(variable.name)
        if array is None or tuple(array.shape) != tuple(variable.shape):
            came = "none" if array is None else str(tuple(array.shape))
            raise UsageError(
                f"{file_name}: expected {layer.name}/{variable.name} of shape {tuple(variable.shape)}, found {came}"
            )
        variable.assign(np.asarray(array[()], dtype=np.float32))


def _text(value: bytes | str) -> str:
    return value.decode() if isinstance(value, bytes) else value
