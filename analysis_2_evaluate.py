"""Stage 2: which regions of the face the explanations of stage 1 lie in.

python analysis_2_evaluate.py --output utkface --metadatasets metadatasets
"""

from age_audit.cli import run_command
from age_audit.core.config import Stage2Config


def main(argv: list[str] | None = None) -> int:
    """Run stage 2 from the command line; returns the exit code."""
    description = (
        "Find landmarks on each crop and score 13 regions of the face by the positive pixels of its explanation."
    )
    return run_command(Stage2Config, "analysis_2_evaluate.py", description, run, argv)


def run(config: Stage2Config):
    """Do what the options ask for."""
    from age_audit.pipeline.stage2 import run_stage2  # loads libraries for a second or more

    return run_stage2(config)


if __name__ == "__main__":
    raise SystemExit(main())
