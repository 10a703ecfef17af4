"""LIME for age estimators: the arithmetic of the ``lime`` package (Ribeiro, Singh & Guestrin 2016), batched.

Preset ``published`` gives what ``lime`` itself gives, segment for segment and weight for weight. Preset ``audit``
keeps the local linear model and changes what is asked of it; :data:`age_audit.core.config.PRESETS` lists the
differences.
"""

from __future__ import annotations

import hashlib

import numpy as np
from lime.wrappers.scikit_image import SegmentationAlgorithm
from threadpoolctl import threadpool_limits

from age_audit.core.config import PRESETS, LimeParameters, Stage1Config, check_choice
from age_audit.core.errors import UsageError
from age_audit.core.schema import CANVAS, Attribution
from age_audit.estimators.masked import MaskedFaces
from age_audit.explain.design import balanced_design, random_design
from age_audit.explain.regression import fit_local_model, foldover_intervals

CHUNK = 32  # masked faces that exist at a time, for estimators that do not make them themselves


class LimeExplainer:
    """Explains the estimates of one estimator.

    Parameters
    ----------
    estimator : AgeEstimator
        Anything with ``predict(faces) -> AgeEstimate``; ``predict_masked`` is used where it is there. If it has
        ``bind(face)``, what that returns is asked instead, so that a geometry found on the whole face holds for its
        masked versions.
    preset : str
        ``"published"`` or ``"audit"``.
    seed : int
        Of the segmentation and the samples; with ``seed_from_image`` it is mixed with the face's bytes.
    parameters : LimeParameters, optional
        In place of the preset's.

    Examples
    --------
    >>> from skimage.data import astronaut
    >>> from age_audit.core.schema import AgeEstimate
    >>> class Brightness:  # in place of load_estimator("dex-wrn"): the brighter the picture, the older
    ...     gives_classes = False
    ...     def predict(self, faces):
    ...         ages = faces.mean(axis=(1, 2, 3)) / 2.55
    ...         return AgeEstimate(ages, np.ones((len(ages), 1)), np.zeros(1))
    >>> attribution = LimeExplainer(Brightness(), preset="audit").explain(astronaut()[:224, 100:324])
    >>> attribution.target, attribution.positive_mask.shape
    ('expected_age', (224, 224))
    >>> attribution.weights.shape == attribution.settled.shape  # years, one a superpixel
    True
    """

    def __init__(
        self,
        estimator,
        preset: str = Stage1Config.preset,
        seed: int = Stage1Config.seed,
        parameters: LimeParameters | None = None,
    ):
        if parameters is None:
            check_choice("preset", preset, PRESETS)
            parameters = PRESETS[preset]
        self.estimator = estimator
        self.parameters = parameters
        self.seed = seed
        if self.parameters.target == "top-class" and not getattr(estimator, "gives_classes", True):
            raise UsageError(
                "preset published explains the probability of an age class, but this estimator gives ages only; use "
                "--preset audit"
            )

    def explain(self, face: np.ndarray) -> Attribution:
        """Attribute the estimate of one face to its superpixels.

        Parameters
        ----------
        face : ndarray of uint8, shape (224, 224, 3)
            RGB crop with a 40 % margin.

        Returns
        -------
        Attribution
            Weights are probabilities of the top class (``published``) or years (``audit``).

        Raises
        ------
        ValueError
            For another shape or type.
        """
        face = _checked(face)
        parameters = self.parameters
        seed = image_seed(face, self.seed) if parameters.seed_from_image else self.seed
        random_state = np.random.RandomState(seed)
        image = self.classifier_image(face)
        segments = self.segment(image, random_state.randint(0, 1000))
        superpixels = int(segments.max()) + 1
        if parameters.design == "random":
            shown = random_design(superpixels, parameters.num_samples, random_state)
        else:
            shown = balanced_design(superpixels, parameters.num_samples, np.random.default_rng(seed))
        targets, target = self._targets(face, image, segments, shown)
        return self._attribution(segments, shown, targets, target)

    def classifier_image(self, face: np.ndarray) -> np.ndarray:
        """The face as LIME and the classifier see it: uint8 as it is, or float64 min-max scaled to [0, 1]."""
        if not self.parameters.rescale:
            return face
        low, high = int(face.min()), int(face.max())
        return (face.astype(np.float64) - low) / max(high - low, 1)

    def segment(self, image: np.ndarray, random_seed: int) -> np.ndarray:
        """Superpixels by quickshift, through ``lime``'s own wrapper, numbered from 0."""
        parameters = self.parameters
        algorithm = SegmentationAlgorithm(
            "quickshift",
            kernel_size=parameters.kernel_size,
            max_dist=parameters.max_dist,
            ratio=parameters.ratio,
            random_seed=random_seed,
        )
        return algorithm(image)

    def hidden_image(self, image: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """What is seen where a superpixel is hidden, of the image's shape and type."""
        if self.parameters.hidden == "black":
            return np.zeros_like(image)
        return mean_colours(image, segments)

    def _targets(
        self, face: np.ndarray, image: np.ndarray, segments: np.ndarray, shown: np.ndarray
    ) -> tuple[np.ndarray, str]:
        """What the estimator says of every masked face: (N,) probabilities of one class, or years; and its name."""
        estimator = self.estimator.bind(face) if hasattr(self.estimator, "bind") else self.estimator
        masked = MaskedFaces(image, self.hidden_image(image, segments), segments, shown)
        if hasattr(estimator, "predict_masked"):
            estimates = [estimator.predict_masked(masked)]
        else:
            estimates = [estimator.predict(faces) for faces in masked.batches(CHUNK)]
        if self.parameters.target == "expected-age":
            return np.concatenate([estimate.age for estimate in estimates]), "expected_age"
        probabilities = np.concatenate([estimate.probabilities for estimate in estimates])
        # The first row shows the whole face; this is how lime picks among equals.
        top = int(np.argsort(probabilities[0])[-1])
        return probabilities[:, top], f"class:{top}"

    def _attribution(self, segments: np.ndarray, shown: np.ndarray, targets: np.ndarray, target: str) -> Attribution:
        parameters = self.parameters
        settings = parameters.kernel_width, parameters.ridge_alpha
        interval = settled = None
        # On a few dozen columns threads only cost, and with one the last digits do not depend on the number of cores.
        with threadpool_limits(1, user_api="blas"):
            model = fit_local_model(shown, targets, *settings)
            if parameters.settled_only:
                interval = foldover_intervals(shown, targets, model, *settings, parameters.confidence)
        weights = model.weights
        positive = weights >= 0  # lime counts a weight of exactly 0 as positive
        negative = ~positive
        if interval is not None:
            settled = (interval[:, 0] > 0) | (interval[:, 1] < 0)
            positive, negative = settled & positive, settled & negative
        return Attribution(
            segments=segments,
            weights=weights,
            target=target,
            positive_mask=positive[segments],
            negative_mask=negative[segments],
            interval=interval,
            settled=settled,
            intercept=model.intercept,
            score=model.score,
        )


def image_seed(face: np.ndarray, seed: int) -> int:
    """A seed in 0 to 2**32 - 1 that depends on the face's bytes and on another seed, on nothing else.

    Examples
    --------
    >>> face = np.zeros((224, 224, 3), dtype=np.uint8)
    >>> image_seed(face, 0) == image_seed(face.copy(), 0), image_seed(face, 0) == image_seed(face, 1)
    (True, False)
    """
    digest = hashlib.sha256(seed.to_bytes(8, "little") + np.ascontiguousarray(face).tobytes()).digest()
    return int.from_bytes(digest[:4], "little")


def mean_colours(image: np.ndarray, segments: np.ndarray) -> np.ndarray:
    """Every pixel in the mean colour of its superpixel, rounded where the image is uint8.

    Parameters
    ----------
    image : ndarray, shape (H, W, 3)
    segments : ndarray of int, shape (H, W)
        Numbered from 0.

    Examples
    --------
    >>> image = np.array([[[10, 0, 0], [20, 0, 0]], [[90, 90, 90], [90, 90, 90]]], dtype=np.uint8)
    >>> mean_colours(image, np.array([[0, 0], [1, 1]]))[0]
    array([[15,  0,  0],
           [15,  0,  0]], dtype=uint8)
    """
    flat = segments.ravel()
    counts = np.bincount(flat)
    means = np.stack([np.bincount(flat, weights=image[..., channel].ravel()) / counts for channel in range(3)], axis=1)
    if image.dtype == np.uint8:
        means = np.rint(means)
    return means.astype(image.dtype)[segments]


def _checked(face: np.ndarray) -> np.ndarray:
    face = np.asarray(face)
    if face.shape != (CANVAS, CANVAS, 3) or face.dtype != np.uint8:
        raise ValueError(f"expected a uint8 face of shape ({CANVAS}, {CANVAS}, 3), got {face.dtype} {face.shape}")
    return face
