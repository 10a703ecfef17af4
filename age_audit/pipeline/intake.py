"""What comes in: the images of a run, their labels and the hashes of their bytes."""

from __future__ import annotations

import hashlib
import os
from dataclasses import dataclass, field, replace
from pathlib import Path

from age_audit.core.config import Stage1Config
from age_audit.core.errors import ImageFailure, UsageError
from age_audit.core.schema import FaceLabel
from age_audit.data.images import ImageFile, count_other_files, draw_evenly, duplicate_names, list_images
from age_audit.data.label_formats import LabelSource, hint_of_groups, sensitive_features
from age_audit.pipeline.steps import FROM_CROPS, READ, Job, picture_folders
from age_audit.store.ledger import FILE_NAME, ImageRow, Ledger

LONGEST_NAME = 255  # bytes that file systems allow
BY_DEFAULT = "utkface"  # format of file names that labels are read from


@dataclass
class Intake:
    """The images that a run takes.

    Attributes
    ----------
    files : list of ImageFile
        In order of name.
    sensitive : tuple of str
        Features that groups are compared by.
    content : dict of str to str
        Hash of the bytes of each image that could be read.
    """

    files: list[ImageFile]
    sensitive: tuple[str, ...]
    content: dict[str, str] = field(default_factory=dict)


class ImageFolder:
    """Images as files.

    Parameters
    ----------
    config : Stage1Config

    Raises
    ------
    UsageError
        When there are no images or no labels, or the output would lie among the images.
    """

    def __init__(self, config: Stage1Config):
        _refuse_to_feed_on_itself(config)
        self._config = config
        self._listed = list_images(config.images)
        _refuse_own_pictures(config, self._listed)
        self._labels = LabelSource(config.labels or BY_DEFAULT)

    def __str__(self) -> str:
        others = count_other_files(self._config.images)
        left_out = f" ({others} other files not taken: hidden, or their names end like no image's)" if others else ""
        return f"{len(self._listed)} images{left_out}"

    def take(self, ledger: Ledger) -> Intake:
        """Hash every file, and note labels and what cannot be read.

        Size and time of a file do not tell whether it is the same: hashing thousands of photos takes seconds, and a
        result that belongs to another picture is worse.
        """
        from age_audit.faces.decoding import decode_image, read_bytes

        broken: dict[str, ImageFailure] = {}

        def works(file: ImageFile) -> bool:
            try:
                decode_image(read_bytes(file.path))
            except ImageFailure as failure:
                broken[file.image] = failure
            return file.image not in broken

        _refuse_other_images(ledger, self._listed, self._config)
        folder = self._config.images.absolute()  # which of FairFace's folders it is, say
        labels = self._labels.labels((folder / file.image).as_posix() for file in self._listed)
        if report := self._labels.report(labels):
            print(report)
        labels = dict(zip((file.image for file in self._listed), labels.values(), strict=True))
        changed = self._compare_labels(ledger, labels)
        intake = _intake(self._config, self._listed, labels)
        duplicates = duplicate_names(self._listed, works)
        rows, failures = [], []
        for file in intake.files:
            content = None
            try:
                if file.image in broken:  # its pictures would be those of the duplicate that works
                    raise broken[file.image]
                if file.image in duplicates:
                    raise ImageFailure("duplicate-name", f"{duplicates[file.image]} has the same file name")
                if len(os.fsencode(f"{file.fname}.png")) > LONGEST_NAME:
                    raise ImageFailure("name-too-long", "its pictures are called like it, with .png after it")
                content = hashlib.sha256(read_bytes(file.path)).hexdigest()
                intake.content[file.image] = content
            except ImageFailure as failure:
                failures.append(Job(file.image, READ, "", "").failed(failure.reason, failure.note))
            rows.append(ImageRow(file.image, file.fname, content, labels[file.image]))
        # Images of earlier runs that this one leaves out get its labels too: no folder holds labels of two sources.
        known, chosen = ledger.images(gone=True), {file.image for file in intake.files}
        rows += [replace(known[i], label=labels[i]) for i in labels if i in known and i not in chosen]
        unmatched = {what: count for what, count in self._labels.unmatched.items() if count}
        ledger.write_images(rows, [file.image for file in self._listed], self._labels.origin | unmatched)
        if changed:
            came = self._labels.origin["from"]
            print(f"labels: {changed:,} images have another one than before; all labels are now from {came}")
        ledger.record(failures)
        return intake

    def _compare_labels(self, ledger: Ledger, labels: dict[str, FaceLabel]) -> int:
        """How many images have another label than in the last run; refuse to give them some that nobody named."""
        known = ledger.images()
        other = sum(image in known and known[image].label != label for image, label in labels.items())
        source, before = self._labels.origin, ledger.labels_from()
        same = not other and (before is None or before.items() >= source.items())
        if self._config.labels is None and not same:
            was = "another source" if before is None else before["from"]
            raise UsageError(
                f"expected --labels, for those in {self._config.output} are from {was}; name it again, or relabel "
                f"every image from its file name by --labels {BY_DEFAULT}"
            )
        return other


class CropsAlone:
    """Images that are elsewhere: their crops and the ledger came along, which is all that the later steps need."""

    def __init__(self, config: Stage1Config):
        self._config = config
        self._count = 0

    def __str__(self) -> str:
        return f"{self._count} images, known from the ledger (their files are not here)"

    def take(self, ledger: Ledger) -> Intake:
        """The ledger's images; whatever has no crop keeps the failure it had."""
        if self._config.labels is not None:
            source = (ledger.labels_from() or {}).get("from", "those it was made with")
            print(f"labels: those in the ledger, from {source}; without images --labels is not read")
        rows = ledger.images()
        self._count = len(rows)
        files = [ImageFile(image, Path()) for image in rows]
        intake = _intake(self._config, files, {image: row.label for image, row in rows.items()})
        known = {file.image: rows[file.image].content for file in intake.files}
        intake.content |= {image: content for image, content in known.items() if content is not None}
        return intake


def find_images(config: Stage1Config) -> ImageFolder | CropsAlone:
    """Where a run's images come from."""
    ledger_there = (config.output / FILE_NAME).is_file()
    if not config.images.exists() and set(config.steps) <= FROM_CROPS and ledger_there:
        return CropsAlone(config)
    return ImageFolder(config)


def _refuse_to_feed_on_itself(config: Stage1Config) -> None:
    images, output = config.images.resolve(), config.output.resolve()
    if output == images or images in output.parents:
        raise UsageError(
            f"expected --output outside --images, or its pictures would be taken for images; got {config.output} and "
            f"{config.images}"
        )


def _refuse_own_pictures(config: Stage1Config, files: list[ImageFile]) -> None:
    """Pictures of an earlier run may be reached by a link, or be what was asked for."""
    made = {folder.resolve() for folder in picture_folders(config.output)}
    for folder in {file.path.parent for file in files}:
        if made & {folder.resolve(), *folder.resolve().parents}:
            raise UsageError(
                f"expected images that no run has made, but {folder} is where --output keeps its own; choose another "
                "--output, or take that folder, or the link to it, out of --images"
            )


def _refuse_other_images(ledger: Ledger, files: list[ImageFile], config: Stage1Config) -> None:
    """One output folder is for one set of images: another set would push the first out of its metadatasets."""
    known = ledger.images()
    if known and not known.keys() & {file.image for file in files}:
        raise UsageError(
            f"expected {config.output} to be of the images in {config.images}, but none of its {len(known)} images is "
            "there; choose another --output for another set"
        )


def _intake(config: Stage1Config, files: list[ImageFile], labels: dict[str, FaceLabel]) -> Intake:
    """The images to take, none of which is read yet."""
    sensitive = sensitive_features(labels.values(), config.sensitive)
    if not sensitive and (hint := hint_of_groups(labels.values())):
        print(f"labels: {hint}")
    if config.sample is not None:
        drawn = set(draw_evenly(labels, config.sample, config.seed, sensitive, config.ranges))
        files = [file for file in files if file.image in drawn]
    return Intake(files if config.limit is None else files[: config.limit], sensitive)
