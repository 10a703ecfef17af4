"""Rows of metadatasets as Parquet partitions.

The only module that imports pyarrow. The same rows give the same bytes: row groups and partitions have fixed sizes,
and nothing of the time, the place or the machine is written.
"""

from __future__ import annotations

from collections.abc import Callable, Collection, Iterable, Iterator, Mapping
from itertools import islice
from pathlib import Path

import pyarrow as pa
import pyarrow.compute
import pyarrow.parquet

from age_audit.data.columns import Part, is_number_column

ROWS_PER_GROUP = 16_384  # all that writing holds in memory: some 50 MB as rows
GROUPS_PER_PARTITION = 8
ROWS_PER_PARTITION = ROWS_PER_GROUP * GROUPS_PER_PARTITION

_MORE_FOLLOW = b"more_partitions_follow"  # in each partition's metadata, so that a lost last one is noticed
_COLUMNS_OF_NO_ROWS = ("fname", "age_real", "gender_real", "race_real", "age_estimation", "age_estimation_accuracy")
_WRITING = {"compression": "zstd", "store_schema": False}


def partition_name(number: int) -> str:
    """``part-00000.parquet`` and on."""
    return f"part-{number:05d}.parquet"


def partition_paths(folder: Path) -> list[Path]:
    """The partitions in a folder, in order."""
    return sorted(folder.glob("part-*.parquet"))


def write_partitions(folder: Path, rows: Iterable[Mapping], is_number: Callable[[str], bool] = is_number_column) -> int:
    """Write rows as Parquet partitions into an empty folder, holding one row group of them at a time.

    Parameters
    ----------
    folder : Path
        Is there, and holds no partitions.
    rows : iterable of mapping
        Read once. All with the keys of the first and sorted by ``fname``; finite numbers, truth values and None under
        the keys of numbers, texts and None under all others.
    is_number : callable
        Whether a key is of numbers; by default as of activations.

    Returns
    -------
    int
        How many rows; without any, one partition is written that has columns only.

    Raises
    ------
    ValueError
        If a row has other keys, is out of order or holds what its column cannot.
    """
    tables = _tables(rows, is_number)
    upcoming, partitions, written = next(tables), 0, 0
    while upcoming is not None:
        path = folder / partition_name(partitions)
        groups = [name for name in upcoming.column_names if name != "fname" and not is_number(name)]
        with pa.parquet.ParquetWriter(path, upcoming.schema, use_dictionary=groups, **_WRITING) as writer:
            for _ in range(GROUPS_PER_PARTITION):
                writer.write_table(upcoming, row_group_size=ROWS_PER_GROUP)
                written += upcoming.num_rows
                upcoming = next(tables, None)
                if upcoming is None:
                    break
            writer.add_key_value_metadata({_MORE_FOLLOW: b"no" if upcoming is None else b"yes"})
        partitions += 1
    return written


def read_partitions(folder: Path, wanted: Collection[str] | None = None) -> Iterator[Part]:
    """Read the partitions of a folder, whoever wrote them, one at a time.

    Parameters
    ----------
    folder : Path
    wanted : collection of str, optional
        Columns to read; all by default.

    Yields
    ------
    (DataFrame, list of str)
        One partition: the wanted columns that are there, and the names of all.

    Raises
    ------
    ValueError, OSError
        If a partition is missing or damaged.
    """
    paths = partition_paths(folder)
    expected = [partition_name(number) for number in range(max(1, len(paths)))]
    missing = set(expected) - {path.name for path in paths}
    if missing:
        raise ValueError(f"{min(missing)} is missing")
    for path in paths:
        try:
            with pa.parquet.ParquetFile(path) as file:
                names = file.schema_arrow.names
                table = file.read([name for name in names if wanted is None or name in wanted])
                more = (file.metadata.metadata or {}).get(_MORE_FOLLOW)
        except (pa.ArrowException, OSError) as error:
            raise ValueError(f"{path.name}: {' '.join(str(error).split())}") from error
        if more is not None and (more == b"yes") != (path is not paths[-1]):
            raise ValueError(f"{path.name} says that {'more partitions' if more == b'yes' else 'none'} should follow")
        yield table.to_pandas(ignore_metadata=True), names


def _tables(rows: Iterable[Mapping], is_number: Callable[[str], bool]) -> Iterator[pa.Table]:
    """Row groups: at least one, full but for the last."""
    rows, names, last = iter(rows), None, ""
    while True:
        batch = list(islice(rows, ROWS_PER_GROUP))
        if names is None:
            names = tuple(batch[0] if batch else _COLUMNS_OF_NO_ROWS)
        elif not batch:
            return
        for row in batch:
            if tuple(row) != names:
                raise ValueError(
                    f"expected every row to have the keys of the first, got others for {row.get('fname')!r}"
                )
            if row["fname"] < last:
                raise ValueError(f"expected rows sorted by fname, got {row['fname']!r} after {last!r}")
            last = row["fname"]
        yield pa.table({name: _array(name, [row[name] for row in batch], is_number(name)) for name in names})


def _array(name: str, values: list, number: bool) -> pa.Array:
    if not number:
        return pa.array(values, pa.string())
    values = [float(value) if isinstance(value, bool) else value for value in values]
    numbers = pa.array(values, pa.float64(), from_pandas=False)
    if not pa.compute.all(pa.compute.is_finite(numbers), min_count=0).as_py():
        raise ValueError(f"expected finite numbers or None in {name}, got an infinity or NaN")
    return numbers
