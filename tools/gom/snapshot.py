# SPDX-License-Identifier: GPL-2.0
"""Reads gomalloc's files, those of the kernel or copies of them.

A line that is not what Documentation/debugfs.rst says raises Bad with the
file and the number of the line: half a file must never pass for a small one.
"""

import errno
import os
import re

DIR = "/sys/kernel/debug/gomalloc"


class Bad(Exception):
    """What is wrong with a file, and in which line."""

    def __init__(self, path, line, what):
        super().__init__("%s:%d: %s" % (path, line, what))


class NotLoaded(Exception):
    """The directory is not there, which is how it is without the module."""


def lines_of(path):
    """The lines of a file, with their numbers; the last one must be whole."""
    with open(path, encoding="ascii", errors="replace") as file:
        text = file.read()
    lines = text.split("\n")
    if lines.pop():
        raise Bad(path, len(lines) + 1, "cut off in the middle of a line")
    if not lines:
        raise Bad(path, 1, "empty")
    return list(enumerate(lines, 1))


def check_head(path, lines, head):
    number, line = lines.pop(0)
    if line != head:
        raise Bad(path, number, "want %r, found %r" % (head, line[:40]))


# === metrics ===============================================================

METRIC = re.compile(
    r"(/[a-z0-9/-]+:[a-z0-9-]+)(?:\{([^{}]*)\})? (-?[0-9]+)")
LABEL = re.compile(r'([a-z_][a-z0-9_]*)="([^"\\]*)"')

# What comes last, so that a file which ends too early does not pass for a
# small one.
END = "# end"

# What the tools count on.
ALWAYS = ["/memory/classes/total:bytes", "/class/held:bytes"]


class Metrics:
    """The file metrics: {name: {labels: value}}, in the order of the file.
    Labels are a tuple of pairs."""

    def __init__(self, path):
        self.families = {}
        lines = lines_of(path)
        last, end = lines[-1]
        check_head(path, lines, "# gomalloc metrics 1")
        if end != END:
            raise Bad(path, last, "cut off: the last line is not %r" % END)
        for number, line in lines:
            if not line.startswith("#"):
                self.add(path, number, line)
        for name in ALWAYS:
            if name not in self.families:
                raise Bad(path, last, "ends without " + name)

    def add(self, path, number, line):
        match = METRIC.fullmatch(line)
        if not match:
            raise Bad(path, number, "no metric: %r" % line[:60])
        name, text, value = match.groups()
        labels = []
        for part in split_labels(text):
            found = LABEL.fullmatch(part)
            if not found:
                raise Bad(path, number, "no label: %r" % part[:60])
            labels.append(found.groups())
        family = self.families.setdefault(name, {})
        # A module that was loaded again has its sites again.
        if tuple(labels) in family and not name.startswith("/callsite/"):
            raise Bad(path, number, "given twice: " + line[:60])
        family[tuple(labels)] = family.get(tuple(labels), 0) + int(value)

    def get(self, name, default=0):
        """Of a name without labels."""
        return self.families.get(name, {}).get((), default)

    def by(self, name, label):
        """Of a name with labels: {value of @label: value}."""
        return {dict(labels).get(label, ""): value
                for labels, value in self.families.get(name, {}).items()}


def split_labels(text):
    """What is between commas that are outside of quotes."""
    return re.findall(r'(?:[^",]|"[^"]*"?)+', text) if text else []


# === callsites =============================================================

class Site:
    """A row of the file callsites."""

    def __init__(self, kind, figures, module, site):
        self.kind, self.module, self.site = kind, module, site
        self.live_bytes, self.live, self.total_bytes, self.total = figures

    def key(self):
        return self.kind, self.module, self.site

    def figures(self):
        return [self.live_bytes, self.live, self.total_bytes, self.total]

    def add(self, other):
        """The same place, in a module that was loaded again."""
        self.live_bytes, self.live, self.total_bytes, self.total = (
            a + b for a, b in zip(self.figures(), other.figures()))


SITE_COLUMNS = ["kind", "live_bytes", "live", "total_bytes", "total",
                "module", "site"]


def read_callsites(path):
    lines = lines_of(path)
    check_head(path, lines, "gomalloc callsites 1")
    # Later ones may have more columns behind these.
    head = lines[0][1].split() if lines else []
    if head[:len(SITE_COLUMNS)] != SITE_COLUMNS:
        raise Bad(path, 2, "want the columns " + " ".join(SITE_COLUMNS))
    sites = {}
    for number, line in lines[1:]:
        cells = line.split()
        if len(cells) != len(head):
            raise Bad(path, number, "%d columns, want %d"
                      % (len(cells), len(head)))
        try:
            figures = [int(c) for c in cells[1:5]]
        except ValueError:
            raise Bad(path, number, "no figures: %r" % line[:60]) from None
        site = Site(cells[0], figures, cells[5], cells[6])
        if site.key() in sites:
            sites[site.key()].add(site)
        else:
            sites[site.key()] = site
    return list(sites.values())


# === arenas ================================================================

ARENA_COLUMNS = ["arena", "owned", "inuse", "free", "run", "map"]

# A map's characters: not ours, in a free run, small objects by how much of
# their spans is out, large, tracked.
CELLS = ".-0123456789#LT"


class Arena:
    """A row of the file arenas; figures in pages."""

    def __init__(self, figures, cells):
        self.index, self.owned, self.inuse, self.free, self.run = figures
        self.map = cells


def read_arenas(path):
    lines = lines_of(path)
    check_head(path, lines, "gomalloc arenas 1")
    # Behind the names the heading says what the map's characters mean.
    if not lines or re.findall(r"\w+", lines[0][1])[:6] != ARENA_COLUMNS:
        raise Bad(path, 2, "want the columns " + " ".join(ARENA_COLUMNS))
    arenas = []
    for number, line in lines[1:]:
        cells = line.split()
        if len(cells) != len(ARENA_COLUMNS):
            raise Bad(path, number, "%d columns, want %d"
                      % (len(cells), len(ARENA_COLUMNS)))
        try:
            arena = Arena([int(c) for c in cells[:5]], cells[5])
        except ValueError:
            raise Bad(path, number, "no figures: %r" % line[:60]) from None
        if arenas and len(arena.map) != len(arenas[0].map):
            raise Bad(path, number, "a map of %d characters, want %d"
                      % (len(arena.map), len(arenas[0].map)))
        strange = arena.map.strip(CELLS)
        if strange:
            raise Bad(path, number, "%r in a map, want one of %s"
                      % (strange[0], CELLS))
        arenas.append(arena)
    return arenas


# === Which directory =======================================================

def explain(error):
    """A line for what went wrong, with what to do about it."""
    if not isinstance(error, OSError):
        return str(error)
    what = "%s: %s" % (error.filename, error.strerror)
    if error.errno in (errno.EACCES, errno.EPERM):
        what += "; reading debugfs takes root"
    return what


def require(directory):
    """Raises NotLoaded unless gomalloc's files are in @directory."""
    try:
        os.stat(directory)
    except FileNotFoundError:
        if directory != DIR:
            raise
        if not os.listdir(os.path.dirname(DIR)):
            raise NotLoaded("no debugfs is mounted at /sys/kernel/debug"
                            ) from None
        raise NotLoaded("gomalloc is not loaded") from None


def read_metrics(directory):
    require(directory)
    return Metrics(os.path.join(directory, "metrics"))
