# SPDX-License-Identifier: GPL-2.0
"""How the tools speak on a command line: help that is the script's own text,
one line for what is wrong, 1 for a failure and 2 for a wrong use."""

import argparse
import contextlib
import math
import os
import sys


def name():
    return os.path.basename(sys.argv[0])


def say(message):
    """A line for the user, beside the output."""
    print("%s: %s" % (name(), message), file=sys.stderr, flush=True)


def fail(message):
    say(message)
    sys.exit(1)


def show(text):
    """Prints @text, now, so that what goes wrong with that is told here."""
    try:
        print(text, flush=True)
    except OSError as error:
        # Nor may what is left be written at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
        if isinstance(error, BrokenPipeError):
            sys.exit(0)  # whoever reads it has enough
        fail("standard output: %s" % error.strerror)


@contextlib.contextmanager
def about(path):
    """What goes wrong in reading or writing does not say of which file."""
    try:
        yield
    except OSError as error:
        if error.filename is None:
            error.filename = path
        raise


class Parser(argparse.ArgumentParser):
    """Shows @doc for --help, and one line for anything wrong."""

    def __init__(self, doc):
        super().__init__(add_help=False, allow_abbrev=False)
        self.doc = doc
        self.add_argument("-h", "--help", action="store_true")

    def parse_args(self, args=None, namespace=None):
        args = sys.argv[1:] if args is None else args
        if "--help" in args or "-h" in args:
            show(self.doc.strip())
            sys.exit(0)
        return super().parse_args(args, namespace)

    def error(self, message):
        say("%s; see %s --help" % (message, name()))
        sys.exit(2)


def seconds(text):
    """The type of an argument that is a time to wait."""
    try:
        value = float(text)
    except ValueError:
        value = math.nan
    if not 0.01 <= value <= 1e6:
        raise argparse.ArgumentTypeError(
            "%r is no time: want seconds, at least 0.01" % text)
    return value


def count(text):
    """The type of an argument that is a number of times."""
    if not text.isdecimal() or not int(text):
        raise argparse.ArgumentTypeError(
            "%r is no count: want 1 or more" % text)
    return int(text)
