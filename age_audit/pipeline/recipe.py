"""What each step depends on, as a hash: a result is current while the hash of its recipe is what it was made with.

Steps form a chain: image content -> align -> crop -> estimate, explain, landmarks -> activations. Each key is a hash
of the key before it and of the step's own parameters, so that a change invalidates exactly what depends on it.
"""

from __future__ import annotations

import hashlib
import json
from dataclasses import asdict, dataclass, replace
from functools import cache, cached_property
from pathlib import Path

from age_audit.core.config import PRESETS, CropParameters, LimeParameters
from age_audit.core.paths import LANDMARK_MODEL_SHA256
from age_audit.estimators.sources import estimator_identity

# Raised by hand whenever a step's code changes its results.
METHOD_VERSIONS = {"align": 1, "crop": 1, "estimate": 1, "explain": 1, "landmarks": 1, "activations": 1}

REFERENCE_SHAPE = Path(__file__).parents[1] / "faces" / "reference_shape.json"


def step_key(step: str, upstream: str, parameters: dict) -> str:
    """Hash of a step's input and parameters."""
    description = json.dumps([step, METHOD_VERSIONS[step], upstream, parameters], sort_keys=True)
    return hashlib.sha256(description.encode()).hexdigest()[:32]


@cache
def _reference_digest() -> str:
    return hashlib.sha256(REFERENCE_SHAPE.read_bytes()).hexdigest()


@dataclass(frozen=True)
class Recipe:
    """Parameters of one run that reach its results.

    Attributes
    ----------
    aligned : bool
        Whether faces are aligned before they are cropped.
    estimator, precision, preset : str
    seed : int
    samples : int, optional
        In place of the preset's number.
    """

    aligned: bool
    estimator: str
    precision: str
    preset: str
    seed: int
    samples: int | None = None

    @cached_property
    def estimator_parameters(self) -> dict:
        """Name, hash of the weights, precision."""
        return estimator_identity(self.estimator) | {"precision": self.precision}

    @property
    def estimate_variant(self) -> str:
        """Tells estimates of different estimators apart in one ledger."""
        return f"{self.estimator_parameters['name']}|{self.precision}"

    @property
    def explain_variant(self) -> str:
        """Tells explanations of different estimators and presets apart in one ledger."""
        return f"{self.estimate_variant}|{self.preset}" + (f"|{self.samples}" if self.samples else "")

    @property
    def align_parameters(self) -> dict:
        return {"landmark_model_sha256": LANDMARK_MODEL_SHA256, "reference_shape_sha256": _reference_digest()}

    @property
    def explain_parameters(self) -> dict:
        """Every parameter of the explanation."""
        return asdict(self.lime_parameters) | {"seed": self.seed}

    @property
    def lime_parameters(self) -> LimeParameters:
        """The preset's, with another number of samples if one is given."""
        preset = PRESETS[self.preset]
        return preset if self.samples is None else replace(preset, num_samples=self.samples)

    def align_key(self, content: str) -> str:
        return step_key("align", content, self.align_parameters)

    def crop_key(self, content: str) -> str:
        return step_key("crop", self.align_key(content) if self.aligned else content, asdict(CropParameters()))

    def estimate_key(self, content: str) -> str:
        return step_key("estimate", self.crop_key(content), self.estimator_parameters)

    def explain_key(self, content: str) -> str:
        parameters = self.explain_parameters | {"estimator": self.estimator_parameters}
        return step_key("explain", self.crop_key(content), parameters)

    def landmarks_key(self, content: str) -> str:
        return step_key("landmarks", self.crop_key(content), {"landmark_model_sha256": LANDMARK_MODEL_SHA256})

    def activations_key(self, content: str) -> str:
        return step_key("activations", self.explain_key(content) + self.landmarks_key(content), {})

    def to_json(self) -> str:
        return json.dumps(
            {"aligned": self.aligned, "estimator": self.estimator, "precision": self.precision, "seed": self.seed}
        )
