"""Reading and writing the published JSON formats, and the provenance beside them.

``metadataset_<name>_predictions.json``: an object with ``cropping``, ``predictions`` {fname: age in years} and
``explanations``; further keys are ours and never required. ``metadataset_<name>_activations.json``: a list, one
object an image. ``metadataset_<name>_attachment.json``: a list of {fname, landmarks}.
``metadataset_<name>_boxes.json``: a list of {fname, boxes, active_<region>}, and
``metadataset_<name>_region_years.json`` of {fname, years_<region>, or probability_ or saliency_, …_low, …_high}.
``metadataset_<name>_masks.npz``: packed masks. ``metadataset_<name>_images.json``: a list of what the data set's audit
found of each picture. The same contents give the same bytes: no time, no place, names sorted.
:mod:`age_audit.data.region_scores` reads and writes activations too numerous for JSON.
"""

from __future__ import annotations

import gzip
import hashlib
import importlib.metadata
import json
import platform
import tempfile
import zlib
from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from contextlib import contextmanager
from functools import cache
from itertools import chain
from pathlib import Path
from typing import BinaryIO, NamedTuple

import numpy as np

from age_audit import __version__
from age_audit.core.errors import UsageError
from age_audit.core.groups import BOUNDS
from age_audit.core.schema import FaceLabel
from age_audit.store.files import pack_arrays, unpack_arrays, write_if_new

KINDS = {
    **dict.fromkeys(("predictions", "activations", "attachment", "boxes", "region_years"), "json"),
    **dict.fromkeys(("images", "channels", "splits", "population"), "json"),
    "masks": "npz",
}
OF_EXPLANATIONS = ("masks", "activations", "boxes", "region_years")  # stage 1's before those that stage 2 makes of it
LIME = "lime"  # the method of explanations whose provenance names none
LIBRARIES = (
    "numpy", "scipy", "scikit-learn", "scikit-image", "pillow", "imagehash", "dlib-bin", "lime", "shapely", "keras",
    "tensorflow", "onnxruntime", "pyarrow",
)  # fmt: skip


def metadataset_path(folder: Path, dataset: str, kind: str) -> Path:
    """``<folder>/metadataset_<dataset>_<kind>.<json or npz>``."""
    return folder / f"metadataset_{dataset}_{kind}.{KINDS[kind]}"


def provenance_path(folder: Path, dataset: str, kind: str) -> Path:
    """Where the provenance of a metadataset lies."""
    return folder / f"metadataset_{dataset}_{kind}.provenance.json"


def write_metadataset(folder: Path, dataset: str, kind: str, content, provenance: dict) -> Path:
    """Write a metadataset and its provenance; a file that holds the same bytes already is left alone.

    Parameters
    ----------
    content
        What JSON can say, an iterable of rows that becomes a list without being held in memory, a dict of arrays for
        ``masks``, or a function that writes the file to the binary stream that it gets.
    provenance : dict
        Parameters and counts; code and library versions are added.

    Raises
    ------
    UsageError
        When the folder cannot be written.
    """
    path = metadataset_path(folder, dataset, kind)
    with writing(path):
        digest = write_if_new(path, _filler(kind, content))
        write_provenance(folder, dataset, kind, {"file": path.name, "sha256": digest} | provenance)
    return path


def _filler(kind: str, content) -> Callable[[BinaryIO], object]:
    """What writes the content to a stream."""
    if callable(content):
        return content
    if KINDS[kind] == "npz":
        return lambda stream: stream.write(pack_arrays(**content))
    if isinstance(content, Mapping):
        return lambda stream: stream.write(_json_bytes(content))
    return lambda stream: stream.writelines(_json_list(content))


def _json_list(rows: Iterable) -> Iterator[bytes]:
    """What ``json.dumps`` makes of a list, a row at a time."""
    separator = b"["
    for row in rows:
        yield separator + json.dumps(row, ensure_ascii=False, allow_nan=False).encode()
        separator = b", "
    yield b"[]\n" if separator == b"[" else b"]\n"


def write_provenance(folder: Path, dataset: str, kind: str, provenance: dict) -> None:
    """Write what is known of a metadataset beside it, and add the versions of code and libraries."""
    content = _json_bytes(provenance | _versions(), indent=1)
    write_if_new(provenance_path(folder, dataset, kind), lambda stream: stream.write(content))


@contextmanager
def writing(path: Path) -> Iterator[None]:
    """Make the folder, and turn whatever keeps a metadataset from being written into a UsageError."""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        yield
    except OSError as error:
        raise UsageError(
            f"expected to write {path}, but: {error.strerror or error}; choose --metadatasets elsewhere or free space"
        ) from error


def check_writable(folder: Path, dataset: str) -> None:
    """Find out before any work whether its results can be written; UsageError as :func:`write_metadataset`."""
    path = provenance_path(folder, dataset, "predictions")  # the longest name
    with writing(path):
        path.exists()  # raises where that is longer than names can be
        tempfile.TemporaryFile(dir=folder).close()


def read_metadataset(folder: Path, dataset: str, kind: str):
    """Read a metadataset: what JSON holds, or for ``masks`` a dict of arrays.

    Raises
    ------
    UsageError
        When it is missing or unreadable, which says what files are there and what to do; or another file than its
        provenance describes.
    """
    path = metadataset_path(folder, dataset, kind)
    with reading(path, kind), opened(path) as stream:
        content = stream.read()
        if KINDS[kind] == "npz":
            found = unpack_arrays(content)
        else:
            strict = {"parse_constant": _refuse_constant} if kind == "predictions" else {}
            found = json.loads(content.decode("utf-8-sig"), **strict)
    refuse_others_provenance(folder, dataset, kind, content)
    return found


def _refuse_constant(name: str) -> None:
    """Ages come from here alone, and NaN would count as a face without an estimate; other writers' rows may hold it."""
    raise ValueError(f"{name} is no number of JSON; null is where there is none")


def refuse_others_provenance(folder: Path, dataset: str, kind: str, content: bytes) -> None:
    """Refuse a file that lies beside the provenance of another one, which readers would take it for."""
    described = stated_in(folder, dataset, kind).get("sha256")
    if isinstance(described, str) and described != hashlib.sha256(content).hexdigest():
        path = provenance_path(folder, dataset, kind)
        raise UsageError(
            f"expected {metadataset_path(folder, dataset, kind)} to be the file that {path.name} describes, but it was "
            "changed or came from elsewhere: put its own provenance there, remove that one and, in stage 3, name the "
            "estimator by --estimator, or run the stage that writes both again"
        )


def stated_in(folder: Path, dataset: str, kind: str) -> dict:
    """The provenance of a metadataset; empty where there is none, or none that can be read."""
    try:
        stated = json.loads(provenance_path(folder, dataset, kind).read_text(encoding="utf-8"))
    except (OSError, ValueError):
        return {}
    return stated if isinstance(stated, dict) else {}


def made_by(provenance: Mapping) -> tuple[str | None, str | None]:
    """Estimator and preset that a provenance names; None for what it does not say."""
    estimator = provenance.get("estimator")
    return (estimator.get("name") if isinstance(estimator, dict) else None), provenance.get("preset")


class Maker(NamedTuple):
    """What the metadatasets of one folder share; None for what nobody said, or where nothing is explained.

    Examples
    --------
    >>> print(Maker("face-api", "audit", "grad-cam", "expected-age"))
    face-api, preset audit, grad-cam of age
    >>> print(Maker("face-api", "audit"))
    face-api, preset audit
    """

    estimator: str | None
    preset: str | None
    method: str | None = None
    target: str | None = None

    def __str__(self) -> str:
        return ", ".join(filter(None, [f"{self.estimator}, preset {self.preset}", self.explanation]))

    @property
    def explanation(self) -> str:
        """Method and target in words; empty where nothing is explained."""
        told = f"{self.method} of {self.target}".replace("of expected-age", "of age")
        return "" if None in (self.method, self.target) else told


def maker_of(provenance: Mapping, explained: bool = True) -> Maker:
    """Who made what a provenance describes, and of which explanations, unless it is made of none.

    Examples
    --------
    >>> maker_of({"estimator": {"name": "dex-wrn"}, "preset": "audit", "explanation": {"target": "expected-age"}})
    Maker(estimator='dex-wrn', preset='audit', method='lime', target='expected-age')
    """
    explanation = explanation_of(provenance) if explained else {}
    return Maker(*made_by(provenance), explanation.get("method"), explanation.get("target"))


def explanation_of(provenance: Mapping) -> dict:
    """Every parameter of the explanations that a provenance states, the method among them; empty where it has none."""
    stated = provenance.get("explanation")
    return {"method": LIME} | stated if isinstance(stated, dict) and stated else {}


def holds_predictions(folder: Path, dataset: str) -> bool:
    """Whether there is a predictions metadataset with any estimate in it."""
    return bool(_predictions(folder, dataset).get("predictions"))


def holds_explanations(folder: Path, dataset: str) -> bool:
    """Whether there is a predictions metadataset that counts explained faces."""
    counts = _predictions(folder, dataset).get("explanations")
    return isinstance(counts, dict) and bool(counts.get("images_total"))


def _predictions(folder: Path, dataset: str) -> dict:
    """The predictions; empty where there are none, or nothing that could be lost."""
    try:
        with opened(metadataset_path(folder, dataset, "predictions")) as stream:
            found = json.loads(stream.read().decode("utf-8-sig"))
    except (OSError, ValueError, RecursionError):
        return {}
    return found if isinstance(found, dict) else {}


def other_maker(folder: Path, dataset: str, maker: Maker) -> str:
    """Why this maker must not write into a folder: what another estimator, preset, method or target made there.

    Estimates alone are of no method or target. Empty where nothing speaks against it.
    """
    for kind in KINDS:
        stated = stated_in(folder, dataset, kind)
        other = maker_of(stated, kind in (*OF_EXPLANATIONS, "predictions"))
        if kind == "predictions" and _differ(other, maker):
            if not holds_predictions(folder, dataset):
                continue
            other = maker_of(stated, holds_explanations(folder, dataset))
        if _differ(other, maker):
            return f"expected {folder} to hold {dataset} by {maker}, but its {kind} are by {other}"
    return ""


def _differ(one: Maker, other: Maker) -> bool:
    """Whether they do in what both say; a provenance of no estimator is of pictures, which anybody may share."""
    pairs = zip(one, other, strict=True)
    return None not in one[:2] and any(None not in pair and pair[0] != pair[1] for pair in pairs)


def refuse_other_maker(folder: Path, dataset: str, maker: Maker) -> None:
    """Refuse to write beside what another made: readers would take the one for the other.

    Raises
    ------
    UsageError
        It names who made what.
    """
    if told := other_maker(folder, dataset, maker):
        raise UsageError(
            f"{told}; each estimator, preset, method and target needs a folder of its own: choose another "
            "--metadatasets or --dataset, or move those files away"
        )


def explained_in(folder: Path, dataset: str) -> dict:
    """The provenance that says whose explanations a folder holds: of the masks, else of predictions of explained faces,
    else of what stage 2 made; that of estimates alone, without ``explanation``; empty where nobody said.
    """
    for kind in ("masks", "predictions", *OF_EXPLANATIONS):
        stated = stated_in(folder, dataset, kind)
        if None not in maker_of(stated) and (kind != "predictions" or holds_explanations(folder, dataset)):
            return stated
    estimates = stated_in(folder, dataset, "predictions") if holds_predictions(folder, dataset) else {}
    return {} if None in made_by(estimates) else estimates | {"explanation": {}}


SOME = 16  # images by which sets are told apart
_DIGITS = 12  # of each one's hash


def some_of(content: Iterable[str]) -> list[str]:
    """By what a provenance knows the images again: the smallest hashes, most of which stay when a set grows.

    Examples
    --------
    >>> some_of(["b" * 64, "a" * 64])
    ['aaaaaaaaaaaa', 'bbbbbbbbbbbb']
    """
    return sorted(digest[:_DIGITS] for digest in content)[:SOME]


def refuse_other_images(folder: Path, dataset: str, content: Collection[str], aligned: bool | None = None) -> None:
    """Refuse to write over what was made of other images, or of the same aligned otherwise.

    Parameters
    ----------
    content : collection of str
        Hashes of all images, and of what the output folder held before they changed.
    aligned : bool, optional
        Whether their faces are aligned before the crop; None for what is made of whole pictures.

    Raises
    ------
    UsageError
        It names both.
    """
    now = {digest[:_DIGITS] for digest in content}
    for kind in KINDS:
        stated = stated_in(folder, dataset, kind)
        if kind == "predictions" and not holds_predictions(folder, dataset):
            continue
        before, words = stated.get("images"), ("not aligned", "aligned")
        if before and now.isdisjoint(before):
            which = f"of others, none of which is among these {len(now)}"
        elif aligned is not None and "aligned" in stated and bool(stated["aligned"]) != aligned:
            which = f"of faces {words[not aligned]}, and these are {words[aligned]}"
        elif before:
            return  # what lies beside the predictions may be older than they
        else:
            continue
        raise UsageError(
            f"expected {folder} to hold {dataset} of the images of this run, but its {kind} are {which}; choose "
            "another --metadatasets or --dataset, or replace them by --overwrite"
        )


def refuse_mixed(folder: Path, dataset: str, kind: str = "activations") -> None:
    """Refuse activations, or boxes, that are not of the predictions beside them: by another estimator or preset, by
    another model of the same name, of other images, or with labels of another source; or of other explanations than the
    masks or, where these are not there, of another method or target than the predictions. What nobody says is taken as
    it is.

    Raises
    ------
    UsageError
        It names both.
    """
    predictions, others = stated_in(folder, dataset, "predictions"), stated_in(folder, dataset, kind)
    makers = made_by(predictions), made_by(others)
    if None not in sum(makers, ()) and makers[0] != makers[1]:
        of_both = zip(("predictions", kind), makers, strict=True)
        told = " and ".join(f"{which} by {name}, preset {preset}" for which, (name, preset) in of_both)
        raise UsageError(f"expected one estimator and preset in {folder}, found {told}; give each a folder of its own")
    _refuse_mixed_explanations(folder, dataset, kind, predictions, others)
    for what, of in (("model", model_of), ("alignment", _aligned), ("set of images", _images)):
        one, other = of(predictions), of(others)
        if one and other and set(one).isdisjoint(other):
            raise UsageError(
                f"expected one {what} in {folder}, but the {kind} are of {' '.join(other)[:80]} and the "
                f"predictions of {' '.join(one)[:80]}; run analysis_2_evaluate.py again"
            )
    if others:
        refuse_other_labels(folder, dataset, others.get("labels"), "analysis_2_evaluate.py", kind)


def _refuse_mixed_explanations(folder: Path, dataset: str, kind: str, predictions: dict, others: dict) -> None:
    source, basis, known = "masks", explanation_of(stated_in(folder, dataset, "masks")), explanation_of(others)
    if not basis:
        source, basis = "predictions", explanation_of(predictions)
    names = [name for name in sorted({*basis, *known}) if basis.get(name) != known.get(name)] if basis and known else []
    what = [name for name in ("method", "target") if name in names]
    if source == "predictions" and (not what or not holds_explanations(folder, dataset)):
        return  # estimates state parameters by which nothing was explained
    if names:
        ours, theirs = (", ".join(f"{name} {of.get(name)}" for name in what or names) for of in (known, basis))
        raise UsageError(
            f"expected one explanation of each face in {folder}, but the {kind} are of {ours}, and the {source} of "
            f"{theirs}; run analysis_2_evaluate.py again"
        )


def model_of(provenance: Mapping) -> list[str]:
    """The hash of what made a metadataset, which two models of one name do not share; empty where nothing is said."""
    estimator = provenance.get("estimator")
    return [str(estimator["weights_hash"])] if isinstance(estimator, dict) and "weights_hash" in estimator else []


def _aligned(provenance: Mapping) -> list[str]:
    return [("faces not aligned", "aligned faces")[bool(provenance["aligned"])]] if "aligned" in provenance else []


def _images(provenance: Mapping) -> list[str]:
    return list(provenance.get("images") or [])


def refuse_other_labels(
    folder: Path, dataset: str, labels: Mapping | None, script: str, kind: str = "activations"
) -> None:
    """Refuse labels of activations that are of another source than those of the predictions, where these say theirs.

    Parameters
    ----------
    labels : mapping, optional
        Where those of the activations are from, as provenance has it; earlier versions did not say so.
    script : str
        Which to run again.
    kind : str
        Whose labels they are, where not those of activations.

    Raises
    ------
    UsageError
        It names both sources.
    """
    predicted, labels = stated_in(folder, dataset, "predictions").get("labels"), labels or {"from": "an earlier run"}
    if predicted and _contents(predicted) != _contents(labels):
        raise UsageError(
            f"expected one source of labels in {folder}, but those of the {kind} are from {labels['from']} and "
            f"those of the predictions from {predicted['from']}, with other contents; run {script} again, which does "
            "no face twice"
        )


def _contents(labels: Mapping) -> str:
    """What tells sources of labels apart: the hash of a CSV, whatever it is called, or the format of file names."""
    return labels.get("sha256") or labels["from"]


@contextmanager
def reading(path: Path, kind: str) -> Iterator[None]:
    """Turn whatever keeps a metadataset from being read into a UsageError."""
    try:
        yield
    except FileNotFoundError as error:
        names = (found.name for found in path.parent.glob(f"metadataset_*_{kind}.*"))
        there = ", ".join(sorted(name for name in names if "provenance" not in name))
        raise UsageError(
            f"expected the file {path}, found {there or f'no {kind} file'} there; run the stage that writes it, or "
            "choose --metadatasets and --dataset"
        ) from error
    except OSError as error:
        raise UsageError(f"expected a readable file at {path}, got: {error.strerror or error}") from error
    except (ValueError, RecursionError) as error:
        raise UsageError(
            f"expected {path} to be a metadataset, but reading it failed ({error}); write it again"
        ) from error


@contextmanager
def opened(path: Path) -> Iterator[BinaryIO]:
    """A file's bytes, or those of the same packed with gzip where only that is there.

    Raises
    ------
    ValueError
        When the packed file turns out to be damaged.
    """
    packed = packed_path(path)
    if path.exists() or not packed.exists():
        with path.open("rb") as stream:
            yield stream
        return
    try:
        with gzip.open(packed) as stream:
            yield stream
    except (gzip.BadGzipFile, EOFError, zlib.error) as error:
        raise ValueError(f"{packed.name}: {error}") from error


def packed_path(path: Path) -> Path:
    """Where the same file lies when it is packed with gzip."""
    return path.with_name(f"{path.name}.gz")


def plain_number(value: float | None) -> float | int | None:
    """Whole numbers as integers, as the published files write ages."""
    return int(value) if isinstance(value, float) and value.is_integer() else value


def label_fields(label: FaceLabel) -> dict:
    """A label under the names of the published files, what they do not know under its own."""
    fields = {"age_real": plain_number(label.age), "gender_real": label.gender, "race_real": label.race}
    if label.age_bounds is not None:
        fields |= dict(zip(BOUNDS, map(plain_number, label.age_bounds), strict=True))
    return fields | label.features


def columns_of(labels: Iterable[Mapping]) -> list[str]:
    """The names of all fields of any label, those of the published files first."""
    first = label_fields(FaceLabel(""))
    return list(dict.fromkeys(chain(first, *labels)))


@cache
def code_digest() -> str:
    """Hash of the package's sources, which tells versions apart between releases."""
    digest = hashlib.sha256()
    root = Path(__file__).parents[1]
    for path in sorted(root.rglob("*.py")):
        digest.update(path.relative_to(root).as_posix().encode() + b"\0" + path.read_bytes())
    return digest.hexdigest()


def _versions() -> dict:
    libraries = {name: importlib.metadata.version(name) for name in LIBRARIES if _installed(name)}
    return {
        "code": {"age_audit": __version__, "sources_sha256": code_digest()},
        "libraries": {"python": platform.python_version()} | libraries,
        "machine": platform.machine(),
    }


def _installed(name: str) -> bool:
    try:
        importlib.metadata.version(name)
    except importlib.metadata.PackageNotFoundError:
        return False
    return True


def _json_bytes(content, indent: int | None = None) -> bytes:
    return (json.dumps(content, indent=indent, ensure_ascii=False, allow_nan=False) + "\n").encode()


def names_array(fnames: list[str]) -> np.ndarray:
    """File names as an array that needs no pickling."""
    return np.array(fnames, dtype=np.str_)
