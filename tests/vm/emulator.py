# SPDX-License-Identifier: MIT
"""
A qemu that emulates two CPUs well. Before 8.1, one CPU could translate code
that another was patching, and ran the kernel's breakpoint after it was gone:
"Oops: int3" wherever a static key had changed. 8.1 locks the pages before it
translates. Where Debian's qemu is older, that of its backports is unpacked in
the cache; the libraries that both need come with the installed one.
"""
import glob
import os
import platform
import re
import shutil
import tempfile

from archive import CACHE, Failure, Suite, output

PROGRAM = "qemu-system-x86_64"
OLDEST = (8, 1)
PACKAGES = ("qemu-system-x86", "qemu-system-common", "qemu-system-data",
            "seabios")


def version(program):
    found = re.search(r"version (\d+)\.(\d+)", output([program, "--version"]))
    return int(found[1]), int(found[2])


def emulator():
    """The program to run."""
    installed = shutil.which(PROGRAM)
    if not installed:
        raise Failure(f"no {PROGRAM}: run 'make deps'")
    if version(installed) >= OLDEST:
        return installed
    codename = platform.freedesktop_os_release().get("VERSION_CODENAME", "")
    suite = Suite(f"{codename}-backports")
    folder = f"{CACHE}/qemu/{suite.name}"
    with suite.locked():
        if not os.path.isdir(folder):
            try:
                fetch(suite, folder)
            except Failure as failure:
                raise Failure(
                    f"{installed} is older than {OLDEST[0]}.{OLDEST[1]}, and "
                    f"{suite.name} gives no newer one: install one, so that it "
                    f"is first in PATH ({failure})") from failure
    return f"{folder}/usr/bin/{PROGRAM}"


def fetch(suite, folder):
    suite.update()
    os.makedirs(f"{CACHE}/qemu", exist_ok=True)
    base = tempfile.mkdtemp(dir=f"{CACHE}/qemu")
    try:
        suite.download([x for x in suite.closure(*PACKAGES)
                        if x.name in PACKAGES], base)
        for file in glob.glob(f"{base}/*.deb"):
            output(["dpkg-deb", "-x", file, base])
            os.unlink(file)
        if version(f"{base}/usr/bin/{PROGRAM}") < OLDEST:
            raise Failure("its own is older, too")
        os.chmod(base, 0o755)
        os.rename(base, folder)
    finally:
        shutil.rmtree(base, ignore_errors=True)
