"""What the results of a run depend on: a result is current while the key of its recipe is what it was made with."""

from __future__ import annotations

import hashlib
from dataclasses import asdict, dataclass, fields, replace
from functools import cache, cached_property
from pathlib import Path

from age_audit.core.config import BoxParameters, check_choice
from age_audit.core.errors import UsageError
from age_audit.core.landmarks import MESH_LANDMARK_COUNT
from age_audit.core.paths import LANDMARK_MODEL_SHA256, MESH_MODEL_SHA256
from age_audit.core.schema import LANDMARK_COUNT
from age_audit.core.vocabulary import SALIENCY, WITHOUT_UNIT
from age_audit.data.metadatasets import Maker
from age_audit.estimators.sources import estimator_identity
from age_audit.estimators.targets import parse_target
from age_audit.explain.registry import DEFAULT, EXPLAINERS
from age_audit.pipeline.steps import READ, STEPS, Job, needs, step_key

# Of the arithmetic of the false discovery rate; 2: ridge shrinkage is part of the intervals.
SETTLED_VERSION = 2
REFERENCE_SHAPE = Path(__file__).parents[1] / "faces" / "reference_shape.json"


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
    until_settled : float, optional
        Share of the area of a face at which sampling stops before ``samples``.
    method : str
        Of explanation, a key of :data:`age_audit.explain.EXPLAINERS`.
    target : str, optional
        What is explained in place of the preset's target.
    box_landmarks : int
        By how many landmarks boxes are named, dlib's 68 or MediaPipe's 478: of stage 2 alone.
    """

    aligned: bool
    estimator: str
    precision: str
    preset: str
    seed: int
    samples: int | None = None
    method: str = DEFAULT
    target: str | None = None
    until_settled: float | None = None
    box_landmarks: int = LANDMARK_COUNT

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
        """Tells explanations of different estimators, presets and methods apart in one ledger."""
        other = [str(self.samples)] if self.samples else []
        other += [f"until {self.until_settled:g} settled"] if self.until_settled else []
        other += [self.method] if self.method != DEFAULT else []
        other += [self.target] if self.target else []
        return "|".join([self.estimate_variant, self.preset, *other])

    @property
    def additive(self) -> bool:
        """Whether the values of pixels add up to a difference of what is explained; superpixels' always do."""
        return EXPLAINERS[self.method].additive

    @property
    def region_unit(self) -> str:
        """What the number of a region is: years or a probability, as what is explained, or saliency, of no unit."""
        return SALIENCY if self.method in WITHOUT_UNIT else parse_target(self.method_parameters.target).unit

    @property
    def box_parameters(self) -> dict:
        """How an explanation becomes boxes; of dlib's landmarks, which a face has anyway, nothing is said here."""
        mesh = {"landmarks": MESH_LANDMARK_COUNT, "landmark_model_sha256": MESH_MODEL_SHA256}
        return asdict(BoxParameters()) | (mesh if self.box_landmarks == MESH_LANDMARK_COUNT else {})

    @property
    def align_parameters(self) -> dict:
        return {"landmark_model_sha256": LANDMARK_MODEL_SHA256, "reference_shape_sha256": _reference_digest()}

    @property
    def explain_parameters(self) -> dict:
        """Every parameter of the explanation; the method's name where it is another than LIME, which had none.

        Parameters that came later are left out where they are at their default: no key of an older ledger changes.
        """
        parameters = self.method_parameters
        stated = asdict(parameters)
        for field in fields(parameters):
            if field.metadata.get("later") and stated[field.name] == field.default:
                del stated[field.name]
        named = {} if self.method == DEFAULT else {"method": self.method}
        version = EXPLAINERS[self.method].version
        versions = {"method_version": version} if version > 1 else {}
        if stated.get("settled_by") == "false-discovery-rate":
            versions |= {"settled_version": SETTLED_VERSION}
        return stated | {"seed": self.seed} | named | versions

    @property
    def method_parameters(self):
        """The preset's for this method, with what was given in their place."""
        check_choice("explanation method", self.method, EXPLAINERS)
        preset = EXPLAINERS[self.method].parameters(self.method, self.preset)
        given = {"num_samples": self.samples, "until_settled": self.until_settled, "target": self.target}
        given = {name: value for name, value in given.items() if value is not None}
        if unused := [name for name in given if not hasattr(preset, name)]:
            option = {"num_samples": "samples", "until_settled": "until-settled"}[unused[0]]
            raise UsageError(f"expected no --{option} with {self.method}, which takes none; got {given[unused[0]]}")
        return replace(preset, **given)

    def key(self, step: str, content: str) -> str:
        """Hash of everything that a step's result depends on.

        Parameters
        ----------
        content : str
            Hash of the image's bytes, which is the key of reading it.
        """
        if step == READ:
            return content
        upstream = "".join(self.key(needed, content) for needed in needs(step, self.aligned))
        return step_key(step, upstream, STEPS[step].parameters(self))

    def variant(self, step: str) -> str:
        """Under which variant the ledger keeps a step."""
        return STEPS[step].variant(self)

    def job(self, step: str, image: str, content: str) -> Job:
        """One step of an image with that content."""
        return Job(image, step, self.variant(step), self.key(step, content))

    @property
    def maker(self) -> Maker:
        """What the metadatasets of one folder share; no file of the estimator is looked at."""
        return Maker(Path(self.estimator).name, self.preset, self.method, self.method_parameters.target)
