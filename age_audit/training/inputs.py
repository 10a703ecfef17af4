"""What a model is fed: pictures from files, changed a little each time they are shown.

How a picture is changed is drawn from the seed, the epoch and its place, before anything is computed: a run that was
killed goes on with the same pictures. On TensorFlow batches come out of a pipeline of ``tf.data``, on JAX and PyTorch
out of a ``PyDataset``; both give the same.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import keras
import numpy as np
from keras import ops

from age_audit.core.checks import Checked, flag, number
from age_audit.core.randomness import stream
from age_audit.store.files import read_png

_GREY = (0.299, 0.587, 0.114)  # luminance of red, green and blue (ITU-R BT.601)
_NEUTRAL = np.array([0, 0, 0, 0, 1, 1], dtype=np.float32)


@dataclass(frozen=True)
class Augmentation(Checked):
    """How much a face may be changed.

    Attributes
    ----------
    flip : bool
        Whether half of the faces are mirrored.
    shift : float
        Share of the side by which a face is moved at most, each way; what comes in repeats the border.
    brightness : float
        Share of the full range that is added or taken at most.
    contrast, colour : float
        How far the distances of values from their mean, and of colours from grey, are stretched or shrunk at most.
    grey : float
        Share of the faces that lose their colour.
    """

    flip: bool = flag(True)
    shift: float = number(0.04, 0, 0.5)
    brightness: float = number(0.1, 0, 1)
    contrast: float = number(0.2, 0, 1)
    colour: float = number(0.2, 0, 1)
    grey: float = number(0.1, 0, 1)


def draw_changes(count: int, augmentation: Augmentation | None, *, seed: int, epoch: int) -> np.ndarray:
    """How each of N faces is changed in an epoch.

    Returns
    -------
    ndarray of float32, shape (N, 6)
        Whether it is mirrored (0 or 1); shift to the right and down as shares of the side; what is added to values,
        as a share of their range; factors of contrast and of colour.

    Examples
    --------
    >>> draw_changes(1, None, seed=1, epoch=1).tolist()  # not at all
    [[0.0, 0.0, 0.0, 0.0, 1.0, 1.0]]
    >>> a, b = (draw_changes(5, Augmentation(), seed=1, epoch=epoch) for epoch in (1, 2))
    >>> bool((a == b).all()), bool((a == draw_changes(5, Augmentation(), seed=1, epoch=1)).all())
    (False, True)
    """
    if augmentation is None:
        return np.tile(_NEUTRAL, (count, 1))
    rng = stream(seed, f"augmentation, epoch {epoch}")
    mirrored = augmentation.flip * (rng.random(count) < 0.5)
    shifts = rng.uniform(-augmentation.shift, augmentation.shift, (count, 2))
    lighter = rng.uniform(-augmentation.brightness, augmentation.brightness, count)
    contrast = 1 + rng.uniform(-augmentation.contrast, augmentation.contrast, count)
    colour = 1 + rng.uniform(-augmentation.colour, augmentation.colour, count)
    colour = np.where(rng.random(count) < augmentation.grey, 0, colour)
    return np.column_stack([mirrored, shifts, lighter, contrast, colour]).astype(np.float32)


def change(faces, changes):
    """Change faces as :func:`draw_changes` says.

    Parameters
    ----------
    faces : tensor of float, shape (B, S, S, 3)
        RGB, 0-255.
    changes : tensor of float, shape (B, 6)

    Returns
    -------
    tensor of float, shape (B, S, S, 3)
        Within 0-255. Shifts are in whole pixels.

    Examples
    --------
    >>> face = np.arange(4, dtype=np.float32).reshape(1, 2, 2, 1).repeat(3, axis=3)
    >>> mirrored = np.array([[1, 0, 0, 0, 1, 1]], dtype=np.float32)
    >>> np.asarray(change(face, mirrored))[0, :, :, 0].tolist()
    [[1.0, 0.0], [3.0, 2.0]]
    >>> down = np.array([[0, 0, 0.5, 10 / 255, 1, 1]], dtype=np.float32)  # by one pixel of two, and 10 lighter
    >>> np.asarray(change(face, down))[0, :, :, 0].round(3).tolist()
    [[10.0, 11.0], [10.0, 11.0]]
    """
    side = faces.shape[1]
    mirrored, right, down, lighter, contrast, colour = (changes[:, column, None] for column in range(6))
    places = ops.arange(side, dtype="float32")[None]
    rows, columns = (ops.clip(places - ops.round(by * side), 0, side - 1) for by in (down, right))
    columns = ops.where(mirrored > 0.5, side - 1 - columns, columns)
    rows, columns = (ops.cast(at, "int32") for at in (rows, columns))
    faces = ops.take_along_axis(faces, rows[:, :, None, None], axis=1)
    faces = ops.take_along_axis(faces, columns[:, None, :, None], axis=2)
    lighter, contrast, colour = (values[:, :, None, None] for values in (lighter, contrast, colour))
    grey = ops.sum(faces * np.array(_GREY, dtype=np.float32), axis=-1, keepdims=True)
    faces = grey + colour * (faces - grey)
    middle = ops.mean(faces, axis=(1, 2, 3), keepdims=True)
    return ops.clip(middle + contrast * (faces - middle) + 255 * lighter, 0, 255)


def batches_of_files(paths: Sequence[Path], changes: np.ndarray, size: int = 32):
    """Pictures in files of PNG, decoded and changed, batch by batch, in their order; all of one size.

    Yields
    ------
    tensor or ndarray of float32, shape (at most ``size``, S, S, 3)
    """
    names = np.array([str(path) for path in paths])
    if keras.backend.backend() == "tensorflow":
        import tensorflow as tf

        def decoded(name):
            return tf.ensure_shape(tf.io.decode_png(tf.io.read_file(name), channels=3), read_png(paths[0]).shape)

        pictures = tf.data.Dataset.from_tensor_slices(names).map(decoded).batch(size)
        both = tf.data.Dataset.zip(pictures, tf.data.Dataset.from_tensor_slices(changes).batch(size))
        yield from both.map(lambda faces, how: change(tf.cast(faces, tf.float32), how)).prefetch(1)
        return
    for start in range(0, len(paths), size):
        faces = np.stack([read_png(path) for path in paths[start : start + size]]).astype(np.float32)
        yield change(ops.convert_to_tensor(faces), changes[start : start + size])


class Batches(keras.utils.PyDataset):
    """Batches of one epoch out of stored arrays.

    Parameters
    ----------
    parts : list of P ndarray, each shape (V, N, ...)
        V versions of what the model is fed of N faces, such as memory maps.
    which : ndarray of int, shape (M, 2)
        Version and face of each example, in the order in which they are shown.
    truth : ndarray of float32, shape (N, K)
    weights : ndarray of float32, shape (M,)
    changes : ndarray of float32, shape (M, 6), optional
        How pictures are changed; then there is one part, of pictures.
    size : int
    """

    def __init__(self, parts, which, truth, weights, changes=None, size: int = 32):
        super().__init__()
        self.parts, self.which, self.truth, self.weights = parts, which, truth, weights
        self.changes, self.size = changes, size

    def __len__(self) -> int:
        return -(-len(self.which) // self.size)

    def stored(self, rows: np.ndarray) -> list[np.ndarray]:
        """What is stored of some examples, by number, as float32."""
        versions, faces = self.which[rows].T
        return [np.asarray(part[versions, faces], dtype=np.float32) for part in self.parts]

    def __getitem__(self, place: int):
        rows = np.arange(place * self.size, min((place + 1) * self.size, len(self.which)))
        fed = self.stored(rows)
        if self.changes is not None:
            fed = [change(ops.convert_to_tensor(fed[0]), self.changes[rows])]
        return tuple(fed), self.truth[self.which[rows, 1]], self.weights[rows]

    def fastest(self):
        """The same as a pipeline of ``tf.data``, which makes the next batch while one is learnt from, on TensorFlow."""
        if keras.backend.backend() != "tensorflow":
            return self
        import tensorflow as tf

        shapes = [tf.TensorShape([None, *part.shape[2:]]) for part in self.parts]

        def fed(rows) -> tuple:
            arrays = tf.numpy_function(self.stored, [rows], [tf.float32] * len(self.parts))
            return tuple(tf.ensure_shape(array, shape) for array, shape in zip(arrays, shapes, strict=True))

        def batch(rows, faces, weights, changes):
            arrays = fed(rows)
            if self.changes is not None:
                arrays = (change(arrays[0], changes),)
            return arrays, tf.gather(self.truth, faces), weights

        changes = np.zeros((len(self.which), 0), np.float32) if self.changes is None else self.changes
        columns = (np.arange(len(self.which)), self.which[:, 1], self.weights, changes)
        return tf.data.Dataset.from_tensor_slices(columns).batch(self.size).map(batch).prefetch(1)


def examples_of_epoch(
    rows: np.ndarray, weights: np.ndarray, versions: int, *, seed: int, epoch: int
) -> tuple[np.ndarray, np.ndarray]:
    """The examples of an epoch in an order drawn anew, each in a version drawn anew, and their weights.

    Examples
    --------
    >>> which, weights = examples_of_epoch(np.array([4, 7]), np.array([0.5, 1.5]), 3, seed=1, epoch=2)
    >>> which.shape, sorted(zip(which[:, 1].tolist(), weights.tolist()))
    ((2, 2), [(4, 0.5), (7, 1.5)])
    """
    rng = stream(seed, f"order, epoch {epoch}")
    order = rng.permutation(len(rows))
    version = rng.integers(versions, size=len(rows))
    return np.column_stack([version, rows[order]]), weights[order].astype(np.float32)


def whole_in_order(truth: np.ndarray, parts: list[np.ndarray], rows: np.ndarray) -> Batches:
    """Some faces once each, unchanged, in their order."""
    which = np.column_stack([np.zeros(len(rows), dtype=int), rows])
    return Batches(parts, which, truth, np.ones(len(rows), np.float32), size=64)
