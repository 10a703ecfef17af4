"""Everything that the page says, from metadatasets to sections; what is missing is said to be missing."""

from __future__ import annotations

import shlex
from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from glob import escape
from pathlib import Path

import numpy as np

from age_audit import __version__
from age_audit.core.errors import UsageError
from age_audit.core.groups import real_ages
from age_audit.core.randomness import Resampling
from age_audit.core.schema import AGE_RANGES
from age_audit.data.image_measures import images_of, read_image_measures
from age_audit.data.metadatasets import code_digest, made_by
from age_audit.data.results import Results, find_results, open_results, results_of_all
from age_audit.report.cite import bibtex, methods_paragraph, stated_of, works_of
from age_audit.report.page.dataset import data_set
from age_audit.report.page.errors import along_age, beside_guesses, copies_in, with_bands, with_copies
from age_audit.report.page.estimators import side_by_side
from age_audit.report.page.explanations import can_it_be_trusted, explained_by
from age_audit.report.page.gate import may_it_guard
from age_audit.report.page.groups import for_whom
from age_audit.report.page.parts import Claim, Section, counted

SEED = 42
NAMED = {"utkface": "UTKFace"}  # data sets, as their makers write them
TITLE = "May it guard a door?"
SCOPE = {
    "It can say": (
        "how far estimates of this estimator are from the labels of this data set, for whom, and how sure that is;",
        "what a rule such as “refuse who is judged younger than 25” would have done with these faces.",
    ),
    "It cannot say": (
        "how old anybody is: labels are taken as they are, and nothing here verifies them;",
        "what happens at a real door, with another camera, light, and people who mean to deceive it;",
        "what a group is like: a group is a label, and a difference is one of the estimator on these pictures;",
        "anything of one person: never use it to decide about one.",
    ),
}
UNKNOWN = (
    "The true ages. Every error here is one against a label.",
    "Whether the estimator was trained on these faces, or on others like them, beyond what its makers state.",
    "How it does on pictures from a phone or a till, on masks, make-up, photos held before a camera, or made-up faces.",
    "What a group of few faces would show with more: such rows are marked or left out, not estimated.",
    "Why one group is judged worse than another.",
)


COPIES = (
    "Copies of one picture count together: bootstraps draw all or none of them, Wilson's interval is that of as many "
    "independent faces as say as much (Kish 1965), and others add up errors within copies (Liang and Zeger 1986). Only "
    "of faces that were not found, of round ages, stated spreads, bands of doubt, NIST's rates and explanations "
    "pictures count as independent."
)


WORDS = (
    "Words in tables. Few faces: under 30. Strata of age: years, pooled until each side has ten faces. SD: standard "
    "deviation. Whipple's index: how often ages end in 0 or 5, 100 where no more often than others; Myers' index: the "
    "same of all last digits, in per cent, 0 where all are as frequent. SD of labels: of one label around the "
    "unknown true age, from how far two labels of one picture are apart. BRISQUE: how disturbed a picture looks; "
    "higher is worse. Random halves: correlation of the differences in two halves of the faces, 0 by chance. p (Holm), "
    "p (BH): adjusted for the number of rows."
)


@dataclass(frozen=True)
class Page:
    """The whole page, before it is HTML."""

    title: str
    subject: str
    headline: Sequence[Mapping]
    origin: str
    sections: Sequence[Section]
    method: Sequence[str]
    cite: Sequence[str]
    bibtex: str

    @property
    def claims(self) -> list[tuple[Section, Claim]]:
        """All claims with their section."""
        return [(section, claim) for section in self.sections for claim in section.claims]


def opened(
    metadatasets: Path, estimator: str | None, preset: str, dataset: str | None,
    sensitive: Sequence[str] | None, ranges: Sequence[str] | None,
) -> Results:  # fmt: skip
    """The results that the page is about: those named, or the one set of predictions that lies in the folder itself.

    Raises
    ------
    UsageError
        If there are none or several, or no face has both a label and an estimate.
    """
    if estimator is None:
        there = sorted(metadatasets.glob(f"metadataset_{escape(dataset) if dataset else '*'}_predictions.json*"))
        if len(there) != 1:
            raise UsageError(
                f"expected one file metadataset_<name>_predictions.json in {metadatasets}, got "
                f"{', '.join(path.name for path in there) or 'none'}; choose by --estimator and --dataset, or name its "
                "folder by --metadatasets"
            )
        [results] = open_results([str(there[0])], metadatasets, preset, dataset or "", sensitive, ranges).values()
    else:
        results = find_results(metadatasets, estimator, preset, dataset or "utkface", sensitive, ranges)
    faces = results.predictions
    if not (np.isfinite(real_ages(faces)[0]) & faces["age_estimation"].notna()).any():
        raise UsageError(
            f"expected faces with a labelled age and an estimate in {results.folder}, got none of "
            f"{len(faces):,}; run stage 1 with --labels"
        )
    return results


def build(metadatasets: Path, results: Results, seed: int = SEED, say: Callable[[str], object] | None = None) -> Page:
    """Ask every question of the page of these results.

    Parameters
    ----------
    metadatasets : Path
        Where other estimators, explanations and measures of pictures are looked for.
    results : Results
        From :func:`opened`.
    seed : int
        Of every draw.
    say : callable, optional
        Told in words what is done next.
    """
    resampling, tell = Resampling(seed), say or (lambda words: None)
    tell("reading estimates, labels and measures of pictures")
    compared = _compared(metadatasets, results)
    images = None
    with suppress(UsageError):
        images = read_image_measures(images_of(metadatasets, results.dataset), results.dataset)
    faces = with_copies(with_bands(results), images)
    asked = {
        "errors along age": lambda: along_age(faces, resampling),
        "who passes an age limit": lambda: may_it_guard(results, faces, images, resampling),
        "errors by group": lambda: for_whom(results, faces, resampling),
        "explanations": lambda: can_it_be_trusted(explained_by(metadatasets, results), resampling),
        "guesses that see no face": lambda: beside_guesses(faces, resampling),
        "the data set and its labels": lambda: data_set(results, faces, compared, images, resampling),
        "estimators side by side": lambda: side_by_side(compared, resampling, images),
    }
    sections = []
    for place, (words, ask) in enumerate(asked.items(), start=1):
        tell(f"{place} of {len(asked)}: {words}, of {counted(len(faces), 'face')}")
        sections.append(ask())
    known = int(np.isfinite(real_ages(faces)[0]).sum())
    subject = f"{results.estimator}{results.mark} on {counted(known, 'face')} of "
    subject += NAMED.get(results.dataset, results.dataset)
    if known < len(faces):
        subject += f" ({len(faces) - known:,} more have an estimate, but no labelled age)"
    return Page(
        TITLE,
        subject,
        next(section.data.get("headline", ()) for section in sections if section.key == "gate"),
        results.label_origin,
        sections,
        _method(results, seed, copies_in(faces) is not None),
        *_cite(subject, results),
    )


def _compared(metadatasets: Path, results: Results) -> dict[str, Results]:
    """All estimators of the data set, those first that the page is about; results without provenance stand alone."""
    if None in made_by(results.provenance):
        return {results.estimator: results}
    return results_of_all(metadatasets, results)


def _method(results: Results, seed: int, copies: bool) -> list[str]:
    stated = results.provenance
    libraries = stated.get("libraries") or {}
    predictions = stated.get("sha256", "not stated")
    code = (stated.get("code") or {}).get("sources_sha256", "not stated")
    versions = ", ".join(f"{name} {version}" for name, version in libraries.items()) or "not stated"
    total = results.images_total
    return [
        f"Predictions: metadataset_{results.dataset}_predictions.json, SHA-256 {predictions}; "
        f"{len(results.document['predictions']):,} estimates"
        + (f" of {total:,} pictures." if total is not None else "."),
        f"Estimator: {results.estimator}, weights {results.weights_hash or 'not stated'}; code {code}, {versions}.",
        f"Intervals are of 95 %: bootstrap with 2,000 draws for means, Wilson's for shares; seed {seed}. Groups are "
        "age-adjusted by direct standardisation to the ages of all faces, year by year. "
        + (COPIES if copies else "Pictures count as independent."),
        "Firm: holds at both ends of its interval, with at least 30 faces, and after allowing for the number of "
        "comparisons. Tentative: holds at both ends, but one of these is missing. Chance: not told apart from chance.",
        WORDS,
        f"This page: age-audit {__version__}, sources {code_digest()}; {_command(results)}.",
    ]


def _command(results: Results) -> str:
    """What makes this page again: of results, or of somebody's CSV of estimates; and by what it compares."""
    stated, origin = results.provenance, results.provenance.get("labels") or {}
    words = ["age-audit", "report"]
    if "crop" not in stated and "from" in origin:
        words += ["--estimates", origin["from"]]
    else:
        words += ["--metadatasets", "FOLDER", "--estimator", results.estimator, "--preset", results.preset]
        words += ["--dataset", results.dataset]
    if results.sensitive is not None:
        words += ["--sensitive", ",".join(results.sensitive)]
    if results.ranges != AGE_RANGES:
        words += ["--age-ranges", ",".join(f"{low}-{high}" for low, high in results.ranges)]
    return shlex.join([*words, "--output", "PAGE"])


def _cite(subject: str, results: Results) -> tuple[list[str], str]:
    """How to cite the page; what was done, with every parameter, and BibTeX of the works that it used."""
    sha256 = results.provenance.get("sha256", "not stated")
    lines = [
        f"The age-audit authors: age-audit: a reproducible audit of facial age estimators, version {__version__}. "
        f"Page “{TITLE}”: {subject}; predictions with SHA-256 {sha256}."
    ]
    stated = stated_of(results.folder, results.dataset)
    if "crop" in stated.get("predictions", {}):  # estimates of others were not made here
        lines.append(methods_paragraph(stated))
    with suppress(UsageError):  # of a package without its repository there is no list of works
        return lines, "\n".join(map(bibtex, works_of(stated)))
    return lines, ""
