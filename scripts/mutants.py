#!/usr/bin/env python3
"""Deliberate faults: lists them from the source, turns on one after the other, and looks for what finds it.

usage: ./dev mutants list [WORD]...    the faults, or those that have all these words; how many there are
       ./dev mutants run [OPTION]... [WORD]...
                                       looks for each by seeds of the planner's properties, then of the engine, then by
                                       the tests that come across it; what is known already is left out
           --seeds N    seeds of the engine at most; of the planner fifty times as many. Without it, 300 first, and
                        100,000 of each for what neither those nor tests find
           --jobs N     so many searches side by side
           --no-tests   by seeds alone
           --only-tests by tests alone
           --anew       what is known already too
       ./dev mutants table             writes docs/mutants.md

One build serves all faults: which is on is said by TANDEM_MUTANT.
"""

import argparse
import os
import re
import sys
from collections import Counter
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parent / "mutants"))

import by_seeds  # noqa: E402
import by_tests  # noqa: E402
from faults import CRATES, all_faults, unlisted  # noqa: E402
from found import Findings, write_page  # noqa: E402

# Seeds of the engine in which most faults are found.
FEW = 300

# What seeds run is made of these.
SEEDED = ["core", "engine"]


def known(faults):
    return Findings(by_seeds.target() / "mutants.tsv", faults)


def list_command(words):
    faults = all_faults()
    chosen = [fault for fault in faults.values() if fault.has(words)]
    for fault in sorted(chosen, key=lambda fault: fault.name):
        print(f"{fault.name}\t{fault.crate}\t{fault.place}")
    kinds = Counter(fault.kind for fault in chosen)
    promises = {kind: n for kind, n in kinds.items() if re.fullmatch(r"P\d+", kind)}
    removed = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()) if kind not in promises)
    named = sum(promises.values())
    print(f"{len(chosen)} faults: {named} named, for {len(promises)} promises; taken out: {removed}", file=sys.stderr)
    if words:
        return 0
    without = [f"P{n}" for n in range(1, 17) if f"P{n}" not in promises]
    if without:
        print(f"no fault for {', '.join(without)}", file=sys.stderr)
    missing, exempt = unlisted(faults)
    for reason, count in sorted(exempt.items()):
        print(f"{count} lines need not be removable: {reason}", file=sys.stderr)
    for line in missing:
        print(f"cannot be taken out: {line}", file=sys.stderr)
    return 1 if without or missing else 0


def run_command(given):
    every = all_faults()
    findings = known(every)
    faults = sorted((fault for fault in every.values() if fault.has(given.words)), key=lambda fault: fault.name)
    if given.anew:
        findings.forget(faults)

    def tell(finding):
        findings.add(finding)
        print(finding.line()[:200], flush=True)

    def left(crates):
        return [fault for fault in faults if fault.crate in crates and not findings.is_found(fault.name)]

    if not given.only_tests:
        by_seeds.search(left(SEEDED), given.seeds or FEW, given.jobs, tell)
    if not given.no_tests:
        by_tests.search(left(CRATES), given.jobs, tell)
    if not given.only_tests and not given.seeds:
        by_seeds.search(left(SEEDED), by_seeds.MOST, given.jobs, tell)
    survivors = [fault.name for fault in faults if not findings.is_found(fault.name)]
    print(f"{len(faults) - len(survivors)} of {len(faults)} found")
    for name in survivors:
        print(f"not found: {name} ({findings.all[name].what if name in findings.all else 'not looked for'})")
    return 1 if survivors else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n", 1)[1])
    parser.add_argument("command", choices=["list", "run", "table"])
    parser.add_argument("--seeds", type=int)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--no-tests", action="store_true")
    parser.add_argument("--only-tests", action="store_true")
    parser.add_argument("--anew", action="store_true")
    parser.add_argument("words", nargs="*")
    given = parser.parse_intermixed_args()
    if given.command == "list":
        return list_command(given.words)
    if given.command == "table":
        faults = all_faults()
        write_page(faults, known(faults))
        return 0
    return run_command(given)


if __name__ == "__main__":
    sys.exit(main())
