"""A notebook executed by command, on results that are given by name or by their place."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

from age_audit.cli import make_folder
from age_audit.core.config import PRESETS, Stage3Config, check_choice
from age_audit.core.errors import UsageError
from age_audit.report.notebooks import NOTEBOOKS, execute_notebook, found_in, notes_in

_OPTIONS = Stage3Config.__dataclass_fields__


@dataclass(frozen=True, kw_only=True)
class OnResultsConfig:
    """Which results a command is about; options of stage 3 mean the same here."""

    metadatasets: Path = field(
        default=Stage3Config.metadatasets, metadata={"help": "where results of estimators given by name are looked for"}
    )
    dataset: str = field(default=Stage3Config.dataset, metadata=_OPTIONS["dataset"].metadata)
    preset: str = field(
        default=Stage3Config.preset,
        metadata={
            "help": "whose results; both presets estimate a face alike, but one of them may have been run on fewer"
        },
    )
    sensitive: tuple[str, ...] | None = field(default=None, metadata=_OPTIONS["sensitive"].metadata)

    def __post_init__(self):
        check_choice("--preset", self.preset, PRESETS)


def refuse_notebooks(output: Path) -> None:
    """Refuse the folder of the notebooks, one of which would be written over, before any work."""
    if output.resolve() == NOTEBOOKS.resolve():
        raise UsageError(f"expected an --output other than {NOTEBOOKS}, where the notebook lies that is executed")


@contextmanager
def whole_or_nothing(name: str, output: Path) -> Iterator[None]:
    """Where the command that executes the notebook of this name does not end well, what it made in its folder goes.

    The notebook itself is written last, and whole.

    Raises
    ------
    KeyboardInterrupt
        At Ctrl-C, with words on what is left.
    """
    made = (output / "metadatasets", output / name, output / "tables" / name)
    before = set(_files(made))
    folders = [folder for folder in (*made, output / "tables", output, *output.parents) if not folder.exists()]
    try:
        yield
    except BaseException as error:
        for path in set(_files(made)) - before:
            path.unlink()
        for folder in folders:  # from within
            with suppress(OSError):  # never made, or holds what others put there
                folder.rmdir()
        if isinstance(error, KeyboardInterrupt):
            told = f"interrupted; nothing new is left in {output}, run the same command to begin again"
            raise KeyboardInterrupt(told) from error
        raise


def _files(folders: Iterable[Path]) -> Iterator[Path]:
    return (path for folder in folders for path in folder.glob("*") if not path.is_dir())


def executed(
    name: str, config: OnResultsConfig, output: Path, parameters: Mapping[str, object], told: Sequence[str] = ()
) -> str:
    """Execute a notebook on results; what it found, what else is to be told, what it warned of, and where the rest is.

    Raises
    ------
    UsageError
        If the folder cannot be written to, or as :func:`age_audit.report.notebooks.execute_notebook`.
    """
    make_folder("--output", output)
    place = output.absolute()  # notebooks run from elsewhere
    shared = {
        "PRESET": config.preset,
        "DATASET": config.dataset,
        "METADATASETS": str(config.metadatasets.absolute()),
        "FIGURES": str(place),
        "TABLES": str(place / "tables"),
        "SENSITIVE": None if config.sensitive is None else list(config.sensitive),
    }
    target = place / f"{name}.ipynb"
    execute_notebook(NOTEBOOKS / target.name, target, shared | parameters)
    written = f"Written to {output}: {target.name}, its figures in {name}/, its tables in tables/"
    return "\n".join(filter(None, [found_in(target), *told, *notes_in(target), written]))
