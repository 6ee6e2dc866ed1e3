# SPDX-License-Identifier: MIT
"""Programs that are looked at, and what there is to see over HTTP."""
import re
import subprocess
import time
import urllib.error
import urllib.request

from harness import Program, until
from peers import Sensor, encode
from records_peer import Ring as SensorRing, Stream, records
from records_server import Holder, Server
from ring import Ring
from tls import Authority       # noqa: F401, for others

SAMPLE = re.compile(r'^(\w+)(?:\{(.*)\})? (\S+)$')
LABEL = re.compile(r'(\w+)="((?:[^"\\]|\\.)*)"')


def fetch(url, method="GET", headers=None, context=None):
    """-> (status, headers, body)."""
    request = urllib.request.Request(url, method=method, headers=headers or {})
    opener = urllib.request.build_opener(urllib.request.ProxyHandler({}),
                                         urllib.request.HTTPSHandler(context=context))
    try:
        with opener.open(request, timeout=30) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def samples(text):
    """{(name, frozenset of labels): number}"""
    found = {}
    for line in text.splitlines():
        if line.startswith("#"):
            continue
        name, labels, number = SAMPLE.match(line).groups()
        found[name, frozenset(LABEL.findall(labels or ""))] = float(number)
    return found


class Watched:
    """A program with --metrics."""

    def __init__(self, program):
        self.program = program
        self.url = program.wait_line(r"metrics at (\S+)/metrics$")[1]

    def get(self, path="/metrics", **more):
        return fetch(self.url + path, **more)

    def text(self, path="/metrics"):
        status, _headers, text = self.get(path)
        assert status == 200, (status, text)
        return text

    def value(self, name, **labels):
        """The only sample of these labels, among others; None: there is none."""
        wanted = set(labels.items())
        found = [number for (known, has), number in samples(self.text()).items()
                 if known == name and wanted <= has]
        assert len(found) < 2, f"{name} {labels}: {len(found)} samples"
        return found[0] if found else None

    def until(self, number, name, **labels):
        until(lambda: self.value(name, **labels) == number, f"{name} {labels} is {number:g}")


def names(text):
    """Of families."""
    return set(re.findall(r"^# TYPE (\w+) ", text, re.M))


def collector(folder, *options, port=0, **more):
    """-> (what it shows, its port)."""
    program = Program("pcapring-collector", "--listen", f"127.0.0.1:{port}", "--write",
                      folder("out.pcap"), "--metrics", "127.0.0.1:0", *options, **more)
    port = int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+)")[1])
    return Watched(program), port


class Device(Ring):
    """A capture, and a relay that is looked at."""

    def watch(self, port, *options):
        return Watched(self.relay(port, "--metrics", "127.0.0.1:0", *options))


def now_packets(count, size=60, age=0):
    """Captured now, or @age seconds ago."""
    begin = time.time_ns() - int(age * 1e9)
    return [((begin + i) // 10**9, (begin + i) % 10**9, size, bytes(size))
            for i in range(count)]


def promtool(*words, text=None):
    """What it says, where it is content."""
    done = subprocess.run(["promtool", *words], input=text, text=True, check=False,
                          stdout=subprocess.PIPE, stderr=subprocess.STDOUT)
    assert not done.returncode, done.stdout
    return done.stdout


__all__ = ["Authority", "Device", "Holder", "Sensor", "SensorRing", "Server", "Stream",
           "Watched", "collector", "encode", "fetch", "names", "now_packets", "promtool",
           "records", "samples"]
