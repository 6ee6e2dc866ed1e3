# SPDX-License-Identifier: MIT
"""
Certificates that are renewed, and configurations that are read again, on both ends, while
packets flow as fast as they can: no stream ends, nothing is lost, nothing there twice.
"""
import os
import random
import signal
import threading

import savefile
from config import conf
from harness import Program, case, read, same, until
from records_relay import contents
from ring import Ring
from tls import Authority, replace, serial

ROUNDS = 6
LEAST = 16 << 20        # bytes of records that flow meanwhile, at least
BLOCK = 200             # packets that come at a time


class Source(threading.Thread):
    """Keeps the rings of a capture as full as they can be."""

    def __init__(self, ring):
        super().__init__(daemon=True)
        self.ring = ring
        self.dice = random.Random(7)
        self.packets = [[] for _ in range(ring.rings)]
        self.made = 0
        self.bytes = 0
        self.enough = threading.Event()
        self.given_up = threading.Event()

    def some(self):
        """No two of all packets are alike."""
        out = []
        for _ in range(BLOCK):
            self.made += 1
            size = self.dice.choice((60, 60, 600, 1514))
            out.append((1700000000 + self.made // 1000, self.made % 1000 * 1000000, size,
                        self.made.to_bytes(8, "big") + bytes(size - 8)))
        return out

    def run(self):
        while not (self.enough.is_set() and self.bytes >= LEAST):
            for number, kept in enumerate(self.packets):
                packets = self.some()
                blob = contents(packets, 9)
                while self.ring.head(number) + len(blob) - self.ring.tail(number) > self.ring.size:
                    if self.given_up.wait(0.0005):
                        return
                self.ring.extend(blob, len(packets), number)
                kept += packets
                self.bytes += len(blob)

    def finish(self):
        """All of it has arrived, as far as the rings know."""
        self.enough.set()
        self.join()
        rings = range(self.ring.rings)
        until(lambda: [*map(self.ring.tail, rings)] == [*map(self.ring.head, rings)],
              "the last acknowledgements")


class Site:
    """A collector and a relay that know each other by certificates, and their files."""

    def __init__(self, folder, protocol, rings):
        self.folder = folder
        self.ca = Authority(folder, "ca")
        self.files = {}
        for who, names in ("collector", "IP:127.0.0.1"), ("sensor", "DNS:sensor.example"):
            self.files[who] = self.ca.issue(who, names)
        self.ring = Ring(folder, rings=rings)
        self.configure(0)
        self.collector = Program("pcapring-collector", "--config", folder("c.conf"))
        port = self.collector.wait_line(r"listening on 127\.0\.0\.1:(\d+), with TLS$")[1]
        self.port = int(port)
        self.relay = self.ring.relay(port, "--config", folder("r.conf"), "--protocol", protocol,
                                     env={"PCAPRING_FILTERS": folder("filters")})
        self.relay.wait_line("connected to")

    def keys(self, who):
        return dict(zip(("tls_cert", "tls_key"), self.files[who]))

    def configure(self, number):
        """Other values each time, of what can change."""
        path = conf(self.folder, "c.new", listen="127.0.0.1:0", write=self.folder("out.pcap"),
                    hold_back=0, tls_client_ca=self.ca.certificate, sync=number % 3 / 10,
                    verbose=("false", "true")[number % 2], max_rate=f"{1 + number}G",
                    **self.keys("collector"))
        with open(path, "a", encoding="ascii") as file:
            file.write("[sensor sensor-1]\ncertificate = sensor.example\n")
            file.write(f"[sensor other-{number}]\ncertificate = other.example\n")
        os.rename(path, self.folder("c.conf"))
        path = conf(self.folder, "r.new", tls_ca=self.ca.certificate, exclude=f"tcp port {7 + number}",
                    verbose=("false", "true")[number % 2], limit_rate=f"{1 + number}G",
                    **self.keys("sensor"))
        os.rename(path, self.folder("r.conf"))

    def renew(self, number):
        """The keys first, so that for a moment they do not match."""
        for who, names in ("collector", "IP:127.0.0.1"), ("sensor", "DNS:sensor.example"):
            new = self.ca.issue(f"{who}-{number}", names)
            for path, renewed in reversed([*zip(self.files[who], new)]):
                replace(path, read(renewed))

    def reload(self, number):
        self.configure(number)
        for program in self.collector, self.relay:
            program.signal(signal.SIGHUP)
        for program in self.collector, self.relay:
            until(lambda: self.reloads(program) == number, f"reload {number} of {program.name}")

    @staticmethod
    def reloads(program):
        return sum("the configuration was read again" in line for line in program.lines)

    def said(self, program, pattern):
        return sum(pattern in line for line in program.lines)


def under_load(folder, protocol, rings):
    """-> what was sent on each ring, the files' packets, once all that is over."""
    site = Site(folder, protocol, rings)
    source = Source(site.ring)
    source.start()
    try:
        shown = {serial(site.port, site.ca)}
        for number in range(1, ROUNDS + 1):
            before = source.bytes
            site.renew(number)
            site.reload(number)
            until(lambda: serial(site.port, site.ca) not in shown, "a renewed certificate")
            shown.add(serial(site.port, site.ca))
            until(lambda: source.bytes > before or not source.is_alive(), "packets that flow")
        source.finish()
    finally:
        source.given_up.set()
    streams = rings if protocol == "records" else 1
    same(site.said(site.relay, "connected to"), 1, "connections")
    same(site.said(site.collector, "streams to"), streams, "streams")
    for word in "is refused", "broken", "is away", "stays as it was":
        for program in site.collector, site.relay:
            same(site.said(program, word), 0, f"'{word}' of {program.name}")
    site.relay.stop()
    site.collector.stop()
    files = [savefile.parse(read(folder(name)))[-1] for name in folder.names()
             if name.endswith(".pcap")]
    return source.packets, files


@case("reload: certificates and configurations of both ends, under load, over records")
def _(folder):
    sent, files = under_load(folder, "records", 2)
    same(sorted(map(len, files)), sorted(map(len, sent)), "packets of files")
    same(sorted(files) == sorted(sent), True, "each ring's packets, in their order")


@case("reload: certificates and configurations of both ends, under load, packet by packet")
def _(folder):
    sent, files = under_load(folder, "packet", 1)
    want = [(sec, fraction // 1000, size, data) for sec, fraction, size, data in sent[0]]
    same(len(files[0]), len(want), "packets")
    same(files == [want], True, "the packets, in their order")
