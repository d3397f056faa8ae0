#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gom-prom: what it writes is what Prometheus takes and what gomalloc said,
and a file in the collector's directory is whole or the one before."""

import os
import re
import shutil
import subprocess
import unittest

from tooltest import COPIES, ToolTest, load

SAMPLE = re.compile(r'([a-z_:][a-z0-9_:]*)(\{(?:[a-z_]+="[^"\\\n]*",?)+\})? '
                    r'(-?[0-9.e+-]+)')


class Prom(ToolTest):
    tool = "gom-prom"

    def families(self, text):
        """{name: (type, {labels: value})}, checked for form."""
        families, name = {}, None
        for line in text.splitlines():
            if line.startswith("# HELP "):
                name = line.split()[2]
                self.assertNotIn(name, families, "in two places")
                self.assertGreater(len(line.split()), 3)
            elif line.startswith("# TYPE "):
                self.assertEqual(line.split()[2], name)
                families[name] = (line.split()[3], {})
            else:
                found = SAMPLE.fullmatch(line)
                self.assertTrue(found, line)
                self.assertEqual(found[1], name)
                of = families[name][1]
                self.assertNotIn(found[2], of, line)
                of[found[2]] = float(found[3])
        return families

    def test_usage(self):
        self.check_usage()
        self.assertIn("unrecognized", self.complaint(2, "a", "b"))

    def test_full(self):
        self.check_full("--dir", COPIES[2])
        self.check_full("--dir", COPIES[2], "-x", "*")

    def test_reader_has_enough(self):
        with subprocess.Popen(self.command("--dir", COPIES[2]),
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")

    def test_all(self):
        families = self.families(self.output("--dir", COPIES[2]))
        for name, (kind, of) in families.items():
            self.assertEqual(kind, "counter" if name.endswith("_total")
                             else "gauge", name)
            self.assertTrue(of, name)
        metrics = load("gom-prom").snapshot.read_metrics(COPIES[2])
        self.assertEqual(len(families), 1 + len(metrics.families))
        self.assertEqual(families["gomalloc_up"][1], {None: 1})
        for ours, theirs, labels in (
                ("/memory/classes/heap/free:bytes",
                 "gomalloc_memory_classes_heap_free_bytes", None),
                ("/gc/heap/allocs:objects",
                 "gomalloc_gc_heap_allocs_objects_total", None),
                ("/gc/heap/objects:objects",
                 "gomalloc_gc_heap_objects", None),
                ("/class/locks:locks", "gomalloc_class_locks_total",
                 (("class", "6"), ("size", "64"))),
                ("/misuse/reports:events",
                 "gomalloc_misuse_reports_events_total",
                 (("kind", "double-free"),))):
            text = labels and "{%s}" % ",".join('%s="%s"' % p for p in labels)
            self.assertEqual(families[theirs][1][text],
                             metrics.families[ours][labels or ()])

    def test_profile(self):
        """What only ever grows is a counter, and all says what it is."""
        prom = load("gom-prom")
        for name, kind in (("/profile/rate:bytes", "gauge"),
                           ("/profile/tracked-failed:objects", "counter"),
                           ("/profile/lifetimes:objects", "counter")):
            about, of, line = prom.family(name, {(): 7})
            shown = line.split()[0]
            self.assertEqual(shown.endswith("_total"), kind == "counter")
            self.assertEqual(of, "# TYPE %s %s" % (shown, kind))
            self.assertNotIn("gomalloc's", about)

    def test_hundredths(self):
        families = self.families(self.output("--dir", COPIES[2]))
        name = "/class/waste:percent-hundredths"
        metrics = load("gom-prom").snapshot.read_metrics(COPIES[2])
        waste = metrics.by(name, "class")["6"]
        self.assertGreater(waste, 0)
        self.assertAlmostEqual(
            families["gomalloc_class_waste_ratio"][1]
            ['{class="6",size="64"}'], waste / 10000)

    def test_loaded_again(self):
        """Its sites have the same labels, and Prometheus takes none twice."""
        directory = self.copy(2)
        self.edit(directory, "metrics", lambda text: "".join(
            line * (2 if line.startswith("/callsite/") else 1)
            for line in text.splitlines(True)))
        one, two = (self.families(self.output("--dir", d))
                    for d in (COPIES[2], directory))
        name = "gomalloc_callsite_allocs_bytes_total"
        self.assertEqual(len(one[name][1]), 4)
        self.assertEqual({k: 2 * v for k, v in one[name][1].items()},
                         two[name][1])

    def test_exclude(self):
        text = self.output("--dir", COPIES[2], "-x", "/callsite/*",
                           "-x", "/class/*")
        self.assertNotIn("callsite", text)
        self.assertNotIn("gomalloc_class", text)
        self.assertIn("gomalloc_memory_classes_total_bytes ", text)

    def test_target(self):
        target = self.path("collector")
        os.mkdir(target)
        for copy in COPIES[:2]:
            self.assertEqual(self.output("--dir", copy, target), "")
            self.assertEqual(os.listdir(target), ["gomalloc.prom"])
            with open(self.path("collector", "gomalloc.prom"),
                      encoding="ascii") as file:
                self.assertEqual(file.read(), self.output("--dir", copy))
        path = self.path("collector", "gomalloc.prom")
        self.assertEqual(os.stat(path).st_mode & 0o777, 0o644)
        self.assertIn("no such directory", self.complaint(
            1, "--dir", COPIES[0], self.path("none")))

    def test_bad(self):
        """The file from before stays."""
        target, directory = self.path("collector"), self.copy()
        os.mkdir(target)
        self.output("--dir", directory, target)
        before = os.stat(os.path.join(target, "gomalloc.prom"))
        self.edit(directory, "metrics", lambda text: text[:-5])
        self.assertRegex(self.complaint(1, "--dir", directory, target),
                         r"metrics:\d+: cut off")
        after = os.stat(os.path.join(target, "gomalloc.prom"))
        self.assertEqual(os.listdir(target), ["gomalloc.prom"])
        self.assertEqual((before.st_ino, before.st_mtime_ns),
                         (after.st_ino, after.st_mtime_ns))
        self.assertIn("No such file", self.complaint(
            1, "--dir", self.path("none"), target))

    def test_full_target(self):
        """It says which file it is, and leaves no part of one."""
        target = self.path("collector")
        os.mkdir(target)
        self.assertRegex(self.disk_full("--dir", COPIES[2], target),
                         r"\Agom-prom: %s/[^\n]*: File too large\n\Z"
                         % re.escape(target))
        self.assertEqual(os.listdir(target), [])

    def test_not_loaded(self):
        prom = load("gom-prom")
        old = prom.snapshot.DIR
        self.addCleanup(setattr, prom.snapshot, "DIR", old)
        os.mkdir(self.path("other"))
        prom.snapshot.DIR = self.path("gomalloc")
        self.assertEqual(self.families(prom.exposition(
            prom.snapshot.DIR, [])), {"gomalloc_up": ("gauge", {None: 0})})

    @unittest.skipUnless(shutil.which("promtool"), "no promtool")
    def test_promtool(self):
        run = subprocess.run(
            ["promtool", "check", "metrics"], text=True, check=False,
            input=self.output("--dir", COPIES[2]), capture_output=True)
        self.assertEqual((run.returncode, run.stdout + run.stderr), (0, ""))


if __name__ == "__main__":
    unittest.main()
