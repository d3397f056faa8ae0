#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gomplot: copies are whole and all of one time, charts show what they say,
and a file that is not whole is named with its line."""

import glob
import os
import re
import signal
import struct
import subprocess
import threading
import time
import unittest
import xml.etree.ElementTree

from tooltest import COPIES, RECORD, ToolTest, load


class Record(ToolTest):
    tool = "gomplot"

    def copies(self):
        return sorted(os.listdir(self.path("record")))

    def record(self, *args):
        return ["record", "-d", "0.05", *args, self.path("record")]

    def test_usage(self):
        self.check_usage()
        self.assertIn("required", self.complaint(2))
        self.assertIn("invalid choice", self.complaint(2, "paint", "x"))
        self.assertIn("count", self.complaint(2, "record", "-n", "0", "x"))
        self.assertIn("draw does not have",
                      self.complaint(2, "draw", "-n", "3", "x"))

    def test_copies(self):
        directory = self.copy()
        for total in (3, 6):
            self.assertIn("3 of 3 copies",
                          self.output(*self.record("-n", "3", "--dir",
                                                   directory)))
            self.assertEqual(len(self.copies()), total)
        stamps = [load("gomplot").seconds_of(n) for n in self.copies()]
        self.assertLess(abs(stamps[-1] - time.time()), 60)
        for name in self.copies():
            for file in os.listdir(directory):
                with open(os.path.join(directory, file), "rb") as one, \
                        open(self.path("record", name, file), "rb") as two:
                    self.assertEqual(one.read(), two.read())

    def test_full(self):
        """It says which file it is, and leaves no part of a copy."""
        self.check_full(*self.record("-n", "1", "--dir", COPIES[0]))
        self.assertEqual(len(self.copies()), 1)
        self.assertRegex(
            self.disk_full(*self.record("-n", "1", "--dir", COPIES[0])),
            r"\Agomplot: %s/[^\n]*/metrics: File too large\n\Z"
            % re.escape(self.path("record")))
        self.assertEqual(len(self.copies()), 1)

    def test_unloaded(self):
        """What it says once, and no part of a copy."""
        directory, away = self.copy(), self.path("away")
        for wait, names in ((0.4, (directory, away)), (0.8, (away, directory))):
            timer = threading.Timer(wait, os.rename, names)
            timer.start()
            self.addCleanup(timer.join)
        run = self.run_tool(*self.record("-n", "24", "--dir", directory))
        self.assertEqual(run.returncode, 0, run.stderr)
        self.assertRegex(run.stdout, r"^(?!24)\d+ of 24 copies")
        self.assertEqual(run.stderr.count("\n"), 1, run.stderr)
        for name in self.copies():
            self.assertTrue(os.path.exists(
                self.path("record", name, "metrics")))

    def interrupted(self, number, pattern, directory):
        """Until @pattern is in the record: (status, output, errors)."""
        process = subprocess.Popen(
            self.command(*self.record("--dir", directory)),
            stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
        end = time.monotonic() + 20
        while (not glob.glob(self.path("record", pattern)) and
               time.monotonic() < end):
            time.sleep(0.02)
        process.send_signal(number)
        try:
            return (process.wait(20), *process.communicate())
        finally:
            process.kill()
            process.communicate()

    def test_interrupted(self):
        """In the middle of a copy, which leaves no part of it."""
        directory = self.copy()
        for file in "lifetimes", "heap":
            path = os.path.join(directory, file)
            if os.path.exists(path):
                os.unlink(path)
        # Reading it waits for somebody who writes.
        os.mkfifo(path)
        for number in signal.SIGTERM, signal.SIGINT:
            self.assertEqual(
                self.interrupted(number, ".*/callsites", directory),
                (1, "", "gomplot: no copy made\n"))
            self.assertEqual(self.copies(), [])

    def test_terminated(self):
        """What was made until then is told."""
        status, said, errors = self.interrupted(signal.SIGTERM, "*Z",
                                                COPIES[0])
        self.assertEqual((status, errors), (0, ""))
        self.assertRegex(said, r"\A\d+ of \d+ copies in ")
        self.assertEqual(glob.glob(self.path("record", ".*")), [])

    def test_bad(self):
        directory = self.copy()
        self.edit(directory, "metrics", lambda text: text[:-5])
        run = self.run_tool(*self.record("-n", "2", "--dir", directory))
        self.assertEqual(run.returncode, 1)
        self.assertIn("cut off in the middle", run.stderr)
        self.assertEqual(self.copies(), [])
        self.assertIn("No such file", self.complaint(
            1, *self.record("--dir", self.path("none"))))


class Draw(ToolTest):
    tool = "gomplot"

    def check_charts(self, names):
        self.assertEqual(sorted(os.listdir(self.path("out"))), sorted(
            n + end for n in names for end in (".png", ".svg")))
        words = {}
        for name in names:
            tree = xml.etree.ElementTree.parse(self.path("out", name + ".svg"))
            words[name] = " ".join(tree.getroot().itertext())
            with open(self.path("out", name + ".png"), "rb") as png:
                head = png.read(24)
            self.assertEqual(head[:8], b"\x89PNG\r\n\x1a\n")
            self.assertGreater(struct.unpack(">I", head[16:20])[0], 400)
        return words

    def test_charts(self):
        self.output("draw", "-o", self.path("out"), RECORD)
        words = self.check_charts(["tiers", "classes", "fragmentation",
                                   "arenas", "arenas-time"])
        for name, expected in (
                ("tiers", ["live objects", "free runs", "MiB",
                           "seconds since 2026-11-21 10:56:06 UTC"]),
                ("classes", ["tracked", "64 bytes", "other"]),
                ("fragmentation", ["CPU caches", "% of what is held"]),
                ("arenas", ["17 arenas of 4 MiB", "4 MiB", "127"]),
                ("arenas-time", ["all out", "arena", "127"])):
            for word in expected:
                self.assertIn(word, " ".join(words[name].split()))

    def test_full(self):
        self.check_full("draw", "-o", self.path("out"), RECORD)

    def test_one_copy(self):
        self.output("draw", "-o", self.path("out"), COPIES[0])
        self.check_charts(["arenas"])
        directory = self.copy()
        os.unlink(os.path.join(directory, "arenas"))
        self.assertIn("nothing to draw", self.complaint(1, "draw", directory))

    def test_arenas_of_nothing(self):
        """There is no line to draw over time."""
        for i in range(2):
            directory = self.copy(i, os.path.join("record",
                                                  os.path.basename(COPIES[i])))
            self.edit(directory, "arenas", lambda text: "".join(
                text.splitlines(True)[:2] + [
                    "     10      0      0      0      0  " + "." * 64 + "\n"]))
        self.output("draw", "-o", self.path("out"), self.path("record"))
        self.check_charts(["tiers", "classes", "fragmentation", "arenas"])

    def test_strange_classes(self):
        """Labels that are not there are no reason not to draw."""
        for i in range(2):
            directory = self.copy(i, os.path.join("record",
                                                  os.path.basename(COPIES[i])))
            self.edit(directory, "metrics", lambda text: text.replace(
                ',size="64"', "").replace('class="large",', ""))
        self.output("draw", "-o", self.path("out"), self.path("record"))

    def test_many_arenas(self):
        """A row each, beside each other where there are too many."""
        directory = self.copy()
        row = "%7d    512    512      0      0  " + "#" * 64 + "\n"
        self.edit(directory, "arenas", lambda text: "".join(
            text.splitlines(True)[:2] + [row % i for i in range(3000)]))
        self.output("draw", "-o", self.path("out"), directory)
        words = self.check_charts(["arenas"])
        self.assertIn("3000 arenas", words["arenas"])

    def test_boxes(self):
        """The same cell in lines below each other is one box."""
        gomplot = load("gomplot")
        self.assertEqual(list(gomplot.runs_of("..-#")), [
            (0, 2, "."), (2, 3, "-"), (3, 4, "#")])
        self.assertEqual(gomplot.boxes(
            [(0, 2, 0, 1, "#000001"), (2, 3, 0, 1, "#000002"),
             (0, 2, 1, 2, "#000001"), (2, 3, 1, 2, "#000001")], 0),
            ["2 0 2 3 0 1 0x000002", "0 0 0 2 0 2 0x000001",
             "2 1 2 3 1 2 0x000001"])

    def test_gap(self):
        """Where copies are missing no line is drawn."""
        gomplot = load("gomplot")

        class At:
            def __init__(self, when):
                self.when = when

        axis = gomplot.Axis([At(t) for t in (10, 11, 12, 30, 31)])
        self.assertEqual(axis.lines([[1]] * 5),
                         ["0 1", "1 1", "2 1", "", "20 1", "21 1"])

    def test_stack(self):
        """The tiers are all of what is held."""
        gomplot = load("gomplot")
        for copy in gomplot.read_copies(RECORD):
            self.assertEqual(copy.tier("total"), sum(
                copy.tier(name) for _, name, _ in gomplot.TIERS))

    def test_bad_arenas(self):
        for change, why in (
                (lambda t: t[:-9], "cut off"),
                (lambda t: t[:-8] + "?######\n", r"'\?' in a map"),
                (lambda t: t.replace("\n     10", "\n     10 7"), "7 columns"),
                (lambda t: t.replace("\n     10", "\n     1x"), "no figures"),
                (lambda t: t[:-2] + "\n", "a map of 63 characters"),
                (lambda t: t.replace("owned", "own"), "want the columns"),
                (lambda t: "", "empty")):
            directory = self.copy(name=why)
            self.edit(directory, "arenas", change)
            self.assertRegex(self.complaint(1, "draw", directory),
                             r"arenas:\d+: .*(%s)" % why)

    def test_nothing_there(self):
        self.assertIn("No such file",
                      self.complaint(1, "draw", self.path("none")))
        self.assertIn("no copies", self.complaint(1, "draw", self.scratch))


if __name__ == "__main__":
    unittest.main()
