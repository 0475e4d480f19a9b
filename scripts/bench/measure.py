"""One run of a program, and tables of many."""

import statistics
import subprocess
import sys
import tempfile
import time

# Linux counts into the peak of a program what the process was before `execve`. So a small program starts it, not the
# large one that runs this.
STARTER = "/usr/bin/time"


class Run:
    """Seconds and peak memory of one run of a program."""

    def __init__(self, command, expect=(0,)):
        with tempfile.NamedTemporaryFile(mode="r") as peak:
            starter = [STARTER, "--quiet", f"--output={peak.name}", "--format=%M"]
            begin = time.monotonic()
            process = subprocess.run([*starter, *command], stdout=subprocess.DEVNULL, stderr=subprocess.PIPE)
            self.seconds = time.monotonic() - begin
            self.megabytes = int(peak.read()) / 1024
        if process.returncode not in expect:
            sys.exit(f"{command} ended with {process.returncode}: {process.stderr.decode(errors='replace')[-2000:]}")


class Table:
    """Runs of several programs that do the same."""

    def __init__(self, title, baseline):
        self.title = title
        self.baseline = baseline
        self.rows = {}

    def add(self, name, run):
        self.rows.setdefault(name, []).append(run)
        print(f"{self.title}: {name} {run.seconds:.2f} s, {run.megabytes:.0f} MB", file=sys.stderr)

    def median(self, name):
        return statistics.median(run.seconds for run in self.rows[name])

    def peak(self, name):
        return max(run.megabytes for run in self.rows[name])

    def ratio(self, name, other):
        return self.median(name) / self.median(other)

    def text(self):
        lines = [
            f"### {self.title}",
            "",
            f"| program | median s | min | max | ratio to {self.baseline} | peak MB | runs |",
            "|---|---|---|---|---|---|---|",
        ]
        for name, runs in self.rows.items():
            seconds = [run.seconds for run in runs]
            lines.append(
                f"| {name} | {self.median(name):.2f} | {min(seconds):.2f} | {max(seconds):.2f}"
                f" | {self.ratio(name, self.baseline):.2f} | {self.peak(name):.0f} | {len(runs)} |"
            )
        return "\n".join(lines) + "\n"


class Marks:
    """What is asked for, and what was measured."""

    def __init__(self):
        self.rows = []

    def add(self, what, asked, measured, unit=""):
        # 10 % counts as equal.
        verdict = "met" if measured <= asked * 1.1 else "**missed**"
        self.rows.append(f"| {what} | at most {asked:g}{unit} | {measured:.2f}{unit} | {verdict} |")

    def text(self):
        return "\n".join(["| mark | asked | measured | |", "|---|---|---|---|", *self.rows]) + "\n"
