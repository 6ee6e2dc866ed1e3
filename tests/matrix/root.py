# SPDX-License-Identifier: MIT
"""
A kernel as a distribution ships it: its image, its modules, its headers, and
the compiler and tools that these ask for, unpacked in a folder of the cache.
"""
import glob
import hashlib
import os
import re
import shutil
import subprocess
import tempfile

from archive import CACHE, Failure, output

# What kbuild runs that no package of the kernel's depends on.
TOOLS = ("bash", "binutils", "coreutils", "dash", "findutils", "grep", "make",
         "mawk", "perl", "python3", "sed")
# Never read when a kernel module is built.
UNUSED = ("./usr/share/doc", "./usr/share/locale", "./usr/share/man",
          "./usr/lib/systemd", "*/lto1", "lib*san.so*", "lib*san.a")


class Root:
    """@foreign: another architecture, whose headers are to be there, too."""

    def __init__(self, suite, foreign=None):
        self.suite = suite
        self.foreign = foreign
        self.path = None
        self.version = None

    def prepare(self):
        """What the meta packages stand for today, there to be used."""
        with self.suite.locked():
            self.suite.update()
            packages = self.packages()
            self.version = self.image_version(packages)
            self.path = self.place(packages)
            if not os.path.isdir(self.path):
                self.unpack(packages)
                self.forget_older()
        if not os.path.isdir(self.headers()):
            raise Failure(f"linux-headers-amd64 of {self.suite.name} is not of "
                          f"kernel {self.version}, as linux-image-amd64 is")

    def headers(self, architecture="amd64"):
        release = self.version.removesuffix("-amd64")
        return (f"{self.path}/usr/src/"
                f"linux-headers-{release}-{architecture}")

    def packages(self):
        found = self.suite.closure("linux-image-amd64", "linux-headers-amd64",
                                   *TOOLS, *self.cross_compiler())
        if self.foreign:
            # Without the compiler that runs there.
            meta = f"linux-headers-{self.foreign}:{self.foreign}"
            found += [x for x in self.suite.closure(meta)
                      if x.name.startswith("linux-headers-")
                      and x.architecture == self.foreign]
        return found

    def cross_compiler(self):
        return ("gcc-aarch64-linux-gnu",) if self.foreign == "arm64" else ()

    def image_version(self, packages):
        for package in packages:
            found = re.fullmatch(r"linux-image-(\d.*-amd64)", package.name)
            if found:
                return found[1]
        raise Failure(f"linux-image-amd64 of {self.suite.name} depends on no "
                      f"kernel")

    def place(self, packages):
        lines = "\n".join(sorted(map(repr, [*packages, *UNUSED])))
        key = hashlib.sha256(lines.encode()).hexdigest()[:12]
        return f"{CACHE}/matrix/roots/{self.suite.name}_{key}"

    def unpack(self, packages):
        os.makedirs(f"{CACHE}/matrix/roots", exist_ok=True)
        base = tempfile.mkdtemp(dir=f"{CACHE}/matrix/roots",
                                prefix=f"{self.suite.name}.")
        try:
            for name in ("bin", "sbin", "lib", "lib64"):
                os.makedirs(f"{base}/usr/{name}")
                os.symlink(f"usr/{name}", f"{base}/{name}")
            for name in ("proc", "dev", "tmp", "build", "archives"):
                os.mkdir(f"{base}/{name}")
            self.suite.download(packages, f"{base}/archives")
            for file in glob.glob(f"{base}/archives/*.deb"):
                self.unpack_package(file, base)
            shutil.rmtree(f"{base}/archives")
            # As their packages' scripts would.
            for link, program in (("sh", "dash"), ("awk", "mawk")):
                output(["ln", "-sf", program, f"{base}/usr/bin/{link}"])
            output(["depmod", "-b", base, self.version])
            os.chmod(base, 0o755)
            os.rename(base, self.path)
        finally:
            shutil.rmtree(base, ignore_errors=True)

    @staticmethod
    def unpack_package(file, base):
        with subprocess.Popen(["dpkg-deb", "--fsys-tarfile", file],
                              stdout=subprocess.PIPE) as archive:
            output(["tar", "-x", "-C", base, "--keep-directory-symlink",
                    "--no-same-owner", *(f"--exclude={x}" for x in UNUSED)],
                   stdin=archive.stdout)
        if archive.returncode:
            raise Failure(f"{file} cannot be unpacked")

    def forget_older(self):
        for path in glob.glob(f"{CACHE}/matrix/roots/{self.suite.name}[_.]*"):
            if path != self.path:
                shutil.rmtree(path, ignore_errors=True)

    def command(self, build, *command):
        """@command as it is run in there, with @build at /build."""
        script = """
            for place in dev proc; do
                mount --rbind "/$place" "$0/$place" || exit
            done
            mount --bind "$1" "$0/build" && mount -t tmpfs tmpfs "$0/tmp" || exit
            root=$0
            shift
            exec chroot "$root" env -i PATH=/usr/sbin:/usr/bin LC_ALL=C "$@"
        """
        user = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", *user, "--mount", "sh", "-c", script, self.path,
                build, *command]
