"""Explanations of estimates: ``LimeExplainer(estimator, preset).explain(face)``."""

__all__ = ["LimeExplainer"]


def __getattr__(name: str):
    # Loading lime takes seconds, and those who only read stored masks from this room need none of it.
    if name == "LimeExplainer":
        from age_audit.explain.lime import LimeExplainer

        return LimeExplainer
    raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
