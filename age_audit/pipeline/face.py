"""One's own photo: what an estimator says of it, what a gate would do, and which parts of the picture moved the answer.

Nothing is stored but the page that is asked for, and nothing is sent anywhere.
"""

from __future__ import annotations

import base64
import io
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.core.config import Stage1Config, Stage3Config
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.metrics import distribution_spread
from age_audit.core.policy import Policy
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.data.results import PUBLISHED, find_results

TEMPLATE = Path(__file__).with_name("face.html")
PRESET = "audit"
SMALLEST = 0.1  # years: of regions that move the estimate by less nothing is said
NEAR, LEAST = 2.0, 30  # years around an estimate, and labelled faces there, for a range of ages to be told
MIDDLE = 0.8  # of those faces lie in the range


@dataclass(frozen=True)
class FaceConfig:
    """Options of ``age-audit face``."""

    photos: tuple[str, ...] = field(
        metadata={"positional": True, "metavar": "PHOTO", "help": "a picture of one face, or several"}
    )
    estimator: str = field(
        default=Stage1Config.estimator, metadata=Stage1Config.__dataclass_fields__["estimator"].metadata
    )
    output: Path = field(
        default=Path("my-face.html"),
        metadata={"metavar": "FILE", "help": "the page to write; it holds the pictures, and nothing else is kept"},
    )
    policies: Path | None = field(
        default=None,
        metadata={
            "metavar": "FILE",
            "none": "those that ship",
            "help": "age limits to try, a TOML file as age-audit gate reads",
        },
    )
    metadatasets: Path = field(
        default=Stage3Config.metadatasets,
        metadata={"help": "results of the estimator on labelled faces, which say what such an estimate is worth"},
    )
    seed: int = field(default=Stage1Config.seed, metadata=Stage1Config.__dataclass_fields__["seed"].metadata)


@dataclass(frozen=True)
class OneFace:
    """What was found on one photo.

    Attributes
    ----------
    name : str
        Of the file.
    reason : str
        Why there is no estimate; empty where there is one.
    crop : ndarray of uint8, shape (224, 224, 3), or None
        RGB, what the estimator was shown.
    estimate : AgeEstimate or None
        N = 1.
    attribution : Attribution or None
        Of the expected age, in years, with what is settled.
    landmarks : ndarray of int, shape (68, 2), or None
        On the crop; None where the face was not found on it again.
    faces_found : int
    """

    name: str
    reason: str = ""
    crop: np.ndarray | None = None
    estimate: AgeEstimate | None = None
    attribution: Attribution | None = None
    landmarks: np.ndarray | None = None
    faces_found: int = 0

    @property
    def age(self) -> float:
        """Years; NaN where there is no estimate."""
        return float("nan") if self.estimate is None else float(self.estimate.age[0])

    @property
    def spread(self) -> float:
        """Standard deviation of the estimator's distribution over ages, in years; NaN of plain ages."""
        if self.estimate is None or not len(self.estimate.classes):
            return float("nan")
        return float(distribution_spread(self.estimate.probabilities[0], self.estimate.classes))


@dataclass(frozen=True)
class Seen:
    """The outcome of the command."""

    text: str
    exit_code: int

    def __str__(self) -> str:
        return self.text


def run_face(config: FaceConfig) -> Seen:
    """Estimate and explain each photo, and write one page of all.

    Raises
    ------
    UsageError
        If the estimator, the policies or the page's place cannot be used.
    """
    from age_audit.data.policies import read_policies
    from age_audit.estimators import load_estimator
    from age_audit.estimators.registry import configure_threads

    if config.output.is_dir() or not config.output.absolute().parent.is_dir():
        raise UsageError(f"expected --output to be a file in a folder that is there, got {config.output}")
    policies = read_policies(config.policies)
    configure_threads(config.estimator, 2)
    estimator = load_estimator(config.estimator)
    faces = [look_at(Path(photo), estimator, config.seed) for photo in config.photos]
    labelled = _labelled(config)
    page = page_of(faces, list(policies.values()), config.estimator, labelled)
    try:
        config.output.write_text(page, encoding="utf-8")
    except OSError as error:
        raise UsageError(f"cannot write {config.output}: {error.strerror or error}; choose another --output") from error
    lines = [f"{face.name}: {_said(face, labelled)}" for face in faces]
    failed = all(face.reason for face in faces)
    return Seen(
        "\n".join([*lines, f"Written to {config.output}; nothing else is kept, nothing was sent."]), int(failed)
    )


def look_at(photo: Path, estimator, seed: int = Stage1Config.seed) -> OneFace:
    """Find, align and crop the face as stage 1 does, estimate its age, and explain it as preset ``audit`` does.

    Parameters
    ----------
    photo : path
    estimator : AgeEstimator
    seed : int
        Of the explanation's samples, with the bytes of the face.

    Returns
    -------
    OneFace
        With a reason in place of an estimate where any of that fails.
    """
    from age_audit.explain import load_explainer
    from age_audit.faces.alignment import EYE_DISTANCE, align_face, landmarks_for_alignment
    from age_audit.faces.decoding import decode_image, read_bytes
    from age_audit.faces.detection import crop_face

    try:
        image, _ = decode_image(read_bytes(photo))
        points, faces_found = landmarks_for_alignment(image)
        aligned = align_face(image, points)
        crop = crop_face(aligned.image, near=aligned.centre, reach=EYE_DISTANCE).image
        estimate = estimator.predict(crop[None])
        attribution = load_explainer("lime", estimator, PRESET, seed).explain(crop)
    except ImageFailure as failure:
        return OneFace(photo.name, str(failure))
    return OneFace(photo.name, "", crop, estimate, attribution, _landmarks(crop), faces_found)


def _landmarks(crop: np.ndarray) -> np.ndarray | None:
    from age_audit.faces.landmarks import landmarks_on_crop

    try:
        return landmarks_on_crop(crop)[0]
    except ImageFailure:
        return None


def _labelled(config: FaceConfig) -> pd.DataFrame | None:
    """Labelled faces with estimates of the same estimator; None where no results of it are there."""
    try:
        return find_results(config.metadatasets, config.estimator, PUBLISHED, "utkface").predictions
    except UsageError:
        return None


def ages_of_such(age: float, labelled: pd.DataFrame | None) -> tuple[float, float, int] | None:
    """The middle 80 % of labelled ages of faces whose estimate is within two years, and how many these are.

    Parameters
    ----------
    age : float
        An estimate, in years.
    labelled : DataFrame or None
        With ``age_real`` and ``age_estimation``.

    Returns
    -------
    (low, high, n) or None
        Years; None below 30 such faces.

    Examples
    --------
    >>> faces = pd.DataFrame({"age_real": range(40), "age_estimation": [20.0] * 40})
    >>> ages_of_such(21, faces)
    (3.9, 35.1, 40)
    """
    if labelled is None or np.isnan(age):
        return None
    alike = labelled.loc[(labelled["age_estimation"] - age).abs() <= NEAR, "age_real"].dropna()
    if len(alike) < LEAST:
        return None
    low, high = alike.quantile([(1 - MIDDLE) / 2, (1 + MIDDLE) / 2])
    return float(round(low, 1)), float(round(high, 1)), len(alike)


def gate_rows(face: OneFace, policies: Sequence[Policy]) -> list[tuple[str, str, str, str]]:
    """What each policy does with a face: its name, what it asks, by the estimate alone, and heeding its stated spread.

    Examples
    --------
    >>> estimate = AgeEstimate(np.array([20.0]), np.array([[0.5, 0.5]]), np.array([17.0, 23.0]))
    >>> for row in gate_rows(OneFace("a.jpg", estimate=estimate), [Policy(), Policy("Challenge 25", 18, 7)]):
    ...     print(row)
    ('over 18', '18', 'passes', 'ask for a document')
    ('Challenge 25', '18, asked below 25', 'does not pass', 'ask for a document')
    """
    from age_audit.audit.gate.outcomes import outcomes
    from age_audit.audit.gate.rates import passed

    frame = pd.DataFrame({"age_estimation": [face.age]})
    rows = []
    for policy in policies:
        asked = f"{policy.age:g}" + (f", asked below {policy.ask_below:g}" if policy.buffer else "")
        alone = {1.0: "passes", 0.0: "does not pass"}.get(passed(frame, policy)[0], "another attempt")
        heeding = "no spread stated" if np.isnan(face.spread) else outcomes(frame, policy, np.array([face.spread]))[0]
        rows.append((policy.name, asked, alone, heeding))
    return rows


def settled_regions(face: OneFace) -> list[tuple[str, str]]:
    """Regions whose effect on the estimate is beyond the noise of sampling, the largest first, in words.

    Empty where no landmarks were found.
    """
    from age_audit.regions.polygons import REGION_NAMES
    from age_audit.regions.years import region_years
    from age_audit.report.words import filled

    if face.attribution is None or face.landmarks is None:
        return []
    found = region_years(face.attribution, face.landmarks)
    beyond = {region: years for region, years in found.items() if years.low > 0 or years.high < 0}
    sure = {region: years for region, years in beyond.items() if abs(years.value) >= SMALLEST}
    order = sorted(sure, key=lambda region: -abs(sure[region].value))
    return [(REGION_NAMES[region], filled("{:+.1f} years ({:+.1f} to {:+.1f})", *sure[region])) for region in order]


def page_of(faces: Sequence[OneFace], policies: Sequence[Policy], estimator: str, labelled: pd.DataFrame | None) -> str:
    """The page, one file that needs nothing else."""
    from jinja2 import Environment, StrictUndefined

    environment = Environment(autoescape=True, undefined=StrictUndefined, trim_blocks=True, lstrip_blocks=True)
    shown = [
        {
            "face": face,
            "picture": _panel(face),
            "gate": gate_rows(face, policies),
            "regions": settled_regions(face),
            "said": _said(face, labelled),
            "undecided": None if face.attribution is None else _undecided(face.attribution),
        }
        for face in faces
    ]
    return environment.from_string(TEMPLATE.read_text(encoding="utf-8")).render(
        shown=shown, policies=policies, estimator=estimator
    )


def _undecided(attribution: Attribution) -> float:
    """Share of the picture, in percent, whose superpixels are not settled."""
    settled = attribution.settled[attribution.segments]
    return 100 * float(1 - settled.mean())


def _panel(face: OneFace) -> str | None:
    from age_audit.figures.one_face import face_panel
    from age_audit.regions.scores import score_regions

    if face.reason:
        return None
    scores = None if face.landmarks is None else score_regions(face.attribution.positive_mask, face.landmarks)
    figure = face_panel(face.crop, face.estimate, face.attribution, face.landmarks, scores, face.name, preset=PRESET)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=110, metadata={"Software": None})
    return base64.b64encode(stream.getvalue()).decode()


def _said(face: OneFace, labelled: pd.DataFrame | None) -> str:
    from age_audit.report.words import filled

    if face.reason:
        return f"No estimate: {face.reason}."
    told = filled("{:.1f} years", face.age)
    if not np.isnan(face.spread):
        told += filled(", with a stated spread of {:.1f} years", face.spread)
    if (such := ages_of_such(face.age, labelled)) is not None:
        told += filled(". Of {2:,} labelled faces that it judged within two years of this, ", *such)
        told += filled("the middle 80 % are labelled {:.0f} to {:.0f}", *such)
    if face.faces_found > 1:
        told += f". {face.faces_found} faces were found; the largest was taken"
    return f"{told}."
