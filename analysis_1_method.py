"""Stage 1: face photos to aligned, cropped, estimated and explained faces.

python analysis_1_method.py --images utkface/img --output utkface --metadatasets metadatasets

Only what is missing is done: an interrupted or repeated run goes on where it was.
"""

from age_audit.cli import run_command
from age_audit.core.config import Stage1Config


def main(argv: list[str] | None = None) -> int:
    """Run stage 1 from the command line; returns the exit code."""
    description = "Align and crop faces, estimate their ages and explain each estimate."
    return run_command(Stage1Config, "analysis_1_method.py", description, run, argv)


def run(config: Stage1Config):
    """Do what the options ask for."""
    from age_audit.pipeline.stage1 import run_stage1  # loads libraries for a second or more

    return run_stage1(config)


if __name__ == "__main__":
    raise SystemExit(main())
