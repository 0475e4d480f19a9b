#!/usr/bin/env python3
"""Deliberate faults: lists them from the source, and looks for tests that find them.

usage: scripts/mutants.py list [WORD]...     the faults, or those with all these words in their lines
       scripts/mutants.py run [--seeds N] [--jobs N] [--quick] [WORD]...
                                             turns on one after the other and looks for a test that fails

A fault is a `mutant!("NAME")` in the code of a crate, or what a `removed!("KIND")` takes out: on its own line, or where
it stands in a `#[track_caller]` function on each line that calls that. It is named by its kind and its place then.

What is in core and in engine is looked for by seeds of the planner's properties and of the engine's simulation, 100,000
of each at most, and if none finds it by the tests of both crates; what is in another crate by that crate's tests. With
--quick tests are left out. One build serves all faults.
"""

import argparse
import os
import re
import subprocess
import sys
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
CRATES = ["core", "engine", "local", "providers", "service"]
FEATURE = "tandem-core/mutants"

# What must be removable wherever it is done: kind, crate, what shows it. A line that does it and is not in the list of
# faults is an error of the list.
ALWAYS = [
    ("transaction", "engine", r"\.transaction\("),
    ("flush", "engine", r"\bsettle\((side|self\.flow\.side)\)"),
    ("flush", "engine", r"\.make_durable\("),
    ("flush", "local", r"\bfsync\(|\bsyncfs\("),
    ("expectation", "engine", r"Expected::(Revision|Absent)\b"),
    ("completeness", "engine", r"\bcomplete\("),
]

# Lines of those that need not be: how they begin, and why.
EXEMPT = [
    (r"(pub(\([a-z]+\))? )?(const )?(async )?fn ", "a definition"),
    (r"retried\(", "the call itself, behind a function that is removable"),
    (r"let Err\(error\) = self\.engine\.root\(side\)\.make_durable", "guarded by the line before"),
]


def code(path):
    """The lines of a file without comments and without its tests, by number."""
    lines = path.read_text().split("\n")
    out = {}
    for number, line in enumerate(lines, 1):
        if line.startswith("#[cfg(test)]") and number < len(lines) and lines[number].startswith("mod "):
            break
        if not line.lstrip().startswith("//"):
            out[number] = line
    return out


def sources(crate):
    folder = ROOT / "crates" / crate / "src"
    for path in sorted(folder.rglob("*.rs")):
        parts = path.relative_to(folder).parts
        if path.name != "mutant.rs" and "tests" not in parts and path.name != "tests.rs":
            yield path


def function_above(lines, number):
    """The name of the function that a line is in, and whether it is told by whom it is called."""
    for at in range(number, 0, -1):
        found = re.search(r"\bfn (\w+)", lines.get(at, ""))
        if found and not lines[at].lstrip().startswith("///"):
            attributes = []
            above = at - 1
            while lines.get(above, "").lstrip().startswith("#["):
                attributes.append(lines[above].strip())
                above -= 1
            return found.group(1), "#[track_caller]" in attributes
    return None, False


def faults():
    """Each fault once: (name, kind or promise, crate, file, line)."""
    found, callers = {}, []
    texts = {path: code(path) for crate in CRATES for path in sources(crate)}
    for path, lines in texts.items():
        crate, shown = path.relative_to(ROOT / "crates").parts[0], str(path.relative_to(ROOT))
        for number, line in lines.items():
            for name in re.findall(r'\bmutant!\("([^"]+)"\)', line):
                found.setdefault(name, (name.split()[0], crate, shown, number))
            for kind in re.findall(r'\bremoved!\("(\w+)"\)', line):
                function, is_told = function_above(lines, number)
                if is_told:
                    callers.append((kind, function, crate))
                else:
                    found[f"{kind} {shown}:{number}"] = (kind, crate, shown, number)
    follow_callers(found, callers, texts)
    return found


# Functions of these names are called as methods of, or beside, other things too; what tells them.
CALLED = {
    "of": r"\bExpected::of\(",
    "expected": r"\baction\.expected\(\)",
    "settle": r"\.settle\((side|self\.flow\.side)\)",
    "sync": r"(\bsys::sync|\.sync)\(",
    "sync_all": r"\bfolder\.sync_all\(\)",
    "transaction": r"\.transaction\(",
    "complete": r"(?<!\w)complete\(",
}


def follow_callers(found, callers, texts):
    for kind, function, crate in callers:
        # Grows while it is walked: who passes on by whom it is called is asked for in turn.
        pattern = CALLED.get(function, rf"\b{function}\(")
        for path, lines in texts.items():
            at_home = path.relative_to(ROOT / "crates").parts[0]
            # What core offers is called by the others.
            if at_home != crate and not (crate == "core" and at_home == "engine"):
                continue
            shown = str(path.relative_to(ROOT))
            for number, line in lines.items():
                if re.search(pattern, line) and not re.search(r"\bfn \w+", line):
                    inner, is_told = function_above(lines, number)
                    if is_told:
                        if (kind, inner, at_home) not in callers:
                            callers.append((kind, inner, at_home))
                        continue
                    found[f"{kind} {shown}:{number}"] = (kind, at_home, shown, number)


def unlisted(found):
    """Lines that do what must be removable and are no fault of the list."""
    places = {(kind, file, line) for kind, _, file, line in found.values()}
    near = {(kind, file) for kind, file, _ in places}
    missing = []
    for kind, crate, pattern in ALWAYS:
        for path in sources(crate):
            shown = str(path.relative_to(ROOT))
            for number, line in code(path).items():
                if not re.search(pattern, line) or any(re.match(start, line.strip()) for start, _ in EXEMPT):
                    continue
                beside = any((kind, shown, at) in places for at in range(number - 2, number + 3))
                if not beside and not is_pattern(line):
                    missing.append(f"{kind} {shown}:{number}: {line.strip()}")
    return missing


def is_pattern(line):
    """Whether a line only tells expectations apart."""
    return "=>" in line or "matches!" in line or "if let" in line


def chosen(words):
    found = faults()
    lines = {name: f"{name} {file}:{line} {crate} {kind}" for name, (kind, crate, file, line) in found.items()}
    return {name: found[name] for name in found if all(word in lines[name] for word in words)}


def list_command(words):
    found = chosen(words)
    for name, (_, crate, file, line) in sorted(found.items()):
        print(f"{name}\t{crate}\t{file}:{line}")
    kinds = Counter(kind for kind, *_ in found.values())
    promises = {kind: n for kind, n in kinds.items() if re.fullmatch(r"P\d+", kind)}
    named = sum(promises.values())
    removed = ", ".join(f"{n} {kind}" for kind, n in sorted(kinds.items()) if kind not in promises)
    print(f"{len(found)} faults: {named} named, for {len(promises)} promises; removed: {removed}", file=sys.stderr)
    if words:
        return 0
    without = [f"P{n}" for n in range(1, 17) if f"P{n}" not in promises]
    if without:
        print(f"no fault for {', '.join(without)}", file=sys.stderr)
    missing = unlisted(found)
    for line in missing:
        print(f"not removable: {line}", file=sys.stderr)
    return 1 if without or missing else 0


def cargo(*arguments, **options):
    return subprocess.run(["cargo", *arguments], cwd=ROOT, check=False, **options)


def target():
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target"))


def by_seeds(names, seeds, jobs):
    """What seeds say of each fault: (who, seeds, what)."""
    # Built once and run for long: quick to build rather than as people get it.
    profile = {"CARGO_PROFILE_RELEASE_LTO": "off", "CARGO_PROFILE_RELEASE_CODEGEN_UNITS": "16"}
    built = cargo("build", "--release", "-p", "tandem-testkit", "--features", "simulation,mutants", "--example", "mutants",
                  env={**os.environ, **profile})
    if built.returncode:
        sys.exit("the runner cannot be built")
    runner = target() / "release/examples/mutants"
    told = {}

    def look(part):
        stages = ["engine"] if part and all(faults_of[name][1] == "engine" for name in part) else []
        process = subprocess.Popen(
            [runner, "--seeds", str(seeds), *stages], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        process.stdin.write("".join(f"{name}\n" for name in part))
        process.stdin.close()
        for line in process.stdout:
            name, who, after, what = line.rstrip("\n").split("\t", 3)
            told[name] = (who, after, what)
            print(f"{name}\t{who}\t{after}\t{what[:160]}", flush=True)
        process.wait()

    faults_of = faults()
    # One after the other, so that a slow one holds up nothing but itself.
    with ThreadPoolExecutor(jobs) as pool:
        list(pool.map(lambda name: look([name]), names))
    return told


def by_tests(names, crates):
    """The first test of the crates that fails with each fault, and not without it."""
    packages = [word for crate in crates for word in ("-p", f"tandem-{crate}")]
    arguments = ["nextest", "run", *packages, "--features", FEATURE, "--retries", "0", "--failure-output", "never"]
    baseline = failed_tests(cargo(*arguments, "--no-fail-fast", capture_output=True, text=True))
    told = {}
    for name in names:
        environment = {**os.environ, "TANDEM_MUTANT": name}
        ran = cargo(*arguments, "--no-fail-fast", capture_output=True, text=True, env=environment)
        failed = [test for test in failed_tests(ran) if test not in baseline]
        told[name] = ("test", str(len(failed)), failed[0]) if failed else ("-", "0", "no test fails")
        print("\t".join((name, *told[name])), flush=True)
    return told


def failed_tests(ran):
    lines = (ran.stderr or "").split("\n")
    found = (re.match(r"\s+(?:FAIL|TIMEOUT|SIGABRT|SIGSEGV)\s+\[.*?\]\s+(?:\(.*?\)\s+)?(.*)", line) for line in lines)
    return list(dict.fromkeys(match.group(1) for match in found if match))


def run_command(words, seeds, jobs, quick):
    found = chosen(words)
    seeded = sorted(name for name, (_, crate, *_) in found.items() if crate in ("core", "engine"))
    told = by_seeds(seeded, seeds, jobs) if seeded else {}
    if not quick:
        rest = [name for name in seeded if told[name][0] == "-"]
        if rest:
            told.update(by_tests(rest, ["core", "engine"]))
        for crate in CRATES[2:]:
            here = sorted(name for name, (_, its, *_) in found.items() if its == crate)
            if here:
                told.update(by_tests(here, [crate]))
    survivors = [name for name, (who, *_) in told.items() if who == "-"]
    print(f"{len(told) - len(survivors)} of {len(told)} found")
    for name in survivors:
        print(f"not found: {name} ({told[name][2]})")
    return 1 if survivors else 0


def main():
    parser = argparse.ArgumentParser(usage=__doc__.split("\n\n")[1])
    parser.add_argument("command", choices=["list", "run"])
    parser.add_argument("--seeds", type=int, default=100_000)
    parser.add_argument("--jobs", type=int, default=os.cpu_count())
    parser.add_argument("--quick", action="store_true")
    parser.add_argument("words", nargs="*")
    given = parser.parse_args()
    if given.command == "list":
        return list_command(given.words)
    return run_command(given.words, given.seeds, given.jobs, given.quick)


if __name__ == "__main__":
    sys.exit(main())
