"""Every default and every parameter of the method, stated once."""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from itertools import pairwise
from pathlib import Path

from age_audit.core.checks import LARGEST_SEED, Checked, choice, flag, named, number, whole
from age_audit.core.errors import UsageError
from age_audit.core.landmarks import MESH_LANDMARK_COUNT
from age_audit.core.schema import AGE_RANGES, CANVAS, LANDMARK_COUNT

HIDDEN = ("black", "mean-colour")  # what a hidden superpixel shows
SETTLED_BY = ("interval", "false-discovery-rate")


@dataclass(frozen=True)
class LimeParameters(Checked):
    """How a face is explained (LIME: Ribeiro, Singh & Guestrin 2016).

    Attributes
    ----------
    kernel_size, max_dist, ratio : float
        Of scikit-image's quickshift, which cuts the face into superpixels (the defaults of the ``lime`` package).
    num_samples : int
        Masked versions of the face that the estimator sees; the least number where the design is balanced.
    kernel_width : float
        Of LIME's exponential kernel over cosine distance.
    ridge_alpha : float
        Penalty of the local linear model.
    rescale : bool
        Whether the classifier sees the face min-max scaled to [0, 1] instead of 0-255.
    target : str
        ``"top-class"``: the probability of the single most likely age class; ``"expected-age"``: years.
    hidden : str
        What a hidden superpixel shows: ``"black"`` or its ``"mean-colour"``.
    design : str
        ``"random"``: each superpixel shown by a fair coin, as in ``lime``; ``"balanced"``: columns of Sylvester's
        Hadamard matrix with random flips, and their foldover; ``"paley"``: of Paley's.
    seed_from_image : bool
        Whether the seed is derived from the face's bytes (and ``seed``) instead of being the same for every face.
    settled_only : bool
        Whether a superpixel whose interval includes 0 is left out of both masks.
    confidence : float
        Of the intervals of the weights; of settled weights as a set where the rule is the false discovery rate.
    settled_by : str
        ``"interval"``: the interval of each weight by itself; ``"false-discovery-rate"``: intervals such that of the
        signs settled on a face at most 1 - ``confidence`` are expected to be wrong.
    until_settled : float
        Share of the face's area, 0-1, at which sampling stops before ``num_samples``; 0 takes all at once.
    """

    kernel_size: float = number(4, above=True)
    max_dist: float = number(200, above=True)
    ratio: float = number(0.2)
    num_samples: int = whole(100, least=2)
    kernel_width: float = number(0.25, 0.02)  # below, hardly a version of the face counts
    ridge_alpha: float = number(1.0)
    rescale: bool = flag(True)
    target: str = named("top-class")
    hidden: str = choice("black", HIDDEN)
    design: str = choice("random", ("random", "balanced", "paley"))
    seed_from_image: bool = flag(False)
    settled_only: bool = flag(False)
    confidence: float = number(0.95, 0, 1, above=True, below=True)
    # Later than the first ledgers: at its default a field of these is not part of a recipe's key.
    settled_by: str = choice("interval", SETTLED_BY, later=True)
    until_settled: float = number(0.0, 0, 1, later=True)


FIRST_LOOK = 256  # samples after which --until-settled first looks whether enough is settled


@dataclass(frozen=True)
class CropParameters(Checked):
    """How a face is cut out.

    Attributes
    ----------
    margin : float
        Share of the detector's box added on each side (Rothe et al. 2018, section 3.2).
    upsample : int
        Times the image is doubled before the search, which finds faces down to about 40 pixels.
    canvas : int
        Side of the crop in pixels.
    """

    margin: float = number(0.4)
    upsample: int = whole(1, least=0)
    canvas: int = whole(CANVAS, least=1)


@dataclass(frozen=True)
class BoxParameters(Checked):
    """How an explanation becomes boxes: those of the published analysis of gender classifiers.

    Attributes
    ----------
    percentile : float
        In percent of the pixels: all less salient ones are set to 0.
    threshold : str
        Above which pixels are boxed: ``"otsu"``, ``"li"`` or ``"yen"``.
    overlap : float
        Share of a box, at least, that lies within the box of the part of the face after which it is named.
    """

    percentile: float = number(90.0, 0, 100)
    threshold: str = choice("otsu", ("otsu", "li", "yen"))
    overlap: float = number(0.2, 0, 1, above=True)


PRESETS = {
    # The study as it was run.
    "published": LimeParameters(),
    # What its method should have been; docs/method.md gives the measurements behind each change.
    "audit": LimeParameters(
        num_samples=256,
        rescale=False,
        target="expected-age",
        hidden="mean-colour",
        design="paley",
        seed_from_image=True,
        settled_only=True,
        settled_by="false-discovery-rate",
    ),
}


def settled_rule(explanation: Mapping) -> str:
    """What "settled" means in results, by the parameters that their provenance states; empty where all is in a mask.

    Provenance from before there was a choice states no rule: then it was the interval of each weight by itself. Of
    methods that leave no choice of what is in a mask, those settle that have a ``confidence``.

    Examples
    --------
    >>> settled_rule({"settled_only": True, "confidence": 0.95})
    'settled: the 95 % interval of its weight, taken by itself, excludes 0'
    >>> settled_rule({"method": "rise", "confidence": 0.9})
    'settled: the 90 % interval of its weight, taken by itself, excludes 0'
    >>> settled_rule({"settled_only": True, "confidence": 0.95, "settled_by": "false-discovery-rate"})
    "settled: at most 5 % of a face's settled signs are expected to be wrong"
    """
    if not explanation.get("settled_only", "confidence" in explanation):
        return ""
    confidence = explanation.get("confidence", LimeParameters.confidence)
    if explanation.get("settled_by", LimeParameters.settled_by) == "interval":
        return f"settled: the {100 * confidence:g} % interval of its weight, taken by itself, excludes 0"
    return f"settled: at most {100 - 100 * confidence:g} % of a face's settled signs are expected to be wrong"


PRECISIONS = ("float32", "bfloat16")
DEVICES = re.compile(r"auto|cpu|gpu(:\d+)?")
STEPS = ("align", "crop", "estimate", "explain")
FORMATS = ("auto", "json", "parquet")
# Images above which activations become Parquet. As JSON they are 0.3 GB there, and json.load needs 0.7 GB of memory.
PARQUET_ABOVE = 200_000
# Bytes of JSON above which it is read row by row: what stage 2 writes by itself stays below, a foreign file may not.
JSON_AT_ONCE = 400_000_000


@dataclass(frozen=True)
class Stage1Config:
    """Stage 1: images to aligned, cropped, estimated and explained faces. The metadata of each field is its help."""

    images: Path = field(
        default=Path("utkface/img"), metadata={"help": "folder of face images, searched with subfolders"}
    )
    output: Path = field(
        default=Path("utkface"), metadata={"help": "folder for img-aligned, img-cropped, img-masks and the ledger"}
    )
    metadatasets: Path = field(
        default=Path("metadatasets"),
        metadata={"help": "folder for the JSON metadatasets, of one estimator, preset, explainer and target"},
    )
    dataset: str = field(default="utkface", metadata={"help": "name in the metadatasets' file names"})
    labels: str | None = field(
        default=None,
        metadata={
            "help": "where labels come from: file names (utkface, imdbwiki, agedb, morph), or a CSV with fname, age "
            "and any others; FairFace's and APPA-REAL's are read as they are",
            "none": "utkface; an --output that has other labels wants them named again",
        },
    )
    sensitive: tuple[str, ...] | None = field(
        default=None,
        metadata={
            "help": "what groups are compared by: gender, race or any other column of the labels, comma-separated",
            "none": "race and gender where they are there",
        },
    )
    age_ranges: tuple[str, ...] = field(
        default=tuple(f"{low}-{high}" for low, high in AGE_RANGES),
        metadata={"help": "age ranges in completed years, both ends included, comma-separated"},
    )
    estimator: str = field(
        default="dex-wrn",
        metadata={
            "help": "dex-wrn, dex-efficientnet-b3, cydral-resnet10, faceres, face-api, ssr-net, or your own: "
            "module:function, FILE.keras, or FILE.json, which describes one of these or FILE.onnx"
        },
    )
    preset: str = field(
        default="published",
        metadata={
            "help": "how faces are explained: published (the study as it was run) or audit (what it should have been)"
        },
    )
    samples: int | None = field(
        default=None,
        metadata={
            "help": "masked versions of each face; results of each number lie side by side, and stage 2 wants the same",
            "none": "the preset's, "
            + ", ".join(f"{parameters.num_samples} in {name}" for name, parameters in PRESETS.items()),
        },
    )
    until_settled: float | None = field(
        default=None,
        metadata={
            "help": "share of a face's area, such as 0.9, at which preset audit stops asking about masked versions of "
            f"it: it looks after {FIRST_LOOK} and after each doubling, up to --samples; stage 2 wants the same",
            "none": "ask about all of --samples",
            "metavar": "SHARE",
        },
    )
    explainer: str = field(
        default="lime",
        metadata={
            "help": "method of explanation: lime, kernel-shap, occlusion, rise, grad-cam, grad-cam++, score-cam, "
            "integrated-gradients, smooth-grad or random; those with gradients and maps want a Keras model"
        },
    )
    target: str | None = field(
        default=None,
        metadata={
            "help": "what is explained: age, over:18 (probability of that age or more), class:25, female or top-class",
            "none": "the preset's, top-class in published and age in audit",
        },
    )
    steps: tuple[str, ...] = field(
        default=STEPS, metadata={"help": "steps to run, comma-separated; crops needed by later steps are made"}
    )
    precision: str = field(
        default="float32",
        metadata={
            "help": "arithmetic of the DEX models and faceres: float32, bfloat16 (faster; of dex-wrn ages move by "
            "0.13 years on average, 1.21 at worst) or auto (bfloat16 in preset audit on hardware that has it)"
        },
    )
    device: str = field(
        default="auto", metadata={"help": "where the model runs: auto (what its library picks), cpu, gpu or gpu:N"}
    )
    batch: int | None = field(
        default=None,
        metadata={
            "help": "faces per forward pass, halved where they do not fit; results do not depend on it on a processor",
            "none": "what suits the device",
        },
    )
    workers: int = field(default=1, metadata={"help": "worker processes on this machine; results do not depend on it"})
    cluster: str | None = field(
        default=None,
        metadata={
            "help": "tcp://HOST:PORT or scheduler file of a dask cluster that works instead; see docs/scaling.md",
            "none": "this machine",
        },
    )
    json_log: Path | None = field(
        default=None,
        metadata={"help": "file to append progress to, one JSON object a line", "metavar": "FILE", "none": "none"},
    )
    limit: int | None = field(default=None, metadata={"help": "take only the first N images by name"})
    sample: int | None = field(
        default=None, metadata={"help": "take only N images drawn evenly over the groups x age range"}
    )
    seed: int = field(default=42, metadata={"help": "seed of the sample and of the explanations"})
    overwrite: bool = field(default=False, metadata={"help": "do the steps again even where they are done"})

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)
        check_choice("precision", self.precision, (*PRECISIONS, "auto"))
        if not DEVICES.fullmatch(self.device):
            raise UsageError(f"expected --device to be auto, cpu, gpu or gpu:N, got {self.device!r}")
        for step in self.steps:
            check_choice("step", step, STEPS)
        if not self.steps:
            raise UsageError(f"expected at least one step of {', '.join(STEPS)}, got none")
        check_dataset_name(self.dataset)
        parse_age_ranges(self.age_ranges)
        check_at_least("workers", self.workers, 1)
        for name, least in (("limit", 1), ("sample", 1), ("batch", 2), ("samples", 2)):
            if getattr(self, name) is not None:
                check_at_least(name, getattr(self, name), least)
        check_until_settled(self.until_settled, self.samples, self.preset)
        check_seed("--seed", self.seed)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The age ranges as numbers, in years, both included."""
        return parse_age_ranges(self.age_ranges)


@dataclass(frozen=True)
class EstimateConfig(Stage1Config):
    """Stage 1 without explanations."""

    steps: tuple[str, ...] = field(
        default=("align", "crop", "estimate"), metadata=Stage1Config.__dataclass_fields__["steps"].metadata
    )


def stage1_option(name: str) -> dict:
    """The metadata of an option that stage 1 has too and that means the same there."""
    return dict(Stage1Config.__dataclass_fields__[name].metadata)


@dataclass(frozen=True)
class Stage2Config:
    """Stage 2: landmarks on each crop, region scores of each mask."""

    output: Path = field(default=Stage1Config.output, metadata={"help": "folder that stage 1 wrote to"})
    metadatasets: Path = field(
        default=Stage1Config.metadatasets,
        metadata={"help": "folder for the JSON metadatasets; the explanations that it is of are scored"},
    )
    dataset: str = field(default=Stage1Config.dataset, metadata={"help": "name in the metadatasets' file names"})
    preset: str = field(
        default=Stage1Config.preset, metadata={"help": "whose explanations to score: published or audit"}
    )
    samples: int | None = field(default=Stage1Config.samples, metadata=stage1_option("samples"))
    until_settled: float | None = field(
        default=Stage1Config.until_settled, metadata=stage1_option("until_settled") | {"help": "as in stage 1"}
    )
    format: str = field(
        default="auto",
        metadata={
            "help": f"of the activations: json, parquet, or auto: parquet above {PARQUET_ABOVE:,} images, else json"
        },
    )
    box_landmarks: int = field(
        default=LANDMARK_COUNT,
        metadata={
            "help": f"by which landmarks boxes are named: dlib's {LANDMARK_COUNT}, or MediaPipe's {MESH_LANDMARK_COUNT}"
        },
    )
    workers: int = field(default=Stage1Config.workers, metadata=stage1_option("workers"))
    cluster: str | None = field(default=Stage1Config.cluster, metadata=stage1_option("cluster"))
    json_log: Path | None = field(default=Stage1Config.json_log, metadata=stage1_option("json_log"))
    overwrite: bool = field(default=False, metadata={"help": "do everything again even where it is done"})

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)
        check_choice("format", self.format, FORMATS)
        check_choice("--box-landmarks", self.box_landmarks, (LANDMARK_COUNT, MESH_LANDMARK_COUNT))
        check_dataset_name(self.dataset)
        check_at_least("workers", self.workers, 1)
        check_until_settled(self.until_settled, self.samples, self.preset)


@dataclass(frozen=True)
class Stage3Config:
    """Stage 3: figures and tables of error by group."""

    metadatasets: Path = field(
        default=Stage1Config.metadatasets,
        metadata={"help": "folder of metadataset_<dataset>_activations.json (or .parquet)"},
    )
    dataset: str = field(default=Stage1Config.dataset, metadata={"help": "name in the metadatasets' file names"})
    figures: Path = field(default=Path("figures"), metadata={"help": "folder to write figures and tables to"})
    estimator: str | None = field(
        default=None,
        metadata={
            "help": "whose results these are, for --paper, where no provenance beside them says so",
            "none": "whom the provenance of the predictions names",
        },
    )
    preset: str = field(
        default=Stage1Config.preset,
        metadata={"help": "published: accuracy as stored in the file; audit: computed anew from real age and estimate"},
    )
    sensitive: tuple[str, ...] | None = field(default=None, metadata=stage1_option("sensitive"))
    age_ranges: tuple[str, ...] = field(default=Stage1Config.age_ranges, metadata=stage1_option("age_ranges"))
    copies: Path | None = field(
        default=None,
        metadata={
            "help": "folder of metadataset_<dataset>_images.json, as age-audit dataset writes it: copies of a picture "
            "then count as one where intervals are drawn",
            "none": "every face counts by itself",
        },
    )
    paper: bool = field(
        default=False,
        metadata={
            "help": "also execute the notebooks: every figure and table of the paper; for all four, results of both "
            "presets have to lie in --metadatasets or below"
        },
    )

    def __post_init__(self):
        check_choice("preset", self.preset, PRESETS)
        check_dataset_name(self.dataset)
        parse_age_ranges(self.age_ranges)

    @property
    def ranges(self) -> tuple[tuple[int, int], ...]:
        """The age ranges as numbers, in years, both included."""
        return parse_age_ranges(self.age_ranges)


def check_choice(what: str, given: str, choices) -> None:
    """Refuse anything but one of the choices, naming them."""
    if given not in choices:
        raise UsageError(f"expected {what} to be one of {', '.join(map(str, choices))}, got {given!r}")


def check_seed(option: str, given: int) -> None:
    """Refuse what NumPy takes for no seed."""
    if not 0 <= given <= LARGEST_SEED:
        raise UsageError(f"expected {option} to be between 0 and {LARGEST_SEED}, got {given}")


def check_at_least(name: str, given: int, least: int) -> None:
    """Refuse a number below the least."""
    if given < least:
        raise UsageError(f"expected --{name} to be at least {least}, got {given}")


def check_until_settled(share: float | None, samples: int | None, preset: str) -> None:
    """Refuse a share that is none, and one without what it needs: a bound, and a preset that settles."""
    if share is None:
        return
    if not 0 < share <= 1:
        raise UsageError(f"expected --until-settled to be above 0 and at most 1, such as 0.9, got {share:g}")
    if not PRESETS[preset].settled_only:
        raise UsageError(f"expected no --until-settled with --preset {preset}, which settles nothing; use audit")
    if samples is None:
        raise UsageError("expected --samples beside --until-settled: the most masked versions of a face, such as 4096")
    check_doublings(samples)


def check_doublings(samples: int) -> None:
    """Refuse a number of samples that sampling until settled would not come to: some of them would never be made."""
    times, rest = divmod(samples, FIRST_LOOK)
    if samples > FIRST_LOOK and (rest or times & (times - 1)):
        below = FIRST_LOOK * 2 ** (times.bit_length() - 1)
        raise UsageError(
            f"expected samples of {FIRST_LOOK} doubled, such as {below} or {2 * below}, where sampling goes on until "
            f"settled: it looks after {FIRST_LOOK} and after each doubling; got {samples}"
        )


def check_dataset_name(name: str) -> None:
    """Refuse a name that would leave its folder."""
    if not name or not name.isprintable() or set(name) & set("/\\") or name in (".", ".."):
        raise UsageError(
            f"expected --dataset to be a plain name without folders, got {name!r}; use --metadatasets for the folder"
        )


def parse_age_ranges(texts: Iterable[str]) -> tuple[tuple[int, int], ...]:
    """Age ranges as people write them, such as ``0-12`` and ``13-17``: in ascending order, none overlapping another.

    Raises
    ------
    UsageError
        For anything else, or none at all.
    """
    ranges = []
    for text in texts:
        match = re.fullmatch(r"\s*(\d{1,3})\s*[-–]\s*(\d{1,3})\s*", text)
        if match is None or int(match[1]) > int(match[2]):
            raise UsageError(f"expected age ranges such as 0-12,13-17,18-24,25-100, got {text!r}")
        ranges.append((int(match[1]), int(match[2])))
    if not ranges or any(before[1] >= after[0] for before, after in pairwise(ranges)):
        raise UsageError(
            "expected age ranges in ascending order, none overlapping another, such as 0-12,13-17,18-24,25-100; got "
            + (", ".join(f"{low}-{high}" for low, high in ranges) or "none")
        )
    return tuple(ranges)
