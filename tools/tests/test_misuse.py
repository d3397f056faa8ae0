#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Documentation/misuse.rst says what the selftest misuse-table.sh expects, which is
the table in gomalloc_misuse.c: no more rows, no fewer, and the same of each."""

import os
import re
import unittest

from tooltest import TOOLS

TOP = os.path.dirname(TOOLS)
SOURCE = os.path.join(TOP, "selftests/modules/gomalloc_misuse.c")
DOCUMENT = os.path.join(TOP, "Documentation/misuse.rst")
SCRIPT = os.path.join(TOP, "selftests/misuse-table.sh")


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def source_rows():
    """Kind and columns; those left out are as the one before."""
    table = read(SOURCE).split("} misuses[] = {")[1].split("\n};")[0]
    for row in re.findall(r"\{(.*?)\}", table, re.DOTALL):
        kind, *columns = re.findall(r'"([^"]*)"', row)
        if columns:
            yield [kind] + (columns + columns[-1:] * 2)[:3]


def document_rows():
    text = read(DOCUMENT).split(".. list-table::")[1]
    for row in re.split(r"\n   \* - ", text)[2:]:
        cells = re.split(r"\n     - ", row.split("\n\n")[0])
        kind = re.match(r"``([a-z0-9-]*)``: ", cells[0]).group(1)
        yield [kind] + [" ".join(c.split()).replace("\\-", "-")
                        for c in cells[1:]]


class Misuse(unittest.TestCase):
    def test_document_is_as_tested(self):
        self.maxDiff = None
        self.assertEqual(list(document_rows()), list(source_rows()))

    def test_every_row_is_run(self):
        rows = re.search(r"^rows=([0-9]+)", read(SCRIPT), re.MULTILINE)
        self.assertEqual(int(rows.group(1)), len(list(source_rows())))

    def test_debug_finds_all(self):
        for kind, _, debug, _ in source_rows():
            self.assertNotEqual(debug, "-", kind)


if __name__ == "__main__":
    unittest.main()
