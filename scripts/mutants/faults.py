"""The deliberate faults, as the source has them.

A fault is a `mutant!("NAME")` in the code of a crate, or what a `removed!("KIND")` takes out: on its own line, or where
it stands in a `#[track_caller]` function on each line that calls that. It is named by its kind and its place then.
"""

import re
from collections import Counter
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
CRATES = ["core", "engine", "local", "providers", "service"]

# Which promise it mostly is that breaks where one of these is taken out.
PROMISE_OF_KIND = {"expectation": "P7", "flush": "P5", "transaction": "P6", "completeness": "P10"}

# What must be removable wherever it is done: kind, crate, what shows it. A line that does it and is not in the list of
# faults is an error of the list.
ALWAYS = [
    ("transaction", "engine", r"\.transaction\("),
    ("flush", "engine", r"\bsettle\((side|self\.flow\.side)\)"),
    ("flush", "engine", r"\.make_durable\("),
    ("flush", "local", r"\bfsync\(|\bsyncfs\("),
    ("expectation", "engine", r"Expected::(Revision|Absent)\b"),
    ("expectation", "local", r"\bis_exactly\(|\bis_after_rename\(|\bfits(_after)?\("),
    ("expectation", "providers", r"\.admits\("),
    ("completeness", "engine", r"\bcomplete\("),
]

# Lines of those that need not be: how they begin, and why.
EXEMPT = [
    (r"(pub(\([a-z]+\))? )?(const )?(async )?fn ", "a definition"),
    (r"retried\(", "the call itself, behind a function that is removable"),
    (r"let Err\(error\) = self\.engine\.root\(side\)\.make_durable", "guarded by the line before"),
    (r"Expected::Revision\(revision\) => is_(exactly|after_rename)\(", "looked at where its answer is used"),
    (r"if self\.admits\(found\) \|\| removed", "removable on the lines that call the function"),
    (r"let is_torn = ", "the fault of P8 stands on the next line"),
    (r"if !guard\.admits\(found\.as_ref\(\)\) \{", "without it the server refuses the same once more"),
    (r"guard\.admits\(Some\(&found\)\) && found\.tag", "without it the server refuses the same once more, later"),
]

# Functions of these names are called as methods of, or beside, other things too; what tells them.
CALLED = {
    "of": r"\bExpected::of\(",
    "expected": r"\baction\.expected\(\)",
    "check": r"guard\.check\(",
    "settle": r"\.settle\((side|self\.flow\.side)\)",
    "sync": r"(\bsys::sync|\.sync)\(",
    "sync_all": r"\bfolder\.sync_all\(\)",
    "transaction": r"\.transaction\(",
    "complete": r"(?<!\w)complete\(",
}


@dataclass(frozen=True)
class Fault:
    """One fault: its name, its kind or the promise it is made against, and where it is."""

    name: str
    kind: str
    crate: str
    file: str
    line: int
    function: str
    # The lines that make it: what was found out with others is out of date.
    text: str

    @property
    def promise(self):
        return PROMISE_OF_KIND.get(self.kind, self.kind)

    @property
    def place(self):
        return f"{self.file}:{self.line}"

    def has(self, words):
        text = f"{self.name} {self.place} {self.crate} {self.kind} {self.promise}"
        return all(word in text for word in words)


def code(path):
    """The lines of a file without comments and without its tests, by number."""
    lines = path.read_text().split("\n")
    out = {}
    for number, line in enumerate(lines, 1):
        if line.startswith("#[cfg(test)]") and number < len(lines) and re.match(r"mod \w+ \{", lines[number]):
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
        if found:
            attributes = []
            above = at - 1
            while lines.get(above, "").lstrip().startswith("#["):
                attributes.append(lines[above].strip())
                above -= 1
            return found.group(1), "#[track_caller]" in attributes
    return "", False


def near(lines, number):
    return " ".join(lines.get(at, "").strip() for at in range(number - 1, number + 2))


def all_faults():
    """Each fault once, by name."""
    found, callers = {}, []
    texts = {path: code(path) for crate in CRATES for path in sources(crate)}
    for path, lines in texts.items():
        crate, shown = path.relative_to(ROOT / "crates").parts[0], str(path.relative_to(ROOT))
        for number, line in lines.items():
            function, is_told = function_above(lines, number) if "!(" in line else ("", False)
            for name in re.findall(r'\bmutant!\("([^"]+)"\)', line):
                found.setdefault(name, Fault(name, name.split()[0], crate, shown, number, function, near(lines, number)))
            for kind in re.findall(r'\bremoved!\("(\w+)"\)', line):
                if is_told:
                    callers.append((kind, function, crate))
                else:
                    name = f"{kind} {shown}:{number}"
                    found[name] = Fault(name, kind, crate, shown, number, function, near(lines, number))
    follow_callers(found, callers, texts)
    return found


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
                if not re.search(pattern, line) or re.search(r"\bfn \w+", line):
                    continue
                inner, is_told = function_above(lines, number)
                if not is_told:
                    name = f"{kind} {shown}:{number}"
                    found[name] = Fault(name, kind, at_home, shown, number, inner, near(lines, number))
                elif (kind, inner, at_home) not in callers:
                    callers.append((kind, inner, at_home))


def unlisted(found):
    """Lines that do what must be removable and are no fault of the list; and of those that need not be, how many there
    are for each reason."""
    places = {(fault.kind, fault.file, fault.line) for fault in found.values()}
    missing, exempt = [], Counter()
    for kind, crate, pattern in ALWAYS:
        for path in sources(crate):
            shown = str(path.relative_to(ROOT))
            for number, line in code(path).items():
                if not re.search(pattern, line):
                    continue
                reason = next((why for start, why in EXEMPT if re.match(start, line.strip())), None)
                if reason:
                    exempt[reason] += 1
                    continue
                beside = any((kind, shown, at) in places for at in range(number - 3, number + 4))
                if not beside and not tells_apart(line):
                    missing.append(f"{kind} {shown}:{number}: {line.strip()}")
    return missing, exempt


def tells_apart(line):
    """Whether a line only tells expectations apart."""
    return "=>" in line or "matches!" in line or "if let" in line
