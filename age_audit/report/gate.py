"""May it guard a door, by command: the notebook ``audit_gate``, executed on results or a CSV of estimates."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from age_audit.cli import make_folder
from age_audit.core.config import Stage3Config
from age_audit.core.errors import UsageError
from age_audit.core.groups import real_ages
from age_audit.core.policy import Policy
from age_audit.data.estimates import write_estimates
from age_audit.data.label_formats import TABLE_ENDINGS
from age_audit.data.policies import read_policies
from age_audit.data.results import open_results
from age_audit.report.notebooks import NOTEBOOKS, execute_notebook, found_in

NOTEBOOK = "audit_gate"
_OPTIONS = Stage3Config.__dataclass_fields__


@dataclass(frozen=True)
class GateConfig:
    """Options of ``age-audit gate``; those of stage 3 mean the same here."""

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
    metadatasets: Path = field(
        default=Stage3Config.metadatasets,
        metadata={"help": "where results of an estimator given by name are looked for"},
    )
    dataset: str = field(default=Stage3Config.dataset, metadata=_OPTIONS["dataset"].metadata)
    preset: str = field(
        default=Stage3Config.preset,
        metadata={
            "help": "whose results; both presets estimate a face alike, but one of them may have been run on fewer"
        },
    )
    sensitive: tuple[str, ...] | None = field(default=None, metadata=_OPTIONS["sensitive"].metadata)

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
    _judged(config)
    output = config.output.absolute()  # notebooks run from elsewhere
    if output.resolve() == NOTEBOOKS.resolve():
        raise UsageError(f"expected an --output other than {NOTEBOOKS}, where the notebook lies that is executed")
    make_folder("--output", config.output)
    given = _given(config, output)
    groups = None if config.sensitive is None else list(config.sensitive)
    (results,) = open_results([given], config.metadatasets, config.preset, config.dataset, groups).values()
    if not (results.images["age_estimation"].notna() & np.isfinite(real_ages(results.images)[0])).any():
        raise UsageError(
            f"expected faces with an estimate and a labelled age in {config.predictions}, found none; a gate is judged "
            "by labels"
        )
    parameters = {
        "GIVEN": [given],
        "PRESET": config.preset,
        "DATASET": config.dataset,
        "METADATASETS": str(config.metadatasets.absolute()),
        "FIGURES": str(output),
        "TABLES": str(output / "tables"),
        "SENSITIVE": groups,
        "POLICIES": None if config.policies is None else str(config.policies.absolute()),
        "POLICY": config.policy,
    }
    parameters |= {name.upper(): value for name, value in config.changes.items()}
    target = output / f"{NOTEBOOK}.ipynb"
    execute_notebook(NOTEBOOKS / f"{NOTEBOOK}.ipynb", target, parameters)
    written = f"Written to {config.output}: {target.name}, its figures in {NOTEBOOK}/, its tables in tables/"
    return "\n".join(filter(None, [found_in(target), written]))


def _judged(config: GateConfig) -> Policy:
    """The policy that is asked for, before any work."""
    policies = read_policies(config.policies)
    if config.policy not in policies:
        raise UsageError(f"expected --policy to be one of {', '.join(map(repr, policies))}; got {config.policy!r}")
    return replace(policies[config.policy], **config.changes)


def _given(config: GateConfig, output: Path) -> str:
    """Name, folder or file of predictions; of a CSV those that are made of it."""
    path = Path(config.predictions)
    if path.suffix.lower() in TABLE_ENDINGS:
        return str(write_estimates(path, output / "metadatasets", config.sensitive))
    return str(path.absolute()) if path.exists() else config.predictions
