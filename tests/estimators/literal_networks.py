"""Convolutions written out with numpy, as slow twins of what Keras computes: one face, (rows, columns, channels)."""

import numpy as np


def padded(x, size, stride, value=0.0):
    """As TensorFlow's SAME: what is missing is split, the odd row goes below and to the right."""
    rows = -(-x.shape[0] // stride)
    missing = max(0, (rows - 1) * stride + size - x.shape[0])
    before = missing // 2
    return np.pad(x, ((before, missing - before), (before, missing - before), (0, 0)), constant_values=value), rows


def taps(x, size, stride, value=0.0):
    """The pixel under each tap of the kernel, one tap after the other."""
    wide, rows = padded(x, size, stride, value)
    for i in range(size):
        for j in range(size):
            yield i, j, wide[i : i + (rows - 1) * stride + 1 : stride, j : j + (rows - 1) * stride + 1 : stride]


def convolve(x, kernel, stride=1):
    return sum(seen @ kernel[i, j] for i, j, seen in taps(x, len(kernel), stride))


def depthwise(x, kernel, stride=1):
    return sum(seen * kernel[i, j, :, 0] for i, j, seen in taps(x, len(kernel), stride))


def largest(x, size, stride):
    return np.max([seen for _, _, seen in taps(x, size, stride, -np.inf)], axis=0)


def resized(image, size):
    """Bilinear, of pixels whose centres lie at halves, without smoothing."""
    place = np.clip((np.arange(size) + 0.5) * len(image) / size - 0.5, 0, len(image) - 1)
    low = np.minimum(place.astype(int), len(image) - 2)
    part = (place - low)[:, None, None]
    rows = image[low] * (1 - part) + image[low + 1] * part
    part = part.reshape(1, -1, 1)
    return rows[:, low] * (1 - part) + rows[:, low + 1] * part


def softmax(x):
    e = np.exp(x - x.max())
    return e / e.sum()
