"""Age estimators behind one interface; ``load_estimator(name).predict(faces)``."""

from age_audit.estimators.registry import load_estimator

__all__ = ["load_estimator"]
