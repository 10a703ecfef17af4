"""Explanations of estimates: ``explainer_for(method, estimator, parameters, seed).explain(face)``.

A method is a file and an entry in :mod:`age_audit.explain.registry`; ``LimeExplainer(estimator, preset)`` is LIME
itself.
"""

from age_audit.explain.registry import METHODS, explainer_for

__all__ = ["METHODS", "LimeExplainer", "explainer_for"]


def __getattr__(name: str):
    # Loading lime takes seconds, and those who only read stored masks from this room need none of it.
    if name == "LimeExplainer":
        from age_audit.explain.lime import LimeExplainer

        return LimeExplainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
