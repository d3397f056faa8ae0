# SPDX-License-Identifier: GPL-2.0
"""Draws charts with gnuplot, all in one style."""

import os
import re
import subprocess

from . import cli

GREY, GREEN, RED, BLUE = "#8a8f98", "#1b9e77", "#d95f02", "#3b6fb6"
COLOURS = [BLUE, GREEN, RED, "#7a4fa3", "#b58900", "#2aa1b3", "#c2417c",
           "#5b6b2f", "#444444", "#a0522d"]

STYLE = """
set encoding utf8
set border 0
set tics nomirror scale 0
set grid xtics ytics lc rgb '#e4e6ea' lw 1 lt 1
set key tc rgb '#30343b'
set title tc rgb '#30343b'
set xlabel tc rgb '#30343b'
set ylabel tc rgb '#30343b'
set tics tc rgb '#30343b'
"""


def quoted(text):
    return "'" + text.replace("'", "''") + "'"


def block(name, lines):
    return "$%s << EOD\n%s\nEOD\n" % (name, "\n".join(lines))


def slim(path):
    """gnuplot's SVG without the half of it that draws nothing."""
    with open(path, encoding="utf-8") as file:
        text = file.read()
    text = re.sub(r"<path [^>]* d='M[\d.,]+ *'/>", "", text)
    text = re.sub(r' stroke-line(cap="butt"|join="miter")', "", text)
    text = re.sub(r'<tspan font-family="sans-serif" >([^<]*)</tspan>', r"\1",
                  text)
    text = re.sub(r"[\t ]*\n\s*", "\n", text)
    text, found = re.subn(r"<g [^>]*>\s*</g>\n?", "", text)
    while found:
        text, found = re.subn(r"<g [^>]*>\s*</g>\n?", "", text)
    with cli.about(path), open(path, "w", encoding="utf-8") as file:
        file.write(text)


class Charts:
    """Runs gnuplot for each chart, once for each format."""

    def __init__(self, into):
        self.into, self.made = into, []

    def draw(self, name, title, script, width, height):
        for kind, terminal in (
                ("svg", "svg size %d,%d dynamic font 'sans-serif,13' "
                        "background rgb 'white'" % (width, height)),
                ("png", "pngcairo size %d,%d font 'sans,10' "
                        "background rgb 'white'" % (width, height))):
            path = os.path.join(self.into, "%s.%s" % (name, kind))
            text = "set terminal %s\nset output %s\n%s%s\n" % (
                terminal, quoted(path), STYLE, script)
            try:
                run = subprocess.run(["gnuplot", "-"], input=text, text=True,
                                     capture_output=True, check=False)
            except FileNotFoundError:
                cli.fail("no gnuplot here: apt-get install gnuplot-nox")
            if run.returncode or re.search(r"line \d+: (?!warning)",
                                           run.stderr):
                cli.fail("gnuplot could not draw %s: %s"
                         % (path, run.stderr.strip()))
        slim(os.path.join(self.into, name + ".svg"))
        self.made.append((name, title))
