#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""gom-check: it names the places of what it knows, and nothing else; and what
the header redirects is what it takes for left over."""

import os
import re
import shutil
import subprocess
import unittest

from tooltest import TOOLS, ToolTest, load

HEADER = os.path.join(os.path.dirname(TOOLS),
                      "include/linux/gomalloc-override.h")

UNSAFE = """\
#define pr_fmt(fmt) "x: " fmt
#include <linux/slab.h>
/* set_delayed_call(done, kfree_link, link) */
static const char *s = "kfree_link";
static int f(struct fs_context *fc)
{
	fc->source = kstrdup("none", GFP_KERNEL);
	pdev->dev.platform_data = kzalloc(8, GFP_KERNEL);
	set_delayed_call(done, kfree_link, link);
	urb->transfer_flags |= URB_FREE_BUFFER;
}
"""


class Check(ToolTest):
    tool = "gom-check"

    def write(self, text, *names):
        path = self.path(*names)
        os.makedirs(os.path.dirname(path), exist_ok=True)
        with open(path, "w") as file:
            file.write(text)
        return path

    def found(self, *args):
        """(line, kind) of each, and that it failed for them."""
        run = self.run_tool(*args)
        self.assertEqual((run.returncode, run.stderr), (1, ""))
        return [(int(line.split(":")[1]), line.split(":")[2].strip())
                for line in run.stdout.splitlines()]

    def compile(self, text):
        compiler = shutil.which("gcc-12") or shutil.which("gcc")
        if not compiler or not shutil.which("nm"):
            self.skipTest("no compiler")
        source = self.write(text, "x.c")
        subprocess.run([compiler, "-w", "-c", "-o", self.path("x.o"), source],
                       check=True)
        return self.path("x.o")

    def test_usage(self):
        self.check_usage()
        self.complaint(2)

    def test_sources(self):
        unsafe = [(1, "include"), (7, "owner"), (8, "owner"), (9, "owner"),
                  (10, "owner")]
        path = self.write(UNSAFE, "unsafe", "a.c")
        self.write("int x;\n", "unsafe", "b.c")
        self.write(UNSAFE, "unsafe", "a.mod.c")
        self.assertEqual(self.found(path), unsafe)
        self.assertEqual(self.found(self.path("unsafe")), unsafe)
        self.assertEqual(self.run_tool("-q", path).stdout, "")

    def test_safe(self):
        self.assertEqual(self.output(self.write(
            '#undef pr_fmt\n#define pr_fmt(fmt) "x: " fmt\n'
            "void f(void) { kfree(kmalloc(8, GFP_KERNEL)); }\n", "a.c")), "")

    def test_early(self):
        usual = self.write('#define pr_fmt(fmt)  KBUILD_MODNAME ": " fmt\n',
                           "a.c")
        self.assertIn("GOMALLOC_OVERRIDE_PR_FMT", self.run_tool(usual).stdout)
        debug = self.write("#define DEBUG\n#include <linux/device.h>\n", "b.c")
        self.assertIn("command line", self.run_tool(debug).stdout)

    def test_objects(self):
        path = self.compile("void f(void) { kfree(__kmalloc_noprof(8)); "
                            "kfree_link(0); kvfree_call_rcu(0); gofree(0); }")
        self.assertEqual(
            [line.split(": ", 1)[1].split(";")[0]
             for line in self.run_tool(path).stdout.splitlines()],
            ["left over: __kmalloc_noprof()", "left over: kfree()",
             "owner: kfree_link(): frees the link"])
        self.assertEqual(self.output(self.compile("void f(void) { gofree(0); }")),
                         "")

    def test_failures(self):
        self.complaint(1, self.path("none.c"))
        self.complaint(1, self.write("no object", "x.ko"))

    def test_names(self):
        """All that the header redirects and no macro is made of."""
        with open(HEADER) as file:
            names = re.findall(r"^#undef (\w+)$", file.read(), re.M)
        self.assertGreater(len(names), 50)
        left = load("gom-check").LEFT
        self.assertEqual([name for name in names if not left.fullmatch(name)],
                         [])


if __name__ == "__main__":
    unittest.main()
