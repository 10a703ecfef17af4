"""Audit facial age estimators: how wrong, for whom, which part of the face moves the estimate, and how sure is that.

The map, floor by floor. A room imports only rooms of the floors below it; `make lint` checks that (pyproject.toml).

- `__main__` the command `age-audit`; `demo` the whole pipeline on two portraits
- `pipeline` the three stages: what a step depends on, what is done, what is missing, what is exported
- `report` tables and figures as files, claims that point at numbers, notebooks executed
- `figures` everything drawn; `recheck` the study's designs on shuffled, unrepeated, closed data; `explain` where an
  estimator looks; `training` classifiers of one's own; `execution` processes, clusters, progress
- `audit` our questions, tables in, tables out: `audit.errors` wrong for whom, `audit.gate` may it guard a door,
  `audit.explanations` can it be believed;
  `study` what the paper did, to the last digit; `estimators` the models; `data` what comes in and what ships
- `stats` arrays only; `regions` which part of the face; `faces` dlib; `store` what a run remembers; `cli` options
- `core` words that everyone speaks
"""

__version__ = "0.1.0"
