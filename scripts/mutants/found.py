"""What is known of who finds which fault: kept from run to run, and shown as docs/mutants.md."""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

from faults import ROOT

PAGE = ROOT / "docs/mutants.md"

# Nobody found it.
NOBODY = "-"


@dataclass(frozen=True)
class Finding:
    """Who found a fault, in how many seeds, and what; or that nobody did."""

    name: str
    who: str
    seeds: int
    what: str

    def line(self):
        return "\t".join((self.name, self.who, str(self.seeds), self.what))


class Findings:
    """By name of the fault; each new one is written down at once, with the lines that make the fault."""

    def __init__(self, path: Path, faults):
        self.path = path
        self.faults = faults
        self.all = {}
        for line in path.read_text().splitlines() if path.exists() else []:
            text, rest = line.split("\t", 1)
            finding = parsed(rest)
            if finding.name in faults and faults[finding.name].text == text:
                self.all[finding.name] = finding

    def forget(self, faults):
        for fault in faults:
            self.all.pop(fault.name, None)

    def add(self, finding):
        before = self.all.get(finding.name)
        if finding.who == NOBODY and before:
            what = f"{before.what}; {finding.what}" if finding.what not in before.what else before.what
            finding = Finding(finding.name, NOBODY, max(before.seeds, finding.seeds), what)
        self.all[finding.name] = finding
        self.path.parent.mkdir(parents=True, exist_ok=True)
        lines = (f"{self.faults[name].text}\t{one.line()}\n" for name, one in self.all.items())
        self.path.write_text("".join(lines))

    def is_found(self, name):
        return name in self.all and self.all[name].who != NOBODY


def parsed(line):
    name, who, seeds, what = line.split("\t", 3)
    return Finding(name, who, int(seeds), what)


def write_page(faults, findings):
    """The table, by promise."""
    ordered = sorted(faults.values(), key=lambda fault: (number(fault.promise), fault.name))
    tried = [fault for fault in ordered if fault.name in findings.all]
    untried = [fault for fault in ordered if fault.name not in findings.all]
    survivors = [fault for fault in tried if not findings.is_found(fault.name)]
    who = Counter(findings.all[fault.name].who for fault in tried)
    lines = [
        "# Deliberate faults and what finds them",
        "",
        "Written by `./dev mutants table` from what `./dev mutants run` found out; the faults are listed from the source by",
        "`./dev mutants list`. Each is turned on alone; what is named beside it fails with it and passes without it.",
        "`planner` and `engine` are seeds from 0 on, of the planner's properties and of the whole engine in simulation; all",
        "else is a test by its name. What was taken out (an expectation, a flush, a transaction, a check of completeness) is",
        "named by the line where it stands, and counted for the promise that it mostly serves.",
        "",
        f"- {len(faults)} faults, {len(tried)} of them tried",
        f"- {len(tried) - len(survivors)} found: {who['planner']} by seeds of the planner, {who['engine']} by seeds of the "
        f"engine, {who['test']} by a test",
        f"- {len(survivors)} found by nothing that was tried",
        "",
        "## Found",
        "",
        "| promise | fault | found by | seeds |",
        "|---|---|---|---|",
    ]
    lines += [row(fault, findings.all[fault.name]) for fault in tried if findings.is_found(fault.name)]
    lines += section("Not found", survivors, lambda fault: effort(findings.all[fault.name]))
    lines += section("Not tried", untried, lambda _: "")
    PAGE.write_text("\n".join(lines) + "\n")


def section(title, faults, more):
    if not faults:
        return []
    return ["", f"## {title}", "", *(f"- {fault.promise}: {shown(fault)}{more(fault)}" for fault in faults)]


def effort(finding):
    seeds = f"{finding.seeds:,} seeds, " if finding.seeds else ""
    return f": {seeds}{finding.what}"


def number(promise):
    return int(re.sub(r"\D", "", promise) or 0)


def shown(fault):
    if fault.kind == fault.promise:
        return f"{fault.name.split(' ', 1)[1]} (`{fault.place}`)"
    return f"no {fault.kind}: `{fault.place}`, `{fault.function}`"


def row(fault, finding):
    who, seeds = finding.who, f"{finding.seeds:,}"
    if who == "test":
        who, seeds = f"`{finding.what}`", ""
    return f"| {fault.promise} | {shown(fault)} | {who} | {seeds} |"
