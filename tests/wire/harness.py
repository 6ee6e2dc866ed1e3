# SPDX-License-Identifier: MIT
"""Runs programs, waits for what they say, and prints TAP."""
import os
import re
import shutil
import signal
import subprocess
import sys
import tempfile
import threading
import time
import traceback

BUILD = os.path.abspath(os.environ.get("BUILD", "build"))
SECONDS = float(os.environ.get("WIRE_SECONDS", "30"))   # longest wait for an event
MEBIBYTES = int(os.environ.get("WIRE_MEBIBYTES", "320"))  # of the collector; 20 by itself
WRAPPER = os.environ.get("WIRE_WRAPPER", "").split()    # e.g. valgrind -q ...

SANITIZER = re.compile(r"(Address|Leak|Thread|Memory)Sanitizer|runtime error:")

cases = []


class Skip(Exception):
    pass


def case(name):
    def register(function):
        cases.append((name, function))
        return function
    return register


def until(condition, what):
    """Poll until condition() is true; a file's size has no better event."""
    deadline = time.monotonic() + SECONDS
    while not condition():
        if time.monotonic() > deadline:
            raise AssertionError(f"not within {SECONDS:g} s: {what}")
        time.sleep(0.005)


def same(got, want, what):
    if got != want:
        raise AssertionError(f"{what}: got {short(got)}, want {short(want)}")


def short(value):
    text = repr(value)
    return text if len(text) < 400 else f"{text[:400]}... ({len(text)} characters)"


def read(path):
    with open(path, "rb") as file:
        return file.read()


def write(path, blob):
    with open(path, "wb") as file:
        file.write(blob)


class Program:
    """A program under test; its lines on standard error are events."""

    living = []

    def __init__(self, name, *args, stdout=subprocess.DEVNULL, env=None, before=()):
        self.name = name
        self.lines = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            [*before, *WRAPPER, os.path.join(BUILD, name), *args], stdin=subprocess.DEVNULL,
            stdout=stdout, stderr=subprocess.PIPE,
            env=None if env is None else {**os.environ, **env})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        Program.living.append(self)

    def _read(self):
        for line in self.process.stderr:
            with self.news:
                self.lines.append(line.decode("utf-8", "replace").rstrip("\n"))
                self.news.notify_all()
        with self.news:
            self.news.notify_all()

    def find(self, pattern):
        for line in self.lines:
            match = re.search(pattern, line)
            if match:
                return match
        return None

    def wait_line(self, pattern):
        deadline = time.monotonic() + SECONDS
        with self.news:
            while True:
                match = self.find(pattern)
                if match:
                    return match
                left = deadline - time.monotonic()
                ended = self.process.poll() is not None and not self.reader.is_alive()
                if left <= 0 or ended:
                    raise AssertionError(
                        f"{self.name} did not say /{pattern}/, but:\n" + "\n".join(self.lines))
                self.news.wait(min(left, 0.2))

    def wait(self, status=0):
        """Wait for the end, and for this exit status."""
        try:
            got = self.process.wait(SECONDS)
        except subprocess.TimeoutExpired:
            raise AssertionError(f"{self.name} does not end:\n" + "\n".join(self.lines))
        self.reader.join(SECONDS)
        text = "\n".join(self.lines)
        if got != status:
            raise AssertionError(f"{self.name} ended with {got}, want {status}:\n{text}")
        if SANITIZER.search(text):
            raise AssertionError(f"{self.name}: a sanitizer reports:\n{text}")
        return text

    def signal(self, number):
        self.process.send_signal(number)

    def stop(self, status=0):
        self.signal(signal.SIGTERM)
        return self.wait(status)

    def kill(self):
        self.signal(signal.SIGKILL)
        return self.wait(-signal.SIGKILL)

    @classmethod
    def bury(cls):
        for program in cls.living:
            if program.process.poll() is None:
                program.process.kill()
                program.process.wait()
        cls.living.clear()


def peak(program):
    """Of the process' memory, in MiB."""
    with open(f"/proc/{program.process.pid}/status", encoding="ascii") as status:
        return int(re.search(r"VmHWM:\s+(\d+) kB", status.read())[1]) / 1024


class Folder:
    """A scratch folder; paths in it."""

    def __init__(self):
        self.path = tempfile.mkdtemp(prefix="pcapring-wire-")

    def __call__(self, *parts):
        return os.path.join(self.path, *parts)

    def names(self):
        return sorted(os.listdir(self.path))

    def remove(self):
        shutil.rmtree(self.path, ignore_errors=True)


def diagnose(text):
    for line in text.rstrip().splitlines():
        print("# " + line)


def run_case(number, name, function):
    folder = Folder()
    try:
        function(folder)
        verdict, note = "ok", ""
    except Skip as reason:
        verdict, note = "ok", f" # SKIP {reason}"
    except Exception as error:          # a test that fails, or cannot run
        verdict, note = "not ok", ""
        diagnose(str(error) if isinstance(error, AssertionError) and str(error)
                 else traceback.format_exc())
    finally:
        for program in Program.living:
            if verdict != "ok":
                diagnose("\n".join(f"[{program.name}] {line}" for line in program.lines))
        Program.bury()
        folder.remove()
    print(f"{verdict} {number} - {name}{note}", flush=True)
    return verdict == "ok"


def main(words):
    """Run all cases, or those whose names contain one of the words."""
    chosen = [(name, function) for name, function in cases
              if not words or any(word in name for word in words)]
    print(f"1..{len(chosen)}", flush=True)
    passed = [run_case(number, *one) for number, one in enumerate(chosen, 1)]
    sys.exit(0 if all(passed) else 1)
