"""``age-audit face``: one's own photo. What is estimated, what policies would make of it, and what moved the estimate.

Nothing is kept but the page that is written, and nothing is sent: the photo is read, cut out and judged in memory.
"""

from __future__ import annotations

import base64
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.audit.errors.along_age import labels_of_alike
from age_audit.audit.gate.outcomes import outcomes
from age_audit.core.config import PRESETS, Stage1Config
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.metrics import distribution_spread
from age_audit.core.schema import AgeEstimate, Attribution
from age_audit.data.policies import read_policies
from age_audit.data.results import find_results
from age_audit.regions.polygons import REGION_NAMES
from age_audit.report.page.command import write_page
from age_audit.report.page.html import environment, style
from age_audit.report.page.parts import Table
from age_audit.report.words import filled

DATASET = "utkface"
DPI = 110  # of the picture in the page


@dataclass(frozen=True)
class FaceConfig:
    """Options of ``age-audit face``."""

    photos: tuple[str, ...] = field(
        metadata={
            "positional": True,
            "metavar": "PHOTO",
            "help": "one or more pictures, of each the largest face that is found",
        }
    )
    output: Path = field(
        default=Path("face.html"),
        metadata={"help": "the page, one file, which holds the faces; nothing else is kept", "metavar": "FILE"},
    )
    estimator: str = field(
        default=Stage1Config.estimator, metadata=Stage1Config.__dataclass_fields__["estimator"].metadata
    )
    metadatasets: Path = field(
        default=Stage1Config.metadatasets,
        metadata={"help": "results of this estimator on UTKFace, which say what an estimate like this one is worth"},
    )
    policies: Path | None = field(
        default=None, metadata={"help": "TOML file of policies", "metavar": "FILE", "none": "those that ship"}
    )


@dataclass(frozen=True)
class Judged:
    """One photo: its crop, what was estimated, what moved it, where its landmarks are (None: not found), how many faces
    were found in it, and which of them this is, 0 for the largest.
    """

    name: str
    crop: np.ndarray
    estimate: AgeEstimate
    attribution: Attribution
    landmarks: np.ndarray | None
    faces_found: int
    place: int

    @property
    def age(self) -> float:
        """The estimate in years."""
        return float(self.estimate.age[0])

    @property
    def spread(self) -> float | None:
        """The standard deviation that the model states, in years; None where it gives a plain age."""
        if not self.estimate.classes.size:
            return None
        return float(distribution_spread(self.estimate.probabilities, self.estimate.classes)[0])


def own_face(config: FaceConfig) -> str:
    """Judge the photos and write the page; says what was estimated, and where the page is.

    Raises
    ------
    UsageError
        If a photo is not there or no picture, none has a face, or the page cannot be written.
    """
    from age_audit.estimators import load_estimator
    from age_audit.explain.registry import load_explainer

    policies = read_policies(config.policies)
    estimator = load_estimator(config.estimator)
    explainer = load_explainer("lime", estimator)
    known = _known(config)
    judged, failed = [], []
    for photo, name in zip(config.photos, _names(config.photos), strict=True):
        try:
            judged.append(_judge(Path(photo), name, estimator, explainer))
        except ImageFailure as failure:
            failed.append(f"{name}: {failure.note or failure.reason}")
    if not judged:
        raise UsageError(f"expected a photo with a face that is found, got {'; '.join(failed)}; try another photo")
    faces = [_told(face, policies, known) for face in judged]
    page = environment().get_template("face.html")
    content = page.render(style=style(), faces=faces, failed=failed, estimator=config.estimator).encode()
    write_page(config.output, content)
    told = [f"{face['name']}: {face['estimate']}" for face in faces]
    where = f"Written to {config.output}, which holds the faces. Nothing else was kept or sent."
    return "\n".join([*told, *failed, where])


def _names(photos: Sequence[str]) -> list[str]:
    """Of each the file name, or where two have the same, all of the path."""
    names = [Path(photo).name for photo in photos]
    return [photo if names.count(name) > 1 else name for photo, name in zip(photos, names, strict=True)]


def _known(config: FaceConfig) -> pd.DataFrame | None:
    """Estimates of labelled faces, of whichever preset: both estimate alike."""
    for preset in PRESETS:
        with suppress(UsageError):
            return find_results(config.metadatasets, config.estimator, preset, DATASET).predictions
    return None


def _judge(photo: Path, name: str, estimator, explainer) -> Judged:
    """Read, align and cut out as a run does, in memory; estimate and explain."""
    from age_audit.faces.decoding import decode_image, read_bytes
    from age_audit.faces.landmarks import landmarks_on_crop

    if not photo.is_file():
        there = "it is a folder; name the pictures in it" if photo.is_dir() else "there is no such file"
        raise UsageError(f"expected a photo at {photo}, {there}")
    image, _ = decode_image(read_bytes(photo))
    crop, faces_found, place = _largest(image)
    landmarks = None
    with suppress(ImageFailure):
        landmarks, _ = landmarks_on_crop(crop)
    attribution = explainer.explain(crop, target="age")
    return Judged(name, crop, estimator.predict(crop[None]), attribution, landmarks, faces_found, place)


def _largest(image: np.ndarray) -> tuple[np.ndarray, int, int]:
    """Crop of the largest face, how many there are, and which of them it is: the detector also takes patterns for
    faces, large ones too, but hardly finds these again once the picture is turned and scaled as they would need it.
    """
    from age_audit.faces.alignment import EYE_DISTANCE, align_face, landmarks_of_each
    from age_audit.faces.detection import crop_face

    faces = landmarks_of_each(image)
    for place, points in enumerate(faces):
        with suppress(ImageFailure):
            aligned = align_face(image, points)
            crop = crop_face(aligned.image, near=aligned.centre, reach=EYE_DISTANCE).image
            return crop, len(faces), place
    raise ImageFailure(
        "aligned-face-lost",
        f"{len(faces)} found that may be a face, but none is found again with the picture turned upright; a face from "
        "the front and in even light is",
    )


def _told(face: Judged, policies: Mapping, known: pd.DataFrame | None) -> dict:
    """What the page says of one photo."""
    spread = (
        "the model does not say how sure it is" if face.spread is None else f"± {face.spread:.1f} years, as it says"
    )
    return {
        "name": face.name,
        "estimate": f"{face.age:.1f} years ({spread})",
        "worth": _worth(face.age, known) + _others(face.faces_found, face.place),
        "policies": _policies(face, policies),
        "regions": _regions(face),
        "settled": _settled(face.attribution),
        "picture": _picture(face),
    }


def _worth(age: float, known: pd.DataFrame | None) -> str:
    """How old faces are labelled that this estimator judges about as old."""
    if known is None:
        return "There are no results of this estimator here that would say what such an estimate is worth."
    alike = labels_of_alike(known, age)
    if np.isnan(alike["median"]):
        return f"Too few faces ({alike['n']}) were judged about as old to say what such an estimate is worth."
    words = (
        "Of {:,} faces of UTKFace that it judges within 2.5 years of this, the middle 80 % are labelled {:.0f} to "
        "{:.0f} years, half of them over {:.0f}. That depends on whose photos these are."
    )
    return filled(words, alike["n"], alike["p10"], alike["p90"], alike["median"])


def _others(found: int, place: int) -> str:
    if found == 1:
        return ""
    which = "the largest was taken"
    if place:
        which = (
            f"the largest that was found again with the picture turned upright was taken, number {place + 1} by size"
        )
    return f" {found} faces were found in this photo; {which}."


def _policies(face: Judged, policies: Mapping) -> Table:
    frame = pd.DataFrame({"age_estimation": [face.age]})
    rows = []
    for policy in policies.values():
        row = {"policy": policy.name, "asked": f"{policy.age}, with an estimate of {policy.ask_below:g}"}
        row["outcome"] = outcomes(frame, policy, np.zeros(1))[0]
        if face.spread is not None:
            row["with_doubt"] = outcomes(frame, policy, np.array([face.spread]))[0]
        rows.append(row)
    shown = {"policy": "policy", "asked": "age asked", "outcome": "by the estimate"}
    shown |= {} if face.spread is None else {"with_doubt": "if its stated doubt counted too"}
    return Table("policies", "What policies like these would do: examples, not legal advice", pd.DataFrame(rows), shown)


def _regions(face: Judged) -> Table | None:
    """What each part of the face does to the estimate, in years, and whether that is settled."""
    from age_audit.regions.years import region_years

    if face.landmarks is None:
        return None
    rows = [
        {"region": REGION_NAMES[region], "years": found.value, "years_low": found.low, "years_high": found.high}
        | {"settled": "yes" if found.low > 0 or found.high < 0 else "no"}
        for region, found in region_years(face.attribution, face.landmarks).items()
    ]
    frame = pd.DataFrame(rows).sort_values("years", key=abs, ascending=False, ignore_index=True)
    shown = {"region": "part of the face", "years": "years", "settled": "told apart from 0"}
    caption = (
        "Years that each part adds to the estimate, by the explanation: below 0 it makes the face look younger to the "
        "model; in brackets 95 % intervals"
    )
    return Table("regions", caption, frame, shown, 1, strip="years", null=0)


def _settled(attribution: Attribution) -> str:
    if attribution.settled is None:
        return ""
    settled = f"{int(attribution.settled.sum())} of {attribution.settled.size} parts of the picture are settled"
    return f"{settled}: they raise or lower the estimate, told apart from chance. The others are left open."


def _picture(face: Judged) -> str:
    from age_audit.figures.one_face import face_panel
    from age_audit.figures.style import figure_bytes
    from age_audit.regions.scores import score_regions

    scores = None if face.landmarks is None else score_regions(face.attribution.positive_mask, face.landmarks)
    figure = face_panel(face.crop, face.estimate, face.attribution, face.landmarks, scores, face.name, preset="audit")
    return "data:image/png;base64," + base64.b64encode(figure_bytes(figure, dpi=DPI)).decode()
