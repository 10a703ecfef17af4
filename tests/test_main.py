"""The command ``age-audit``: each subcommand does what its script does."""

import subprocess
import sys
import tomllib

import pytest

import analysis_1_method
import analysis_2_evaluate
import analysis_3_filter_visualise
from age_audit import __main__, __version__
from age_audit.core.config import EstimateConfig, Stage1Config
from age_audit.core.paths import ROOT


def told(capsys, argv, main=__main__.main):
    """What a command that ends at once prints, and its exit code."""
    with pytest.raises(SystemExit) as ended:
        main(argv)
    return capsys.readouterr(), ended.value.code


def test_version_is_that_of_the_package(capsys):
    printed, code = told(capsys, ["--version"])
    assert (printed.out, code) == (f"age-audit {__version__}\n", 0)


def test_help_names_every_command(capsys):
    printed, code = told(capsys, ["--help"])
    assert code == 0
    for command in __main__.COMMANDS:
        assert f"\n  {command} " in printed.out


@pytest.mark.parametrize("command", __main__.COMMANDS)
def test_every_command_is_there_and_tells_its_options(capsys, command):
    _, config, run, about = __main__.COMMANDS[command]
    assert callable(__main__.named(run))
    printed, code = told(capsys, [command, "--help"])
    assert code == 0 and printed.out.startswith(f"usage: age-audit {command}")
    assert about in " ".join(printed.out.split())
    assert config is None or set(__main__.named(config).__dataclass_fields__)


def test_an_unknown_command_names_those_there_are(capsys):
    printed, code = told(capsys, ["guess"])
    assert code == 2 and "explain" in printed.err and "guess" in printed.err


@pytest.mark.parametrize(
    ("command", "script"),
    [("explain", analysis_1_method), ("evaluate", analysis_2_evaluate), ("visualise", analysis_3_filter_visualise)],
)
def test_commands_take_the_options_of_their_script(capsys, command, script):
    of_command, _ = told(capsys, [command, "--help"])
    of_script, _ = told(capsys, ["--help"], script.main)
    options = [
        [line for line in text.splitlines() if line.lstrip().startswith("--")]
        for text in (of_command.out, of_script.out)
    ]
    assert options[0] == options[1] and len(options[0]) > 3


def test_estimate_is_stage_1_without_explanations():
    assert EstimateConfig().steps == Stage1Config().steps[:-1] == ("align", "crop", "estimate")


def test_what_users_can_act_on_ends_with_2(capsys, tmp_path):
    code = __main__.main(["evaluate", "--output", str(tmp_path)])
    assert code == 2 and capsys.readouterr().err.startswith("age-audit evaluate: expected")


def test_what_it_imports_is_installed_with_it():
    program = "from setuptools.config.pyprojecttoml import read_configuration as read; "
    program += "print(*read('pyproject.toml')['project']['dependencies'], sep='\\n')"
    told = subprocess.run([sys.executable, "-Wignore", "-c", program], cwd=ROOT, capture_output=True, text=True)
    lines = (ROOT / "requirements.txt").read_text().splitlines()
    named = [line for line in lines if line and not line.startswith("#")]
    assert sorted(told.stdout.split()) == sorted(named) and len(named) > 20, told.stderr


def test_it_is_installed_and_starts_without_the_libraries_of_models():
    entry = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]["scripts"]["age-audit"]
    assert entry == "age_audit.__main__:main"
    program = (
        "import sys; from age_audit.__main__ import main; sys.exit(bool({'tensorflow', 'dlib'} & set(sys.modules)))"
    )
    subprocess.run([sys.executable, "-c", program], check=True)
