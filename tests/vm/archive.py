# SPDX-License-Identifier: MIT
"""
What Debian's archive holds, suite by suite: a private configuration of apt,
made from the machine's own, whose state is in the cache and which knows of
nothing that is installed.
"""
import fcntl
import os
import re
import subprocess
import time
from collections import namedtuple
from contextlib import contextmanager

CACHE = os.path.join(
    os.environ.get("XDG_CACHE_HOME") or os.path.expanduser("~/.cache"),
    "pcapring")
KEYRING = "/usr/share/keyrings/debian-archive-keyring.gpg"
FRESH = 24 * 3600   # seconds that a list of packages is good for

Package = namedtuple("Package", "name architecture version")


class Failure(Exception):
    """What is missing, and what to do."""


def output(command, **options):
    """Standard output of a command that must succeed."""
    done = subprocess.run(command, capture_output=True, text=True, check=False,
                          **options)
    if done.returncode:
        raise Failure(f"{' '.join(command[:3])} …: "
                      f"{done.stderr.strip() or done.stdout.strip()}")
    return done.stdout


def mirrors():
    """The machine's mirrors: of Debian, and of its security updates or None."""
    form = "$(LABEL) $(REPO_URI)"
    found = dict(line.split(" ", 1) for line in output(
        ["apt-get", "indextargets", "--format", form, "Origin: Debian",
         "Created-By: Packages"]).splitlines())
    if "Debian" not in found:
        raise Failure("apt has no list of Debian's packages: run 'apt-get "
                      "update' with Debian among its sources")
    return found["Debian"], found.get("Debian-Security")


class Suite:
    """One suite: `bookworm`, or `bookworm-backports` on top of that."""

    def __init__(self, name, architectures=("amd64",)):
        self.name = name
        self.architectures = architectures
        self.folder = os.path.join(CACHE, "apt", name)
        self.stale = None   # why the lists are older than they should be

    @contextmanager
    def locked(self):
        """Alone, among the runs of all checkouts."""
        os.makedirs(self.folder, exist_ok=True)
        with open(f"{self.folder}/lock", "w", encoding="utf-8") as lock:
            fcntl.flock(lock, fcntl.LOCK_EX)
            yield

    def sources(self):
        base = self.name.removesuffix("-backports")
        main, security = mirrors()
        places = [(main, base)]
        if security:
            places.append((security, f"{base}-security"))
        if self.name != base:
            places.append((main, self.name))
        return "".join(f"deb [signed-by={KEYRING}] {uri} {suite} main\n"
                       for uri, suite in places)

    def configuration(self):
        """How the machine reaches its mirror; everything else is ours."""
        reach = [line for line in output(["apt-config", "dump"]).splitlines()
                 if line.startswith("Acquire::")]
        architectures = " ".join(f'"{x}";' for x in self.architectures)
        return "\n".join([
            *reach,
            'Acquire::Languages "none";',
            'Acquire::Retries "3";',
            # Old suites stay as they are.
            'Acquire::Check-Valid-Until "false";',
            'Acquire::GzipIndexes "true";',
            "#clear APT::Architectures;",
            f"APT::Architectures {{ {architectures} }};",
            'APT::Sandbox::User "root";',
            *self.preference(),
            'APT::Install-Recommends "false";',
            'Dir::Etc::main "/dev/null";',
            f'Dir::Etc::parts "{self.folder}/empty";',
            f'Dir::Etc::preferencesparts "{self.folder}/empty";',
            f'Dir::Etc::sourceparts "{self.folder}/empty";',
            f'Dir::Etc::sourcelist "{self.folder}/sources.list";',
            f'Dir::State "{self.folder}";',
            'Dir::State::status "/dev/null";',
            f'Dir::Cache "{self.folder}";', ""])

    def preference(self):
        """Backports must be asked for; security updates come by themselves."""
        return [f'APT::Default-Release "{self.name}";'] * self.name.endswith(
            "-backports")

    def apt(self, *arguments, **options):
        return output(["apt-get", *arguments], env=dict(
            os.environ, APT_CONFIG=f"{self.folder}/apt.conf", LC_ALL="C"),
            **options)

    def update(self):
        """Know what is there; what was there a day ago will do."""
        stamp = f"{self.folder}/updated"
        for name in ("empty", "lists/partial", "archives/partial"):
            os.makedirs(f"{self.folder}/{name}", exist_ok=True)
        changed = [self.write("sources.list", self.sources()),
                   self.write("apt.conf", self.configuration())]
        if os.path.exists(stamp):
            age = time.time() - os.path.getmtime(stamp)
            if age < FRESH and not any(changed):
                return
        try:
            self.apt("update", "--error-on=any")
        except Failure as failure:
            if not os.path.exists(stamp):
                raise
            self.stale = (f"lists are {age / 3600:.0f} hours old, the mirror "
                          f"does not answer: {failure}")
        else:
            self.write("updated", "")

    def write(self, name, text):
        """Returns whether that changed the file."""
        path = f"{self.folder}/{name}"
        if text and os.path.exists(path):
            with open(path, encoding="utf-8") as file:
                if file.read() == text:
                    return False
        with open(path, "w", encoding="utf-8") as file:
            file.write(text)
        return True

    def closure(self, *names):
        """The packages @names and all that they depend on."""
        lines = self.apt("--simulate", "install", *names).splitlines()
        found = [re.match(r"Inst (\S+?)(?::\S+)? \((\S+) .*\[(\S+)\]\)", line)
                 for line in lines if line.startswith("Inst ")]
        return [Package(x[1], x[3], x[2]) for x in found]

    def download(self, packages, folder):
        """Their files, to @folder."""
        self.apt("download", *(
            f"{x.name}={x.version}" if x.architecture == "all" else
            f"{x.name}:{x.architecture}={x.version}" for x in packages),
            cwd=folder)
