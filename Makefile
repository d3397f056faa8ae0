# SPDX-License-Identifier: GPL-2.0
#
# For people. The kernel's build reads Kbuild; everything that boots a virtual
# machine is tools/vm, which needs no make.

KDIR ?= /lib/modules/$(shell uname -r)/build

all: modules

modules modules_install clean:
	$(MAKE) -C $(KDIR) M=$(CURDIR) $@

install: modules_install
	depmod -a $$($(MAKE) -s -C $(KDIR) kernelrelease)

# make test T=kunit/gomalloc_tiny runs one suite, make bench T=--quick a few rows.
demo test bench shell record:
	tools/vm $@ $(T)

lint:
	tools/vm test lint

help:
	@echo 'make          build gomalloc.ko and the test modules against KDIR'
	@echo 'make install  install them for that kernel'
	@echo 'make clean    remove what make built'
	@echo 'make demo     load gomalloc in a virtual machine and show it at work'
	@echo 'make test     all checks; T=selftests/smoke or T=kunit/gomalloc_tiny for one'
	@echo 'make bench    gomalloc and kmalloc side by side; T=--quick for a few rows'
	@echo 'make lint     gcc W=1, sparse, checkpatch, kernel-doc, shell, python'
	@echo 'make shell    a prompt in the virtual machine'
	@echo ''
	@echo 'KDIR is $(KDIR)'

.PHONY: all modules modules_install install clean demo test bench shell record lint help
