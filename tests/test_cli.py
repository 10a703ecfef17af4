"""Command lines: options out of config dataclasses, and one sentence with an exit code for what users can act on."""

import argparse
import dataclasses
import errno
import os
import sqlite3
import subprocess
import sys
from pathlib import Path

import pytest
from PIL import Image

import analysis_1_method
import analysis_2_evaluate
import analysis_3_filter_visualise
from age_audit.cli import build_parser, make_folder, run_command
from age_audit.core.config import Stage1Config, Stage2Config
from age_audit.core.errors import UsageError

ROOT = Path(__file__).resolve().parent.parent


@pytest.fixture
def parser():
    return build_parser(Stage1Config, "stage1", "What it does.")


def options(parser):
    return {option: action for action in parser._actions for option in action.option_strings}


class TestParser:
    def test_options(self, parser):
        assert sorted(set(options(parser)) - {"-h", "--help"}) == [
            "--age-ranges",
            "--batch",
            "--cluster",
            "--dataset",
            "--device",
            "--estimator",
            "--explainer",
            "--images",
            "--json-log",
            "--labels",
            "--limit",
            "--metadatasets",
            "--output",
            "--overwrite",
            "--precision",
            "--preset",
            "--sample",
            "--samples",
            "--seed",
            "--sensitive",
            "--steps",
            "--target",
            "--until-settled",
            "--workers",
        ]

    @pytest.mark.parametrize("config", [Stage1Config, Stage2Config])
    def test_defaults_are_those_of_the_config(self, config):
        assert config(**vars(build_parser(config, "p", "d").parse_args([]))) == config()

    def test_help_quotes_every_default(self, parser):
        quoted = {
            "--images": "utkface/img",
            "--output": "utkface",
            "--metadatasets": "metadatasets",
            "--dataset": "utkface",
            "--labels": "utkface; an --output that has other labels wants them named again",
            "--sensitive": "race and gender where they are there",
            "--age-ranges": "0-12,13-18,19-25,26-100",
            "--estimator": "dex-wrn",
            "--preset": "published",
            "--precision": "float32",
            "--device": "auto",
            "--batch": "what suits the device",
            "--steps": "align,crop,estimate,explain",
            "--workers": "1",
            "--cluster": "this machine",
            "--json-log": "none",
            "--limit": "all",
            "--sample": "all",
            "--samples": "the preset's, 100 in published, 256 in audit",
            "--until-settled": "ask about all of --samples",
            "--explainer": "lime",
            "--target": "the preset's, top-class in published and age in audit",
            "--seed": "42",
        }
        assert set(quoted) == set(options(parser)) - {"-h", "--help", "--overwrite"}
        for option, default in quoted.items():
            assert options(parser)[option].help.endswith(f" (default: {default})"), option
        assert " ".join(parser.format_help().split()).count("(default: ") == len(quoted)

    def test_every_option_is_explained(self, parser):
        for field in dataclasses.fields(Stage1Config):
            assert options(parser)[f"--{field.name.replace('_', '-')}"].help.startswith(field.metadata["help"])

    def test_values_get_their_types(self, parser):
        text = "--images a/b --steps crop,,estimate --workers 3 --limit 5 --seed 0 --overwrite --dataset d"
        given = Stage1Config(**vars(parser.parse_args(text.split())))
        assert given == Stage1Config(
            images=Path("a/b"), steps=("crop", "estimate"), workers=3, limit=5, seed=0, overwrite=True, dataset="d"
        )

    def test_a_tilde_is_the_home_folder(self, parser, monkeypatch):
        """Shells leave it as it is behind an equals sign."""
        monkeypatch.setenv("HOME", "/home/me")
        given = parser.parse_args(["--output=~/out", "--labels=~/a.csv", "--dataset=a~b", "--images=x/~"])
        assert (given.output, given.labels) == (Path("/home/me/out"), "/home/me/a.csv")
        assert (given.dataset, given.images) == ("a~b", Path("x/~"))

    def test_underscores_become_dashes(self):
        field = dataclasses.field(default=1, metadata={"help": "x"})
        config = dataclasses.make_dataclass("Config", [("two_words", int, field)])
        assert build_parser(config, "p", "d").parse_args(["--two-words", "2"]) == argparse.Namespace(two_words=2)


def command(run, *argv):
    return run_command(Stage1Config, "stage1", "What it does.", run, argv)


def full_database():
    """The error of a database that may not grow."""
    database = sqlite3.connect(":memory:")
    database.execute("PRAGMA max_page_count = 1")
    try:
        database.execute("CREATE TABLE images (image TEXT)")
    except sqlite3.OperationalError as error:
        return error


def raising(error):
    def run(config):
        raise error

    return run


class TestRunCommand:
    def test_the_result_is_printed(self, capsys):
        assert command(lambda config: f"{config.limit} images", "--limit", "3") == 0
        assert capsys.readouterr() == ("3 images\n", "")

    @pytest.mark.parametrize(
        ("error", "code", "message"),
        [
            (UsageError("expected b, got a; do c"), 2, "expected b, got a; do c"),
            (KeyboardInterrupt(), 130, "interrupted; what is done is kept, run the same command to go on"),
            (
                OSError(errno.ENOSPC, "No space left on device"),
                2,
                "the disk is full; free some space and run the same command to go on",
            ),
            (
                OSError(errno.EMFILE, "Too many open files"),
                2,
                "too many files are open; allow more (ulimit -n 1024) or take fewer --workers, and run the same "
                "command",
            ),
            (
                MemoryError(),
                2,
                "the memory is used up, or its limit is low (ulimit -v); free some, take fewer --workers or a smaller "
                "--batch, and run the same command to go on",
            ),
            (
                full_database(),
                2,
                "the disk is full; free some space and run the same command to go on",
            ),
            (
                sqlite3.DatabaseError("database disk image is malformed"),
                2,
                "the ledger in --output cannot be used: database disk image is malformed; put back a copy of it or "
                "choose another --output",
            ),
        ],
    )
    def test_one_line_and_an_exit_code(self, capsys, error, code, message):
        assert command(raising(error)) == code
        assert capsys.readouterr() == ("", f"stage1: {message}\n")

    @pytest.mark.parametrize(
        "error",
        [
            OSError(errno.EIO, "Input/output error"),
            PermissionError(errno.EACCES, "Permission denied"),
            sqlite3.OperationalError("no such table: images"),
            ValueError("a bug"),
        ],
    )
    def test_everything_else_propagates(self, error):
        with pytest.raises(type(error)) as raised:
            command(raising(error))
        assert raised.value is error

    @pytest.mark.parametrize(
        ("argv", "expected"),
        [
            (["--preset", "x"], "expected preset to be one of published, audit, got 'x'"),
            (["--precision", "x"], "expected precision to be one of float32, bfloat16, auto, got 'x'"),
            (["--steps", "align,x"], "expected step to be one of align, crop, estimate, explain, got 'x'"),
            (["--steps", ","], "expected at least one step of align, crop, estimate, explain, got none"),
            (["--workers", "0"], "expected --workers to be at least 1, got 0"),
            (["--batch", "1"], "expected --batch to be at least 2, got 1"),
            (["--device", "tpu"], "expected --device to be auto, cpu, gpu or gpu:N, got 'tpu'"),
            (["--limit", "0"], "expected --limit to be at least 1, got 0"),
            (["--sample", "0"], "expected --sample to be at least 1, got 0"),
            (["--dataset", "a/b"], "expected --dataset to be a plain name without folders, got 'a/b'"),
        ],
    )
    def test_values_that_make_no_run(self, capsys, argv, expected):
        assert command(pytest.fail, *argv) == 2
        out, err = capsys.readouterr()
        assert out == ""
        assert err.startswith(f"stage1: {expected}")
        assert err.count("\n") == 1

    @pytest.mark.parametrize("argv", [["--workers", "two"], ["--colour"], ["images"], ["--limit"]])
    def test_lines_that_do_not_parse(self, capsys, argv):
        with pytest.raises(SystemExit) as stop:
            command(pytest.fail, *argv)
        assert stop.value.code == 2
        assert "usage: stage1" in capsys.readouterr().err


class TestStage1:
    @pytest.mark.parametrize(
        ("argv", "expected"),
        [
            (["--images", "no-such-folder"], "expected a folder of images at no-such-folder, found none"),
            (
                ["--labels", "x"],
                "expected --labels to be utkface, imdbwiki, agedb, morph or a path ending in .csv, .tsv or .txt, got",
            ),
            (["--estimator", "x"], "expected an estimator among dex-wrn, dex-efficientnet-b3, cydral-resnet10"),
        ],
    )
    def test_refused_before_anything_is_written(self, tmp_path, monkeypatch, capsys, argv, expected):
        monkeypatch.chdir(tmp_path)
        (tmp_path / "faces").mkdir()
        (tmp_path / "faces" / "1_0_0_2016.jpg").touch()
        assert analysis_1_method.main([*([] if "--images" in argv else ["--images", "faces"]), *argv]) == 2
        assert capsys.readouterr().err.startswith(f"analysis_1_method.py: {expected}")
        assert [path.name for path in tmp_path.iterdir()] == ["faces"]

    @pytest.mark.parametrize(
        ("argv", "expected"),
        [
            (["--labels", "utkface", "--labels", "my.csv"], "expected --labels once, got utkface and my.csv; keep one"),
            (["--images=a", "--limit", "3", "--ima", "b"], "expected --images once, got a and b; keep one"),
            (["--steps", "crop", "--steps", "crop,align"], "expected --steps once, got crop and crop,align; keep one"),
        ],
    )
    def test_an_option_given_twice(self, capsys, argv, expected):
        assert analysis_1_method.main(argv) == 2
        assert capsys.readouterr().err.startswith(f"analysis_1_method.py: {expected}")

    @pytest.mark.parametrize(
        ("script", "option"),
        [
            *((analysis_1_method, option) for option in ("images", "output", "metadatasets")),
            *((analysis_2_evaluate, option) for option in ("output", "metadatasets")),
            *((analysis_3_filter_visualise, option) for option in ("metadatasets", "figures")),
        ],
    )
    @pytest.mark.parametrize("below", ["", "deeper/still"])
    def test_a_file_where_a_folder_belongs(self, tmp_path, monkeypatch, capsys, script, option, below):
        monkeypatch.chdir(tmp_path)
        Path("notes.txt").write_text("no folder")
        given = Path("notes.txt") / below
        assert script.main([f"--{option}", str(given)]) == 2
        told = f"expected --{option} to name a folder, got {given}, but notes.txt is a file; name another\n"
        assert capsys.readouterr().err.endswith(f": {told}")
        assert [path.name for path in tmp_path.iterdir()] == ["notes.txt"]

    def test_the_script_exits_with_the_code(self, tmp_path):
        script = [sys.executable, str(ROOT / "analysis_1_method.py"), "--preset", "x"]
        ended = subprocess.run(script, cwd=tmp_path, capture_output=True, text=True)
        assert ended.returncode == 2
        assert ended.stdout == ""
        assert ended.stderr == "analysis_1_method.py: expected preset to be one of published, audit, got 'x'\n"


@pytest.mark.parametrize(
    ("limit", "words"),
    [
        (
            "-v 600000",
            "expected room for 1 GB of memory a process, the limit is 0.6 GB; raise it (ulimit -v unlimited)",
        ),
        (
            "-n 8",
            "too many files are open; allow more (ulimit -n 1024) or take fewer --workers, and run the same command",
        ),
    ],
)
def test_a_low_limit_of_the_machine_is_told_in_one_sentence(tmp_path, astronaut_head, limit, words):
    (tmp_path / "in").mkdir()
    Image.fromarray(astronaut_head).save(tmp_path / "in" / "30_1_0_2017.png")
    command = f"ulimit {limit}; exec {sys.executable} {ROOT / 'analysis_1_method.py'} --images in --output out"
    command += " --metadatasets meta --estimator cydral-resnet10 --workers 2"
    ended = subprocess.run(["bash", "-c", command], cwd=tmp_path, capture_output=True, text=True)
    assert ended.returncode == 2
    assert ended.stderr.splitlines()[-1] == f"analysis_1_method.py: {words}"
    assert "Traceback" not in ended.stderr


def test_a_reader_that_goes_away_gets_no_traceback():
    program = (
        "import sys, dataclasses; sys.path.insert(0, '.');"
        "from age_audit.cli import run_command;"
        "Config = dataclasses.make_dataclass('Config', [], frozen=True);"
        "raise SystemExit(run_command(Config, 'p', '', lambda config: 'line\\n' * 100_000, []))"
    )
    root = Path(__file__).resolve().parent.parent
    with subprocess.Popen(
        [sys.executable, "-c", program], cwd=root, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        process.stdout.readline()
        process.stdout.close()
        assert process.stderr.read() == b""
        assert process.wait() == 141


PROCESS = "import dataclasses; from age_audit.cli import run_command; {before}\nraise SystemExit(run_command("
PROCESS += "dataclasses.make_dataclass('Config', [], frozen=True), 'p', '', lambda config: {result}, []))"


def process(result, before="", **environment):
    """A command that prints that result, as a process of its own."""
    program = [sys.executable, "-c", PROCESS.format(result=result, before=before)]
    return program, {"cwd": ROOT, "env": os.environ | environment, "capture_output": True, "text": True}


def test_a_name_that_the_terminal_has_no_letters_for_ends_no_run():
    program, options = process("'\u5199\u771f.jpg'", PYTHONIOENCODING="ascii")
    ended = subprocess.run(program, **options)
    assert (ended.returncode, ended.stdout) == (0, "\\u5199\\u771f.jpg\n")


def test_file_names_in_another_encoding_are_refused():
    program, options = process("'never'", LC_ALL="C", PYTHONUTF8="0", PYTHONCOERCECLOCALE="0")
    ended = subprocess.run(program, **options)
    assert (ended.returncode, ended.stdout) == (2, "")
    assert (
        ended.stderr == "p: expected file names in UTF-8, this locale has ascii; set PYTHONUTF8=1 or LC_ALL=C.UTF-8\n"
    )


def test_closed_streams_are_opened_so_that_no_file_takes_their_place():
    program, options = process("(sys.stderr.write('told'), open('/dev/null').fileno())", before="import os, sys")
    ended = subprocess.run(["bash", "-c", 'exec "$@" <&- 2>&-', "bash", *program], **options)
    assert (ended.returncode, ended.stdout) == (0, "(4, 3)\n")


def test_a_folder_that_cannot_be_made_names_its_option(tmp_path):
    make_folder("--output", tmp_path / "new" / "deep")
    make_folder("--output", tmp_path / "new" / "deep")
    assert (tmp_path / "new" / "deep").is_dir()
    (tmp_path / "file").touch()
    with pytest.raises(UsageError, match=r"cannot write to .*file/below: .*; name another folder by --output"):
        make_folder("--output", tmp_path / "file" / "below")
