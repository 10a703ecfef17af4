"""May it guard a door, by command: the notebook ``audit_gate``, executed on results or a CSV of estimates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from age_audit.cli import make_folder
from age_audit.core.errors import UsageError
from age_audit.core.groups import real_ages
from age_audit.data.estimates import write_estimates
from age_audit.data.label_formats import TABLE_ENDINGS
from age_audit.data.policies import read_policies
from age_audit.data.results import open_results
from age_audit.report.on_results import OnResultsConfig, executed, refuse_notebooks, whole_or_nothing

NOTEBOOK = "audit_gate"


@dataclass(frozen=True)
class GateConfig(OnResultsConfig):
    """Options of ``age-audit gate``."""

    predictions: str = field(
        default="dex-wrn",
        metadata={
            "help": "whose estimates: the name of an estimator whose results lie in --metadatasets or below, a folder "
            "with a file metadataset_<name>_predictions.json, such a file, or a CSV with the columns fname, age and "
            "estimate (years, empty where no face was found), any labels, and spread (the standard deviation that the "
            "model states, years) and cluster (equal for copies of a picture) where they are known",
            "metavar": "NAME|PATH",
        },
    )
    policies: Path | None = field(
        default=None,
        metadata={"help": "TOML file of policies", "metavar": "FILE", "none": "those that ship, as examples"},
    )
    policy: str = field(default="over 18", metadata={"help": "the policy that is judged, by its name"})
    age: int | None = field(
        default=None, metadata={"help": "age limit in years, such as 13, 16 or 21", "none": "the policy's"}
    )
    buffer: float | None = field(
        default=None,
        metadata={"help": "years that an estimate has to be above the limit, to pass", "none": "the policy's"},
    )
    not_found: str | None = field(
        default=None,
        metadata={
            "help": "what becomes of a face that is not found: refuse, error (another attempt) or pass",
            "metavar": "WORD",
            "none": "what the policy says",
        },
    )
    output: Path = field(default=Path("gate"), metadata={"help": "folder for the notebook, its figures and its tables"})

    @property
    def changes(self) -> dict:
        """What is asked for in place of what the policy says."""
        given = {"age": self.age, "buffer": self.buffer, "not_found": self.not_found}
        return {name: value for name, value in given.items() if value is not None}


def gate(config: GateConfig) -> str:
    """Execute the notebook; what it found, and where the rest is.

    Raises
    ------
    UsageError
        If there is no such policy or no such results, they have no labelled ages, or the folder cannot be written to.
    """
    _refuse_unknown_policy(config)
    refuse_notebooks(config.output)
    with whole_or_nothing(NOTEBOOK, config.output):
        return _judged(config)


def _judged(config: GateConfig) -> str:
    given = _given(config)
    (results,) = open_results([given], config.metadatasets, config.preset, config.dataset, config.sensitive).values()
    if not (results.images["age_estimation"].notna() & np.isfinite(real_ages(results.images)[0])).any():
        raise UsageError(
            f"expected faces with an estimate and a labelled age in {config.predictions}, found none; a gate is judged "
            "by labels"
        )
    policies = None if config.policies is None else str(config.policies.absolute())
    parameters = {"GIVEN": [given], "POLICIES": policies, "POLICY": config.policy}
    parameters |= {name.upper(): value for name, value in config.changes.items()}
    return executed(NOTEBOOK, config, config.output, parameters)


def _refuse_unknown_policy(config: GateConfig) -> None:
    """And what is no policy, before any work."""
    policies = read_policies(config.policies)
    if config.policy not in policies:
        raise UsageError(f"expected --policy to be one of {', '.join(map(repr, policies))}; got {config.policy!r}")
    replace(policies[config.policy], **config.changes)


def _given(config: GateConfig) -> str:
    """Name, folder or file of predictions; of a CSV those that are made of it."""
    path = Path(config.predictions)
    if path.suffix.lower() in TABLE_ENDINGS:
        make_folder("--output", config.output)
        return str(write_estimates(path, config.output.absolute() / "metadatasets", config.sensitive))
    return str(path.absolute()) if path.exists() else config.predictions
