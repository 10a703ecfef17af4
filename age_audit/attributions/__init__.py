"""Explanations of estimates: ``LimeExplainer(estimator, preset).explain(face)``."""

from age_audit.attributions.lime import LimeExplainer

__all__ = ["LimeExplainer"]
