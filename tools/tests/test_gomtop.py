#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gomtop: one screen, its sums and order, the live screen on a terminal, and
what it says of files that are not whole."""

import fcntl
import os
import pty
import re
import select
import signal
import struct
import subprocess
import termios
import time
import unittest

from tooltest import COPIES, ToolTest, load

HEADING = ("     LIVE  CACHED    FREE  USE OBJ SIZE  SPANS     HELD "
           "MALLOC/S REFILL/S CLASS")


class Once(ToolTest):
    tool = "gomtop"

    def table(self, directory, *args):
        lines = self.output("-o", "--dir", directory, *args).split("\n")
        return [line.split() for line in lines[7:] if line]

    def test_usage(self):
        self.check_usage()
        self.assertIn("-s", self.complaint(2, "-s", "k"))
        self.assertIn("seconds", self.complaint(2, "-d", "soon"))
        self.assertIn("seconds", self.complaint(2, "-d", "0"))

    def test_full(self):
        self.check_full("-o", "--dir", COPIES[0])
        self.check_full("--dir", COPIES[0])
        self.check_full("--dir", self.path("none"))

    def test_header(self):
        lines = self.output("-o", "--dir", COPIES[2]).split("\n")
        metrics = load("gomtop").snapshot.read_metrics(COPIES[2])
        self.assertRegex(lines[0], r"^gomtop - \d\d:\d\d:\d\d .* - mallocs/s")
        self.assertEqual(lines[1].split()[0], "held")
        self.assertEqual(lines[1].split()[-2:], [
            str(metrics.get("/gc/heap/objects:objects")), "objects"])
        self.assertEqual({len(line) for line in lines[:2] + lines[4:5]}, {80})
        self.assertEqual(lines[6], HEADING)

    def test_sums(self):
        """The tiers make up what is held, the rows what is in spans."""
        metrics = load("gomtop").snapshot.read_metrics(COPIES[1])

        def tier(name):
            return metrics.get("/memory/classes/%s:bytes" % name)

        self.assertEqual(tier("total"), sum(
            tier(name) for _, _, name in load("gomtop").TIERS))
        inuse = (tier("total") - tier("metadata") - tier("heap/free")) // 1024
        self.assertEqual(inuse, sum(int(row[6][:-1])
                                    for row in self.table(COPIES[1])))

    def test_bar(self):
        bar = load("gomtop").bar
        self.assertEqual(bar([("#", 50), ("-", 25)], 100, 8), "[####--  ]")
        self.assertEqual(bar([("#", 1), ("-", 99)], 100, 8), "[--------]")
        self.assertEqual(bar([("#", 0)], 100, 4), "[    ]")

    def test_figures(self):
        gomtop = load("gomtop")
        self.assertEqual([gomtop.kilobytes(n << 10) for n in (
            0, 1, 9999999, 20 << 20)], ["0K", "1K", "9999999K", "20480M"])
        self.assertEqual([gomtop.memory(n) for n in (
            0, 1023, 1024, 1000 << 10, 5 << 40)],
            ["0 B", "1023 B", "1.0 KiB", "1.0 MiB", "5120.0 GiB"])

    def test_sort(self):
        for key, column in (("a", 0), ("l", 5), ("v", 5)):
            figures = [int(row[column])
                       for row in self.table(COPIES[2], "-s", key)]
            self.assertEqual(figures, sorted(figures, reverse=True), key)
        held = [int(row[6][:-1]) for row in self.table(COPIES[2])]
        self.assertEqual(held, sorted(held, reverse=True))
        names = [row[-1] for row in self.table(COPIES[2], "-s", "n")]
        self.assertEqual(names[:2] + names[-2:], ["8", "16", "large", "tracked"])

    def test_rates(self):
        gomtop = load("gomtop")
        one, two = (gomtop.Reading(d, True) for d in COPIES[:2])
        two.when = one.when + 4
        rows = {r.name: r for r in gomtop.class_rows(two, one)}
        column = "/class/mallocs:objects"
        mallocs = [r.metrics.by(column, "class")["6"] for r in (one, two)]
        self.assertEqual(rows["64"]["rate"], (mallocs[1] - mallocs[0]) / 4)
        # A module that was loaded again counts from zero.
        self.assertIsNone(gomtop.rate(10, 20, 1))

    def test_sites(self):
        lines = self.output("-o", "-t", "--dir", COPIES[2]).split("\n")
        self.assertEqual([line.split() for line in lines[7:9]], [
            ["789", "8396K", "10896", "-", "-",
             "thread_alloc+0x95", "[gomalloc_stress]"],
            ["42838", "7504K", "179", "-", "-", "~",
             "object_alloc+0x29", "[gomalloc_client]"]])
        directory = self.copy()
        os.unlink(os.path.join(directory, "callsites"))
        self.assertIn("callsites: No such file",
                      self.complaint(1, "-o", "-t", "--dir", directory))

    def test_reloaded_sites(self):
        """The sites of a module that was loaded again are there twice; they
        are one row, and so they were before."""
        gomtop = load("gomtop")
        directory = self.copy()
        one = gomtop.Reading(directory, True)
        self.edit(directory, "callsites", lambda t: t + "".join(
            line for line in t.splitlines(True) if "object_alloc" in line))
        two, three = (gomtop.Reading(directory, True) for _ in range(2))
        two.when, three.when = one.when + 1, one.when + 2
        once, twice, still = (
            [r for r in gomtop.site_rows(now, before) if "object_a" in r.name]
            for now, before in ((one, None), (two, one), (three, two)))
        self.assertEqual([len(r) for r in (once, twice, still)], [1, 1, 1])
        for figure in "live", "held", "objects":
            self.assertEqual(twice[0][figure], 2 * once[0][figure])
        self.assertEqual(twice[0]["size"], once[0]["size"])
        self.assertEqual(twice[0]["rate"], once[0]["objects"])
        self.assertEqual(twice[0]["bytes_rate"],
                         sum(s.total_bytes for s in one.sites
                             if "object_a" in s.site))
        self.assertEqual((still[0]["rate"], still[0]["bytes_rate"]), (0, 0))

    def test_bad_sites(self):
        directory = self.copy()
        self.edit(directory, "callsites", lambda t: t.replace(
            "site\n", "site more\n"))
        self.assertRegex(
            self.complaint(1, "-o", "-t", "--dir", directory),
            r"callsites:3: 7 columns, want 8")
        self.edit(directory, "callsites", lambda t: t[:-4])
        self.assertRegex(
            self.complaint(1, "-o", "-t", "--dir", directory),
            r"callsites:3: cut off")

    def test_loaded_again(self):
        """Its call sites have the same names, and are one."""
        directory = self.copy(2)
        self.edit(directory, "callsites", lambda text: text + "".join(
            text.splitlines(True)[2:]))
        of = load("gomtop").snapshot.read_callsites
        for one, two in zip(of(os.path.join(COPIES[2], "callsites")),
                            of(os.path.join(directory, "callsites")),
                            strict=True):
            self.assertEqual([2 * n for n in one.figures()], two.figures())

    def test_cut(self):
        """However much is missing, it is noticed."""
        directory = self.copy()
        with open(os.path.join(directory, "metrics"), encoding="ascii") as f:
            whole = f.read()
        reader = load("gomtop").snapshot
        ends = [i + 1 for i, c in enumerate(whole[:-1]) if c == "\n"]
        for size in [*range(0, len(whole), 997), *ends[::29], *ends[-9:]]:
            self.edit(directory, "metrics", lambda _, n=size: whole[:n])
            with self.assertRaisesRegex(
                    reader.Bad, r"metrics:\d+: (cut off|want|empty)"
                    if size else r"metrics:1: empty"):
                reader.read_metrics(directory)
        self.edit(directory, "metrics", lambda _: whole + "/gc/x:y 1\n")
        with self.assertRaisesRegex(reader.Bad, "cut off: the last line"):
            reader.read_metrics(directory)
        self.edit(directory, "metrics", lambda _: whole[:-3])
        self.assertIn("metrics:%d: cut off" % whole.count("\n"),
                      self.complaint(1, "-o", "--dir", directory))

    def test_bad_lines(self):
        for bad, why in (("/gc/heap/x:y z\n", "no metric"),
                         ("/gc/heap/x:y{a=b} 1\n", "no label"),
                         ("/gc/heap/allocs:bytes 1\n", "given twice")):
            directory = self.copy(name=why)
            self.edit(directory, "metrics", lambda text, b=bad:
                      text.replace("# end\n", b + "# end\n"))
            self.assertRegex(self.complaint(1, "-o", "--dir", directory),
                             r"metrics:\d+: " + why)
        for old, new, why in ((r'size="64"', 'size="x"', "no size"),
                              (r'size="64"', 'size="%s"' % ("9" * 5000),
                               "no size"),
                              (r'class="6",', "", "no class")):
            directory = self.copy(name=why + new[:9].strip('"'))
            self.edit(directory, "metrics",
                      lambda text, o=old, n=new: text.replace(o, n))
            self.assertRegex(self.complaint(1, "-o", "--dir", directory),
                             r"metrics:\d+: %s: '/class/live" % why)
        self.edit(directory, "metrics", lambda t: t.replace("s 1", "s 2", 1))
        self.assertIn("metrics:1: want",
                      self.complaint(1, "-o", "--dir", directory))

    def test_nothing_there(self):
        self.assertIn("No such file", self.complaint(
            1, "-o", "--dir", self.path("none")))


class Screen:
    """What a VT100 shows of what is written to it, as far as curses goes."""

    def __init__(self, rows, columns):
        self.pending = ""
        self.resize(rows, columns)

    def resize(self, rows, columns):
        self.cells = [[" "] * columns for _ in range(rows)]
        self.y = self.x = 0

    def text(self):
        return "\n".join("".join(row).rstrip() for row in self.cells)

    def write(self, data):
        # A sequence may come in two pieces.
        data = self.pending + data
        self.pending = re.search(r"(\x1b(\[[?\d;]*|[()])?)?\Z", data)[0]
        data = data[:len(data) - len(self.pending)]
        for match in re.finditer(r"\x1b\[([?\d;]*)([A-Za-z])|\x1b[()].|\x1b.|.",
                                 data, re.S):
            if match[2]:
                self.escape(match[2], [int(n or 0)
                                       for n in match[1].strip("?").split(";")])
            elif not match[0].startswith("\x1b"):
                self.put(match[0])

    def put(self, char):
        if char == "\r":
            self.x = 0
        elif char == "\n":
            self.y = min(self.y + 1, len(self.cells) - 1)
        elif char == "\b":
            self.x -= 1
        elif char == "\t":
            self.x = (self.x // 8 + 1) * 8
        elif char >= " ":
            self.fill(self.y, self.x, self.x + 1, char)
            self.x += 1

    def fill(self, y, first, end, char=" "):
        """What was on its way when the size changed may be beyond it."""
        if 0 <= y < len(self.cells):
            for x in range(max(first, 0), min(end, len(self.cells[y]))):
                self.cells[y][x] = char

    def escape(self, what, n):
        step = max(n[0], 1)
        if what == "H":
            self.y = step - 1
            self.x = max(n[1], 1) - 1 if len(n) > 1 else 0
        elif what == "d":
            self.y = step - 1
        elif what == "G":
            self.x = step - 1
        elif what == "X":
            self.fill(self.y, self.x, self.x + step)
        elif what == "K" and n[0] == 1:
            self.fill(self.y, 0, self.x + 1)
        elif what in "JK":
            self.fill(self.y, self.x, 10000)
            if what == "J":
                for y in range(self.y + 1, len(self.cells)):
                    self.fill(y, 0, 10000)
        elif what in "ABCD":
            self.y += {"A": -step, "B": step}.get(what, 0)
            self.x += {"D": -step, "C": step}.get(what, 0)


class Live(ToolTest):
    tool = "gomtop"

    def start(self, term, rows=24, columns=80):
        self.directory = self.copy()
        self.master, slave = pty.openpty()
        self.screen, self.raw = Screen(rows, columns), ""
        self.size(rows, columns)
        self.process = subprocess.Popen(
            self.command("-d", "0.2", "--dir", self.directory), stdin=slave,
            stdout=slave, stderr=slave, env={**os.environ, "TERM": term},
            start_new_session=True)
        os.close(slave)
        self.addCleanup(self.stop)

    def stop(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.master)

    def size(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ,
                    struct.pack("HHHH", rows, columns, 0, 0))

    def resize(self, rows, columns):
        self.screen.resize(rows, columns)
        self.size(rows, columns)
        self.process.send_signal(signal.SIGWINCH)

    def wait(self, pattern, seconds=15):
        """Until the screen shows @pattern."""
        end = time.monotonic() + seconds
        while not re.search(pattern, self.screen.text(), re.M):
            self.assertLess(time.monotonic(), end,
                            "%r is not in\n%s" % (pattern, self.screen.text()))
            if select.select([self.master], [], [], 0.1)[0]:
                data = os.read(self.master, 65536).decode("ascii")
                self.raw += data
                self.screen.write(data)

    def type(self, keys):
        os.write(self.master, keys.encode())

    def test_vt100(self):
        self.start("vt100")
        self.wait("^" + re.escape(HEADING))
        self.wait("^  held .* objects$")
        self.type("t")
        self.wait("CALL SITE$")
        self.wait("object_alloc")
        self.type("?")
        self.wait("^Keys that sort")
        self.type("x")
        self.wait("CALL SITE$")
        self.type("\tn")
        self.wait("REFILL/S CLASS\n.* 8$")
        self.resize(12, 50)
        self.wait("^  held")
        self.wait("^     LIVE")
        self.assertNotIn("CLASS", self.screen.text())
        self.resize(30, 100)
        self.wait("REFILL/S CLASS")
        self.type("q")
        self.assertEqual(self.process.wait(10), 0)

    def test_unloaded(self):
        """It waits, in one line, and goes on."""
        self.start("linux")
        self.wait("CLASS$")
        os.rename(self.directory, self.path("away"))
        self.wait("No such file")
        self.assertNotIn("CLASS", self.screen.text())
        self.assertEqual(self.screen.text().strip().count("\n"), 0)
        os.rename(self.path("away"), self.directory)
        self.wait("CLASS$")
        self.type("q")
        self.assertEqual(self.process.wait(10), 0)

    def test_terminated(self):
        """The terminal is left as it was."""
        self.start("vt100")
        self.wait("CLASS$")
        before = len(self.raw)
        self.process.terminate()
        self.assertEqual(self.process.wait(10), 143)
        while select.select([self.master], [], [], 0.1)[0]:
            try:
                self.raw += os.read(self.master, 65536).decode("ascii")
            except OSError:
                break  # nobody has the other end any more
        self.assertIn("\x1b[24;1H", self.raw[before:])

    def plain(self, term):
        """Plain lines, no more than the terminal has."""
        self.start(term, rows=20)
        end = time.monotonic() + 15
        while self.raw.count("gomtop - ") < 3:
            self.assertLess(time.monotonic(), end, self.raw)
            self.raw += os.read(self.master, 65536).decode("ascii")
        self.assertEqual(self.raw.split("gomtop - ")[1].count("\n"), 20)
        self.assertNotIn("\x1b", self.raw)

    def test_dumb(self):
        self.plain("dumb")

    def test_unknown(self):
        self.plain("no-such-terminal")

    def test_pipe(self):
        directory = self.copy()
        with subprocess.Popen(self.command("-d", "0.1", "--dir", directory),
                              stdout=subprocess.PIPE, text=True) as process:
            heads = (line for line in process.stdout
                     if line.startswith("gomtop - "))
            for _ in range(3):
                self.assertIn("mallocs/s", next(heads))
            os.rename(directory, self.path("away"))
            while "No such file" not in next(heads):
                pass
            time.sleep(0.5)
            os.rename(self.path("away"), directory)
            # One line while it is away, however often it was looked for.
            self.assertIn("mallocs/s", next(heads))
            process.send_signal(signal.SIGINT)
        self.assertEqual(process.returncode, 0)


if __name__ == "__main__":
    unittest.main()
