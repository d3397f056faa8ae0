#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of tools/gom-drgn against a heap made up here, as neither drgn nor
gomalloc need be at hand."""

import contextlib
import importlib.machinery
import importlib.util
import io
import os
import struct
import subprocess
import sys
import types
import unittest

GOM_DRGN = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..",
                        "gom-drgn")


def load():
    """The script as a module, without drgn."""
    stub = types.ModuleType("drgn")
    stub.FaultError = type("FaultError", (Exception,), {})
    sys.modules.setdefault("drgn", stub)
    sys.dont_write_bytecode = True
    loader = importlib.machinery.SourceFileLoader("gom_drgn", GOM_DRGN)
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader("gom_drgn", loader))
    loader.exec_module(module)
    return module


gom = load()
FaultError = gom.drgn.FaultError

FIRST, SECRET, PAGE = 0xffff888000000000, 0x5eed5eed5eed5eed, 8192
BITS, HEADER = 0x1000, 0x2000


class Memory(dict):
    """Bytes by address, for drgn's Program."""

    def read_u8(self, at):
        return self.get(at, 0)

    def read_u32(self, at):
        return struct.unpack("<I", bytes(self.get(at + i, 0)
                                         for i in range(4)))[0]

    def read_word(self, at):
        return struct.unpack("<Q", bytes(self.get(at + i, 0)
                                         for i in range(8)))[0]

    def store(self, at, form, value):
        self.update(zip(range(at, at + 8), struct.pack(form, value)))


class Bytes(list):
    def to_bytes_(self):
        return bytes(self)


class Heap(gom.Heap):
    """Two classes, of 64 and 3000 bytes; spans by hand."""

    def __init__(self):
        self.prog = Memory()
        self.secret, self.word, self.page_size = SECRET, 8, PAGE
        self.classes = [0, 64, 3000, 16]
        self.tiny, self.large, self.tracked = 3, 4, 5
        self.heap, self.free = 6, 7
        self.pages, self.unreadable, self.is_live = 512, 0, False
        self.bytes = Bytes([0] * 512)
        self.entries = {}

    def put(self, page, cls, npages, nelems, nalloc, header=None):
        span = gom.Span(header or HEADER + page, FIRST + page * PAGE, npages,
                        nelems, nalloc, cls, gom.INUSE, BITS + page * 64)
        for i in range(page, page + npages):
            self.bytes[i] = cls
            self.entries[i] = span
        return span

    def arena(self, address):
        if FIRST <= address < FIRST + gom.ARENA_SIZE:
            return types.SimpleNamespace(**{"class": [
                types.SimpleNamespace(value_=lambda c=c: c)
                for c in self.bytes]})
        return None

    def entry(self, arena, page):
        entry = self.entries.get(page)
        if isinstance(entry, Exception):
            raise entry
        return entry

    def span(self, header):
        return header


class Places(unittest.TestCase):
    def setUp(self):
        self.heap = Heap()

    def what(self, address):
        place = self.heap.place(address)
        return place.obj, place.what

    def test_not_ours(self):
        self.assertEqual(self.what(0x1234), (None, "not gomalloc's"))
        self.assertEqual(self.what(FIRST + 5), (None, "not gomalloc's"))

    def test_small(self):
        span = self.heap.put(3, 1, 1, 128, 3)
        self.heap.prog[span.bits] = 0b10110
        second = span.start + 2 * 64
        self.heap.prog.store(second, "<Q", SECRET ^ second)
        self.assertEqual(self.what(span.start), (span.start,
                                                 "free in its span"))
        self.assertEqual(self.what(span.start + 64 + 7),
                         (span.start + 64, "live"))
        self.assertEqual(self.what(second + 1), (second, "free in a cache"))

    def test_of_a_heap(self):
        span = self.heap.put(3, self.heap.heap, 1, 1024, 1)
        self.assertEqual(self.what(span.start), (None, "in a span of a heap"))

    def test_key_of_another_address_is_data(self):
        span = self.heap.put(3, 1, 1, 128, 3)
        self.heap.prog[span.bits] = 1
        self.heap.prog.store(span.start, "<Q", SECRET ^ (span.start + 64))
        self.assertEqual(self.what(span.start), (span.start, "live"))

    def test_ninth_object_is_in_the_second_byte(self):
        span = self.heap.put(3, 1, 1, 128, 1)
        self.heap.prog[span.bits + 1] = 1
        self.assertEqual(self.what(span.start + 8 * 64)[1], "live")
        self.assertEqual(self.what(span.start)[1], "free in its span")

    def test_tail(self):
        span = self.heap.put(3, 2, 1, 2, 2)
        self.assertEqual(self.what(span.start + 6000),
                         (None, "in the tail of a span"))

    def test_tiny(self):
        span = self.heap.put(3, 3, 1, 512, 1)
        self.heap.prog[span.bits] = 0b10
        self.heap.prog.store(span.bits + 64 + 4, "<Q", 0x00110013)
        self.assertEqual(self.what(span.start + 20),
                         (span.start + 16, "a block with 2 live tiny objects"))

    def test_large(self):
        span = self.heap.put(8, 4, 3, 0, 0)
        self.assertEqual(self.what(span.start + 2 * PAGE + 9),
                         (span.start, "live"))

    def test_free_run(self):
        span = self.heap.put(8, self.heap.free, 3, 0, 0)
        self.assertEqual(self.what(span.start + PAGE), (None, "in a free run"))


    def test_damaged_header(self):
        """Told, not calculated with."""
        span = self.heap.put(3, 1, 1, 128, 3)
        for change in ({"cls": 0}, {"cls": 2}, {"npages": 0},
                       {"start": span.start + PAGE}):
            self.heap.entries[3] = span._replace(**change)
            self.assertIn("header is damaged", self.what(span.start)[1])
        for cls, change in ((200, {"cls": 200}), (5, {"cls": 5, "npages": 0}),
                            (5, {"cls": 5, "nelems": 65535})):
            self.heap.bytes[3] = cls
            self.heap.entries[3] = span._replace(**change)
            self.assertIn("header is damaged", self.what(span.start)[1])

    def test_unreadable(self):
        """One address does not keep the others from being told."""
        span = self.heap.put(3, 1, 1, 128, 3)
        for error in FaultError("no memory at 0x5"), OSError(14, "Bad address"):
            self.heap.put(4, 1, 1, 128, 3)
            self.heap.entries[4] = error
            with contextlib.redirect_stdout(io.StringIO()) as out:
                gom.owner(self.heap, types.SimpleNamespace(
                    address=[span.start + PAGE, span.start]))
            lines = out.getvalue().splitlines()
            self.assertRegex(lines[0], r"^0x\w+ is unreadable.*: .*%s$"
                             % error.args[-1])
            self.assertIn("free in its span", lines[1])

    def test_unreadable_record(self):
        """What is known of the object is said all the same."""
        class Record:
            bytes = types.SimpleNamespace(value_=lambda: 40)

            def __getattr__(self, name):
                raise FaultError("no memory at 0x5")

        span = self.heap.put(3, 5, 1, 128, 1)
        self.heap.slot = lambda span, i: ("live", Record())
        lines = gom.about(self.heap, span.start)
        self.assertIn("an object of 40 bytes", lines[0])
        self.assertEqual(lines[2],
                         "  its record is unreadable: no memory at 0x5")


class Spans(unittest.TestCase):
    def starts(self, heap):
        arena = types.SimpleNamespace(**{"class": heap.bytes})
        return [(s.start - FIRST) // PAGE
                for s in heap.spans_of(arena, FIRST, 0)]

    def test_each_once(self):
        heap = Heap()
        heap.put(3, 1, 1, 128, 3)
        heap.put(4, 4, 3, 0, 0)
        heap.put(7, heap.free, 2, 0, 0)
        self.assertEqual(self.starts(heap), [3, 4, 7])

    def test_stale_entries_are_passed_over(self):
        heap = Heap()
        old = heap.put(3, 4, 4, 0, 0)
        heap.put(3, heap.free, 4, 0, 0)
        heap.entries[4] = old._replace(start=FIRST + 4 * PAGE)
        self.assertEqual(self.starts(heap), [3])
        heap.entries[3] = old
        self.assertEqual(self.starts(heap), [])

    def test_damaged_ones_are_passed_over(self):
        heap = Heap()
        heap.put(3, 200, 1, 128, 3)
        heap.put(4, 5, 1, 65535, 3)
        heap.put(5, 1, 1, 128, 3)
        self.assertEqual(self.starts(heap), [5])

    def test_unreadable_ones_are_counted(self):
        heap = Heap()
        heap.put(3, 4, 2, 0, 0)
        heap.put(5, 1, 1, 128, 3)
        heap.entries[3] = FaultError("no memory at 0x5")
        heap.entries[4] = OSError(14, "Bad address")
        self.assertEqual(self.starts(heap), [5])
        self.assertEqual(heap.unreadable, 2)
        with contextlib.redirect_stderr(io.StringIO()) as said:
            gom.tell_unreadable(heap)
        self.assertRegex(said.getvalue(), r"\Agom-drgn: 2 pages [^\n]+\n\Z")

    def test_unreadable_map(self):
        class Map:
            def to_bytes_(self):
                raise FaultError("no memory at 0x5")

        heap = Heap()
        self.assertEqual(list(heap.spans_of(types.SimpleNamespace(
            **{"class": Map()}), FIRST, 0)), [])
        self.assertEqual(heap.unreadable, 512)

    def test_bits_by_either_name(self):
        def value(n):
            return types.SimpleNamespace(value_=lambda: n)

        for name in "bits", "records":
            header = value(HEADER)
            for i, member in enumerate(("start", "npages", "nelems", "nalloc",
                                        "class", "state", name)):
                setattr(header, member, value(i))
            self.assertEqual(gom.Heap.span(Heap(), header),
                             (HEADER, 0, 1, 2, 3, 4, 5, 6))

    def test_one_that_began_in_the_arena_before(self):
        heap = Heap()
        heap.put(0, 1, 1, 128, 0)
        heap.put(2, 1, 1, 128, 0)
        arena = types.SimpleNamespace(**{"class": heap.bytes})
        self.assertEqual([s.start for s in
                          heap.spans_of(arena, FIRST, FIRST + 2 * PAGE)],
                         [FIRST + 2 * PAGE])


class CommandLine(unittest.TestCase):
    def run_without_drgn(self, *args, stdout=subprocess.PIPE):
        code = ("import sys, types, runpy; "
                "drgn = sys.modules['drgn'] = types.ModuleType('drgn'); "
                "drgn.FaultError = type('FaultError', (Exception,), {}); "
                "sys.argv = sys.argv[1:]; "
                "runpy.run_path(sys.argv[0], run_name='__main__')")
        return subprocess.run([sys.executable, "-c", code, GOM_DRGN, *args],
                              check=False, stdout=stdout, stderr=subprocess.PIPE,
                              text=True)

    def test_help(self):
        for args in (), ("owner",), ("spans",), ("summary",):
            result = self.run_without_drgn(*args, "--help")
            self.assertEqual(result.returncode, 0, result)
            self.assertIn("usage: gom-drgn", result.stdout)

    def test_full(self):
        """Where its output cannot be written it says so, in one line."""
        with open("/dev/full", "w", encoding="ascii") as full:
            result = self.run_without_drgn("--help", stdout=full)
        self.assertEqual((result.returncode, result.stderr), (
            1, "gom-drgn: standard output: No space left on device\n"))

    def test_usage(self):
        for args in (), ("owner",), ("owner", "xyz"), ("bla",):
            result = self.run_without_drgn(*args)
            self.assertEqual(result.returncode, 2, result)
            self.assertIn("usage: gom-drgn", result.stderr)
        self.assertIn("'xyz' is no address", self.run_without_drgn(
            "owner", "xyz").stderr)


if __name__ == "__main__":
    unittest.main()
