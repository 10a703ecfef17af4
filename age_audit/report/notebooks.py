"""Execute notebooks from top to bottom, so that the same results give the same bytes.

``python -m age_audit.report.notebooks`` is what ``make paper`` runs.
"""

from __future__ import annotations

import argparse
import ast
import asyncio
import json
import os
import warnings
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor, wait
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from age_audit.cli import check_folder, in_home
from age_audit.core.errors import UsageError
from age_audit.core.paths import ROOT
from age_audit.execution.processes import THREAD_VARIABLES
from age_audit.store.files import write_atomically

if TYPE_CHECKING:
    import nbformat
    from nbclient import NotebookClient

NOTEBOOKS = ROOT / "notebooks"
PARAMETERS = "parameters"  # tag of the cell that sets them
_FOLDERS = ("METADATASETS", "FIGURES", "TABLES")  # parameters that name one
_NOTE = "Note: "  # begins a warning
TIMEOUT = 600  # seconds a cell
MAX_BYTES = 1_500_000  # a larger notebook is not shown on code hosts
# One thread a kernel: with more, last digits depend on the machine's cores, and kernels fight over them.
_ONE_THREAD = dict.fromkeys(THREAD_VARIABLES, "1")


def execute_notebook(source: Path, target: Path, parameters: Mapping[str, object] | None = None) -> None:
    """Run every cell in a fresh kernel and write the notebook with what came out.

    Parameters
    ----------
    source, target : Path
        May be the same; a target that holds the same bytes is left alone.
    parameters : mapping, optional
        New values of names that the cell tagged ``parameters`` sets.

    Raises
    ------
    UsageError
        If a parameter is unknown, a cell fails, its process ends, or the outcome is larger than code hosts show.
    KeyboardInterrupt
        At Ctrl-C, when the kernel has ended; the target is left alone.
    """
    _execute_all([(source, target)], parameters or {}, workers=1)


def _execute_all(
    places: Sequence[tuple[Path, Path]],
    parameters: Mapping[str, object],
    workers: int,
    progress: tqdm | None = None,
) -> None:
    """Each in a thread, of which each waits for a kernel, a process: in the main one nbclient would take Ctrl-C for
    itself, and fail by it.
    """
    clients: list[NotebookClient] = []
    with ThreadPoolExecutor(workers) as pool:
        jobs = [pool.submit(_execute, *place, parameters, progress, clients) for place in places]
        try:
            wait(jobs)
        except KeyboardInterrupt:
            for job in jobs:
                job.cancel()
            while not all(job.done() for job in jobs):
                for client in clients:
                    _kill_kernel(client)
                wait(jobs, timeout=0.2)
            raise
    for job in jobs:
        job.result()


def _kill_kernel(client: NotebookClient) -> None:
    provisioner = getattr(client.km, "provisioner", None)  # none before it starts, and after it ended
    if provisioner is not None:
        asyncio.run(provisioner.kill())


def _execute(
    source: Path,
    target: Path,
    parameters: Mapping[str, object],
    progress: tqdm | None,
    clients: list[NotebookClient],
) -> None:
    """One notebook; what runs it is put into ``clients``."""
    import nbformat  # here: every kernel imports this module for start(), and would wait a second for these
    from nbclient import NotebookClient
    from nbclient.exceptions import CellExecutionError, DeadKernelError

    notebook = nbformat.read(source, as_version=4)
    _set_parameters(notebook, parameters, source.name)
    client = NotebookClient(
        notebook,
        timeout=TIMEOUT,
        kernel_name="python3",
        record_timing=False,
        extra_arguments=["--IPKernelApp.log_level=ERROR"],  # or it warns of talking in plain text, to this machine
        resources={"metadata": {"path": str(source.parent)}},
        on_cell_executed=(lambda **_: progress.update()) if progress is not None else None,
    )
    clients.append(client)
    try:
        client.execute(env=os.environ | _ONE_THREAD)
    except CellExecutionError as error:
        raise UsageError(f"expected {source.name} to run to its end, but a cell failed:\n{error}") from error
    except DeadKernelError as error:
        raise UsageError(
            f"expected {source.name} to run to its end, but its process was ended from outside, as for want of memory; "
            "free some and run the same command again"
        ) from error
    content = _bytes(notebook)
    if len(content) > MAX_BYTES:
        raise UsageError(
            f"expected {source.name} to stay below {MAX_BYTES:,} bytes, got {len(content):,}; show fewer or smaller "
            "figures in it"
        )
    if not target.is_file() or target.read_bytes() != content:
        target.parent.mkdir(parents=True, exist_ok=True)
        write_atomically(target, content)


def execute_notebooks(
    names: Sequence[str],
    target: Path,
    parameters: Mapping[str, object] | None = None,
    workers: int = 2,
    source: Path = NOTEBOOKS,
) -> None:
    """Execute several notebooks, ``workers`` at a time, with one progress bar over all cells.

    Parameters
    ----------
    names : sequence of str
        Without ``.ipynb``.
    target : Path
        Folder of the executed ones.
    parameters : mapping, optional
        For all of them; every one has to know them.
    workers : int
    source : Path
        Folder they are in.

    Raises
    ------
    UsageError
        As :func:`execute_notebook`, for the first that fails; the others are finished first.
    KeyboardInterrupt
        As that; notebooks that had ended are kept.
    """
    cells = sum(_code_cells(source / f"{name}.ipynb") for name in names)
    places = [(source / f"{name}.ipynb", target / f"{name}.ipynb") for name in names]
    with tqdm(total=cells, desc="notebooks", unit="cell") as progress:
        _execute_all(places, parameters or {}, workers, progress)


def found_in(path: Path) -> str:
    """What stands under "What we found" in an executed notebook, as plain text."""
    outputs = (output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ()))
    texts = ("".join(output.get("data", {}).get("text/plain", ())) for output in outputs)
    return next((text for text in texts if text.startswith("What we found")), "")


def notes_in(path: Path) -> list[str]:
    """What an executed notebook warned of, each once, as :func:`start` words it."""
    outputs = (output for cell in json.loads(path.read_text())["cells"] for output in cell.get("outputs", ()))
    told = "".join("".join(output["text"]) for output in outputs if output.get("name") == "stderr")
    return list(dict.fromkeys(line for line in told.splitlines() if line.startswith(_NOTE)))


def all_notebooks() -> list[str]:
    """The names of the project's notebooks.

    Raises
    ------
    UsageError
        If there are none: they are no part of the package, and what is installed elsewhere comes without them.
    """
    names = sorted(path.stem for path in NOTEBOOKS.glob("*.ipynb"))
    if not names:
        raise UsageError(
            f"expected notebooks in {NOTEBOOKS}, found none; run this from a clone of the repository, after make setup"
        )
    return names


def start(root: Path = ROOT) -> None:
    """What the first cell of every notebook calls: run from the repository's root, and warn in one line.

    A warning as Python words it names the file it comes from, which in a notebook is another one at every run.
    """
    os.chdir(root)
    warnings.formatwarning = lambda message, *_, **__: f"{_NOTE}{message}\n"


def link_activations(root: Path = ROOT) -> None:
    """Put the published study's activations where its notebooks open them: in the root, as a link that git ignores."""
    for path in sorted((root / "metadatasets").glob("metadataset_*_activations.json")):
        link = root / path.name
        if link.is_symlink() or not link.exists():
            link.unlink(missing_ok=True)
            with suppress(OSError):  # file systems without links: notebooks then name the folder
                link.symlink_to(path.relative_to(root))


def _set_parameters(notebook: nbformat.NotebookNode, parameters: Mapping[str, object], name: str) -> None:
    """Write new values into the cell of parameters, keeping its comments."""
    if not parameters:
        return
    cell = next((cell for cell in notebook.cells if PARAMETERS in cell.metadata.get("tags", [])), None)
    source = cell.source if cell is not None else ""
    lines = source.splitlines()
    assigned = {
        node.targets[0].id: node
        for node in ast.parse(source).body
        if isinstance(node, ast.Assign) and isinstance(node.targets[0], ast.Name)
    }
    for parameter, value in parameters.items():
        node = assigned.get(parameter)
        if node is None:
            raise UsageError(f"expected a parameter of {name}, one of {', '.join(assigned) or 'none'}; got {parameter}")
        line = lines[node.lineno - 1]
        lines[node.lineno - 1] = f"{parameter} = {value!r}{line[node.end_col_offset :]}"
    if cell is not None:
        cell.source = "\n".join(lines)


def _code_cells(path: Path) -> int:
    import nbformat

    try:
        notebook = nbformat.read(path, as_version=4)
    except FileNotFoundError as error:
        there = ", ".join(sorted(found.stem for found in path.parent.glob("*.ipynb"))) or "none"
        raise UsageError(f"expected a notebook in {path.parent}, got {path.stem}; there are: {there}") from error
    return sum(cell.cell_type == "code" for cell in notebook.cells)


def _bytes(notebook: nbformat.NotebookNode) -> bytes:
    """The file without what differs between runs or machines."""
    notebook.metadata = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    for cell in notebook.cells:
        cell.metadata.pop("execution", None)
    return (json.dumps(notebook, indent=1, ensure_ascii=False, sort_keys=True) + "\n").encode()


def main(argv: Sequence[str] | None = None, program: str = "python -m age_audit.report.notebooks") -> int:
    """Run from the command line; returns the exit code."""
    parser = argparse.ArgumentParser(prog=program, description=__doc__)
    parser.add_argument("names", nargs="*", help="notebooks, without .ipynb (default: all)")
    parser.add_argument(
        "--target",
        type=lambda text: Path(in_home(text)),
        default=NOTEBOOKS,
        help="folder of the executed ones (default: in place)",
    )
    parser.add_argument("--workers", type=int, default=2, help="notebooks at a time (default: %(default)s)")
    parser.add_argument(
        *("-p", "--parameter"),
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="new value of a parameter, such as ESTIMATOR=cydral-resnet10; folders are looked up "
        "from where you are; needs a --target of its own, beside "
        "which figures and tables are written unless FIGURES and TABLES say where",
    )
    arguments = parser.parse_args(argv)
    try:
        check_folder("--target", arguments.target)
        parameters = from_here(dict(_parameter(text) for text in arguments.parameter))
        if parameters and arguments.target.resolve() == NOTEBOOKS:
            raise UsageError("expected a --target for notebooks with other parameters, so that those here stay")
        if parameters:  # nor over the figures and tables here
            beside = arguments.target.absolute().parent
            parameters = {"FIGURES": f"{beside / 'figures'}", "TABLES": f"{beside / 'tables'}"} | parameters
        link_activations()
        execute_notebooks(arguments.names or all_notebooks(), arguments.target, parameters, arguments.workers)
        from age_audit.report.all_tables import ALL_TABLES, one_workbook, table_list

        tables = ROOT / str(parameters.get("TABLES", "tables"))
        write_atomically(tables / "README.md", table_list(tables).encode())
        write_atomically(tables / ALL_TABLES, one_workbook(tables))
    except UsageError as error:
        parser.exit(2, f"error: {error}\n")
    except KeyboardInterrupt:
        parser.exit(130, "interrupted; notebooks that had run to their end are kept\n")
    return 0


def from_here(parameters: Mapping[str, object]) -> dict[str, object]:
    """Folders among parameters looked up from where one stands, since notebooks run in the repository's root.

    Examples
    --------
    >>> from_here({"METADATASETS": f"{ROOT}/metadatasets", "TABLES": "/elsewhere/tables", "SEED": 7})
    {'METADATASETS': 'metadatasets', 'TABLES': '/elsewhere/tables', 'SEED': 7}
    """
    return {name: _of_root(value) if name in _FOLDERS else value for name, value in parameters.items()}


def _of_root(folder: object) -> str:
    path = Path(os.path.normpath(Path(in_home(str(folder))).absolute()))  # links as they are
    return str(path.relative_to(ROOT) if path.is_relative_to(ROOT) else path)


def _parameter(text: str) -> tuple[str, object]:
    """``NAME=VALUE``: a Python literal, or otherwise text."""
    name, separator, value = text.partition("=")
    if not separator:
        raise UsageError(f"expected NAME=VALUE, got {text!r}")
    try:
        return name, ast.literal_eval(value)
    except (ValueError, SyntaxError):
        return name, value


if __name__ == "__main__":
    raise SystemExit(main())
