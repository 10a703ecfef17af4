"""Change one token at a time and count how often a test notices: ``make mutants``, docs/mutants.md.

cosmic-ray makes the changes, runs the tests that mirror the module, and remembers what came out, so that an interrupted
run goes on where it was. tools/mutants.toml says which modules, which changes, and what was judged of those that no
test notices.
"""

from __future__ import annotations

import argparse
import ast
import difflib
import hashlib
import json
import os
import random
import re
import shutil
import subprocess
import sys
import tempfile
import tomllib
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from cosmic_ray.commands import init
from cosmic_ray.mutating import mutate_code
from cosmic_ray.plugins import get_operator
from cosmic_ray.work_db import use_db
from cosmic_ray.work_item import TestOutcome, WorkerOutcome, WorkResult

ROOT = Path(__file__).parents[1]
HOME = ROOT / ".mutants"
SETTINGS = tomllib.loads((ROOT / "tools" / "mutants.toml").read_text())
COPIED = ("age_audit", "tests")  # all else is linked: only these are changed, or found by where they stand
WARM = ROOT / "tools" / "warm_pytest.py"
ONE_THREAD = {"OPENBLAS_NUM_THREADS": "1", "OMP_NUM_THREADS": "1"}
CONFIG = """[cosmic-ray]
module-path = "{}"
timeout = {}
excluded-modules = []
test-command = "{} -I -S {} run {}"
[cosmic-ray.distributor]
name = "local"
"""
NOT_TRIED = WorkResult(worker_outcome=WorkerOutcome.SKIPPED)
TABLE = "| {:<44} | {:>7} | {:>5} | {:>7} | {:>10} | {:>4} | {:>7} |"


class WithoutTexts(ast.NodeTransformer):
    """Takes away what cannot change a result: annotations, the words of errors, formatted texts."""

    def visit_arg(self, node):
        return ast.arg(node.arg)

    def visit_FunctionDef(self, node):
        node.returns = None
        return self.generic_visit(node)

    def visit_AnnAssign(self, node):
        node.annotation = ast.Constant(None)
        return self.generic_visit(node)

    def visit_Raise(self, node):
        return ast.Raise(node.exc.func if isinstance(node.exc, ast.Call) else node.exc)

    def visit_JoinedStr(self, node):
        return ast.Constant("")


def meaning(text: str) -> str | None:
    """Of a module's text: equal where two texts do the same but for words; None where it is no Python."""
    try:
        return ast.dump(WithoutTexts().visit(ast.parse(text)))
    except SyntaxError:
        return None


def change(text: str, other: str) -> tuple[str, str]:
    """The lines that differ between two texts, (was, is), without the space around them."""
    lines = list(difflib.ndiff(text.splitlines(), other.splitlines()))
    return tuple("\n".join(line[2:].strip() for line in lines if line.startswith(sign)) for sign in "-+")


def excluded(line: str, column: int) -> bool:
    found = (match for rule in SETTINGS["exclude"] for match in re.finditer(rule["text"], line))
    return any(match.start() <= column < match.end() for match in found)


def digest(text: str) -> str:
    return hashlib.sha256(text.encode()).hexdigest()[:12]


class Module:
    """One module, its tests, and the session that remembers its mutants."""

    def __init__(self, name: str):
        self.name = name
        self.path = ROOT / "age_audit" / f"{name}.py"
        self.tests = ROOT / "tests" / Path(name).with_name(f"test_{Path(name).name}.py")
        self.sample = SETTINGS["sample"].get(name)
        self.folder = HOME / name.replace("/", ".")
        self.session = self.folder / f"{digest(self.path.read_text())}.sqlite"
        self.chosen = self.folder / "chosen"  # what the session's choice of mutants followed, and how many it is of

    def prepare(self) -> None:
        """Make the session where the module is another than before; else keep what it knows and still holds.

        Other tests may notice what was not noticed before, and other settings choose other mutants: these are tried,
        all others keep their outcome.
        """
        unfinished = self.session.with_suffix(".part")
        unfinished.unlink(missing_ok=True)
        if not self.session.exists():
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder.mkdir(parents=True)
            with use_db(unfinished) as db:
                init([self.path.relative_to(ROOT)], db, {})
            unfinished.rename(self.session)
        settings = digest(repr([SETTINGS["operators"], SETTINGS["exclude"], self.sample]))
        tests = digest(self.tests.read_text())
        before = json.loads(self.chosen.read_text()) if self.chosen.exists() else {}
        if (before.get("settings"), before.get("tests")) == (settings, tests):
            return
        with use_db(self.session) as db:
            items, known = db.work_items, dict(db.results)
        choice = before if before.get("settings") == settings else self._chosen(items)
        if before.get("tests") != tests:
            known = {job: result for job, result in known.items() if result.test_outcome != TestOutcome.SURVIVED}
        known = {job: result for job, result in known.items() if result.worker_outcome == WorkerOutcome.NORMAL}
        with use_db(unfinished) as db:
            db.add_work_items(items)
            for job in choice["mutants"].keys() & known.keys():
                db.set_result(job, known[job])
            db.set_multiple_results([item.job_id for item in items if item.job_id not in choice["mutants"]], NOT_TRIED)
        unfinished.rename(self.session)
        self.chosen.write_text(json.dumps(choice | {"settings": settings, "tests": tests}))

    def _chosen(self, items) -> dict:
        """The mutants to try, each as (row, lines as they are, lines changed), and out of how many they were drawn.

        Not other operators, nor what changes words only, nor what the settings exclude.
        """
        text = self.path.read_text()
        lines, as_it_is, wanted = text.splitlines(), meaning(text), re.compile("|".join(SETTINGS["operators"]))
        fit = []
        for item in items:
            (spec,) = item.mutations
            row, column = spec.start_pos
            if wanted.fullmatch(spec.operator_name.removeprefix("core/")) and not excluded(lines[row - 1], column):
                mutant = mutate_code(text, get_operator(spec.operator_name)(), spec.occurrence)
                if meaning(mutant) not in (None, as_it_is):
                    fit.append(((row, column, *change(text, mutant)), item.job_id))
        fit.sort()
        drawn = random.Random(self.name).sample(fit, min(self.sample or len(fit), len(fit)))
        return {"of": len(fit), "mutants": {job: (row, was, new) for (row, _, was, new), job in drawn}}

    def run(self) -> None:
        """Try what has not been tried; a copy of the repository is changed, never the repository."""
        self.prepare()
        with use_db(self.session) as db:
            left = len(db.pending_work_items)
        if not left:
            return
        tree = self.folder / "tree"
        shutil.rmtree(tree, ignore_errors=True)
        tree.mkdir()
        for path in ROOT.iterdir():
            if path.name in COPIED:
                shutil.copytree(path, tree / path.name, ignore=shutil.ignore_patterns("__pycache__"))
            elif not path.name.startswith("."):
                (tree / path.name).symlink_to(path)
        python = os.environ.get("MUTANTS_PYTHON", ROOT / ".venv" / "bin" / "python")
        environment = os.environ | {"PYTHONPATH": str(tree), "PYTHONDONTWRITEBYTECODE": "1"} | ONE_THREAD
        arguments = ["-x", "-q", "-p", "no:cacheprovider", "-m", "not long", self.tests.relative_to(ROOT)]
        with tempfile.TemporaryDirectory() as short:  # the address of a socket has little room
            address = Path(short) / "tests"
            serving = [python, WARM, "serve", address, *arguments]
            server = subprocess.Popen(serving, cwd=tree, env=environment, stdout=subprocess.PIPE, text=True)
            try:
                code, seconds = server.stdout.readline().split()
                if code != "0":
                    sys.exit(f"expected the tests of {self.name} to pass as they are; pytest ended with {code}")
                settings, path = self.folder / "cosmic-ray.toml", self.path.relative_to(ROOT)
                settings.write_text(CONFIG.format(path, 60 + 6 * float(seconds), python, WARM, address))
                print(f"{self.name}: {left} to try, {seconds} s each at most", flush=True)
                tool = Path(sys.executable).with_name("cosmic-ray")
                subprocess.run([tool, "exec", settings, self.session], cwd=tree, env=environment, check=True)
            finally:
                server.kill()
        shutil.rmtree(tree)

    def known(self) -> bool:
        """Whether anything is remembered of the module as it is."""
        return self.session.exists() and self.chosen.exists()

    def outcome(self) -> tuple[int, int, list]:
        """How many mutants there are; how many of those tried a test noticed; and the (row, was, is) of all others."""
        choice = json.loads(self.chosen.read_text())
        with use_db(self.session) as db:
            tried = {job: result.test_outcome for job, result in db.results if job in choice["mutants"]}
        unnoticed = [choice["mutants"][job] for job, outcome in tried.items() if outcome == TestOutcome.SURVIVED]
        return choice["of"], len(tried) - len(unnoticed), sorted(unnoticed)


def report(modules: list[Module]) -> None:
    """In Markdown: a table by room and one by module, why others change nothing, and what no test notices."""
    judged = {(entry["module"], entry["was"], entry["is"]): entry for entry in SETTINGS.get("judged", [])}
    counts, reasons, left, seen = {}, {}, [], set()
    for module in filter(Module.known, modules):
        of, noticed, unnoticed = module.outcome()
        keys = [(module.name, was, new) for _, was, new in unnoticed]
        same = [key for key in keys if judged.get(key, {}).get("equivalent")]
        seen |= set(keys)
        for key in same:
            reasons.setdefault(judged[key]["why"], []).append(key)
        left += [(row, key) for row, key in zip(unnoticed, keys, strict=True) if key not in same]
        tried = noticed + len(keys)
        counts[module.name] = [of, tried, noticed, len(same), tried - noticed - len(same)]
    rooms = {}
    for name, of_module in counts.items():
        rooms.setdefault(Path(name).parent.as_posix(), []).append(of_module)
    table("room", {room: total(of_room) for room, of_room in rooms.items()} | {"all": total(counts.values())})
    table("module", counts)
    print("\nEquivalent, by reason:\n")
    for why, keys in sorted(reasons.items(), key=lambda item: (-len(item[1]), item[0])):
        names = sorted({name for name, _, _ in keys})
        print(f"- {why}: {len(keys)} ({', '.join(names)})")
    for (row, was, new), key in left:
        print(f"\n{key[0]}:{row} ({judged.get(key, {}).get('why', 'not judged')})\n  - {was}\n  + {new}")
    for key in sorted(judged.keys() - seen):
        if key[0] in counts:
            print(f"\njudged, but noticed or not made: {key}")


def table(title: str, rows: dict[str, list[int]]) -> None:
    print("\n" + TABLE.format(title, "mutants", "tried", "noticed", "equivalent", "left", "score"))
    print(TABLE.format(":--", *["--:"] * 6))
    for name, counts in rows.items():
        _, tried, noticed, equivalent, _ = counts
        print(TABLE.format(name, *counts, share(noticed, tried - equivalent)))


def total(rows) -> list[int]:
    return [sum(column) for column in zip(*rows, strict=True)]


def share(noticed: int, of: int) -> str:
    return f"{100 * noticed / of:.1f} %" if of else ""


def main(argv: list[str] | None = None) -> None:
    """Try the mutants of the modules that fit a pattern, then say what came out of all that were tried."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("modules", nargs="*", help="such as stats/normality or 'stats/*'; all if none is named")
    parser.add_argument("--jobs", type=int, default=2, help="modules at a time")
    parser.add_argument("--report", action="store_true", help="only say what came out so far")
    options = parser.parse_args(argv)
    every = {
        path.relative_to(ROOT / "age_audit").with_suffix("").as_posix()
        for pattern in SETTINGS["modules"]
        for path in (ROOT / "age_audit").glob(f"{pattern}.py")
        if path.name != "__init__.py"
    }
    every = {name for name in every if Module(name).tests.exists()}  # where nothing computes, nothing is tested
    wanted = {name for name in every if not options.modules or any(Path(name).match(p) for p in options.modules)}
    if not wanted:
        parser.error(f"expected a module such as {min(every)}; got {' '.join(options.modules)}")
    if not options.report:
        with ThreadPoolExecutor(options.jobs) as pool:
            for _ in pool.map(Module.run, map(Module, sorted(wanted))):
                pass
    report([Module(name) for name in sorted(every)])


if __name__ == "__main__":
    main()
