"""Audit facial age estimators: how wrong, for whom, which part of the face moves the estimate, and how sure is that."""

__version__ = "0.1.0"
