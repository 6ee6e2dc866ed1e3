# SPDX-License-Identifier: MIT
"""The line that lives on a terminal."""
import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading

import pyte

from harness import BUILD, SECONDS, case, same, until
from rigs import Device, Holder, Sensor, Server, collector, encode, now_packets
from ring import SANITIZER
import savefile


class Terminal:
    """A program on one, and what is seen there."""

    def __init__(self, *words, columns=300, env=None):
        ours, theirs = pty.openpty()
        fcntl.ioctl(theirs, termios.TIOCSWINSZ, struct.pack("HHHH", 50, columns, 0, 0))
        self.screen = pyte.Screen(columns, 50)
        self.stream = pyte.ByteStream(self.screen)
        self.raw = b""
        self.lock = threading.Lock()
        self.process = subprocess.Popen(
            [os.path.join(BUILD, words[0]), *words[1:]], stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL, stderr=theirs, env={**os.environ, **(env or {})})
        os.close(theirs)
        self.ours = ours
        self.reader = threading.Thread(target=self.read, daemon=True)
        self.reader.start()

    def read(self):
        while True:
            try:
                more = os.read(self.ours, 65536)
            except OSError:         # the other side is closed
                return
            with self.lock:
                self.raw += more
                self.stream.feed(more)

    def lines(self):
        with self.lock:
            return [line.rstrip() for line in self.screen.display if line.strip()]

    def wait(self, pattern):
        """Until the last line is like that."""
        until(lambda: self.lines() and re.search(pattern, self.lines()[-1]),
              f"/{pattern}/ below {self.lines()}")
        return self.lines()[-1]

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        same(self.process.wait(SECONDS), 0, "status")
        self.reader.join(SECONDS)
        os.close(self.ours)
        return self.lines()


def on_terminal(device, port, *options, **more):
    return Terminal("pcapring-relay", "--device", device.path, "--target", f"127.0.0.1:{port}",
                    "--include-own-traffic", *options,
                    env={"LD_PRELOAD": os.path.join(BUILD, "wire", "device.so"),
                         "ASAN_OPTIONS": SANITIZER, "PCAPRING_WAKE": device.wake,
                         **more.pop("env", {})}, **more)


RATE = r"[\d.]+k? packets/s, [\d.]+ k?bit/s; "


@case("the relay's line: rate, total, loss, how full; log lines stand above it")
def _(folder):
    server = Server(Holder())
    device = Device(folder)
    terminal = on_terminal(device, server.port)
    terminal.wait(RATE + r"0 packets, 0 lost \(0 %\); ring 0 % full$")
    device.append(now_packets(1500))
    device.count(0, 3, 500)
    terminal.wait(RATE + r"1\.5k packets, 500 lost \(25 %\); ring \d+ % full$")
    lines = terminal.stop()
    same([line for line in lines if "lost" in line], [], "of the line, at the end")
    assert any("connected to" in line for line in lines), lines
    assert all(line.startswith("pcapring-relay: ") for line in lines), lines


@case("the collector's line: of all sensors")
def _(folder):
    terminal = Terminal("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                        folder("x.pcap"))
    terminal.wait(RATE + r"0 packets, 0 lost \(0 %\); 0 of 0 sensors stream$")
    port = int(re.search(r"listening on 127\.0\.0\.1:(\d+)", "\n".join(terminal.lines()))[1])
    sensor = Sensor(port, "s", "eth0")
    sensor.send(*[encode(packet) for packet in savefile.packets(40)])
    terminal.wait(r"; 40 packets, 0 lost \(0 %\); 1 of 1 sensors stream$")
    sensor.done()
    terminal.wait(r"; 0 of 1 sensors stream$")
    lines = terminal.stop()
    same([line for line in lines if "lost" in line], [], "of the line, at the end")
    assert all(line.startswith("pcapring-collector: ") for line in lines), lines


@case("the line is no longer than the terminal's")
def _(folder):
    device = Device(folder)
    terminal = on_terminal(device, 1, columns=40)
    until(lambda: b"packets/s" in terminal.raw, "the line")
    until(lambda: terminal.raw.count(b"packets/s") > 2, "the line, again")
    same(sum("packets/s" in line for line in terminal.lines()), 1, "lines that live")
    terminal.stop()


@case("there is none with --quiet, under a service manager, or where nobody looks")
def _(folder):
    device = Device(folder)
    server = Server(Holder(), Holder())
    for options, env in ((("--quiet",), {}), ((), {"NOTIFY_SOCKET": folder("none")})):
        terminal = on_terminal(device, server.port, *options, env=env)
        until(lambda: b"connected to" in terminal.raw, "a connection")
        # the line would be there before what is said at the end
        terminal.stop()
        same(b"packets/s" in terminal.raw or b"\x1b" in terminal.raw, False, "a line")
    shown, _port = collector(folder)
    shown.text()
    same("packets/s" in shown.program.stop(), False, "a line in a pipe")
