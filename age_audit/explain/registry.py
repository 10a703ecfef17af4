"""The methods of explanation, by name: a new method is its file, its parameters and an entry here."""

from __future__ import annotations

from dataclasses import dataclass, replace
from importlib import import_module
from pathlib import Path
from typing import Any

from age_audit.core.config import PRESETS, Stage1Config, check_choice
from age_audit.core.errors import UsageError
from age_audit.estimators.base import no_gradients
from age_audit.explain.parameters import (
    CamParameters,
    IntegratedGradientsParameters,
    KernelShapParameters,
    OcclusionParameters,
    RandomParameters,
    RiseParameters,
    ScoreCamParameters,
    SmoothGradParameters,
)


@dataclass(frozen=True)
class Method:
    """One entry.

    Attributes
    ----------
    explainer : str
        ``module:class`` of this room, imported only when it is asked for, so that naming a method loads no library.
    presets : dict of str to parameters
        A dataclass for each preset; every field of it, and the seed, enters the key of a result. The study had LIME
        only, so that no other method has a preset ``published``.
    needs_gradients : bool
        Whether it works on estimators with derivatives only.
    additive : bool
        Of a method that gives a value a pixel: whether these add up to a difference of the target, so that a region's
        is their sum (:func:`age_audit.regions.years.region_years`).
    version : int
        Raised when its arithmetic changes; enters the key of a result from 2 on.
    needs_maps : bool
        Whether it works on layers with rows and columns only.
    """

    explainer: str
    presets: dict[str, Any]
    needs_gradients: bool = False
    additive: bool = False
    version: int = 1
    needs_maps: bool = False

    def parameters(self, name: str, preset: str):
        """Those of a preset; UsageError where the method has none of that name."""
        if preset not in self.presets:
            there = " or ".join(self.presets)
            raise UsageError(f"expected preset {there} with {name}, got {preset}: the study used LIME alone")
        return self.presets[preset]


def _audit(parameters) -> dict[str, Any]:
    return {"audit": parameters}


def _of_maps(explainer: str, parameters) -> Method:
    return Method(explainer, _audit(parameters), needs_gradients=True, needs_maps=True)


EXPLAINERS = {
    "lime": Method("lime:LimeExplainer", PRESETS),
    "kernel-shap": Method("kernel_shap:KernelShapExplainer", _audit(KernelShapParameters())),
    "occlusion": Method("occlusion:OcclusionExplainer", _audit(OcclusionParameters()), version=3),
    "rise": Method("rise:RiseExplainer", _audit(RiseParameters())),
    "grad-cam": _of_maps("grad_cam:GradCamExplainer", CamParameters()),
    "grad-cam++": _of_maps("grad_cam_plus_plus:GradCamPlusPlusExplainer", CamParameters()),
    "score-cam": _of_maps("score_cam:ScoreCamExplainer", ScoreCamParameters()),
    "integrated-gradients": Method(
        "integrated_gradients:IntegratedGradientsExplainer",
        _audit(IntegratedGradientsParameters()),
        needs_gradients=True,
        additive=True,
    ),
    "smooth-grad": Method("smooth_grad:SmoothGradExplainer", _audit(SmoothGradParameters()), needs_gradients=True),
    "random": Method("random_weights:RandomExplainer", _audit(RandomParameters())),
}
DEFAULT = "lime"


def load_explainer(name: str, estimator, preset: str = "audit", seed: int = Stage1Config.seed, **parameters):
    """A method of explanation for one estimator.

    Parameters
    ----------
    name : str
        A key of ``EXPLAINERS``.
    estimator : AgeEstimator
        From :func:`age_audit.estimators.load_estimator`, or anything that predicts like one.
    preset : str
        ``audit``, or ``published`` for LIME.
    seed : int
        Of everything that the method draws.
    **parameters
        In place of the preset's; :mod:`age_audit.explain.parameters` says what each method has.

    Returns
    -------
    Explainer
        With ``explain(face, target="age") -> Attribution``.

    Raises
    ------
    UsageError
        For an unknown method, preset or parameter, a parameter out of its range, or an estimator that lacks what the
        method asks for.

    Examples
    --------
    >>> explainer = load_explainer("rise", estimator=None, num_samples=64)
    >>> type(explainer).__name__, explainer.parameters.num_samples
    ('RiseExplainer', 64)
    >>> load_explainer("rise", estimator=None, samples=64)
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected parameters of rise among num_samples, ... settled_by; got samples
    """
    check_choice("explanation method", name, EXPLAINERS)
    start = EXPLAINERS[name].parameters(name, preset)
    if unknown := [key for key in parameters if not hasattr(start, key)]:
        raise UsageError(f"expected parameters of {name} among {', '.join(vars(start))}; got {', '.join(unknown)}")
    return explainer_for(name, estimator, replace(start, **parameters), seed)


def explainer_for(name: str, estimator, parameters, seed: int):
    """The same from one of the method's dataclasses, whole.

    Examples
    --------
    >>> explainer = explainer_for("lime", estimator=None, parameters=EXPLAINERS["lime"].presets["audit"], seed=42)
    >>> type(explainer).__name__
    'LimeExplainer'
    """
    check_choice("explanation method", name, EXPLAINERS)
    if isinstance(estimator, (str, Path)):
        loading = f"age_audit.estimators.load_estimator({str(estimator)!r})"
        raise UsageError(f"expected an estimator that is loaded, got its name, {estimator!r}; load it first: {loading}")
    if EXPLAINERS[name].needs_gradients and not getattr(estimator, "gives_gradients", False):
        raise no_gradients(estimator)
    if EXPLAINERS[name].needs_maps and hasattr(estimator, "check_maps"):
        estimator.check_maps()
    module, _, kind = EXPLAINERS[name].explainer.partition(":")
    made = getattr(import_module(f"age_audit.explain.{module}"), kind)
    return made(estimator, parameters=parameters, seed=seed)
