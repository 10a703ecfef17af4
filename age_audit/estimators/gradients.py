"""Derivatives of Keras models, in whichever library computes for Keras, and where a model can be cut in two."""

from __future__ import annotations

from collections.abc import Callable

import keras
import numpy as np

from age_audit.core.errors import UsageError

_NO_MAPS = (keras.layers.InputLayer, keras.layers.AveragePooling2D, keras.layers.MaxPooling2D)  # nothing of their own


def gradient_of(function: Callable, inputs: np.ndarray) -> np.ndarray:
    """Derivative of a function of N arrays, one number each, by every element of its own array.

    Parameters
    ----------
    function : callable
        From a tensor (N, ...) to a tensor (N,), made of Keras operations.
    inputs : ndarray of float, shape (N, ...)

    Returns
    -------
    ndarray of float32, shape (N, ...)

    Raises
    ------
    UsageError
        Where Keras runs on a library without derivatives.

    Examples
    --------
    >>> gradient_of(lambda x: keras.ops.sum(x**2, axis=1), np.array([[1.0, 2.0], [3.0, 4.0]], dtype=np.float32))
    array([[2., 4.],
           [6., 8.]], dtype=float32)
    """
    backend = keras.backend.backend()
    tensor = keras.ops.convert_to_tensor(inputs, "float32")
    if backend == "tensorflow":
        found = _taped(function, tensor)
    elif backend == "jax":
        import jax

        found = jax.grad(lambda x: keras.ops.sum(function(x)))(tensor)
    elif backend == "torch":
        import torch

        tensor = tensor.detach().requires_grad_(True)
        (found,) = torch.autograd.grad(function(tensor).sum(), tensor)
    else:
        raise UsageError(f"expected Keras on TensorFlow, JAX or PyTorch for derivatives, it runs on {backend}")
    return np.asarray(keras.ops.convert_to_numpy(found), dtype=np.float32)


def traced_gradient(function: Callable, shape: tuple[int, ...]) -> Callable[[np.ndarray], np.ndarray]:
    """What :func:`gradient_of` gives of a function that is asked again and again.

    TensorFlow then takes the operations as one graph: 1.7 times (dex-wrn) to 3.3 times (face-api) as fast as one
    operation after the other (``python -m benchmarks.gradients``), after half a second to two of tracing. On other
    libraries it is :func:`gradient_of`: JAX would keep the weights of now.

    Parameters
    ----------
    function : callable
        As for :func:`gradient_of`.
    shape : tuple of int
        Of one of the N arrays.

    Returns
    -------
    callable
        From float32 arrays (N, *shape), N of any size, to their derivatives, float32 of the same shape.

    Examples
    --------
    >>> slope = traced_gradient(lambda x: keras.ops.sum(x**2, axis=1), (2,))
    >>> slope(np.array([[1.0, 2.0]], dtype=np.float32)), slope(np.zeros((0, 2), dtype=np.float32)).shape
    (array([[2., 4.]], dtype=float32), (0, 2))
    """
    if keras.backend.backend() != "tensorflow":
        return lambda inputs: gradient_of(function, inputs)
    import tensorflow

    spec = tensorflow.TensorSpec((None, *shape), "float32")
    traced = tensorflow.function(lambda tensor: _taped(function, tensor), input_signature=[spec], autograph=False)
    return lambda inputs: traced(inputs).numpy()


def _taped(function: Callable, tensor):
    import tensorflow

    with tensorflow.GradientTape(watch_accessed_variables=False) as tape:
        tape.watch(tensor)
        total = keras.ops.sum(function(tensor))
    return tape.gradient(total, tensor)


def cut_at_last_maps(model: keras.Model) -> tuple[keras.Model, keras.Model]:
    """A model as two: from its input to the last maps that all its outputs come from, and from these on.

    Raises
    ------
    UsageError
        If nothing in it keeps rows and columns, or its outputs reach around the last maps.

    Examples
    --------
    >>> faces = keras.Input((8, 8, 3))
    >>> maps = keras.layers.Conv2D(4, 3, padding="same", activation="relu")(faces)
    >>> model = keras.Model(faces, keras.layers.Dense(2)(keras.layers.GlobalAveragePooling2D()(maps)))
    >>> trunk, head = cut_at_last_maps(model)
    >>> trunk.output_shape, head.output_shape
    ((None, 8, 8, 4), (None, 2))
    """
    model = getattr(model, "_functional", None) or model  # what a keras.Sequential builds of itself
    for operation in reversed(getattr(model, "operations", ())):
        maps = getattr(operation, "output", None)
        shape = getattr(maps, "shape", ())
        if isinstance(operation, _NO_MAPS) or len(shape) != 4 or shape[1:3] == (1, 1):
            continue
        try:
            return keras.Model(model.input, maps), keras.Model(maps, model.output)
        except ValueError:  # a branch goes around these maps: look further up
            continue
    raise UsageError(
        f"expected layers with rows and columns in {model.name}, such as convolutions, that all it says comes from; it "
        "has none: use a method that explains by pixels or superpixels"
    )
