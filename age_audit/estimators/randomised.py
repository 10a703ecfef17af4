"""A Keras estimator that has learnt nothing: the same layers, weights drawn anew.

What an explanation says of it is what it says of the picture alone (Adebayo et al. 2018).
"""

from __future__ import annotations

import keras
import numpy as np

from age_audit.core.checks import checked_seed
from age_audit.core.errors import UsageError
from age_audit.core.randomness import stream
from age_audit.estimators.base import checked_faces
from age_audit.estimators.keras_model import KerasEstimator, on_device


def randomised(
    estimator: KerasEstimator, seed: int, faces: np.ndarray, into: KerasEstimator | None = None
) -> KerasEstimator:
    """The estimator with the numbers of each array of weights in another, random order.

    Each array keeps its mean and its spread. What batch normalisation has noted of its inputs no longer fits them, so
    that the answers of a deep model would be all or nothing: it is noted anew.

    Parameters
    ----------
    estimator : KerasEstimator
        Stays as it is.
    seed : int
    faces : ndarray of uint8, shape (N, 224, 224, 3)
        From which batch normalisation, where there is any, notes its means and variances.
    into : KerasEstimator, optional
        What an earlier call gave for the same estimator: its weights are replaced, which is quicker than to build
        another.

    Raises
    ------
    UsageError
        For an estimator that is no Keras model, for ``into`` of another one, or a seed that is none.
    ValueError
        For no faces, or what is none.

    Examples
    --------
    >>> from age_audit.estimators.base import EstimatorInfo
    >>> faces = keras.Input((8, 8, 3))
    >>> pooled = keras.layers.Flatten()(faces)
    >>> model = keras.Model(faces, keras.layers.Dense(2, activation="softmax")(pooled))
    >>> estimator = KerasEstimator(model, EstimatorInfo("tiny", "none", 8, "RGB", (0.0, 1.0)), np.array([0.0, 100.0]))
    >>> found = randomised(estimator, seed=1, faces=np.zeros((1, 224, 224, 3), dtype=np.uint8))
    >>> found.info.name, found.info.weights_hash
    ('tiny with drawn weights', 'none')
    """
    if not isinstance(estimator, KerasEstimator):
        raise UsageError(f"expected a Keras estimator, whose weights can be drawn anew, got {type(estimator).__name__}")
    faces, seed = checked_faces(faces), checked_seed(seed)
    if not len(faces):
        raise ValueError("expected at least one face to note means and variances from, got none")
    if into is None:
        with on_device(estimator.device):
            into = estimator.around(keras.models.clone_model(estimator.model), "with drawn weights")
    _check_same_layers(into, estimator)
    into.model.set_weights(drawn_weights(estimator.model.get_weights(), seed))
    _note_anew(into, faces)
    return into


def _check_same_layers(into: KerasEstimator, estimator: KerasEstimator) -> None:
    there, wanted = (
        [array.shape for array in one.model.get_weights()] if isinstance(one, KerasEstimator) else None
        for one in (into, estimator)
    )
    if there != wanted:
        name = into.info.name if there is not None else repr(into)
        raise UsageError(
            f"expected into to be what an earlier call gave for {estimator.info.name}, got {name}, whose layers are "
            "others; leave it out for a new one"
        )


def drawn_weights(weights: list[np.ndarray], seed: int) -> list[np.ndarray]:
    """Arrays of the same shapes and types with the numbers of each in a random order.

    Examples
    --------
    >>> (found,) = drawn_weights([np.arange(6).reshape(2, 3)], seed=1)
    >>> found.shape, np.sort(found, axis=None), bool((found == np.arange(6).reshape(2, 3)).all())
    ((2, 3), array([0, 1, 2, 3, 4, 5]), False)
    """
    generator = stream(seed, "weights")
    return [generator.permutation(array.ravel()).reshape(array.shape) for array in weights]


def _note_anew(estimator: KerasEstimator, faces: np.ndarray) -> None:
    """Means and variances of batch normalisation as they are on these faces, and nothing else."""
    own = {"momentum": keras.layers.BatchNormalization, "rate": keras.layers.Dropout}
    layers = [
        (layer, name) for layer in estimator.model._flatten_layers() for name, k in own.items() if isinstance(layer, k)
    ]
    before = [getattr(layer, name) for layer, name in layers]
    try:
        for layer, name in layers:
            setattr(layer, name, 0.0)  # nothing of what was noted stays, and nothing is dropped
        with on_device(estimator.device):
            estimator.model(estimator.preprocessing(faces.astype(np.float32)), training=True)
    finally:
        for (layer, name), value in zip(layers, before, strict=True):
            setattr(layer, name, value)
