"""Command lines made from config dataclasses: each default is stated there once, and help quotes it."""

from __future__ import annotations

import argparse
import dataclasses
import os
import resource
import signal
import sqlite3
import sys
import types
import typing
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any, TypeVar

from age_audit.core.errors import UsageError, shortage

Config = TypeVar("Config")
LEAST_MEMORY = 1_000_000_000  # bytes of address space; TensorFlow asks for four times as much, and says so
METAVARS = {Path: "DIR", int: "N", float: "X", str: "NAME"}


def build_parser(config: type, program: str, description: str) -> argparse.ArgumentParser:
    """One option for each field of a config dataclass, with the field's help and default; a field may be positional."""
    parser = argparse.ArgumentParser(prog=program, description=description)
    hints = typing.get_type_hints(config)
    for field in dataclasses.fields(config):
        option, text = f"--{field.name.replace('_', '-')}", field.metadata["help"]
        shown = ",".join(field.default) if isinstance(field.default, tuple) else field.default
        none = field.metadata.get("none", "all")
        told = {"default": field.default, "help": f"{text} (default: {none if shown is None else shown})"}
        kind = _plain_type(hints[field.name])
        if field.metadata.get("positional"):
            parser.add_argument(field.name, nargs="+", type=in_home, metavar=field.metadata["metavar"], help=text)
        elif kind is bool:
            parser.add_argument(option, action="store_true", help=text)
        elif kind is tuple:
            parser.add_argument(option, action=_Once, type=_comma_separated, metavar="A,B", **told)
        else:
            metavar = field.metadata.get("metavar", METAVARS[kind])
            parser.add_argument(option, action=_Once, type=_AT_HOME.get(kind, kind), metavar=metavar, **told)
    return parser


class _Once(argparse.Action):
    """An option that takes one value: of two, argparse would keep the last and not say so."""

    given: str | None = None

    def __call__(self, parser, namespace, values, option_string=None):
        text = ",".join(values) if isinstance(values, tuple) else str(values)
        if self.given is not None:
            raise UsageError(f"expected {self.option_strings[0]} once, got {self.given} and {text}; keep one of them")
        self.given = text
        setattr(namespace, self.dest, values)


def _plain_type(hint: Any) -> type:
    """``int`` for ``int | None``, ``tuple`` for ``tuple[str, ...]``."""
    if isinstance(hint, types.UnionType):
        hint = next(part for part in typing.get_args(hint) if part is not type(None))
    return typing.get_origin(hint) or hint


def in_home(text: str) -> str:
    """``~/out`` as shells mean it; in ``--output=~/out`` they leave it, and a folder called ~ would be made."""
    return os.path.expanduser(text)  # noqa: PTH111


_AT_HOME = {str: in_home, Path: lambda text: Path(in_home(text))}


def _comma_separated(text: str) -> tuple[str, ...]:
    return tuple(part.strip() for part in text.split(",") if part.strip())


def run_command(
    config: type[Config],
    program: str,
    description: str,
    run: Callable[[Config], object],
    argv: Sequence[str] | None = None,
) -> int:
    """Parse, run, print the result's text, and turn what users can act on into one sentence.

    Returns
    -------
    int
        Exit code: 0, 1 when every image failed, 2 when the user must change something, 130 after Ctrl-C, 141 when
        nobody reads the output.
    """
    _open_streams()
    try:
        arguments = build_parser(config, program, description).parse_args(argv)
        _refuse_low_limit()
        _refuse_narrow_names()
        for field in dataclasses.fields(config):
            value = getattr(arguments, field.name)
            if isinstance(value, Path) and field.metadata.get("metavar", METAVARS[Path]) == METAVARS[Path]:
                check_folder(f"--{field.name.replace('_', '-')}", value)
        result = run(config(**vars(arguments)))
        print(result, flush=True)
        return getattr(result, "exit_code", 0)
    except UsageError as error:
        message, code = str(error), 2
    except KeyboardInterrupt as error:  # a command of which nothing is kept says so
        message, code = str(error) or "interrupted; what is done is kept, run the same command to go on", 130
    except BrokenPipeError:  # the reader of our output went away, as `| head` does
        _discard(sys.stdout)
        return 128 + signal.SIGPIPE
    except Exception as error:
        message, code = shortage(error), 2
        if type(error) is sqlite3.DatabaseError:  # damaged pages; for what derives from it, we would be to blame
            message = (
                f"the ledger in --output cannot be used: {error}; put back a copy of it or choose another --output"
            )
        if message is None:
            raise
    try:
        print(f"{program}: {message}", file=sys.stderr)
        sys.stdout.flush()
    except OSError:  # the log is on the full disk too, or its reader went away: the exit code has to do
        _discard(sys.stdout, sys.stderr)
    return code


def _open_streams() -> None:
    """Give those that the caller closed, as services do, a place: the next file opened would take theirs, and libraries
    write into it. What a terminal's encoding lacks is spelled out there, for a name must not end a run.
    """
    for name, mode in (("stdin", "r"), ("stdout", "w"), ("stderr", "w")):
        if getattr(sys, name) is None:
            stream = Path(os.devnull).open(mode)  # noqa: SIM115
            os.set_inheritable(stream.fileno(), True)
            setattr(sys, name, stream)
    if hasattr(sys.stdout, "reconfigure"):
        sys.stdout.reconfigure(errors="backslashreplace")


def check_folder(option: str, path: Path) -> None:
    """Refuse a file where an option names a folder, there or still to be made, or above that folder."""
    there = next((place for place in (path, *path.parents) if place.exists()), None)
    if there is not None and not there.is_dir():
        raise UsageError(f"expected {option} to name a folder, got {path}, but {there} is a file; name another")


def make_folder(option: str, folder: Path) -> None:
    """Make the folder that an option names, or say why it cannot be.

    Raises
    ------
    UsageError
        It names the option.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise UsageError(
            f"cannot write to {folder}: {error.strerror or error}; name another folder by {option}"
        ) from error


def _refuse_narrow_names() -> None:
    """In another encoding pictures could not be called like their images."""
    encoding = sys.getfilesystemencoding()
    if encoding != "utf-8":
        raise UsageError(
            f"expected file names in UTF-8, this locale has {encoding}; set PYTHONUTF8=1 or LC_ALL=C.UTF-8"
        )


def _refuse_low_limit() -> None:
    """Numerical libraries do not fail below this: they wait for memory for ever, or end the process."""
    limit, _ = resource.getrlimit(resource.RLIMIT_AS)
    if limit != resource.RLIM_INFINITY and limit < LEAST_MEMORY:
        raise UsageError(
            f"expected room for {LEAST_MEMORY / 1e9:g} GB of memory a process, the limit is {limit / 1e9:.1f} GB; "
            "raise it (ulimit -v unlimited)"
        )


def _discard(*streams: typing.TextIO) -> None:
    """Throw away what cannot be written: Python would try once more at exit, complain and change the exit code."""
    nowhere = os.open(os.devnull, os.O_WRONLY)
    for stream in streams:
        os.dup2(nowhere, stream.fileno())
