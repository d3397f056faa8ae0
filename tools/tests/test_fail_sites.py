#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of fail-sites: that it sees what is at no site."""

import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOL = os.path.join(HERE, "fail-sites")
KMOD = os.path.join(HERE, "..", "..", "kmod")


class FailSites(unittest.TestCase):
    def setUp(self):
        scratch = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, scratch)
        self.kmod = shutil.copytree(KMOD, os.path.join(scratch, "kmod"))

    def run_tool(self):
        return subprocess.run([sys.executable, TOOL, self.kmod], text=True,
                              capture_output=True, check=False)

    def edit(self, name, old, new):
        path = os.path.join(self.kmod, name)
        with open(path, encoding="utf-8") as f:
            text = f.read()
        self.assertIn(old, text)
        with open(path, "w", encoding="utf-8") as f:
            f.write(text.replace(old, new, 1))

    def test_tree_is_clean(self):
        result = self.run_tool()
        self.assertEqual((result.returncode, result.stdout), (0, ""))

    def complains(self, *lines):
        result = self.run_tool()
        self.assertEqual(result.returncode, 1)
        for line in lines:
            self.assertRegex(result.stdout, line)

    def test_call_at_no_site(self):
        self.edit("nolock.c", "static void defer(",
                  "static void *more(void)\n{\n\treturn kmalloc(8, 0);\n}\n\n"
                  "static void defer(")
        self.complains(r"nolock\.c:\d+: kmalloc\(\) is at no site")

    def test_site_that_is_not_called(self):
        self.edit("devm.c", "gom_try(DEVRES, sizeof(*res), gfp,", "(")
        self.complains(r"devm\.c:\d+: devres_alloc\(\) is at no site",
                       "GOM_FAIL_DEVRES is called nowhere")

    def test_exception_that_is_none(self):
        self.edit("client.c", "kmalloc(", "gomalloc(")
        self.complains(r"client\.c: has no kmalloc\(\) any more")


if __name__ == "__main__":
    unittest.main()
