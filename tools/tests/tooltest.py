# SPDX-License-Identifier: GPL-2.0
"""What the tests of the tools share. Each test_*.py runs by itself, with
nothing but Python; `tools/vm test tools` runs them all."""

import importlib.machinery
import importlib.util
import os
import shutil
import subprocess
import sys
import tempfile
import unittest

HERE = os.path.dirname(os.path.abspath(__file__))
TOOLS = os.path.dirname(HERE)
RECORD = os.path.join(HERE, "record")
COPIES = [os.path.join(RECORD, n) for n in sorted(os.listdir(RECORD))]

sys.path.insert(0, TOOLS)
sys.dont_write_bytecode = True


def load(name):
    """The tool as a module, so that its functions can be called."""
    loader = importlib.machinery.SourceFileLoader(
        name.replace("-", "_"), os.path.join(TOOLS, name))
    module = importlib.util.module_from_spec(
        importlib.util.spec_from_loader(loader.name, loader))
    loader.exec_module(module)
    return module


class ToolTest(unittest.TestCase):
    """Runs @tool in a directory of the test's own."""

    tool = None

    def setUp(self):
        self.scratch = tempfile.mkdtemp()
        self.addCleanup(shutil.rmtree, self.scratch, ignore_errors=True)

    def path(self, *names):
        return os.path.join(self.scratch, *names)

    def command(self, *args):
        return [sys.executable, "-B", os.path.join(TOOLS, self.tool), *args]

    def run_tool(self, *args):
        return subprocess.run(self.command(*args), capture_output=True,
                              text=True, timeout=60, check=False)

    def output(self, *args):
        run = self.run_tool(*args)
        self.assertEqual((run.returncode, run.stderr), (0, ""))
        return run.stdout

    def complaint(self, status, *args):
        """The one line the tool says as it fails with @status."""
        run = self.run_tool(*args)
        self.assertEqual(run.returncode, status, run.stderr)
        self.assertRegex(run.stderr, r"\A%s: [^\n]+\n\Z" % self.tool)
        return run.stderr

    def disk_full(self, *args):
        """What it says if a file that it writes is at most 512 bytes."""
        run = subprocess.run(
            ["sh", "-c", 'ulimit -f 1 && exec "$@"', "sh",
             *self.command(*args)],
            capture_output=True, text=True, timeout=60, check=False)
        self.assertEqual(run.returncode, 1, run.stderr)
        return run.stderr

    def check_full(self, *args):
        """Where its output cannot be written it says so, in one line."""
        with open("/dev/full", "w", encoding="ascii") as full:
            run = subprocess.run(self.command(*args), stdout=full, text=True,
                                 stderr=subprocess.PIPE, timeout=60,
                                 check=False)
        self.assertEqual(
            (run.returncode, run.stderr), (1, "%s: standard output: No space "
                                           "left on device\n" % self.tool))

    def copy(self, which=0, name="gomalloc"):
        """A copy of gomalloc's files to spoil."""
        return shutil.copytree(COPIES[which], self.path(name))

    def edit(self, directory, file, change):
        path = os.path.join(directory, file)
        with open(path, encoding="ascii") as old:
            text = change(old.read())
        with open(path, "w", encoding="ascii") as new:
            new.write(text)

    def check_usage(self):
        """What holds for each tool."""
        self.assertIn("usage: " + self.tool, self.output("--help"))
        self.assertIn("--help", self.complaint(2, "--no-such-option"))
        self.check_full("--help")
