"""Looks for faults by seeds of the planner's properties and of the engine's simulation."""

import os
import subprocess
import sys
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

from faults import ROOT
from found import parsed

# Planner's seeds that take about as long as one of the engine.
SHARE = 50

# So many seeds of each are enough to look for a fault in.
MOST = 100_000


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def build():
    """The runner. Built once and run for long: quick to build rather than as people get it."""
    profile = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    command = ["cargo", "build", "--release", "-p", "tandem-testkit", "--all-features", "--example", "mutants"]
    if subprocess.run(command, cwd=ROOT, check=False, env={**os.environ, **profile}).returncode:
        sys.exit("the runner cannot be built")
    return target() / "release/examples/mutants"


def search(faults, seeds, jobs, tell):
    """Tells the finding for each fault; one process for each, so that a slow one holds up nothing but itself."""
    runner = build()

    def look(fault):
        # The planner's properties have nothing of the engine.
        planner = min(seeds * SHARE, MOST) if fault.crate == "core" else 0
        command = [runner, "--planner", str(planner), "--engine", str(min(seeds, MOST))]
        ran = subprocess.run(command, input=f"{fault.name}\n", stdout=subprocess.PIPE, text=True, check=False)
        for line in ran.stdout.splitlines():
            tell(parsed(line))

    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(look, faults))
