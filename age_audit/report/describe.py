"""What a folder of results is, for machines: Croissant for those who load data, RO-Crate for archives.

Croissant 1.0 is written by mlcroissant, RO-Crate by rocrate: both libraries are their formats' own. Neither names an
hour or a path of this machine; the day of publication is given.
"""

from __future__ import annotations

import datetime
import hashlib
import json
import logging
import re
from collections.abc import Iterator, Sequence
from pathlib import Path

from age_audit import __version__
from age_audit.core.errors import UsageError
from age_audit.data.metadatasets import KINDS, opened, writing
from age_audit.report.cite import all_works, bibtex, methods_paragraph, stated_of, works_of
from age_audit.store.files import write_atomically

CROISSANT, CRATE = "croissant.json", "ro-crate-metadata.json"
_ENCODINGS = {".json": "application/json", ".gz": "application/json", ".npz": "application/octet-stream"}
_ENCODINGS |= {".parquet": "application/x-parquet"}
_NAMED = re.compile(rf"metadataset_(.+)_(?:{'|'.join(KINDS)})\..+")  # names of data sets may hold _ and . themselves
_UTKFACE = "https://susanqq.github.io/UTKFace/"  # whose terms, non-commercial research, hold for what is measured on it
_ABOUT = "Estimates, explanations and measures of faces, made by age-audit; no picture is among them."


def describe(folder: Path, day: str) -> str:
    """Write both descriptions into a folder of metadatasets; says so in a line.

    Parameters
    ----------
    folder : path
        Its metadatasets and those of folders below it are described.
    day : str
        Of publication, YYYY-MM-DD.

    Raises
    ------
    UsageError
        For a day that is none, or a folder without metadatasets.
    """
    try:
        datetime.date.fromisoformat(day)
    except ValueError:
        raise UsageError(f"expected the day of publication as YYYY-MM-DD, got {day!r}") from None
    files = metadataset_files(folder)
    for name, content in ((CROISSANT, croissant), (CRATE, crate)):
        with writing(folder / name):
            write_atomically(folder / name, _json(content(folder, files, day)))
    return f"Written to {folder}: {CROISSANT} and {CRATE}, of {len(files)} files."


def metadataset_files(folder: Path) -> list[Path]:
    """Every metadataset and provenance file in a folder and below it, sorted.

    Raises
    ------
    UsageError
        If there is none.
    """
    named = {*folder.rglob("metadataset_*"), *folder.rglob("metadataset_*.parquet/part-*.parquet")}
    files = sorted(path for path in named if path.suffix in _ENCODINGS and path.is_file())
    if not files:
        raise UsageError(f"expected files metadataset_… in {folder} or below, found none; name another folder")
    return files


def croissant(folder: Path, files: Sequence[Path], day: str) -> dict:
    """The Croissant description: every file with its hash, and the columns of those that are tables.

    Parameters
    ----------
    folder : path
    files : sequence of path
        Of :func:`metadataset_files`.
    day : str
        Of publication, YYYY-MM-DD.

    Returns
    -------
    dict
        JSON-LD. Predictions, an object by file name, have no column that Croissant could name, and are described as
        files alone; so are masks, boxes and landmarks inside rows.
    """
    import mlcroissant

    logging.getLogger("absl").setLevel(logging.ERROR)  # it recommends properties that only a publisher knows
    names = sorted({dataset for _, dataset in map(_home, files)})
    objects, tables = [], []
    for path in files:
        name = path.relative_to(folder).as_posix()
        objects.append(
            mlcroissant.FileObject(
                id=_id(name), name=name, content_url=name, encoding_formats=[_ENCODINGS[path.suffix]],
                content_size=f"{path.stat().st_size} B", sha256=hashlib.sha256(path.read_bytes()).hexdigest(),
            )
        )  # fmt: skip
        columns = _columns(path)
        if columns:
            tables.append(_record_set(name, columns))
    metadata = mlcroissant.Metadata(
        name=f"age-audit-{'-'.join(names)}",
        description=f"{_ABOUT} Data sets: {', '.join(names)}.",
        license=[_UTKFACE] if names == ["utkface"] else None,
        url=_UTKFACE if names == ["utkface"] else None,
        version=__version__,
        date_published=datetime.datetime.fromisoformat(day),
        cite_as=bibtex(all_works()[0]),
        distribution=objects,
        record_sets=tables,
    )
    return metadata.to_json()


def _record_set(name: str, columns: dict[str, type]):
    """A row a face; an ``@id`` holds no white space, which names of files may."""
    import mlcroissant

    types = {bool: mlcroissant.DataType.BOOL, int: mlcroissant.DataType.INTEGER, float: mlcroissant.DataType.FLOAT}
    fields = [
        mlcroissant.Field(
            id=_id(f"{name}/{column}"), name=column, description=column.replace("_", " "),
            data_types=[types.get(kind, mlcroissant.DataType.TEXT)],
            source=mlcroissant.Source(file_object=_id(name), extract=mlcroissant.Extract(json_path=f"$[*].{column}")),
        )
        for column, kind in columns.items()
    ]  # fmt: skip
    return mlcroissant.RecordSet(id=_id(f"{name}/rows"), name=f"rows of {name}", fields=fields)


def _id(name: str) -> str:
    return re.sub(r"\s", "_", name)


def _columns(path: Path) -> dict[str, type]:
    """Columns that every row of a table in JSON has, with a plain value, and the widest type of each."""
    if ".provenance" in path.name or ".json" not in path.suffixes[-2:]:
        return {}
    plain = path.with_suffix("") if path.suffix == ".gz" else path
    with opened(plain) as stream:
        rows = json.loads(stream.read().decode("utf-8-sig"))
    if not isinstance(rows, list) or not rows:
        return {}
    # A path of JSON finds nothing where a row lacks the column, and cannot spell a name with quotes or dots.
    shared = [column for column in rows[0] if re.fullmatch(r"\w+", column) and all(column in row for row in rows)]
    return {column: kind for column in shared if (kind := _type(row[column] for row in rows)) is not None}


def _type(values: Iterator) -> type | None:
    found = {type(value) for value in values}
    known = found - {type(None)}
    if known & {dict, list}:
        return None
    if known <= {int, float} and known:
        return int if found == {int} else float
    return known.pop() if len(known) == 1 else str


def crate(folder: Path, files: Sequence[Path], day: str) -> dict:
    """The RO-Crate: every file, what was done in each folder, the software, and the works that it used.

    Parameters
    ----------
    folder, files, day
        As for :func:`croissant`.

    Returns
    -------
    dict
        JSON-LD.
    """
    from rocrate.model.contextentity import ContextEntity
    from rocrate.rocrate import ROCrate

    made = ROCrate()
    made.name, made.description, made.datePublished = "Results of age-audit", _ABOUT, day
    software = made.add(ContextEntity(made, "#age-audit", {"@type": "SoftwareApplication", "name": "age-audit"}))
    software["softwareVersion"] = __version__
    entities = {}
    for path in files:
        name = path.relative_to(folder).as_posix()
        about = {"name": name, "encodingFormat": _ENCODINGS[path.suffix], "contentSize": path.stat().st_size}
        about["sha256"] = hashlib.sha256(path.read_bytes()).hexdigest()
        entities[path] = made.add_file(path, dest_path=name, properties=about)
    works: dict[str, dict] = {}
    for number, (place, dataset) in enumerate(dict.fromkeys(map(_home, files))):
        stated = stated_of(place, dataset)
        if not stated:  # a study's own files, say: nobody says what was done
            continue
        works |= {work["key"]: work for work in works_of(stated)[1:]}
        what = {
            "name": f"{dataset} in {place.relative_to(folder).as_posix()}",
            "description": methods_paragraph(stated),
        }
        action = made.add(ContextEntity(made, f"#run-{number}", {"@type": "CreateAction"} | what))
        action["instrument"] = software
        action["result"] = [found for path, found in entities.items() if _home(path) == (place, dataset)]
    cited = [
        ContextEntity(made, f"#{key}", {"@type": "CreativeWork", "name": work["title"], "citation": bibtex(work)})
        for key, work in works.items()
    ]
    made.root_dataset["citation"] = [made.add(work) for work in cited]
    return made.metadata.generate()


def _home(path: Path) -> tuple[Path, str]:
    """The folder of ``metadataset_utkface_predictions.json`` and ``utkface``; of a partition those of its rows."""
    path = path.parent if path.suffix == ".parquet" else path
    match = _NAMED.fullmatch(path.name)
    return path.parent, match[1] if match else path.name.split(".")[0].removeprefix("metadataset_")


def _json(content: dict) -> bytes:
    return (json.dumps(content, indent=1, ensure_ascii=False) + "\n").encode()
