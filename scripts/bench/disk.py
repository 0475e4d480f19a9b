"""Two folders on one disk, beside rsync and rclone bisync."""

import json
import random
import shutil
import subprocess

from measure import Run, Table


def make_tree(folder, files):
    """`files` files in folders of ten, most of them small; the same for every run."""
    draw = random.Random(1)
    block = draw.randbytes(1 << 20)
    for number in range(files):
        if number % 10 == 0:
            here = folder / f"{number // 1000:04}" / f"{number // 10 % 100:02}"
            here.mkdir(parents=True, exist_ok=True)
        size = min(int(draw.paretovariate(1.2) * 700), 1 << 18)
        start = draw.randrange(len(block) - size)
        (here / f"file-{number:07}.dat").write_bytes(block[start : start + size])


class Disk:
    def __init__(self, programs, work, files, rounds, looks=1):
        """In each of the `rounds` both trees are made anew; in each it is seen `looks` times that nothing changed."""
        self.looks = looks
        self.programs = programs
        self.work = work
        self.files = files
        self.rounds = rounds
        self.source = work / f"source-{files}"
        self.first = Table(f"First pass, {files:,} files, flushed, fresh destination", "rsync -a, then sync -f")
        self.still = Table(f"Nothing changed, {files:,} files, fresh process", "rsync -a")
        self.edited = Table(f"Every file edited, {files:,} files", "tandem sync")

    def run(self):
        make_tree(self.source, self.files)
        subprocess.run(["sync"], check=True)
        for number in range(self.rounds):
            self.round(number)

    def round(self, number):
        to = {name: self.work / f"{name}-{self.files}-{number}" for name in ("rsync", "fsync", "tandem")}
        profile = self.programs.profile(f"disk-{self.files}-{number}")
        profile.add_pair(self.source, to["tandem"])
        # Each goes first in every second round.
        turns = [lambda: self.rsync_first(to["rsync"]), lambda: self.tandem_first(profile)]
        for turn in turns if number % 2 == 0 else reversed(turns):
            turn()
        if self.files <= 100_000:
            self.first.add("rsync -a --fsync", Run(["rsync", "-a", "--fsync", f"{self.source}/", f"{to['fsync']}/"]))
        self.nothing(to["rsync"], profile)
        if self.files <= 100_000:
            self.bisync(to["rsync"])
        self.edit(profile)
        # The destinations stay until the end: ext4 makes new files slowly for minutes after many were removed.
        shutil.rmtree(self.source / ".tandem", ignore_errors=True)
        subprocess.run(["sync"], check=True)

    def rsync_first(self, to):
        command = f"rsync -a {self.source}/ {to}/ && sync -f {to}"
        self.first.add("rsync -a, then sync -f", Run(["sh", "-c", command]))

    def tandem_first(self, profile):
        self.first.add("tandem sync", Run(profile.command("sync", "bench")))

    def nothing(self, rsynced, profile):
        rsync = ["rsync", "-a", f"{self.source}/", f"{rsynced}/"]
        tandem = profile.command("sync", "bench")
        # The first of each warms the caches.
        Run(rsync)
        Run(tandem)
        for _ in range(self.looks):
            self.still.add("rsync -a", Run(rsync))
            self.still.add("tandem sync", Run(tandem))

    def bisync(self, rsynced):
        command = [self.programs.rclone, "bisync", str(self.source), str(rsynced), "--workdir", str(self.work / "bisync")]
        Run([*command, "--resync"])
        self.still.add("rclone bisync", Run(command))

    def edit(self, profile):
        """Every file is edited on one side: that is held, approved, and carried."""
        for path in self.source.rglob("*.dat"):
            with path.open("ab") as file:
                file.write(b"edited")
        self.edited.add("tandem sync, held", Run(profile.command("sync", "bench"), expect=(3,)))
        held = json.loads(subprocess.run(profile.command("--json", "held"), check=True, capture_output=True).stdout)
        for hold in held["held"]:
            subprocess.run(profile.command("approve", hold["id"]), check=True, stdout=subprocess.DEVNULL)
        self.edited.add("tandem sync", Run(profile.command("sync", "bench")))
