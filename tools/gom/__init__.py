# SPDX-License-Identifier: GPL-2.0
"""What gomalloc's tools share."""
