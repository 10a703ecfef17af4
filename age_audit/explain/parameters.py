"""Parameters of the methods of explanation; LIME's are in :mod:`age_audit.core.config`, with the presets.

All of these, and the seed, enter the key of a result. Naming them loads no library.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class _Superpixels:
    """``kernel_size``, ``max_dist`` and ``ratio`` of quickshift, as :class:`age_audit.core.config.LimeParameters`."""

    kernel_size: float = 4
    max_dist: float = 200
    ratio: float = 0.2
    target: str = "expected-age"


@dataclass(frozen=True)
class KernelShapParameters(_Superpixels):
    """``hidden``: ``"mean-colour"`` or ``"black"``; ``num_samples``: versions of the face, raised where superpixels are
    many; ``confidence``: of the intervals.
    """

    num_samples: int = 256
    hidden: str = "mean-colour"
    confidence: float = 0.95


@dataclass(frozen=True)
class RandomParameters(_Superpixels):
    """Weights drawn at random: what a method has to beat."""


@dataclass(frozen=True)
class OcclusionParameters:
    """``cells``: patches a side that the crop is cut into; ``window``: patches a side that are hidden at a time."""

    cells: int = 14
    window: int = 2
    target: str = "expected-age"


@dataclass(frozen=True)
class RiseParameters:
    """``cells``: coarse cells a side of a mask; ``shown``: chance of a cell to be shown; ``confidence``: of the
    intervals.
    """

    num_samples: int = 512
    cells: int = 7
    shown: float = 0.5
    confidence: float = 0.95
    target: str = "expected-age"


@dataclass(frozen=True)
class CamParameters:
    """Of Grad-CAM and Grad-CAM++, which leave nothing to choose but the target."""

    target: str = "expected-age"


@dataclass(frozen=True)
class ScoreCamParameters:
    """``most``: so many maps, those that vary most over the face, are asked about; 0 for all of them."""

    most: int = 128
    target: str = "expected-age"


@dataclass(frozen=True)
class IntegratedGradientsParameters:
    """``steps``: points on the way from the baseline to the face; ``baseline``: ``"black"`` or ``"mean-colour"``."""

    steps: int = 32
    baseline: str = "mean-colour"
    target: str = "expected-age"


@dataclass(frozen=True)
class SmoothGradParameters:
    """``num_samples``: noisy versions of the face; ``noise``: standard deviation, as a share of the face's range."""

    num_samples: int = 32
    noise: float = 0.15
    target: str = "expected-age"
