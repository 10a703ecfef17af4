"""The methods of explanation, by name: a new method is a new entry."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from age_audit.core.config import PRESETS, LimeParameters, check_choice
from age_audit.explain.base import Explainer


@dataclass(frozen=True)
class Method:
    """One entry.

    Attributes
    ----------
    load : callable
        From estimator, seed and parameters to an explainer. It imports the method's module, so that naming a method
        loads no library of it.
    presets : dict of str to parameters
        A dataclass for each preset; every field of it, and the seed, enters the key of a result.
    """

    load: Callable[[Any, int, Any], Explainer]
    presets: dict[str, Any]


def _lime(estimator, seed: int, parameters: LimeParameters) -> Explainer:
    from age_audit.explain.lime import LimeExplainer

    return LimeExplainer(estimator, seed=seed, parameters=parameters)


METHODS = {"lime": Method(_lime, PRESETS)}
DEFAULT = "lime"


def explainer_for(method: str, estimator, parameters, seed: int) -> Explainer:
    """An explainer of one estimator's estimates.

    Parameters
    ----------
    method : str
        A key of ``METHODS``.
    estimator : AgeEstimator
    parameters : dataclass
        One of the method's, e.g. ``METHODS["lime"].presets["audit"]``.
    seed : int
        Of everything that the method draws.

    Raises
    ------
    UsageError
        For an unknown method, or an estimator that lacks what the method asks for.

    Examples
    --------
    >>> explainer = explainer_for("lime", estimator=None, parameters=METHODS["lime"].presets["audit"], seed=42)
    >>> type(explainer).__name__
    'LimeExplainer'
    """
    check_choice("explanation method", method, METHODS)
    return METHODS[method].load(estimator, seed, parameters)
