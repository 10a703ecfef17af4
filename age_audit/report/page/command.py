"""``age-audit report``: the page of results that ship, or of anyone's own."""

from __future__ import annotations

import errno
import os
import sys
import tempfile
from dataclasses import dataclass, field, replace
from pathlib import Path

from age_audit.core.config import PRESETS, Stage3Config, check_choice, parse_age_ranges
from age_audit.core.errors import UsageError
from age_audit.data.estimates import write_estimates
from age_audit.report.page.content import build, opened
from age_audit.report.page.html import page_html
from age_audit.store.files import write_if_new

_OPTIONS = Stage3Config.__dataclass_fields__
LARGEST = 3_000_000  # bytes


@dataclass(frozen=True)
class ReportConfig:
    """Options of ``age-audit report``; those of stage 3 mean the same here."""

    metadatasets: Path = field(
        default=Stage3Config.metadatasets,
        metadata={
            "help": "folder with metadataset_<name>_predictions.json; other estimators, explanations and measures of "
            "pictures are looked for in it and below"
        },
    )
    estimates: Path | None = field(
        default=None,
        metadata={
            "help": "a CSV in place of --metadatasets, with the columns fname, age and estimate (years, empty where no "
            "face was found), any labels, and spread (the standard deviation that the model states, years) and cluster "
            "(equal for copies of a picture) where they are known",
            "metavar": "FILE",
            "none": "the results in --metadatasets",
        },
    )
    output: Path = field(
        default=Path("report") / "report.html", metadata={"help": "the page, one file", "metavar": "FILE"}
    )
    estimator: str | None = field(
        default=None,
        metadata={
            "help": "whose results, where the folder holds several",
            "none": "the one set that lies in the folder",
        },
    )
    preset: str = field(
        default=Stage3Config.preset, metadata={"help": "whose predictions file is read; both estimate alike"}
    )
    dataset: str | None = field(
        default=None, metadata={"help": "name in the files' names", "none": "the one that lies in the folder"}
    )
    sensitive: tuple[str, ...] | None = field(default=None, metadata=_OPTIONS["sensitive"].metadata)
    age_ranges: tuple[str, ...] = field(default=Stage3Config.age_ranges, metadata=_OPTIONS["age_ranges"].metadata)

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)
        parse_age_ranges(self.age_ranges)


def report(config: ReportConfig) -> str:
    """Write the page; says what it found in one sentence, and where it is.

    Raises
    ------
    UsageError
        If there are no such results, or the page cannot be written.
    """
    if config.estimates is not None and (config.estimator or config.dataset):
        raise UsageError(
            "expected --estimates without --estimator and --dataset, which choose among results in --metadatasets; "
            "leave these out: the page calls both by the name of the file"
        )
    with tempfile.TemporaryDirectory() as folder:
        if config.estimates is not None:
            write_estimates(config.estimates, Path(folder), config.sensitive, parse_age_ranges(config.age_ranges))
            config = replace(config, metadatasets=Path(folder), estimator=None, dataset=None)
        choice = config.estimator, config.preset, config.dataset, config.sensitive, config.age_ranges
        page = build(config.metadatasets, opened(config.metadatasets, *choice), say=_say)
    content = page_html(page).encode()
    if len(content) > LARGEST:
        raise UsageError(
            f"expected a page of at most {LARGEST / 1e6:g} MB, got {len(content) / 1e6:.1f} MB; compare by fewer "
            "features (--sensitive), or by features of fewer groups"
        )
    write_page(config.output, content)
    lacking = [f"Missing: {section.finding}." for section in page.sections if section.missing]
    found = [f"{section.finding}." for section in page.sections if section.key == "gate" and not section.missing]
    where = f"Written to {config.output} ({len(content) / 1e6:.1f} MB): open it in a browser."
    return "\n".join([" ".join([f"{page.subject}.", *found]), *lacking, where])


def _say(words: str) -> None:
    print(words, file=sys.stderr, flush=True)


def write_page(path: Path, content: bytes) -> None:
    """Write a page, and make its folder.

    Raises
    ------
    UsageError
        If that cannot be.
    """
    try:
        if path.is_dir():
            raise IsADirectoryError(errno.EISDIR, os.strerror(errno.EISDIR))
        path.parent.mkdir(parents=True, exist_ok=True)
        write_if_new(path, lambda stream: stream.write(content))
    except OSError as error:
        raise UsageError(f"cannot write {path}: {error.strerror or error}; name another file by --output") from error
