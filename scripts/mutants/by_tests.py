"""Looks for faults by the tests of the crates: which come across a fault, and of those the first that fails with it."""

import json
import os
import subprocess
import sys
import tempfile
from collections import Counter, defaultdict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

from faults import ROOT
from found import NOBODY, Finding

# A crate's faults are looked for by the tests of these.
TESTS_OF = {
    "core": ["core", "engine"],
    "engine": ["engine"],
    "local": ["local"],
    "providers": ["providers"],
    "service": ["service"],
}

# In seconds. With a fault on, a test that takes longer never ends; one that does without is not used.
LONGEST = 60


@dataclass(frozen=True)
class Test:
    """A test of a crate, in a program of its own."""

    crate: str
    program: str
    folder: str
    name: str

    @property
    def shown(self):
        # What stands behind the last dash tells builds apart.
        return f"{self.crate}: {Path(self.program).name.rsplit('-', 1)[0]} {self.name}"

    def fails(self, **environment):
        command = [self.program, "--exact", self.name]
        where = {**os.environ, "CARGO_MANIFEST_DIR": self.folder, **environment}
        try:
            ran = subprocess.run(
                command, cwd=self.folder, env=where, check=False, capture_output=True, timeout=LONGEST
            )
        except subprocess.TimeoutExpired:
            return True
        return ran.returncode != 0


def build(crates):
    """All tests of these crates that are not left out by themselves."""
    packages = [word for crate in [*sorted(crates), "testkit"] for word in ("-p", f"tandem-{crate}")]
    command = ["cargo", "nextest", "list", *packages, "--all-features", "--message-format", "json"]
    listed = subprocess.run(command, cwd=ROOT, check=False, stdout=subprocess.PIPE, text=True)
    if listed.returncode:
        sys.exit("the tests cannot be built")
    tests = []
    for suite in json.loads(listed.stdout)["rust-suites"].values():
        crate = suite["package-name"].removeprefix("tandem-")
        names = [name for name, case in suite.get("testcases", {}).items() if not case["ignored"]]
        tests += [Test(crate, suite["binary-path"], suite["cwd"], name) for name in names]
    return tests


def came_across(tests, jobs):
    """For each fault the tests that come across it and pass without it."""
    found = defaultdict(list)
    with tempfile.TemporaryDirectory() as folder:

        def look(numbered):
            number, test = numbered
            file = Path(folder) / str(number)
            if test.fails(TANDEM_MUTANTS_CAME_ACROSS=str(file)):
                print(f"fails without any fault, or takes too long: {test.shown}", file=sys.stderr, flush=True)
                return test, []
            return test, sorted(set(file.read_text().splitlines())) if file.exists() else []

        with ThreadPoolExecutor(jobs) as pool:
            for test, names in pool.map(look, enumerate(tests)):
                for name in names:
                    found[name].append(test)
    return found


def search(faults, jobs, tell):
    """Tells the finding for each fault."""
    crates = {crate for fault in faults for crate in TESTS_OF[fault.crate]}
    if not crates:
        return
    tests = came_across([test for test in build(crates) if test.crate in crates], jobs)
    breadth = Counter(test for those in tests.values() for test in those)

    def look(fault):
        # The tests that come across the fewest faults are the likeliest to be about this one.
        mine = sorted(
            (test for test in tests[fault.name] if test.crate in TESTS_OF[fault.crate]),
            key=lambda test: (breadth[test], test.shown),
        )
        for test in mine:
            # One that fails by chance does not do so again.
            if test.fails(TANDEM_MUTANT=fault.name) and test.fails(TANDEM_MUTANT=fault.name):
                return tell(Finding(fault.name, "test", 0, test.shown))
        return tell(Finding(fault.name, NOBODY, 0, f"{len(mine)} tests come across it"))

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(look, faults))
