"""What can be said of Appendix B: the sentences stand in appendix_b.toml."""

from __future__ import annotations

from collections.abc import Mapping

import pandas as pd

from age_audit.report import sentences
from age_audit.report.claims import Claims


def add_claims(claims: Claims, saved: Mapping[str, pd.DataFrame], preset: str) -> None:
    """Add every claim of the notebook on Appendix B; the study's part reads masks of the preset."""
    closed = saved["closure"]["change"].notna().sum()
    sentences.add_claims("appendix_b", claims, saved, preset=preset, closed=closed)
