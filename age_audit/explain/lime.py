"""LIME for age estimators: the arithmetic of the ``lime`` package (Ribeiro, Singh & Guestrin 2016), batched.

Preset ``published`` gives what ``lime`` itself gives, segment for segment and weight for weight. Preset ``audit``
keeps the local linear model and changes what is asked of it; :data:`age_audit.core.config.PRESETS` lists the
differences.
"""

from __future__ import annotations

from dataclasses import replace
from functools import reduce

import numpy as np
from threadpoolctl import threadpool_limits

from age_audit.core.config import FIRST_LOOK, PRESETS, LimeParameters, Stage1Config, check_choice, check_doublings
from age_audit.core.errors import UsageError
from age_audit.core.schema import Attribution
from age_audit.estimators.masked import MaskedFaces
from age_audit.estimators.targets import Target
from age_audit.explain.base import Explainer
from age_audit.explain.design import balanced_design, folded_together, paley_design, random_design
from age_audit.explain.regression import fit_local_model, foldover_errors, foldover_intervals, selected_intervals
from age_audit.explain.superpixels import (
    classifier_image,
    hidden_image,
    image_seed,
    masked_targets,
    segment,
)


class LimeExplainer(Explainer):
    """Explains the estimates of one estimator.

    Parameters
    ----------
    estimator : AgeEstimator
        Anything with ``predict(faces) -> AgeEstimate``; see :func:`age_audit.explain.superpixels.masked_targets`.
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
        super().__init__(estimator, parameters, seed)
        if parameters.design == "random" and parameters.settled_only:
            raise UsageError(
                "expected a design of complementary pairs, paley or balanced, with settled_only: errors are read off "
                "them; got random"
            )
        if parameters.until_settled:
            check_doublings(parameters.num_samples)
        if parameters.until_settled and (
            not parameters.settled_only or parameters.settled_by == "interval" or parameters.target == "top-class"
        ):
            raise UsageError(
                "expected until_settled with settled_only, settled_by other than interval and one target for all "
                "samples, as in preset audit"
            )

    def _on(self, face: np.ndarray, target: Target) -> Target:
        # As in lime, the first masked version says which class is on top; of several designs each has its own first.
        return super()._on(face, target) if self.parameters.until_settled else target

    def _explain(self, face: np.ndarray, target: Target) -> Attribution:
        parameters = self.parameters
        seed = image_seed(face, self.seed) if parameters.seed_from_image else self.seed
        random_state = np.random.RandomState(seed)
        image = classifier_image(face, parameters.rescale)
        random_state.randint(0, 1000)  # lime draws a seed for the segmentation here, which never reaches quickshift
        segments = self._segments(image)
        superpixels = int(segments.max()) + 1
        generator = np.random.default_rng(seed)
        if parameters.design == "random":
            shown = random_design(superpixels, parameters.num_samples, random_state)
        else:
            shown = self._design(superpixels, generator)
        masked = MaskedFaces(image, self._hidden(image, segments), segments, shown)
        targets, name = masked_targets(self.estimator, face, masked, target)
        looks = 1
        if parameters.until_settled:
            looks = max(1, (parameters.num_samples // len(shown)).bit_length())
        attribution = self._attribution(segments, shown, targets, name, looks)
        for look in range(1, looks):
            if (attribution.positive_mask | attribution.negative_mask).mean() >= parameters.until_settled:
                break
            designs = [self._design(superpixels, generator) for _ in range(2 ** (look - 1))]  # as many rows again
            masked = replace(masked, shown=reduce(folded_together, designs))
            answers, _ = masked_targets(self.estimator, face, masked, target)
            shown, targets = folded_together(shown, masked.shown), folded_together(targets, answers)
            attribution = self._attribution(segments, shown, targets, name, looks)
        return attribution

    def _segments(self, image: np.ndarray) -> np.ndarray:
        """The superpixel of every pixel, int (224, 224), numbered from 0."""
        parameters = self.parameters
        return segment(image, parameters.kernel_size, parameters.max_dist, parameters.ratio)

    def _hidden(self, image: np.ndarray, segments: np.ndarray) -> np.ndarray:
        """What is seen where a superpixel is hidden, of the image's shape and type."""
        return hidden_image(image, segments, self.parameters.hidden)

    def _design(self, superpixels: int, generator: np.random.Generator) -> np.ndarray:
        """One foldover design: all samples, or those up to the first look."""
        samples = self.parameters.num_samples
        if self.parameters.until_settled:
            samples = min(samples, FIRST_LOOK)
        draw = paley_design if self.parameters.design == "paley" else balanced_design
        return draw(superpixels, samples, generator)

    def _attribution(
        self, segments: np.ndarray, shown: np.ndarray, targets: np.ndarray, target: str, looks: int
    ) -> Attribution:
        """What the samples so far say, with this look's part of the error rate.

        Where sampling stops depends on what was seen, but whenever it does, what is false then is at most what would
        be false at all looks together. So each of them gets an equal part of the rate (Bonferroni), for wrong signs
        and for intervals that miss alike.
        """
        parameters = self.parameters
        settings = parameters.kernel_width, parameters.ridge_alpha
        interval = settled = None
        # On a few dozen columns threads only cost, and with one the last digits do not depend on the number of cores.
        with threadpool_limits(1, user_api="blas"):
            model = fit_local_model(shown, targets, *settings)
            if parameters.settled_only and parameters.settled_by == "interval":
                interval = foldover_intervals(shown, targets, model, *settings, parameters.confidence)
            elif parameters.settled_only:
                errors = foldover_errors(shown, targets, *settings)
                interval = selected_intervals(model.weights, errors, (1 - parameters.confidence) / looks)
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
            samples=len(shown) if parameters.until_settled else None,
        )
