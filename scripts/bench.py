#!/usr/bin/env python3
"""Measures Tandem beside its peers and writes docs/benchmarks.md.

The programs take turns, each first pass goes into a fresh destination, nothing of Tandem is switched off (hashing,
flushing, expectations, versions). Medians stand with the smallest and the largest.
"""

import argparse
import os
import pathlib
import shutil
import subprocess
import sys
import tempfile

ROOT = pathlib.Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT / "scripts" / "bench"))

from bucket import Bucket  # noqa: E402
from disk import Disk  # noqa: E402
from measure import Marks  # noqa: E402


class Profile:
    """A profile of Tandem of its own."""

    def __init__(self, program, folder):
        self.start = [program, "--profile", str(folder), "--secret-store", "file"]

    def command(self, *arguments):
        return [*self.start, *arguments]

    def add_pair(self, source, destination, *options):
        if isinstance(destination, pathlib.Path):
            destination.mkdir(parents=True, exist_ok=True)
        command = self.command("pair", "add", "bench", str(source), str(destination), *options)
        subprocess.run(command, check=True, stdout=subprocess.DEVNULL)


class Programs:
    def __init__(self, work):
        self.work = work
        self.tandem = os.environ["TANDEM_BIN"]
        self.rclone = os.environ["TANDEM_RCLONE"]
        self.s5cmd = os.environ["TANDEM_S5CMD"]

    def profile(self, name):
        return Profile(self.tandem, self.work / f"profile-{name}")

    def versions(self):
        asked = ([self.tandem, "--version"], ["rsync", "--version"], [self.rclone, "version"], [self.s5cmd, "version"])
        outputs = [subprocess.run(a, capture_output=True, text=True, check=True).stdout for a in asked]
        names = ["", "", "", "s5cmd "]
        return "; ".join(name + output.splitlines()[0].strip() for name, output in zip(names, outputs))


def marks_of_disk(marks, disk):
    files = f"{disk.files:,} files"
    million = disk.files > 100_000
    marks.add(f"nothing changed, {files}, time of rsync -a", 0.7, disk.still.ratio("tandem sync", "rsync -a"))
    marks.add(f"nothing changed, {files}, memory", 64 if million else 30, disk.still.peak("tandem sync"), " MB")
    most = 250 if million else 60
    marks.add(f"first pass, {files}, memory", most, disk.first.peak("tandem sync"), " MB")
    peaks = map(disk.edited.peak, disk.edited.rows)
    marks.add(f"every file edited, {files}, memory", most, max(peaks), " MB")
    if million:
        return
    marks.add(f"nothing changed, {files}, time of rclone bisync", 0.1, disk.still.ratio("tandem sync", "rclone bisync"))
    flushed = disk.first.ratio("tandem sync", "rsync -a, then sync -f")
    marks.add(f"first pass, {files}, time of rsync -a and sync -f", 1.0, flushed)
    marks.add(f"first pass, {files}, time of rsync -a --fsync", 0.25, disk.first.ratio("tandem sync", "rsync -a --fsync"))


def measure_disk(disk, tables, marks):
    disk.run()
    tables += [disk.first, disk.still, disk.edited]
    marks_of_disk(marks, disk)


def marks_of_bucket(marks, bucket):
    peers = ("rclone copy", "s5cmd cp")
    fastest = min(peers, key=bucket.upload.median)
    marks.add(f"{bucket.files:,} files to s3s-fs, time of {fastest}", 1.0, bucket.upload.ratio("tandem sync", fastest))
    others = sum(count for kind, count in bucket.requests.items() if kind != "list")
    marks.add("the same, nothing changed: requests that do not list", 0, others)


def page(programs, tables, marks, notes):
    return "\n".join(
        [
            "# Benchmarks",
            "",
            "`./dev bench` makes this page; [performance.md](performance.md) says why what is missed is missed.",
            "",
            f"{programs.versions()}; {os.cpu_count()} cores, {os.uname().sysname} {'.'.join(os.uname().release.split('.')[:2])}.",
            "Alternating rounds, as many as the rows say; fresh destinations, warm cache, nothing switched off. Flags as the"
            " rows name them. 10 % counts as equal.",
            "",
            "## Marks",
            "",
            marks.text(),
            *notes,
            "## Measurements",
            "",
            *[table.text() for table in tables],
        ]
    )


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--files", type=int, default=100_000)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--million", action="store_true", help="also a million files, which takes a while")
    parser.add_argument("--objects", type=int, default=10_000)
    parser.add_argument("--concurrency", type=int, default=16)
    parser.add_argument("--only", choices=("disk", "bucket"))
    options = parser.parse_args()
    os.environ["TANDEM_PASSPHRASE"] = "bench"
    work = pathlib.Path(tempfile.mkdtemp(prefix="tandem-bench-"))
    programs = Programs(work)
    try:
        # Written before the trees are removed, which takes longer than some marks.
        write(measure(programs, work, options))
    finally:
        shutil.rmtree(work, ignore_errors=True)


def measure(programs, work, options):
    tables, marks, notes = [], Marks(), []
    if options.only != "bucket":
        measure_disk(Disk(programs, work, options.files, options.rounds), tables, marks)
    if options.only != "disk":
        bucket = Bucket(programs, work, options.objects, options.rounds, options.concurrency)
        bucket.run()
        tables.append(bucket.upload)
        marks_of_bucket(marks, bucket)
        asked = ", ".join(f"{count} {kind}" for kind, count in bucket.requests.items())
        notes += [f"Requests of a pass over {bucket.files:,} objects of which none changed: {asked}.", ""]
    if options.million:
        # Trees of this size are made once: several would fill the disk.
        measure_disk(Disk(programs, work, 1_000_000, 1, looks=options.rounds), tables, marks)
        notes += ["The trees of a million files are made once; that nothing changed is seen several times.", ""]
    return page(programs, tables, marks, notes)


def write(text):
    (ROOT / "docs").mkdir(exist_ok=True)
    (ROOT / "docs" / "benchmarks.md").write_text(text)
    print(text)


main()
