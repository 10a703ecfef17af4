"""How to cite a run: what was done, with every parameter, and the works that it used, from its provenance."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from pathlib import Path

import yaml

from age_audit.core.config import Stage3Config
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.data.metadatasets import KINDS, OF_EXPLANATIONS, explanation_of, stated_in

CITATION = ROOT / "CITATION.cff"
# What a run may have used, and the works of CITATION.cff that stand for it: first author's family name and year.
WORKS = {
    "every run": ("Stardust", "King2009", "Harris2020", "Virtanen2020"),
    "utkface": ("Zhang2017",),
    "landmarks": ("Kazemi2014",),
    "alignment": ("Gaspar2021",),
    "dex-wrn": ("Rothe2018", "yu4u", "Zagoruyko2016"),
    "dex-efficientnet-b3": ("Rothe2018", "yu4u", "Tan2019"),
    "cydral-resnet10": ("Cydral", "He2016"),
    "faceres": ("Savchenko2019", "Mandic-human"),
    "face-api": ("Mandic-face-api", "Chollet2017"),
    "ssr-net": ("Yang2018", "Mandic-human"),
    "keras": ("Chollet2015",),
    "tensorflow": ("Abadi2016",),
    "superpixels": ("Vedaldi2008", "Walt2014"),
    "lime": ("Ribeiro2016", "Pedregosa2011"),
    "kernel-shap": ("Lundberg2017",),
    "occlusion": ("Zeiler2014",),
    "rise": ("Petsiuk2018",),
    "grad-cam": ("Selvaraju2017",),
    "grad-cam++": ("Chattopadhay2018",),
    "score-cam": ("Wang2020",),
    "integrated-gradients": ("Sundararajan2017",),
    "smooth-grad": ("Smilkov2017",),
    "pictures": ("Mittal2012", "Buchner"),
}
# What BibTeX calls a type of CITATION.cff, and the field without which it would miss something
_KINDS = {"article": ("article", "journal"), "conference-paper": ("inproceedings", "collection-title")}
_ON_SUPERPIXELS = ("lime", "kernel-shap")
_WITHOUT_KERAS = ("cydral-resnet10",)


@dataclass(frozen=True)
class CiteConfig:
    """Options of ``age-audit cite``."""

    metadatasets: Path = field(
        default=Stage3Config.metadatasets,
        metadata={"help": "folder of the run's metadatasets, which say what was done"},
    )
    dataset: str = field(default=Stage3Config.dataset, metadata=Stage3Config.__dataclass_fields__["dataset"].metadata)
    describe: str | None = field(
        default=None,
        metadata={
            "metavar": "YYYY-MM-DD",
            "none": "neither is written",
            "help": "write croissant.json and ro-crate-metadata.json into the folder too, published on this day",
        },
    )


def cite(config: CiteConfig) -> str:
    """A paragraph for the section on methods, and BibTeX of the works that it names.

    Raises
    ------
    UsageError
        If the folder has no provenance of the data set, or the day is none.
    """
    stated = provenance_in(config.metadatasets, config.dataset)
    told = [methods_paragraph(stated), "", "% BibTeX", *(bibtex(work) for work in works_of(stated))]
    if config.describe is not None:
        from age_audit.report.describe import describe  # its libraries are needed for this alone

        told += ["", describe(config.metadatasets, config.describe)]
    return "\n".join(told)


def provenance_in(folder: Path, dataset: str) -> dict[str, dict]:
    """What is stated of each metadataset of a folder, by kind.

    Raises
    ------
    UsageError
        If nothing is.
    """
    stated = stated_of(folder, dataset)
    if not stated:
        raise UsageError(
            f"expected files metadataset_{dataset}_….provenance.json in {folder}, which say what was done, found none; "
            "name the folder that the stages wrote to by --metadatasets, and its data set by --dataset"
        )
    return stated


def stated_of(folder: Path, dataset: str) -> dict[str, dict]:
    """The same, empty where nothing is."""
    return {kind: found for kind in KINDS if (found := stated_in(folder, dataset, kind))}


def methods_paragraph(stated: Mapping[str, dict]) -> str:
    """What was done, in sentences with exact parameters.

    Parameters
    ----------
    stated : mapping of str to dict
        Provenance by kind of metadataset.

    Examples
    --------
    >>> told = {"dataset": "mine", "counts": {"images": 9, "failed": {"crop/no-face": 2}}}
    >>> told |= {"code": {"age_audit": "0.1.0", "sources_sha256": "7500c3"}}
    >>> told |= {"estimator": {"name": "mine.json", "weights_hash": "sha256:ab"}}
    >>> print(methods_paragraph({"predictions": told}))
    9 pictures of the data set mine were processed with age-audit 0.1.0 (sources sha256:7500c3); of these, 2 failed
    (crop/no-face 2). Ages were estimated by mine.json (weights sha256:ab).
    """
    first = stated.get("predictions") or next(iter(stated.values()))
    sentences = [_of_pictures(first), _of_faces(first), _of_estimator(first), *_of_explanations(stated)]
    if "images" in stated:
        sentences.append(f"Pictures themselves were measured: {_listed(stated['images'].get('measured', {}))}.")
    libraries = first.get("libraries") or {}
    if libraries:
        listed = ", ".join(f"{name} {version}" for name, version in libraries.items())
        sentences.append(f"Libraries: {listed}; machine: {first.get('machine', 'not stated')}.")
    return " ".join(filter(None, sentences))


def _of_pictures(stated: dict) -> str:
    counts, code = stated.get("counts", {}), stated.get("code", {})
    failed = counts.get("failed") or {}
    told = f"{counts['images']:,} pictures" if "images" in counts else "Pictures"
    told += f" of the data set {stated.get('dataset')} were processed with age-audit {code.get('age_audit')}"
    told += f" (sources sha256:{code.get('sources_sha256')})"
    if "images" not in counts:
        return f"{told}."
    reasons = f" ({', '.join(f'{reason} {n:,}' for reason, n in failed.items())})" if failed else ""
    told = f"{told}; of these, {sum(failed.values()):,} failed{reasons}."
    labels = (stated.get("labels") or {}).get("from")
    return f"{told} Labels are from {labels}." if labels else told


def _of_faces(stated: dict) -> str:
    if "crop" not in stated:
        return ""
    crop, aligned = stated["crop"], stated.get("aligned")
    told = "Faces were found by dlib's frontal face detector"
    if aligned:
        told += f", aligned by landmarks ({_listed(aligned)})"
    return f"{told} and cut out ({_listed(crop)})."


def _of_estimator(stated: dict) -> str:
    if "estimator" not in stated:
        return ""
    estimator = stated["estimator"]
    precision = f", {estimator['precision']}" if "precision" in estimator else ""
    weights = estimator.get("weights_hash", "not stated")  # as of somebody's CSV of estimates
    return f"Ages were estimated by {estimator['name']} (weights {weights}{precision})."


def _of_explanations(stated: Mapping[str, dict]) -> Iterable[str]:
    parameters = _explained_by(stated)
    if parameters:
        preset = next(found.get("preset") for found in stated.values() if explanation_of(found))
        method = parameters.pop("method")
        yield f"Estimates were explained by {method}, preset {preset} ({_listed(parameters)})."
    for kind, what in (("activations", "shares of 13 regions"), ("boxes", "boxes of the most salient parts")):
        counts = dict(stated.get(kind, {}).get("counts", {}))
        if done := counts.pop("done", None):
            without = f"; without: {', '.join(f'{reason} {n:,}' for reason, n in counts.items())}" if counts else ""
            how = f" ({_listed(stated[kind][kind])})" if kind in stated[kind] else ""
            yield f"Of {done:,} explanations, {what} were taken{how}{without}."


def _explained_by(stated: Mapping[str, dict]) -> dict:
    """Parameters of the explanations; empty where none were made, though a run of estimates states them too."""
    if not any(kind in stated for kind in OF_EXPLANATIONS):
        return {}
    return next(filter(None, map(explanation_of, stated.values())), {})


def _listed(parameters: Mapping) -> str:
    """``kernel size 4, rescale no``: every parameter by its name in the provenance."""
    said = {True: "yes", False: "no", None: "none"}
    parts = []
    for name, value in parameters.items():
        if isinstance(value, Mapping):
            parts.append(f"{name.replace('_', ' ')}: {_listed(value)}")
        else:
            shown = said[value] if value is None or isinstance(value, bool) else value
            parts.append(f"{name.replace('_', ' ')} {shown}")
    return ", ".join(parts)


def works_of(stated: Mapping[str, dict]) -> list[dict]:
    """The references of CITATION.cff that a run used, in the order of that file; this software first."""
    used = {"every run"}
    for kind, found in stated.items():
        libraries = found.get("libraries") or {}
        used |= {"utkface"} & {found.get("dataset")}  # one of one's own may be called as a method is
        if kind == "images":
            used |= {"pictures", "landmarks"}
            continue
        estimator = (found.get("estimator") or {}).get("name")
        used.add(estimator)
        if estimator not in _WITHOUT_KERAS:
            used |= {"keras"} & libraries.keys() | {"tensorflow"} & libraries.keys()
        if found.get("aligned"):
            used |= {"alignment", "landmarks"}
        if kind in ("activations", "boxes", "region_years"):
            used.add("landmarks")
    method = _explained_by(stated).get("method")
    used |= {method, "superpixels"} if method in _ON_SUPERPIXELS else {method}
    wanted = {key for name in used for key in WORKS.get(name, ())}
    itself, *references = all_works()
    return [itself, *(work for work in references if work["key"] in wanted)]


def all_works() -> list[dict]:
    """What CITATION.cff holds: this software, then its references, each with a ``key``.

    Raises
    ------
    UsageError
        Where the file is not beside the package.
    """
    if not CITATION.is_file():
        raise UsageError(f"expected {CITATION}, found none; run from a clone of the repository")
    found = yaml.safe_load(CITATION.read_text(encoding="utf-8"))
    itself = {name: value for name, value in found.items() if name not in ("references", "message", "cff-version")}
    return [itself | {"key": "age-audit"}, *(work | {"key": _key(work)} for work in found["references"])]


def _key(work: dict) -> str:
    author = work["authors"][0]
    name = author.get("family-names") or author["name"]
    name = name.split()[-1]
    if work["type"] == "software" and name == "Mandic":
        return f"{name}-{work['title']}"
    return f"{name}{work.get('year', '')}"


def bibtex(work: dict) -> str:
    r"""A reference of CITATION.cff as an entry of BibTeX, of a type that asks for nothing which that file does not say.

    Examples
    --------
    >>> zhang = {"family-names": "Zhang", "given-names": "Zhifei"}
    >>> work = {"key": "Zhang2017", "type": "article", "title": "On A & B", "authors": [zhang], "journal": "C"}
    >>> print(bibtex(work | {"year": 2017}))
    @article{Zhang2017,
      author = {Zhang, Zhifei},
      title = {{On A \& B}},
      journal = {C},
      year = {2017},
    }
    """
    kind, needed = _KINDS.get(work["type"], ("misc", ""))
    if needed not in work:
        kind = "misc"
    names = (
        ", ".join(filter(None, (who["family-names"], who.get("given-names"))))
        if "family-names" in who
        else f"{{{who['name']}}}"
        for who in work["authors"]
    )
    pages = "--".join(str(work[end]) for end in ("start", "end") if end in work)
    url = work.get("repository-code") or work.get("url")
    fields = {
        "author": " and ".join(names),
        "title": f"{{{work['title']}}}",
        "journal": work.get("journal"),
        "booktitle": work.get("collection-title"),
        "year": work.get("year", "n.d."),
        "volume": work.get("volume"),
        "number": work.get("issue"),
        "pages": pages,
        "version": work.get("version"),
        "howpublished": f"\\url{{{url}}}" if url else None,
        "note": work.get("notes"),
    }
    lines = [f"  {name} = {{{_plain(name, str(value))}}}," for name, value in fields.items() if value]
    return "\n".join([f"@{kind}{{{work['key']},", *lines, "}"])


def _plain(name: str, text: str) -> str:
    return text if name == "howpublished" else re.sub(r"([&%$#_])", r"\\\1", text)
