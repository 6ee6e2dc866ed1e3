# SPDX-License-Identifier: MIT
#
# make             build everything into build/
# make deps        install the Debian packages that building and testing need
# make test        all tests, on a fresh Debian machine too
# make demo        watch it work, in a virtual machine
# make fuzz        what parses peers' bytes and files, FUZZ_SECONDS=60 each
# make kunit       the kernel's unit tests, in User Mode Linux
# make bench       speed of the relay, as ratios in one run
# make bench-kernel  speed of the module, beside packet sockets
# make matrix      the module on each kernel that it supports
# make test-debug  all tests of the module on kernels with sanitizers; hours
# make check       coding style and static analysis
# make install     DESTDIR=, PREFIX=
#
# CC=clang, SANITIZE=address,undefined, BUILD=folder as usual.

BUILD	?= build
PREFIX	?= /usr
CC	= gcc
CFLAGS	?= -O2 -g
VERSION	:= $(shell sed -n 's/^PACKAGE_VERSION="\(.*\)"/\1/p' dkms.conf)

# The kernel to build for is the one whose headers are installed: the running
# one may belong to a container's host.
KVER	?= $(shell dpkg-query -W -f='$${Depends}' linux-headers-amd64 2>/dev/null | \
	     sed 's/.*linux-headers-\([^ ,]*\).*/\1/')
KDIR	?= /usr/src/linux-headers-$(KVER)

# A word and a name for each step; V=1 shows the commands.
ifneq ($(V),1)
step	= @printf '  %-8s%s\n' $(1) $(2);
endif

all: module programs

include relay/programs.mk
include kmod/module.mk
include tests/tests.mk
include packaging/packaging.mk

clean:
	rm -rf $(BUILD)

.PHONY: all clean
