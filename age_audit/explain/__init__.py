"""Explanations of estimates: ``load_explainer(name, estimator, **parameters).explain(face, target="age")``.

A method is a file and an entry in :mod:`age_audit.explain.registry`, and ``EXPLAINERS`` names them all;
``LimeExplainer(estimator, preset)`` is LIME itself.
"""

from age_audit.explain.registry import EXPLAINERS, explainer_for, load_explainer

__all__ = ["EXPLAINERS", "LimeExplainer", "explainer_for", "load_explainer"]


def __getattr__(name: str):
    # Loading lime takes seconds, and those who only read stored masks from this room need none of it.
    if name == "LimeExplainer":
        from age_audit.explain.lime import LimeExplainer

        return LimeExplainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
