#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of tools/gomprof."""

import gzip
import os
import re
import subprocess
import tempfile
import unittest
import xml.etree.ElementTree as ElementTree

HERE = os.path.dirname(os.path.abspath(__file__))
GOMPROF = os.path.join(HERE, "..", "gomprof")
HEAP = os.path.join(HERE, "data", "heap-small.txt")
RECORD = os.path.join(HERE, "record")
SVG = "{http://www.w3.org/2000/svg}"

# What go1.19's pprof made of the samples in heap-small.txt, by pprof -raw.
GO_VALUES = [
    [49155, 3145920, 16385, 1048640],
    [24577, 1572960, 8192, 524320],
    [2562, 2624000, 0, 0],
    [1, 1212696, 1, 1212696],
    [1, 1212696, 1, 1212696],
]


def gomprof(*args, stdin=b""):
    return subprocess.run([GOMPROF, *args], input=stdin, check=False,
                          capture_output=True)


def output(*args, stdin=b""):
    result = gomprof(*args, stdin=stdin)
    assert result.returncode == 0 and not result.stderr, result
    return result.stdout.decode()


def heap():
    with open(HEAP, "rb") as file:
        return file.read()


def varint(data, at):
    value = shift = 0
    while True:
        value |= (data[at] & 0x7f) << shift
        shift += 7
        at += 1
        if data[at - 1] < 0x80:
            return value, at


def fields(data):
    """A protobuf message as {field: [numbers or bytes]}."""
    found, at = {}, 0
    while at < len(data):
        key, at = varint(data, at)
        value, at = varint(data, at)
        if key & 7 == 2:
            value, at = data[at:at + value], at + value
        else:
            assert key & 7 == 0, key
        found.setdefault(key >> 3, []).append(value)
    return found


def numbers(packed):
    found, at = [], 0
    while at < len(packed):
        value, at = varint(packed, at)
        found.append(value)
    return found


class Proto:
    """profile.proto, with names instead of numbers."""

    def __init__(self, data):
        message = fields(gzip.decompress(data))
        self.strings = [s.decode() for s in message[6]]
        self.types = [self.type(t) for t in message[1]]
        self.period = message[12][0]
        self.period_type = self.type(message[11][0])
        self.default = self.strings[message[14][0]]
        self.mappings = self.by_id(message[3])
        self.functions = self.by_id(message[5])
        self.locations = self.by_id(message[4])
        self.samples = [fields(s) for s in message[2]]

    @staticmethod
    def by_id(messages):
        return {m[1][0]: m for m in map(fields, messages)}

    def type(self, data):
        message = fields(data)
        return self.strings[message[1][0]], self.strings[message[2][0]]

    def site(self, location):
        """(name, system name, file, line, mapping's file)"""
        message = self.locations[location]
        line = fields(message[4][0])
        function = self.functions[line[1][0]]
        mapping = self.mappings[message[2][0]]
        assert mapping[2][0] <= message[3][0] < mapping[3][0]
        names = [self.strings[function[i][0]] for i in (2, 3, 4)]
        return (*names, line[2][0], self.strings[mapping[5][0]])


class Convert(unittest.TestCase):
    def proto(self):
        result = gomprof("convert", "-o", "-", HEAP)
        self.assertEqual(result.returncode, 0)
        return Proto(result.stdout)

    def test_types(self):
        proto = self.proto()
        self.assertEqual(proto.strings[0], "")
        self.assertEqual(proto.types, [
            ("alloc_objects", "count"), ("alloc_space", "bytes"),
            ("inuse_objects", "count"), ("inuse_space", "bytes")])
        self.assertEqual(proto.period, 524288)
        self.assertEqual(proto.period_type, ("space", "bytes"))
        self.assertEqual(proto.default, "inuse_space")

    def test_values_are_gos(self):
        values = [numbers(s[2][0]) for s in self.proto().samples]
        self.assertEqual(values, GO_VALUES)

    def test_sizes(self):
        proto = self.proto()
        labels = [fields(s[3][0]) for s in proto.samples]
        self.assertEqual([proto.strings[label[1][0]] for label in labels],
                         ["bytes"] * 5)
        self.assertEqual([label[3][0] for label in labels],
                         [64, 64, 1024, 1048576, 1048576])

    def test_names(self):
        proto = self.proto()
        stacks = [[proto.site(i) for i in numbers(s[1][0])]
                  for s in proto.samples]
        init = ("do_one_initcall", "do_one_initcall", "vmlinux", 5, "vmlinux")
        get = ("client_get [gomalloc_client]", "client_get", "gomalloc_client",
               0x12, "gomalloc_client")
        self.assertEqual(stacks[0], [get, init])
        self.assertEqual(stacks[1], [(*get[:3], 0x22, get[4]), init])
        self.assertEqual(stacks[3],
                         [("kbig [y]", "kbig", "y", 1, "y"), get, init])

    def test_mappings_are_symbolized(self):
        proto = self.proto()
        self.assertEqual(proto.strings[proto.mappings[1][5][0]], "gomalloc")
        for mapping in proto.mappings.values():
            self.assertEqual([mapping[i] for i in (7, 8, 9)], [[1]] * 3)

    def test_empty(self):
        text = (b"--- symbol heap profile: 0: 0 [0: 1] @ heap_v2/1\n"
                b"MAPPED_LIBRARIES:\n0-0 gomalloc\n---\n"
                b"heap profile: 0: 0 [0: 1] @ heap_v2/1\n# end\n")
        result = gomprof("convert", "-o", "-", "-", stdin=text)
        self.assertEqual(result.returncode, 0)
        message = fields(gzip.decompress(result.stdout))
        self.assertNotIn(2, message)
        self.assertEqual(message[12], [1])

    def test_everything_sampled_is_not_scaled(self):
        text = heap().replace(b"heap_v2/524288", b"heap_v2/1")
        result = gomprof("convert", "-o", "-", "-", stdin=text)
        values = [numbers(s[2][0]) for s in Proto(result.stdout).samples]
        self.assertEqual(values[0], [6, 384, 2, 128])

    def test_writes_file(self):
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "x.pb.gz")
            self.assertEqual(output("convert", "-o", path, HEAP), "")
            with open(path, "rb") as file:
                self.assertEqual(len(Proto(file.read()).samples), 5)


class Tables(unittest.TestCase):
    def test_top(self):
        self.assertEqual(output("top", "-n", "3", HEAP), """\
inuse_space: 3.81 MiB
        flat   flat%          cum    cum%  site
    1.50 MiB   39.3%     3.81 MiB  100.0%  client_get [gomalloc_client]
    1.16 MiB   30.3%     1.16 MiB   30.3%  add [y]
    1.16 MiB   30.3%     1.16 MiB   30.3%  kbig [y]
and 1 more; -n 4 shows all
""")

    def test_top_sites(self):
        out = output("top", "-s", "-k", "alloc_objects", HEAP)
        self.assertIn("\n       49155   64.4%        49157   64.4%  "
                      "client_get+0x12 [gomalloc_client]\n", out)
        self.assertIn(" client_get+0x22 [gomalloc_client]\n", out)

    def test_recursion_counts_once(self):
        text = heap().replace(b"@ 0x10 0x30", b"@ 0x10 0x10 0x30")
        out = output("top", "-", stdin=text)
        self.assertIn("3.81 MiB  100.0%  client_get [gomalloc_client]\n", out)

    def test_collapsed(self):
        self.assertEqual(output("collapsed", HEAP), """\
do_one_initcall;client_get [gomalloc_client] 1572960
do_one_initcall;client_get [gomalloc_client];add [y] 1212696
do_one_initcall;client_get [gomalloc_client];kbig [y] 1212696
""")

    def test_guest(self):
        """What callsites said in the same moment of a site at rest."""
        for copy in sorted(os.listdir(RECORD))[1:]:
            with open(os.path.join(RECORD, copy, "callsites"),
                      encoding="ascii") as file:
                row = next(line.split() for line in file
                           if "object_alloc" in line)
            self.assertIn("object_alloc [gomalloc_client] %s\n" % row[1],
                          output("collapsed",
                                 os.path.join(RECORD, copy, "heap")))

    def test_diff(self):
        new = heap().replace(b"2: 128 [6: 384]", b"4: 256 [8: 512]")
        new = new.replace(b"1: 1048576 [1: 1048576] @ 0x50",
                          b"0: 0 [1: 1048576] @ 0x50")
        self.assertEqual(output("diff", HEAP, "-", stdin=new), """\
inuse_space: -160.21 KiB, from 3.81 MiB to 3.66 MiB
        flat       before          now          cum  site
   -1.16 MiB     1.16 MiB          0 B    -1.16 MiB  kbig [y]
   +1.00 MiB     1.50 MiB     2.50 MiB  -160.21 KiB  client_get [gomalloc_client]
         0 B          0 B          0 B  -160.21 KiB  do_one_initcall
""")

    def test_diff_of_the_same(self):
        out = output("diff", HEAP, HEAP)
        self.assertEqual(out.splitlines()[0],
                         "inuse_space: 0 B, from 3.81 MiB to 3.81 MiB")
        self.assertEqual(len(out.splitlines()), 2)

    def test_diff_goes_by_name_not_number(self):
        """After a reload sites have other numbers."""
        new = heap()
        for old, other in (b"0x10", b"0x70"), (b"f-11 ", b"6f-71 "):
            new = re.sub(rb"(?m)(^| )" + old, rb"\g<1>" + other, new)
        self.assertNotEqual(new, heap())
        self.assertEqual(len(output("diff", HEAP, "-", stdin=new)
                             .splitlines()), 2)

    def test_reader_has_enough(self):
        with subprocess.Popen([GOMPROF, "collapsed", HEAP],
                              stdout=subprocess.PIPE,
                              stderr=subprocess.PIPE) as process:
            process.stdout.close()
            self.assertEqual(process.stderr.read(), b"")


class Flame(unittest.TestCase):
    def frames(self, *args, stdin=b""):
        """{label: rect, with its title as the attribute title}"""
        self.tree = ElementTree.fromstring(
            output("flame", "-o", "-", *args, stdin=stdin))
        found = {}
        for group in self.tree.iter(SVG + "g"):
            if group.get("class") == "f":
                rect = group.find(SVG + "rect")
                rect.set("title", group.find(SVG + "title").text)
                found[group.get("data-n")] = rect
        return found

    def test_boxes(self):
        frames = self.frames(HEAP)
        self.assertEqual(set(frames), {
            "all", "do_one_initcall", "client_get [gomalloc_client]",
            "add [y]", "kbig [y]"})
        widths = {name: float(r.get("width")) for name, r in frames.items()}
        self.assertEqual(widths["all"], 1176)
        self.assertEqual(widths["do_one_initcall"], 1176)
        self.assertAlmostEqual(widths["add [y]"], 1176 * .3033, delta=.1)
        self.assertEqual(frames["add [y]"].get("title"),
                         "add [y]\n1.16 MiB, 30.3%")
        rows = [int(frames[name].get("y")) for name in
                ("all", "do_one_initcall", "client_get [gomalloc_client]",
                 "add [y]")]
        self.assertEqual(rows, sorted(rows, reverse=True))

    def test_fits_its_view(self):
        frames = self.frames(HEAP)
        _, _, width, height = map(float, self.tree.get("viewBox").split())
        for rect in frames.values():
            x, y, w, h = (float(rect.get(k))
                          for k in ("x", "y", "width", "height"))
            self.assertTrue(0 <= x and x + w <= width)
            self.assertTrue(0 <= y and y + h <= height)

    def test_names_are_escaped(self):
        text = heap().replace(b"kbig", b"a<b>&\"c")
        self.assertIn('a<b>&"c [y]', self.frames("-", stdin=text))

    def test_needs_nothing_from_elsewhere(self):
        self.frames(HEAP)
        for element in self.tree.iter():
            for name in element.keys():
                self.assertNotIn("href", name)

    def test_diff_colours(self):
        new = heap().replace(b"2: 128 [6: 384]", b"9: 576 [9: 576]")
        new = new.replace(b"1: 1048576 [1: 1048576] @ 0x50",
                          b"0: 0 [1: 1048576] @ 0x50")
        frames = self.frames("-d", HEAP, "-", stdin=new)

        def colour(name):
            text = frames[name].get("fill")
            return tuple(int(text[i:i + 2], 16) for i in (1, 3, 5))

        red, _, blue = colour("client_get [gomalloc_client]")
        self.assertGreater(red, blue)
        red, _, blue = colour("kbig [y]")
        self.assertGreater(blue, red)
        self.assertEqual(colour("add [y]"), (236, 237, 239))
        self.assertIn("-1.16 MiB: 1.16 MiB before, 0 B now",
                      frames["kbig [y]"].get("title"))

    def test_empty(self):
        text = (b"--- symbol heap profile: 0: 0 [0: 1] @ heap_v2/1\n"
                b"MAPPED_LIBRARIES:\n0-0 gomalloc\n---\n"
                b"heap profile: 0: 0 [0: 1] @ heap_v2/1\n# end\n")
        self.frames("-", stdin=text)


class BadInput(unittest.TestCase):
    def complaint(self, text):
        """Of a bad profile: the line and what is wrong."""
        result = gomprof("top", "-", stdin=text)
        self.assertEqual(result.returncode, 1, text)
        self.assertEqual(result.stdout, b"")
        found = re.fullmatch(r"<stdin>:(\d+): ([^\n]+; [^\n]+)\n",
                             result.stderr.decode())
        self.assertTrue(found, result.stderr)
        return int(found[1]), found[2]

    def test_cut_off_anywhere(self):
        text = heap()
        ends = {0, 1, len(text) - 1}
        ends.update(m.end() for m in re.finditer(rb"\n", text[:-1]))
        ends.update(m.start() + 5 for m in re.finditer(rb"\n", text[:-7]))
        for end in sorted(ends):
            with self.subTest(end=end):
                line, what = self.complaint(text[:end])
                self.assertEqual(line, max(len(text[:end].splitlines()), 1))
                self.assertIn("cut off" if end else "empty", what)

    def test_damaged(self):
        for old, new, line, what in (
                (b"--- symbol heap", b"heap", 1, "not a heap profile"),
                (b"heap_v2/524288", b"heap_v2/", 1, "header"),
                (b"2: 128 [6: 384]", b"2: 128 [6 384]", 2, "a sample"),
                (b"2: 128 [6: 384]", b"2: 129 [6: 384]", 2, "no sum of 2"),
                (b"0: 0 [5:", b"0: 64 [5:", 4, "no sum of 0"),
                (b"MAPPED_LIBRARIES:\n", b"", 7, "a sample"),
                (b"0-0 gomalloc\n", b"", 8, "the map"),
                (b"f-11 [gomalloc", b"f+11 [gomalloc", 9, "a call site"),
                (b"0x40 add", b"0x4z add", 18, "a name"),
                (b"---\nheap", b"---\nhelp", 22, "the header of samples"),
                (b"4f-51 [y:kbig] # kbig+0x1/0x2 [y]\n", b"", 25,
                 "0x50 has no name"),
                (b"# end", b"# eXd", 28, "a sample")):
            with self.subTest(what=what, new=new):
                self.assertIn(old, heap())
                where, said = self.complaint(heap().replace(old, new))
                self.assertEqual(where, line)
                self.assertIn(what, said)

    def test_impossible_figures(self):
        """They are told, not calculated with."""
        sample = b"2: 128 [6: 384]"
        for old, new, line, what in (
                (sample, b"1: 0 [1: 0]", 2, "0 bytes are no sum of 1"),
                (sample, b"0: 0 [1: 0]", 2, "0 bytes are no sum of 1"),
                (sample, b"1: 64 [3: 300]", 2, "two sizes"),
                (sample, b"1: 64 [3: 18446744073709551616]", 2, "64 bits"),
                (sample, b"%b: %b [6: 384]" % ((b"9" * 400,) * 2), 2,
                 "64 bits"),
                (sample, b"2: 128 [%b: 384]" % (b"9" * 5000), 2, "64 bits"),
                (b"heap_v2/524288\n2: ", b"heap_v2/%b\n2: " % (b"9" * 400), 22,
                 "64 bits")):
            with self.subTest(new=new[:40]):
                text = heap()
                at = text.rindex(old) if b"heap_v2" in old else text.index(old)
                where, said = self.complaint(
                    text[:at] + new + text[at + len(old):])
                self.assertEqual(where, line)
                self.assertIn(what, said)

    def test_largest_figures(self):
        """What has 64 bits is none of these."""
        most = b"%d" % ((1 << 64) - 1)
        text = heap().replace(b"heap_v2/524288", b"heap_v2/" + most)
        text = text.replace(b"2: 128 [6: 384]", b"%b: %b [%b: %b]"
                            % ((most,) * 4))
        self.assertIn("inuse_space: ", output("top", "-", stdin=text))

    def test_noise(self):
        self.assertEqual(self.complaint(b"\0\xff\x80\n" * 9)[0], 1)

    def test_no_file(self):
        result = gomprof("top", "/proc/nonexistent")
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(),
                         r"\Agomprof: /proc/nonexistent: No such file[^\n]+; "
                         r"[^\n]+\n\Z")

    def test_not_writable(self):
        result = gomprof("convert", "-o", "/proc/nonexistent/x", HEAP)
        self.assertEqual(result.returncode, 1)
        self.assertRegex(result.stderr.decode(),
                         r"\Agomprof: /proc/nonexistent/x: [^\n]+; [^\n]+\n\Z")

    def test_full(self):
        """Where its output cannot be written it says so, in one line."""
        for args in (["--help"], ["top", "--help"], ["top", HEAP],
                     ["convert", "-o", "-", HEAP]):
            with self.subTest(args=args), open("/dev/full", "wb") as full:
                result = subprocess.run([GOMPROF, *args], stdout=full,
                                        stderr=subprocess.PIPE, check=False)
                self.assertEqual((result.returncode, result.stderr), (
                    1, b"gomprof: standard output: No space left on device\n"))

    def test_half_written(self):
        """The file from before stays, and no part of another."""
        with tempfile.TemporaryDirectory() as where:
            path = os.path.join(where, "heap.svg")
            for before in ([], ["heap.svg"]):
                result = subprocess.run(
                    ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh", GOMPROF,
                     "flame", "-o", path, HEAP], check=False,
                    capture_output=True)
                self.assertEqual(result.returncode, 1)
                self.assertEqual(result.stderr.decode(), f"gomprof: {path}: "
                                 "File too large; choose another file with "
                                 "-o\n")
                self.assertEqual(os.listdir(where), before)
                with open(path, "wb") as file:
                    file.write(b"before")
            with open(path, "rb") as file:
                self.assertEqual(file.read(), b"before")
            link = os.path.join(where, "link")
            os.symlink(path, link)
            output("flame", "-o", link, HEAP)
            self.assertTrue(os.path.islink(link))
            self.assertGreater(os.path.getsize(path), 1000)
            self.assertEqual(output("flame", "-o", "/dev/stdout", HEAP),
                             output("flame", "-o", "-", HEAP))

    def test_usage(self):
        for args in (), ("bla",), ("top", "-n", "0"), ("top", "-k", "x"), \
                ("diff",), ("flame", "a", "b"):
            with self.subTest(args=args):
                result = gomprof(*args)
                self.assertEqual(result.returncode, 2)
                self.assertIn(b"usage: gomprof", result.stderr)

    def test_help(self):
        for args in (), ("convert",), ("top",), ("diff",), ("flame",), \
                ("collapsed",):
            self.assertIn("usage: gomprof", output(*args, "--help"))


if __name__ == "__main__":
    unittest.main()
