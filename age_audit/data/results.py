"""Metadatasets found by what made them, and read when they are asked for."""

from __future__ import annotations

import json
import re
from collections.abc import Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass, replace
from functools import cached_property
from glob import escape
from itertools import chain, count, pairwise
from pathlib import Path

import numpy as np
import pandas as pd

from age_audit.core.config import parse_age_ranges
from age_audit.core.errors import UsageError
from age_audit.core.groups import BOUNDS, check_features, compared_by, feature_column, feature_title, levels
from age_audit.core.schema import AGE_RANGES, FaceLabel
from age_audit.core.vocabulary import SALIENCY, STUDY_FEATURES, WITHOUT_UNIT, label_origin, seen_mark
from age_audit.data.frames import grouped, predictions_frame
from age_audit.data.label_formats import OLDEST, label_from_utkface_name
from age_audit.data.metadatasets import (
    explanation_of,
    made_by,
    metadataset_path,
    packed_path,
    provenance_path,
    read_metadataset,
    refuse_mixed,
    stated_in,
)
from age_audit.data.region_scores import files_there, read_activations

PUBLISHED = "published"  # the preset that explains as the study did


# By what a region's number is: in words, who reads it, and how its columns begin, in files of earlier versions too.
_UNITS = {
    "years": ("years", "region_years", ("years_",)),
    "probability": ("a probability", "region_probabilities", ("probability_", "years_")),
    SALIENCY: ("saliency, of no unit", "region_saliency", (f"{SALIENCY}_", "probability_", "years_")),
}


@dataclass(frozen=True)
class Results:
    """The metadatasets of one estimator, preset and data set, each read on first use.

    Attributes
    ----------
    folder : Path
        Where they lie.
    dataset, estimator, preset : str
    sensitive : tuple of str, optional
        What groups are compared by (see :func:`age_audit.core.groups.compared_by`).
    ranges : tuple of (low, high)
        Age ranges in years, both included.
    """

    folder: Path
    dataset: str
    estimator: str
    preset: str
    sensitive: tuple[str, ...] | None = None
    ranges: tuple[tuple[int, int], ...] = AGE_RANGES

    @cached_property
    def provenance(self) -> dict:
        """What made the predictions: parameters, versions, counts; empty where nothing says so."""
        return stated_in(self.folder, self.dataset, "predictions")

    def holds(self, kind: str) -> bool:
        """Whether there is a metadataset of that kind, packed or not."""
        if kind == "activations":
            return bool(files_there(self.folder, self.dataset))
        path = metadataset_path(self.folder, self.dataset, kind)
        return path.exists() or packed_path(path).exists()

    @property
    def weights_hash(self) -> str:
        """Of what file the estimator is; empty where nobody said."""
        with suppress(TypeError, KeyError):
            return str(self.provenance["estimator"]["weights_hash"])
        return ""

    @property
    def aligned(self) -> bool:
        """Whether faces were aligned before the crop; False where nobody said."""
        return bool(self.provenance.get("aligned"))

    @property
    def seen(self) -> bool:
        """Whether the estimator was trained on faces of this data set, as far as its makers say and names show: one
        whose files are named and labelled as UTKFace's are is taken for UTKFace, whatever it is called.
        """
        return self.mark == " (trained on UTKFace)"

    @property
    def mark(self) -> str:
        """What stands behind the estimator's name: see :func:`age_audit.core.vocabulary.seen_mark`."""
        return seen_mark(self.dataset, self.estimator, self.provenance.get("labels"))

    @property
    def label_origin(self) -> str:
        """What to say beside every error about the labels: see :func:`age_audit.core.vocabulary.label_origin`."""
        return label_origin(self.dataset, self.estimator, self.provenance.get("labels"))

    @cached_property
    def document(self) -> dict:
        """The predictions file as it is: estimates, labels, and what was lost."""
        if not self.provenance:
            taken = f"taken for {self.estimator}'s, as asked for" if self.estimator else "nobody says whose they are"
            print(f"the predictions of {self.dataset} have no provenance: {taken}")
        document = read_metadataset(self.folder, self.dataset, "predictions")
        if not isinstance(document, Mapping) or not isinstance(document.get("predictions"), Mapping):
            raise UsageError(
                f"expected an object with an object 'predictions', from file name to age, in the predictions of "
                f"{self.dataset} in {self.folder}, got {document!r:.60}"
            )
        labels = document.get("labels", {})
        if not isinstance(labels, Mapping) or not all(isinstance(label, Mapping) for label in labels.values()):
            raise UsageError(
                f"expected 'labels' in the predictions of {self.dataset} in {self.folder} to be an object from file "
                f"name to an object of labels, got {labels!r:.60}"
            )
        return document

    @property
    def images_total(self) -> int | None:
        """How many images were looked for a face; None where the file does not say."""
        lost = self.document.get("cropping")
        total = lost.get("images_total") if isinstance(lost, Mapping) else None
        return total if isinstance(total, int) else None

    @property
    def labels(self) -> list[FaceLabel]:
        """The labels of all images that the predictions say."""
        labels = self.document.get("labels", {})
        return [_label(labels, fname) for fname in labels]

    @cached_property
    def predictions(self) -> pd.DataFrame:
        """Every estimated face, with labels: as :func:`age_audit.data.frames.completed_frame`."""
        return self._frame(self.document)

    @cached_property
    def images(self) -> pd.DataFrame:
        """Every labelled image, whether or not there is an estimate of it, as :attr:`predictions`.

        ``estimated`` says for which there is one (bool); ``explained`` which have activations, where any have. Of
        published files without labels only the estimated are known.
        """
        frame = self._known.copy()
        frame["estimated"] = frame["age_estimation"].notna()
        if files_there(self.folder, self.dataset):
            frame["explained"] = frame["fname"].isin(self.activations["fname"])
        return frame

    @cached_property
    def _known(self) -> pd.DataFrame:
        """Every image that is labelled or estimated."""
        labelled = dict.fromkeys(self.document.get("labels", {}))
        return self._frame(self.document | {"predictions": labelled | self.document["predictions"]})

    def _frame(self, document: dict) -> pd.DataFrame:
        labels = document.get("labels", {})
        return self._grouped(predictions_frame(document, lambda fname: _label(labels, fname)))

    def _grouped(self, frame: pd.DataFrame) -> pd.DataFrame:
        for column in frame.columns.intersection(["age_real", *BOUNDS, "age_estimation"]):
            beyond = frame[~frame[column].isna() & ~frame[column].between(0, OLDEST)]
            if len(beyond):
                raise UsageError(
                    f"expected ages of 0 to {OLDEST} years in {column} of {self.dataset} in {self.folder}, got "
                    f"{beyond[column].iloc[0]:g} of image {beyond['fname'].iloc[0]!a}; {len(beyond):,} are like that"
                )
        return grouped(frame, self.sensitive, self.ranges)

    @cached_property
    def features(self) -> dict[str, str]:
        """The columns of what groups are compared by, by name; race and gender where no face has either."""
        columns = compared_by(self.predictions, self.sensitive) or map(feature_column, STUDY_FEATURES)
        return {feature_title(column): column for column in columns}

    def bands(self, edges: Sequence[int]) -> list[tuple[int, int]]:
        """Bands of age that begin at the edges, the last of which is where they end, none across two age ranges.

        Labels that are ranges of ages fit in none narrower than the age ranges, which are the bands then.
        """
        if not set(BOUNDS).isdisjoint(self.predictions):
            return list(self.ranges)
        cuts = sorted({*edges, *(low for low, _ in self.ranges), *(high + 1 for _, high in self.ranges)})
        return [(low, after - 1) for low, after in pairwise(cuts)]

    def levels(self, feature: str) -> list[str]:
        """The groups of a feature, by name, in their order."""
        return levels(self.predictions[self.features[feature]])

    @cached_property
    def rows(self) -> list[dict]:
        """The activations as they are in the file, as notebooks of the published study read them."""
        return read_metadataset(self.folder, self.dataset, "activations")

    @cached_property
    def activations(self) -> pd.DataFrame:
        """Every explained face with landmarks on its crop: as :func:`age_audit.data.frames.completed_frame`."""
        return self.read_activations()

    def read_activations(self, wanted: Sequence[str] | None = None) -> pd.DataFrame:
        """The activations, or those columns of them and what groups are compared by, read anew.

        Raises
        ------
        UsageError
            As :func:`age_audit.data.region_scores.read_activations`, or if predictions beside them, of which somebody
            says what made them, no longer have one of the faces, or estimate it otherwise by now.
        """
        asked = [feature_column(name) for name in check_features(self.sensitive or ())]
        frame = read_activations(self.folder, self.dataset, wanted, asked)
        if self.provenance and self.holds("predictions"):
            self._refuse_outdated(frame)
        return self._grouped(frame)

    def _refuse_outdated(self, frame: pd.DataFrame) -> None:
        now = pd.to_numeric(frame["fname"].map(dict(self.document["predictions"])), errors="coerce")
        same = np.isclose(now, frame["age_estimation"].astype(float), rtol=0, atol=1e-6, equal_nan=True)
        if not same.all():
            raise UsageError(
                f"expected the activations in {self.folder} to be of the predictions beside them, but of "
                f"{(~same).sum():,} of {len(frame):,} faces these have another estimate or none, such as of "
                f"{frame['fname'][~same].iloc[0]!a}; run analysis_2_evaluate.py again"
            )

    @cached_property
    def masks(self) -> dict[str, np.ndarray]:
        """``fname`` (N,), ``positive`` and ``negative`` uint8 (N, 6272): packed masks of every explained face."""
        return read_metadataset(self.folder, self.dataset, "masks")

    @cached_property
    def boxes(self) -> pd.DataFrame:
        """Every face whose explanation was boxed, as :attr:`predictions`, in the order of the file of boxes; one whose
        estimate failed has none.

        Beside those columns ``boxes``, a list of dict as :func:`age_audit.regions.boxes.annotate` gives them, and
        ``active_<region>`` (bool) of each of :data:`age_audit.regions.boxes.BOX_REGIONS`.

        Raises
        ------
        UsageError
            If they are missing or damaged, are not of the predictions beside them, or a face is not in these.
        """
        from age_audit.regions.boxes import BOX_REGIONS, active_regions  # loads scikit-image, which nothing else needs

        refuse_mixed(self.folder, self.dataset, "boxes")
        rows = read_metadataset(self.folder, self.dataset, "boxes")
        try:
            found = pd.DataFrame({"fname": [row["fname"] for row in rows], "boxes": [row["boxes"] for row in rows]})
            active = [active_regions(boxes) for boxes in found["boxes"]]
        except (TypeError, KeyError, AttributeError) as error:
            raise UsageError(
                f"expected a list of objects, each with fname and a list of boxes, as the boxes of {self.dataset} in "
                f"{self.folder}, got something else ({error!r:.60}); run analysis_2_evaluate.py again"
            ) from error
        columns = {f"active_{region}": [face[f"active_{region}"] for face in active] for region in BOX_REGIONS}
        return self._beside_labels(found, {"boxes": found["boxes"]} | columns)

    @cached_property
    def region_years(self) -> pd.DataFrame:
        """Every explained face with landmarks, as :attr:`boxes`, and what each region does to its age, in years.

        ``years_<region>`` with ``…_low`` and ``…_high`` of :func:`age_audit.regions.years.region_years`; NaN where the
        method gives no interval.

        Raises
        ------
        UsageError
            As :attr:`boxes`, or if they are no years: something else than the age was explained, or by a method whose
            maps have no unit.
        """
        return self._regions("years")

    @cached_property
    def region_probabilities(self) -> pd.DataFrame:
        """The same where a probability was explained, such as that of Female: ``probability_<region>`` with its ends.

        Raises
        ------
        UsageError
            As :attr:`boxes`, or if they are none.
        """
        return self._regions("probability")

    @cached_property
    def region_saliency(self) -> pd.DataFrame:
        """The same of a method whose maps have no unit, such as Grad-CAM: ``saliency_<region>``, to rank regions by.

        Raises
        ------
        UsageError
            As :attr:`boxes`, or if the numbers have a unit.
        """
        return self._regions(SALIENCY)

    def _regions(self, unit: str) -> pd.DataFrame:
        refuse_mixed(self.folder, self.dataset, "region_years")
        rows = read_metadataset(self.folder, self.dataset, "region_years")
        provenance = stated_in(self.folder, self.dataset, "region_years")
        stated, method = provenance.get("unit", unit), explanation_of(provenance).get("method")
        if method in WITHOUT_UNIT:  # earlier versions called them what was explained
            stated = SALIENCY
        if stated != unit:
            by = f" by {method}" if method else ""
            raise UsageError(
                f"expected the regions of {self.dataset} in {self.folder} as {_UNITS[unit][0]}, got "
                f"{_UNITS[stated][0]}{by}; read {_UNITS[stated][1]}"
            )
        try:
            found = pd.DataFrame(rows, columns=None if rows else ["fname"])
            # Earlier versions have other names for them; the provenance has told what they are.
            columns = {
                f"{unit}_{name.partition('_')[2]}": found[name].astype(float)
                for name in found
                if name.startswith(_UNITS[unit][2])
            }
            if rows and not columns:
                raise ValueError(f"no numbers of regions as {_UNITS[unit][0]}")
            found = found[["fname"]]
        except (TypeError, KeyError, ValueError) as error:
            raise UsageError(
                f"expected a list of objects, each with fname and numbers, as the region_years of {self.dataset} in "
                f"{self.folder}, got something else ({error!r:.60}); run analysis_2_evaluate.py again"
            ) from error
        return self._beside_labels(found, columns)

    def _beside_labels(self, found: pd.DataFrame, columns: Mapping) -> pd.DataFrame:
        """The predictions' rows of these faces, by ``fname``, with further columns; UsageError for unknown faces."""
        if len(unknown := found.loc[~found["fname"].isin(self._known["fname"]), "fname"]):
            raise UsageError(
                f"expected what stage 2 wrote in {self.folder} to be of the predictions beside it, but "
                f"{len(unknown):,} of {len(found):,} faces are not there, such as {unknown.iloc[0]!a}; run "
                "analysis_2_evaluate.py again"
            )
        return found[["fname"]].merge(self._known, how="left").assign(**columns)

    @property
    def boxed_target(self) -> str:
        """What the boxed explanations explain, such as ``female`` or ``expected-age``; empty where nobody said."""
        return str(self._boxed.get("target", ""))

    @property
    def boxed_method(self) -> str:
        """By which method, as ``--explainer`` spells it; empty where nobody said."""
        return str(self._boxed.get("method", ""))

    @cached_property
    def _boxed(self) -> Mapping:
        return explanation_of(stated_in(self.folder, self.dataset, "boxes"))

    @cached_property
    def landmarks(self) -> dict[str, np.ndarray]:
        """By file name 68 points (x, y) in pixels of the 224 x 224 crop, float (68, 2)."""
        rows = read_metadataset(self.folder, self.dataset, "attachment")
        return {row["fname"]: np.array(row["landmarks"], dtype=float) for row in rows}


def find_results(
    metadatasets: str | Path,
    estimator: str,
    preset: str,
    dataset: str,
    sensitive: Sequence[str] | None = None,
    ranges: Sequence[str] | None = None,
) -> Results:
    """Look through a folder and those below it for the metadatasets of one estimator, preset and data set.

    Parameters
    ----------
    metadatasets : path
        Every ``metadataset_<dataset>_predictions.provenance.json`` in it, at any depth, says what its neighbours are;
        those that lie less deep come first. Predictions without provenance, as the published study left them, are taken
        for what is asked for where nothing else is, preset ``published``.
    estimator, preset, dataset : str
    sensitive : sequence of str, optional
        Columns of the labels to compare groups by; race and gender by default.
    ranges : sequence of str, optional
        Age ranges such as ``0-12``; the study's by default.

    Raises
    ------
    UsageError
        If there are none, or more than one at the least depth; it names what is there.
    """
    there = {path: _read_made_by(path) for path in sorted(Path(metadatasets).rglob("metadataset_*_predictions.prov*"))}
    wanted = (estimator, preset, dataset)
    found = [path for path, made_by in there.items() if made_by == wanted]
    if not found and preset == PUBLISHED:
        alone = sorted(Path(metadatasets).rglob(f"metadataset_{escape(dataset)}_predictions.json"))
        found = [path for path in alone if not provenance_path(path.parent, dataset, "predictions").exists()]
    found = [path for path in found if len(path.parts) == min(len(other.parts) for other in found)]
    if len(found) == 1:
        groups = None if sensitive is None else tuple(sensitive)
        parsed = AGE_RANGES if ranges is None else parse_age_ranges(ranges)
        return Results(found[0].parent, dataset, estimator, preset, groups, parsed)
    if found:
        raise UsageError(
            f"expected one set of results of {estimator}, preset {preset}, {dataset}, found them in "
            f"{' and '.join(str(path.parent) for path in found)}; keep one, or name its folder as METADATASETS"
        )
    listed = (f"{', '.join(map(str, made_by))} in {path.parent}" for path, made_by in there.items())
    listed = "; ".join(sorted(listed))
    advice = f": {listed}; choose one of these" if listed else " none at all; name a folder that holds some"
    raise UsageError(
        f"expected results of {estimator}, preset {preset}, {dataset} in {metadatasets} or below, found{advice}, or "
        "run stage 1 with these options first, and stage 2 where explanations are asked for"
    )


def results_of_all(metadatasets: str | Path, results: Results) -> dict[str, Results]:
    """All results of a data set by estimator, those given first: what several estimators say of the same faces.

    Of an estimator with several sets, such as of two presets, that with the most estimates counts. Where estimators of
    one name have different weights, or one's faces were aligned and another's not, all but the first say so in their
    name.
    """
    found: dict[tuple, Results] = {}
    for path in sorted(Path(metadatasets).rglob("metadataset_*_predictions.prov*")):
        estimator, preset, dataset = _read_made_by(path)
        if dataset == results.dataset and estimator is not None:
            other = replace(results, folder=path.parent, estimator=estimator, preset=preset)
            key = estimator, other.weights_hash, other.aligned
            if key not in found or len(found[key].document["predictions"]) < len(other.document["predictions"]):
                found[key] = other
    found.pop((results.estimator, results.weights_hash, results.aligned), None)
    return _by_name([results, *(found[key] for key in sorted(found))])


def boxed_results(metadatasets: str | Path, results: Results, target: str) -> dict[str, Results]:
    """All results of a data set whose explanations of one target were boxed, by name as :func:`results_of_all`.

    Parameters
    ----------
    metadatasets : path
    results : Results
        Whose data set, sensitive features and age ranges they are to share.
    target : str
        As :attr:`Results.boxed_target` has it.
    """
    found = []
    for path in sorted(Path(metadatasets).rglob(f"metadataset_{escape(results.dataset)}_boxes.prov*")):
        estimator, preset = made_by(stated_in(path.parent, results.dataset, "boxes"))
        if estimator is not None:
            found.append(replace(results, folder=path.parent, estimator=estimator, preset=preset))
    return _by_name([boxed for boxed in found if boxed.boxed_target == target])


def open_results(
    names: Sequence[str],
    metadatasets: str | Path,
    preset: str,
    dataset: str,
    sensitive: Sequence[str] | None = None,
    ranges: Sequence[str] | None = None,
) -> dict[str, Results]:
    """Results by name, each given as an estimator's name, as a folder, or as the file of predictions in one.

    Parameters
    ----------
    names : sequence of str
        Two or more. Folders and files need not lie below ``metadatasets``, nor be of a data set of that name.
    metadatasets, preset, dataset, sensitive, ranges
        As :func:`find_results`.

    Raises
    ------
    UsageError
        If a folder holds no predictions, or several, or there are no results of an estimator.
    """
    opened = []
    for name in names:
        path = Path(name)
        if not path.exists():
            opened.append(find_results(metadatasets, name, preset, dataset, sensitive, ranges))
            continue
        there = [path] if path.is_file() else sorted(path.glob("metadataset_*_predictions.json*"))
        named = [_PREDICTIONS.fullmatch(file.name) for file in there]
        if len(there) != 1 or named[0] is None:
            raise UsageError(
                f"expected {name} to be a file metadataset_<name>_predictions.json, packed with gzip or not, or a "
                f"folder with one, got {', '.join(file.name for file in there) or 'a folder without any'}; where an "
                "estimator is meant that is called like a folder here, run this elsewhere with --metadatasets"
            )
        groups = None if sensitive is None else tuple(sensitive)
        parsed = AGE_RANGES if ranges is None else parse_age_ranges(ranges)
        results = Results(there[0].parent, named[0][1], "", preset, groups, parsed)
        estimator, made_with = made_by(results.provenance)
        opened.append(replace(results, estimator=estimator or there[0].parent.name, preset=made_with or preset))
    places = [(results.folder.resolve(), results.dataset) for results in opened]
    if twice := [str(folder) for folder, dataset in places if places.count((folder, dataset)) > 1]:
        raise UsageError(f"expected results of different estimators, got those in {twice[0]} twice")
    return _by_name(opened)


def one_of_each(compared: Mapping[str, Results]) -> list[str]:
    """Names of the first results of each estimator: aligned faces or not, it is one voice where voices are counted.

    Two models of one name are two.

    Examples
    --------
    >>> ours, plain, other = (Results(Path(), "utkface", name, "published") for name in ("ours", "ours", "other"))
    >>> one_of_each({"ours": ours, "ours (not aligned)": plain, "other": other})
    ['ours', 'other']
    """
    first: dict[tuple[str, str], str] = {}
    for name, results in compared.items():
        first.setdefault((results.estimator, results.weights_hash), name)
    return list(first.values())


_PREDICTIONS = re.compile(r"metadataset_(.+)_predictions\.json(?:\.gz)?")


def _by_name(opened: Sequence[Results]) -> dict[str, Results]:
    """By estimator, with a mark where it was trained on these faces; where one has several, all but the first say by
    what they differ from it: whether faces were aligned, the weights, and else the folder.
    """
    named: dict[str, Results] = {}
    for other in opened:
        name = other.estimator + other.mark
        if name in named:
            first = named[name]
            differs = [] if other.aligned == first.aligned else [f"{'' if other.aligned else 'not '}aligned"]
            differs += [] if other.weights_hash == first.weights_hash else [other.weights_hash.split(":")[-1][:8]]
            place = f"{other.folder.parent.name}/{other.folder.name}"
            marks = chain(filter(None, [", ".join(differs)]), [place], (f"{place}, {i}" for i in count(2)))
            name = next(marked for mark in marks if (marked := f"{name} ({mark})") not in named)
        named[name] = other
    return named


def _read_made_by(path: Path) -> tuple[str | None, str | None, str | None]:
    """Estimator, preset and data set; None for what a damaged or foreign file does not say."""
    try:
        provenance = json.loads(path.read_text(encoding="utf-8"))
        return *made_by(provenance), provenance["dataset"]
    except (OSError, ValueError, TypeError, KeyError, AttributeError):
        return None, None, None


def _label(labels: Mapping, fname: str) -> FaceLabel:
    """The label in the file; of files that carry none, the one in UTKFace's name."""
    fields = dict(labels[fname]) if fname in labels else None
    if fields is None:
        return label_from_utkface_name(fname)
    named = {"age": "age_real", "gender": "gender_real", "race": "race_real"}
    known = {name: fields.pop(column, None) for name, column in named.items()}
    low, high = (fields.pop(name, None) for name in BOUNDS)
    return FaceLabel(fname, **known, age_bounds=None if low is None else (low, high), features=fields)
