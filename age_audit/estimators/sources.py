"""Which files an estimator is made of, and their hash; loads no model library."""

from __future__ import annotations

import ast
import hashlib
import importlib.util
import json
import os
import platform
import sys
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from importlib.machinery import ModuleSpec, PathFinder
from pathlib import Path

from age_audit.core.errors import UsageError
from age_audit.estimators.entries import ENTRIES, FUNCTION, is_custom, is_description, kind_of, unknown_estimator

OURS = __name__.partition(".")[0]  # this project, whose versions are told otherwise
INSTALLED = {"site-packages", "dist-packages"}


def estimator_identity(name: str) -> dict[str, str]:
    """Name and hash of an estimator, as recipes and provenance give them, without loading it.

    Returns
    -------
    dict
        ``name``, without folders, and ``weights_hash``: of the weight file; for an estimator of one's own, of the files
        of :func:`files_of` (``"none"`` for a function whose module is not a file). One that answers with plain ages
        has ``output`` as well.

    Examples
    --------
    >>> estimator_identity("dex-wrn")
    {'name': 'dex-wrn', 'weights_hash': 'md5:fbe63257a054c1c5466cfd7bf14646d6'}
    """
    if name in ENTRIES:
        return {"name": name, "weights_hash": ENTRIES[name].weights_hash}
    if not is_custom(name):
        raise unknown_estimator(name)
    # What ages meant until they were kept as they come is not current: results of that time have no such key.
    plain = {"output": "ages"} if describe(name).get("output") == "ages" else {}
    return {"name": Path(name).name, "weights_hash": _digest_of(name)} | plain


def check_same(name: str, weights_hash: str) -> None:
    """Refuse an estimator whose files here are not those that a run began with.

    Raises
    ------
    UsageError
        When they are others, or absent: on a worker that lacks them, or because they changed meanwhile.

    Examples
    --------
    >>> check_same("dex-wrn", "md5:fbe63257a054c1c5466cfd7bf14646d6")
    """
    try:
        found = estimator_identity(name)["weights_hash"]
        absent = f"the module {describe(name)['model'].partition(':')[0]}"  # where there is no hash
    except UsageError as error:
        found, absent = "none", f"a file of it ({error})"
    if found == weights_hash:
        return
    if found == "none":
        raise UsageError(
            f"expected {platform.node()} to have the estimator {name} that the run began with, it lacks {absent}; put "
            "the same file there under the same path, or its module's folder into the PYTHONPATH of the workers, and "
            "restart them"
        )
    raise UsageError(
        f"expected the estimator {name} to be the one that the run began with, {weights_hash}; {platform.node()} has "
        f"{found}. If it was changed meanwhile, run the same command again; if a worker has another one, put the same "
        "there and restart it"
    )


def absolute_name(name: str) -> str:
    """The same estimator for who stands elsewhere: a file with its whole path, all else as it is.

    Examples
    --------
    >>> absolute_name("my_module:estimate"), absolute_name("mine.json") == str(Path("mine.json").absolute())
    ('my_module:estimate', True)
    """
    return str(Path(name).absolute()) if is_description(name) or kind_of(name) is not FUNCTION else name


def describe(name: str) -> dict:
    """What a description says, unchecked but for ``model``; anything else is a model without a description.

    Examples
    --------
    >>> describe("mine.keras")
    {'model': 'mine.keras'}
    """
    if not is_description(name):
        return {"model": name}
    try:
        described = json.loads(Path(name).read_text(encoding="utf-8-sig"))
        return described | {"model": str(described["model"])}
    except (OSError, ValueError, TypeError, KeyError, RecursionError) as error:
        raise UsageError(
            f"expected {name} to be a JSON description of an estimator with 'model'; reading it failed: {error}"
        ) from error


def files_of(name: str) -> dict[str, Path]:
    """The files that the hash of an estimator of one's own covers, by what they are called in it.

    These are its description, its model's file or its function's module, the local modules that this one imports
    anywhere in its source, directly or through others, and the ``files`` that the description lists. Local is what is
    neither of Python nor installed, and the function's own package wherever it is. What a function reads besides, and
    modules that it finds by other means than ``import``, cannot be known.

    Returns
    -------
    dict of str to Path
        In the order in which they enter the hash; empty for a function whose module is not a file.

    Examples
    --------
    >>> files_of("models/mine.keras")
    {'mine.keras': PosixPath('models/mine.keras')}
    """
    described, folder = describe(name), Path(name).parent if is_description(name) else Path()
    files = {Path(name).name: Path(name)} if is_description(name) else {}
    model = described["model"]
    if kind_of(model) is FUNCTION:
        module = model.partition(":")[0]
        modules = local_modules(module)
        if module not in modules:
            return {}
        files |= {module: modules.pop(module)} | dict(sorted(modules.items()))
    else:
        files[Path(model).name] = folder / model
    listed = described.get("files", [])
    return files | {str(file): folder / str(file) for file in (listed if isinstance(listed, list) else [])}


def local_modules(name: str) -> dict[str, Path]:
    """A module and the local ones that it imports, found in their sources without running them: see :func:`files_of`.

    Examples
    --------
    >>> sorted(local_modules("json"))  # one of Python: only itself, and its own package
    ['json', 'json.decoder', 'json.encoder', 'json.scanner']
    """
    found, waiting, top = {}, [name], name.partition(".")[0]
    with importing_from_here():
        while waiting:
            module = waiting.pop()
            spec = _spec_of(module) if module not in found else None
            if spec is None or not spec.origin or not Path(spec.origin).is_file():
                continue
            if module.partition(".")[0] != top and not _is_local(module, Path(spec.origin)):
                continue
            found[module] = Path(spec.origin)
            waiting += [module.rpartition(".")[0], *_imports_of(spec)]
    return found


def _spec_of(name: str) -> ModuleSpec | None:
    """Where a module is; unlike ``find_spec`` this imports no package that it is in."""
    top, *rest = name.split(".")
    try:
        spec = importlib.util.find_spec(top)
        for part in rest:
            if spec is None or spec.submodule_search_locations is None:
                return None
            spec = PathFinder.find_spec(f"{spec.name}.{part}", spec.submodule_search_locations)
    except Exception:  # finders may raise anything; loading the estimator says what
        return None
    return spec


def _is_local(module: str, path: Path) -> bool:
    top = module.partition(".")[0]
    if top in sys.stdlib_module_names or top == OURS or INSTALLED & set(path.parts):
        return False
    depth = module.count(".") + (path.stem == "__init__")
    return not any(path.parents[depth].glob("*.dist-info"))  # where pip put it with --target


def _imports_of(spec: ModuleSpec) -> Iterator[str]:
    """Names of modules that a module's source imports, and of what it takes from them, which may be modules too."""
    if not spec.origin.endswith(".py"):
        return
    try:
        tree = ast.parse(Path(spec.origin).read_bytes())
    except (SyntaxError, ValueError):  # loading the estimator says what
        return
    package = spec.parent.split(".")
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else []
            base = ".".join([*above, *([node.module] if node.module else [])])
            yield from (base, *(f"{base}.{alias.name}" for alias in node.names))


_executed: dict[str, str] = {}  # the hash of the file of each module, as it was when it was first loaded here


@contextmanager
def importing(name: str) -> Iterator[None]:
    """Make sure that importing a user's module runs the files that its hash names.

    Raises
    ------
    UsageError
        When this process has run other ones under these names before.

    Examples
    --------
    >>> with importing("json"):
    ...     import json
    """
    hashes = {}
    for module, path in local_modules(name).items():
        hashes[module] = hashlib.sha256(path.read_bytes()).hexdigest()
        if _executed.get(module, hashes[module]) != hashes[module]:
            raise UsageError(
                f"expected {path} to be as this process loaded it, it changed since; restart the process, or the "
                "cluster's workers, for Python loads a module once"
            )
        if path.suffix == ".py" and _is_local(module, path):
            # Python takes a compiled file for that of a source of the same size and second.
            with suppress(OSError, NotImplementedError):
                Path(importlib.util.cache_from_source(path)).unlink(missing_ok=True)
    try:
        with importing_from_here():
            yield
    finally:
        _executed.update(hashes)


@contextmanager
def importing_from_here() -> Iterator[None]:
    """Look for a user's module where the user stands, which a script's own import path does not include.

    Whoever imports stays there: a module that changes the folder while it loads would lead every path elsewhere.

    Examples
    --------
    >>> with importing_from_here():
    ...     first = sys.path[0]
    >>> first == str(Path.cwd())
    True
    """
    here = str(Path.cwd())
    sys.path.insert(0, here)
    importlib.invalidate_caches()  # the module may have been written a moment ago
    try:
        yield
    finally:
        os.chdir(here)
        sys.path.remove(here)


def _digest_of(estimator: str) -> str:
    files = files_of(estimator)
    if not files:
        return "none"
    digest, nameless = hashlib.sha256(), 1 + is_description(estimator)  # the model and its description
    for place, (name, path) in enumerate(files.items()):
        try:
            content = path.read_bytes()
        except OSError as error:
            raise UsageError(f"expected the estimator's file {path}; reading it failed: {error.strerror}") from error
        digest.update(content if place < nameless else f"\0{name}\0".encode() + content)
    return f"sha256:{digest.hexdigest()}"
