"""Parameters of the methods of explanation; LIME's are in :mod:`age_audit.core.config`, with the presets.

All of these, and the seed, enter the key of a result. Naming them loads no library.
"""

from __future__ import annotations

from dataclasses import dataclass

from age_audit.core.checks import Checked, choice, named, number, whole
from age_audit.core.config import HIDDEN, SETTLED_BY
from age_audit.core.errors import UsageError

TARGET = "expected-age"
MOST_CELLS = 56  # a side, of 4 pixels each: beyond, there are more versions of a face than anyone would wait for


@dataclass(frozen=True)
class _Superpixels(Checked):
    """``kernel_size``, ``max_dist`` and ``ratio`` of quickshift, as :class:`age_audit.core.config.LimeParameters`."""

    kernel_size: float = number(4, above=True)
    max_dist: float = number(200, above=True)
    ratio: float = number(0.2)
    target: str = named(TARGET)


@dataclass(frozen=True)
class KernelShapParameters(_Superpixels):
    """``hidden``: ``"mean-colour"`` or ``"black"``; ``num_samples``: versions of the face, raised where superpixels are
    many; ``confidence`` and ``settled_by``: as :class:`age_audit.core.config.LimeParameters`.

    Examples
    --------
    >>> KernelShapParameters(hidden="white")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected hidden to be one of black, mean-colour, got 'white'
    """

    num_samples: int = whole(256, least=2)
    hidden: str = choice("mean-colour", HIDDEN)
    confidence: float = number(0.95, 0, 1, above=True, below=True)
    settled_by: str = choice("false-discovery-rate", SETTLED_BY)


@dataclass(frozen=True)
class RandomParameters(_Superpixels):
    """Weights drawn at random: what a method has to beat."""


@dataclass(frozen=True)
class OcclusionParameters(Checked):
    """``cells``: patches a side that the crop is cut into; ``window``: patches a side that are hidden at a time."""

    cells: int = whole(14, 1, MOST_CELLS)
    window: int = whole(2, 1, MOST_CELLS)
    target: str = named(TARGET)

    def __post_init__(self):
        super().__post_init__()
        if self.window > self.cells:
            raise UsageError(f"expected window to be at most cells, {self.cells}, got {self.window}")


@dataclass(frozen=True)
class RiseParameters(Checked):
    """``cells``: coarse cells a side of a mask; ``shown``: chance of a cell to be shown; ``confidence`` and
    ``settled_by``: as :class:`age_audit.core.config.LimeParameters`, of pixels in place of superpixels.
    """

    num_samples: int = whole(512, least=3)  # parts of two are mirror images, of no spread
    cells: int = whole(7, 1, MOST_CELLS)
    shown: float = number(0.5, 0, 1, above=True, below=True)
    confidence: float = number(0.95, 0, 1, above=True, below=True)
    target: str = named(TARGET)
    settled_by: str = choice("false-discovery-rate", SETTLED_BY)


@dataclass(frozen=True)
class CamParameters(Checked):
    """Of Grad-CAM and Grad-CAM++, which leave nothing to choose but the target."""

    target: str = named(TARGET)


@dataclass(frozen=True)
class ScoreCamParameters(Checked):
    """``most``: so many maps, those that vary most over the face, are asked about; 0 for all of them."""

    most: int = whole(128, least=0)
    target: str = named(TARGET)


@dataclass(frozen=True)
class IntegratedGradientsParameters(Checked):
    """``steps``: of equal length from the baseline to the face, doubled until the sum closes or ``most_steps`` would be
    passed; ``baseline``: ``"black"`` or ``"mean-colour"``; ``tolerance``: share of the difference by which the sum may
    be off, in any case 0.1 years, or a probability of 0.001.
    """

    steps: int = whole(32, least=1)
    baseline: str = choice("mean-colour", HIDDEN)
    target: str = named(TARGET)
    most_steps: int = whole(256, least=1)
    tolerance: float = number(0.02, 0, 1)

    def __post_init__(self):
        super().__post_init__()
        if self.most_steps < self.steps:
            raise UsageError(f"expected most_steps to be at least steps, {self.steps}, got {self.most_steps}")


@dataclass(frozen=True)
class SmoothGradParameters(Checked):
    """``num_samples``: noisy versions of the face; ``noise``: standard deviation, as a share of the face's range."""

    num_samples: int = whole(32, least=1)
    noise: float = number(0.15, 0, 1)
    target: str = named(TARGET)
