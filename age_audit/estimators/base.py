"""What every estimator offers, and what they share: checking faces, chunking, turning class probabilities into ages."""

from __future__ import annotations

from abc import ABC, abstractmethod
from collections.abc import Callable
from dataclasses import dataclass, replace

import numpy as np
from scipy.special import softmax

from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS, AgeEstimate
from age_audit.estimators.masked import MaskedFaces

# A batch of one takes another matrix kernel than larger batches do and differs in the last bits. From two on, the
# answer for a face is the same to the bit whatever it is batched with on processors with AVX-512 (tested), so single
# faces are run as a pair. Elsewhere kernels treat the last rows of a batch otherwise: probabilities differ by 1e-6 of
# themselves at most (tested).
SMALLEST_BATCH = 2
BATCH = 32  # faces per forward pass; larger gains nothing on a CPU and costs memory
# TensorFlow, JAX, PyTorch, onnxruntime
OUT_OF_MEMORY = ("resource_exhausted", "resourceexhausted", "outofmemory", "out of memory", "failed to allocate memory")


@dataclass(frozen=True)
class EstimatorInfo:
    """What the provenance of a result says about the estimator.

    ``weights_hash`` is ``"<algorithm>:<digest>"``, or ``"none"`` for a plain function.
    """

    name: str
    weights_hash: str
    input_size: int
    channel_order: str
    value_range: tuple[float, float]
    precision: str = "float32"


class AgeEstimator(ABC):
    """A model that maps faces to distributions over age classes.

    Subclasses set ``info`` and ``classes`` and implement :meth:`class_probabilities`.

    Examples
    --------
    >>> class Brightness(AgeEstimator):  # the brighter the picture, the older
    ...     info = EstimatorInfo("brightness", "none", 224, "RGB", (0.0, 255.0))
    ...     classes = np.array([0.0, 100.0])
    ...     def class_probabilities(self, faces):
    ...         old = faces.mean(axis=(1, 2, 3)) / 255
    ...         return np.column_stack([1 - old, old]), None
    >>> faces = np.stack([np.full((224, 224, 3), grey, dtype=np.uint8) for grey in (51, 102)])
    >>> Brightness().predict(faces).age.round(2)
    array([20., 40.])
    """

    info: EstimatorInfo
    classes: np.ndarray  # (C,) float, years
    gives_classes = True  # False where probabilities were made up from a plain age
    batch = BATCH  # at most so many faces per forward pass

    def predict(self, faces: np.ndarray) -> AgeEstimate:
        """Estimate the age of N faces.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
            RGB crops with a 40 % margin. uint8, or floating point in the same 0-255 units (values are used as they
            are: explanation methods feed masked and, in the published preset, rescaled faces).

        Returns
        -------
        AgeEstimate
            Ages in float64 years. From the shipped estimators each row is the same bits in whatever batch the face
            comes, on processors with AVX-512 (on others up to a hundred-thousandth); a model of one's own may differ
            in the last ones.

        Raises
        ------
        ValueError
            For another shape or type.
        UsageError
            When the model's answer is no distribution (an estimator of one's own without a softmax, say).
        """
        faces = checked_faces(faces)
        return self._in_batches(len(faces), lambda rows: self.class_probabilities(_padded(faces[rows])))

    def predict_masked(self, masked: MaskedFaces) -> AgeEstimate:
        """Estimate the age of every masked version of one face: what ``predict`` gives for them, to the bit.

        Parameters
        ----------
        masked : MaskedFaces
            Of N versions.

        Returns
        -------
        AgeEstimate
            Of N ages.
        """
        visible = masked.shown.astype(bool)
        return self._in_batches(len(masked), lambda rows: self.masked_probabilities(masked, _padded(visible[rows])))

    def masked_probabilities(self, masked: MaskedFaces, visible: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """One forward pass over some of the versions. Estimators that can do without making them override this.

        Parameters
        ----------
        masked : MaskedFaces
        visible : ndarray of bool, shape (N, S)
            Rows of ``masked.shown``.

        Returns
        -------
        probabilities, probability_female
            As :meth:`class_probabilities`.
        """
        (faces,) = replace(masked, shown=visible).batches(len(visible))
        return self.class_probabilities(faces)

    def _in_batches(self, n: int, answer: Callable[[slice], tuple[np.ndarray, np.ndarray | None]]) -> AgeEstimate:
        """Join the answers for rows 0 to n, in batches that fit the memory."""
        if n == 0:
            return AgeEstimate(np.zeros(0), np.zeros((0, len(self.classes))), self.classes)
        parts, start = [], 0
        while start < n:
            rows = slice(start, min(start + self.batch, n))
            try:
                parts.append(self._checked(answer(rows), rows.stop - rows.start))
            except Exception as error:
                if not _is_out_of_memory(error) or self.batch <= SMALLEST_BATCH:
                    raise
                self.batch = max(SMALLEST_BATCH, self.batch // 2)  # and stays so: the next face is as large
            else:
                start = rows.stop
        probabilities = np.concatenate([ages for ages, _ in parts])
        female = None if parts[0][1] is None else np.concatenate([female for _, female in parts])
        # Row by row: a matrix product picks its kernel, and with it the last bits, by the number of rows.
        ages = (probabilities.astype(np.float64) * self.classes).sum(axis=1)
        return AgeEstimate(ages, probabilities, self.classes, female)

    def _checked(self, answer: tuple[np.ndarray, np.ndarray | None], n: int) -> tuple[np.ndarray, np.ndarray | None]:
        probabilities, female = answer
        known = probabilities[np.isfinite(probabilities).all(axis=1)]  # NaN is one face's failure, told by its age
        if len(known) and not (known.min() >= 0 and np.abs(known.sum(axis=1) - 1).max() < 1e-3):
            raise UsageError(
                f"expected {self.info.name} to give probabilities that are not negative and sum to 1, got sums of "
                f"{known.sum(axis=1).min():.4g} to {known.sum(axis=1).max():.4g}; end it with a softmax or "
                "declare its output as 'logits'"
            )
        return probabilities[:n], None if female is None else female[:n]

    @abstractmethod
    def class_probabilities(self, faces: np.ndarray) -> tuple[np.ndarray, np.ndarray | None]:
        """One forward pass.

        Parameters
        ----------
        faces : ndarray, shape (N, 224, 224, 3)
            RGB, 0-255, uint8 or float.

        Returns
        -------
        probabilities : ndarray of float, shape (N, C)
        probability_female : ndarray of float, shape (N,), or None
        """


def _padded(rows: np.ndarray) -> np.ndarray:
    """The rows, with copies of the first until they fill the smallest batch."""
    missing = max(0, SMALLEST_BATCH - len(rows))
    return np.concatenate([rows, np.repeat(rows[:1], missing, axis=0)]) if missing else rows


def _is_out_of_memory(error: Exception) -> bool:
    told = f"{type(error).__name__} {error}".lower()
    return any(words in told for words in OUT_OF_MEMORY)


def checked_faces(faces: np.ndarray) -> np.ndarray:
    """The faces unchanged, or a ValueError that says what was expected and what came.

    Examples
    --------
    >>> checked_faces(np.zeros((2, 224, 224, 3), dtype=np.uint8)).shape
    (2, 224, 224, 3)
    >>> checked_faces(np.zeros((224, 224, 3), dtype=np.uint8))
    Traceback (most recent call last):
        ...
    ValueError: expected faces of shape (N, 224, 224, 3), got (224, 224, 3)
    """
    faces = np.asarray(faces)
    if faces.ndim != 4 or faces.shape[1:] != (CANVAS, CANVAS, 3):
        raise ValueError(f"expected faces of shape (N, {CANVAS}, {CANVAS}, 3), got {faces.shape}")
    if faces.dtype != np.uint8 and not np.issubdtype(faces.dtype, np.floating):
        raise ValueError(f"expected faces of type uint8 or floating point, got {faces.dtype}")
    return faces


def as_probabilities(answer: np.ndarray, output: str, classes: np.ndarray) -> np.ndarray:
    """Class probabilities of an answer, whatever a model gives.

    Parameters
    ----------
    answer : ndarray of float, shape (N, C), or (N,) for ages
    output : str
        ``"probabilities"``, ``"logits"`` or ``"ages"``.
    classes : ndarray of float, shape (C,)
        Years.

    Returns
    -------
    ndarray of float, shape (N, C)

    Examples
    --------
    >>> as_probabilities(np.log([[1.0, 3.0]]), "logits", np.array([20.0, 60.0]))
    array([[0.25, 0.75]])
    """
    if output == "ages":
        return spread_over_classes(answer, classes)
    return softmax(answer, axis=1) if output == "logits" else answer


def spread_over_classes(ages: np.ndarray, classes: np.ndarray) -> np.ndarray:
    """Probabilities on the two nearest classes whose expectation is the given age (clipped to the classes' range).

    Parameters
    ----------
    ages : ndarray of float, shape (N,)
        Years.
    classes : ndarray of float, shape (C,)
        Rising.

    Returns
    -------
    ndarray of float, shape (N, C)

    Examples
    --------
    >>> spread_over_classes(np.array([12.5, 40.0]), np.array([0.0, 10, 20, 30]))
    array([[0.  , 0.75, 0.25, 0.  ],
           [0.  , 0.  , 0.  , 1.  ]])
    """
    ages = np.clip(ages, classes[0], classes[-1])
    right = np.clip(np.searchsorted(classes, ages), 1, len(classes) - 1)
    share = (ages - classes[right - 1]) / (classes[right] - classes[right - 1])
    probabilities = np.zeros((len(ages), len(classes)))
    rows = np.arange(len(ages))
    probabilities[rows, right - 1] = 1 - share
    probabilities[rows, right] = share
    return probabilities
