"""Options of the commands that train a classifier and ask it about other faces, each default stated once."""

from __future__ import annotations

from dataclasses import dataclass, field
from pathlib import Path

from age_audit.core.config import PRECISIONS, Stage1Config, check_at_least, check_choice, check_seed, stage1_option
from age_audit.core.errors import UsageError
from age_audit.training import balance, losses, models
from age_audit.training.groups import TEN_GROUPS, parse_groups

TARGETS = ("groups", "age")
STAGES = {  # by default; see :func:`age_audit.training.fit.parse_stages`
    "cnn": ("all:0.001:30",),
    "mobilenet-v2": ("0:0.001:10", "35:0.0001:20"),
    "faceres": ("0:0.001:8", "6:0.0003:10"),
    "dex-wrn": ("0:0.001:20",),
    "faceres+dex-wrn": ("0:0.001:8", "6:0.0003:10"),
}


def _told(text: str, **metadata) -> dict:
    return {"help": text} | metadata


@dataclass(frozen=True)
class _FacesConfig:
    """Which faces, with which labels; options of stage 1 mean the same here."""

    images: Path = field(default=Stage1Config.images, metadata=stage1_option("images"))
    labels: str | None = field(default=Stage1Config.labels, metadata=stage1_option("labels"))
    dataset: str = field(default=Stage1Config.dataset, metadata=stage1_option("dataset"))
    person: str | None = field(
        default=None, metadata=_told("column of labels that says who is shown", none="nobody knows", metavar="NAME")
    )
    copies: Path | None = field(
        default=None,
        metadata=_told(
            "folder of metadataset_<dataset>_images.json, which says what is a copy of what", none="found out here"
        ),
    )
    workers: int = field(default=Stage1Config.workers, metadata=stage1_option("workers"))
    limit: int | None = field(default=None, metadata=stage1_option("limit"))
    sample: int | None = field(default=None, metadata=stage1_option("sample"))

    def _stage1(self, output: Path, seed: int) -> Stage1Config:
        same = {name: getattr(self, name) for name in ("images", "labels", "dataset", "workers", "limit", "sample")}
        steps = ("align", "crop")
        return Stage1Config(output=output, metadatasets=output / "metadatasets", seed=seed, steps=steps, **same)


@dataclass(frozen=True)
class TrainConfig(_FacesConfig):
    """Options of ``age-audit train``."""

    output: Path = field(default=Path("classifier"), metadata=_told("folder for the model, its card, tables, figures"))
    faces: Path | None = field(
        default=None,
        metadata=_told(
            "folder that stage 1 wrote crops of these images to, or shall write them to", none="faces in --output"
        ),
    )
    cache: Path | None = field(
        default=None,
        metadata=_told(
            "folder for what frozen layers say of each face; gigabytes; several runs can share it", none="in --output"
        ),
    )
    model: str = field(default="faceres", metadata=_told(f"network: {', '.join(models.MODELS)}"))
    target: str = field(default="groups", metadata=_told("what is told apart: groups, or age (a class for each year)"))
    groups: tuple[str, ...] = field(
        default=TEN_GROUPS, metadata=_told("age groups: a name, first and last year, in ascending order")
    )
    loss: str = field(
        default="cross-entropy",
        metadata=_told(
            "cross-entropy (each group by itself), or such as know the order: soft (labels spread over years) or coral",
        ),
    )
    stages: tuple[str, ...] | None = field(
        default=None,
        metadata=_told(
            "one after the other, LAYERS:RATE:EPOCHS: how many last layers with weights are trained beside the head, "
            "the learning rate, and epochs at most",
            none="; ".join(f"{name} {','.join(stages)}" for name, stages in STAGES.items()),
        ),
    )
    balance: str = field(
        default="none", metadata=_told(f"what is done about groups of many faces: {', '.join(balance.BALANCES)}")
    )
    cap: int | None = field(
        default=None, metadata=_told("with --balance cap: faces of a group at most", none="the median group's")
    )
    versions: int = field(
        default=2,
        metadata=_told("versions of each face that frozen layers are asked about: as it is, mirrored, changed"),
    )
    no_augmentation: bool = field(default=False, metadata=_told("show every face as it is"))
    batch: int = field(default=32, metadata=_told("faces a step"))
    patience: int = field(default=10, metadata=_told("epochs without a lower validation loss after which a stage ends"))
    image_size: int = field(default=64, metadata=_told("pixels a side of what the cnn and mobilenet-v2 are fed"))
    weights: str | None = field(
        default=None, metadata=_told("of mobilenet-v2: imagenet, or a file", none="from scratch", metavar="FILE")
    )
    precision: str = field(default="float32", metadata=_told("arithmetic of dex-wrn: float32 or bfloat16"))
    seed: int = field(default=1, metadata=_told("seed of new weights, of order and of changes"))
    split_seed: int = field(default=42, metadata=_told("seed of the training, validation and test parts"))

    def __post_init__(self):
        check_choice("--model", self.model, models.MODELS)
        check_choice("--target", self.target, TARGETS)
        check_choice("--loss", self.loss, losses.LOSSES)
        check_choice("--balance", self.balance, balance.BALANCES)
        check_choice("--precision", self.precision, PRECISIONS)
        check_seed("--seed", self.seed)
        check_seed("--split-seed", self.split_seed)
        for name, least in (("versions", 1), ("batch", 2), ("patience", 1), ("image_size", 32)):
            check_at_least(name.replace("_", "-"), getattr(self, name), least)
        if self.cap is not None:
            check_at_least("cap", self.cap, 1)
            if self.balance != "cap":
                raise UsageError("expected --balance cap beside --cap, or neither")
        parse_groups(self.groups)
        _ = self.stage1

    @property
    def stage1(self) -> Stage1Config:
        """What stage 1 is asked for."""
        return self._stage1(self.faces or self.output / "faces", self.split_seed)


@dataclass(frozen=True)
class EvaluateConfig(_FacesConfig):
    """Options of ``age-audit evaluate-classifier``."""

    classifier: Path = field(default=Path("classifier"), metadata=_told("folder that age-audit train wrote to"))
    output: Path = field(
        default=Path("classifier-on-new-faces"), metadata=_told("folder for tables, the figure and crops")
    )
    half_width: float = field(
        default=0.03, metadata=_told("half of an interval's width, as a share; how many faces it takes is told")
    )
    seed: int = field(default=42, metadata=_told("seed of the sample and of intervals"))

    def __post_init__(self):
        if not 0 < self.half_width < 0.5:
            raise UsageError(f"expected --half-width to be above 0 and below 0.5, got {self.half_width:g}")
        _ = self.stage1

    @property
    def stage1(self) -> Stage1Config:
        """What stage 1 is asked for."""
        return self._stage1(self.output / "faces", self.seed)
