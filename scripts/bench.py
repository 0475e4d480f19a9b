#!/usr/bin/env python3
"""Measures Tandem beside its peers and writes docs/benchmarks.md.

Every mark runs the programs in turn, five rounds, each first pass into a fresh destination; medians with the smallest
and the largest. Nothing of Tandem is switched off. Usage: bench.py [--files N] [--rounds N] [--million] [--s3] [--keep]
"""

import argparse
import os
import pathlib
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent


def make_tree(folder, files):
    """`files` files in folders of ten, 4 KB on average, most of them small; the same for every run."""
    draw = random.Random(1)
    block = draw.randbytes(1 << 20)
    for number in range(files):
        if number % 10 == 0:
            here = folder / f"{number // 1000:04}" / f"{number // 10 % 100:02}"
            here.mkdir(parents=True, exist_ok=True)
        size = min(int(draw.paretovariate(1.2) * 700), 1 << 18)
        start = draw.randrange(len(block) - size)
        (here / f"file-{number:07}.dat").write_bytes(block[start : start + size])


class Run:
    """Seconds and peak memory of one run of a program."""

    def __init__(self, command, expect=(0,)):
        begin = time.monotonic()
        process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
        error = process.stderr.read()
        _, status, usage = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        self.seconds = time.monotonic() - begin
        self.megabytes = usage.ru_maxrss / 1024
        if process.returncode not in expect:
            sys.exit(f"{command} ended with {process.returncode}: {error.decode(errors='replace')[-2000:]}")


class Table:
    def __init__(self, title):
        self.title = title
        self.rows = {}

    def add(self, name, run):
        self.rows.setdefault(name, []).append(run)

    def median(self, name):
        return statistics.median(run.seconds for run in self.rows[name])

    def text(self, baseline):
        lines = [f"## {self.title}", "", f"| program | median s | min | max | ratio to {baseline} | peak MB |", "|---|---|---|---|---|---|"]
        for name, runs in self.rows.items():
            seconds = [run.seconds for run in runs]
            ratio = self.median(name) / self.median(baseline)
            peak = max(run.megabytes for run in runs)
            lines.append(
                f"| {name} | {statistics.median(seconds):.2f} | {min(seconds):.2f} | {max(seconds):.2f} | {ratio:.2f} | {peak:.0f} |"
            )
        return "\n".join(lines) + "\n"


class Bench:
    def __init__(self, options):
        self.options = options
        self.tandem = os.environ["TANDEM_BIN"]
        self.rclone = os.environ.get("TANDEM_RCLONE", "rclone")
        self.work = pathlib.Path(tempfile.mkdtemp(prefix="tandem-bench-"))
        self.tables = []
        os.environ["TANDEM_PASSPHRASE"] = "bench"

    def profile(self, name, *command):
        return [self.tandem, "--profile", str(self.work / name), "--secret-store", "file", *command]

    def pair(self, profile, source, destination):
        destination.mkdir(parents=True, exist_ok=True)
        subprocess.run(
            self.profile(profile, "pair", "add", "bench", str(source), str(destination)), check=True, stdout=subprocess.DEVNULL
        )

    def disk(self, files):
        source = self.work / f"source-{files}"
        make_tree(source, files)
        subprocess.run(["sync"], check=True)
        first = Table(f"First pass, {files:,} files, fresh destination")
        still = Table(f"Nothing changed, {files:,} files")
        for round_ in range(self.options.rounds):
            to = {name: self.work / f"{name}-{files}-{round_}" for name in ("rsync", "fsync", "tandem")}
            first.add("rsync -a, then sync -f", Run(["sh", "-c", f"rsync -a {source}/ {to['rsync']}/ && sync -f {to['rsync']}"]))
            if files <= 100_000:
                first.add("rsync -a --fsync", Run(["rsync", "-a", "--fsync", f"{source}/", f"{to['fsync']}/"]))
            profile = f"profile-{files}-{round_}"
            self.pair(profile, source, to["tandem"])
            first.add("tandem sync", Run(self.profile(profile, "sync", "bench")))
            for _ in range(2):
                # The first of the two warms the caches of both.
                nothing = Run(["rsync", "-a", f"{source}/", f"{to['rsync']}/"])
                quiet = Run(self.profile(profile, "sync", "bench"))
            still.add("rsync -a", nothing)
            still.add("tandem sync", quiet)
            if files <= 100_000 and round_ == 0:
                self.bisync(source, to["rsync"], still)
            for path in to.values():
                shutil.rmtree(path, ignore_errors=True)
        self.tables += [(first, "rsync -a, then sync -f"), (still, "rsync -a")]

    def bisync(self, source, destination, still):
        work = self.work / "bisync"
        command = [self.rclone, "bisync", str(source), str(destination), "--workdir", str(work)]
        Run([*command, "--resync"])
        for _ in range(3):
            still.add("rclone bisync", Run(command))

    def write(self):
        rsync = subprocess.run(["rsync", "--version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        rclone = subprocess.run([self.rclone, "version"], capture_output=True, text=True, check=True).stdout.splitlines()[0]
        tandem = subprocess.run([self.tandem, "--version"], capture_output=True, text=True, check=True).stdout.strip()
        text = [
            "# Benchmarks",
            "",
            f"{tandem}; {rsync}; {rclone}; {os.cpu_count()} cores. {self.options.rounds} alternating rounds, fresh"
            " destinations, warm cache, nothing switched off. 10 % counts as equal.",
            "",
        ]
        text += [table.text(baseline) for table, baseline in self.tables]
        (ROOT / "docs" / "benchmarks.md").write_text("\n".join(text))
        print("\n".join(text))


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--million", action="store_true")
    options = parser.parse_args()
    bench = Bench(options)
    try:
        bench.disk(options.files)
        if options.million:
            bench.disk(1_000_000)
        bench.write()
    finally:
        shutil.rmtree(bench.work, ignore_errors=True)


main()
