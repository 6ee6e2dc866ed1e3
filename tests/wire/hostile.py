# SPDX-License-Identifier: MIT
"""
Peers that are hostile or broken. Beside each of them well-behaved sensors stream known
sets, which have to come out exactly; the collector's memory stays below a limit, and
after it all it takes new sensors. Those who attack come from another address of
loopback: who is sent away has to stay away for a while.
"""
import re
import struct
import threading

import savefile
from collector import NATIVE, start, stream
from h2 import (CHECK, CONTINUATION, DATA, PING, PREFACE, PRIORITY, RST_STREAM, RUN, SETTINGS, STREAM,
                WATCH, Connection, Windows, field, frame, headers, message, text)
from harness import MEBIBYTES, SECONDS, Program, case, peak, read, same, until
from health import SERVING, Client
from peers import Sensor, encode
from records_peer import Ring, Stream, records

SENT_AWAY = r"127\.0\.0\.66 is sent away, and not let in for 10 s"


class Bystanders:
    """A sensor of each protocol; what it sends goes on while somebody attacks."""

    def __init__(self, folder, port):
        self.folder = folder
        self.packets = savefile.packets(3000)
        self.ring = Ring(records(self.packets), sensor="good", interface="ring")
        self.run = Sensor(port, "good", "run")
        self.stream = Stream(port, self.ring)
        self.stream.welcome()
        self.stop = threading.Event()
        self.sent = 0
        self.send(100)
        self.thread = threading.Thread(target=self._go_on, daemon=True)
        self.thread.start()

    def send(self, count):
        part = self.packets[self.sent:self.sent + count]
        self.run.send(*map(encode, part))
        self.sent += len(part)
        self.stream.send(len(records(self.packets[:self.sent])), 100000)

    def _go_on(self):
        """Some at a time, each once what was sent before is safe."""
        while self.sent < 2900 and not self.stop.is_set():
            self.send(50)
            self.stream.wait(lambda: self.stream.acks and
                             self.stream.acks[-1] >= self.stream.position, "Ack")

    def finish(self):
        self.stop.set()
        self.thread.join(SECONDS)
        self.send(len(self.packets))
        same(self.run.done(), b"", "answer")
        self.run.close()
        self.stream.finish()
        files = {name: read(self.folder(name)) for name in self.folder.names()
                 if name.endswith(".pcap")}
        micro, nano = (savefile.build(self.packets, NATIVE, resolution) for resolution in (6, 9))
        assert micro in files.values() and nano in files.values(), \
            f"what was sent is not there: { {name: len(blob) for name, blob in files.items()} }"


def siege(folder, attack, *options, before=(), most=MEBIBYTES):
    """-> the collector's lines"""
    program, port = start(folder("x.pcap"), ("--sync", "0.05", *options), before=before)
    good = Bystanders(folder, port)
    attack(port, program)
    good.finish()
    stream(port, savefile.packets(5), "new", "eth0")
    same(Client(port).check(""), SERVING, "Check")
    used = peak(program)
    assert used < most, f"{used:.0f} MiB were used"
    return program.stop()


def flood(connection, blobs, blocks=b""):
    """Send until the other end has had enough."""
    for blob in blobs:
        if not connection.send(blob):
            return
    raise AssertionError("the collector takes all of it")


@case("hostile: garbage, another protocol, half a greeting")
def _(folder):
    def attack(port, _program):
        connections = []
        for blob in (b"\0" * 100000, b"GET / HTTP/1.1\r\nHost: h\r\n\r\n", bytes(range(256)) * 99,
                     b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03" + b"x" * 600,
                     PREFACE + b"\xff" * 5000, PREFACE + frame(SETTINGS, 0, 7),
                     PREFACE + frame(SETTINGS) + frame(CONTINUATION, 0, 1, b"x"),
                     PREFACE[:10], PREFACE, b"PRI"):
            connection = Connection(port, hello=False)
            connection.send(blob)
            connections.append((connection, blob))
        for connection, blob in connections:
            try:
                connection.wait_closed()
            except AssertionError:
                raise AssertionError(f"after {blob[:60]} the connection stays open")
    siege(folder, attack, "--patience", "1")


@case("hostile: connections and calls that never say anything are closed in time")
def _(folder):
    def attack(port, _program):
        silent = [Connection(port, hello=False) for _ in range(50)]
        call = Connection(port)
        call.send(headers(1, STREAM))
        said = b""
        while b"DEADLINE" not in said and b"--patience" not in said:
            blob = call.socket.recv(65536)
            assert blob, "closed without a status"
            said += blob
        for connection in silent:
            connection.wait_closed()
    text_ = siege(folder, attack, "--patience", "1")
    same(len(re.findall(r"127\.0\.0\.66 is refused: the first message did not come", text_)), 1,
         "lines")


@case("hostile: those who ask for health and say nothing, or listen a thousand times")
def _(folder):
    def attack(port, program):
        attack.connections = [Connection(port) for _ in range(9)]
        for connection in attack.connections:
            for number in range(1, 257, 2):
                path = CHECK if number % 4 == 1 else WATCH
                asks = frame(DATA, 0, number, message(0)) if path == WATCH else b""
                connection.send(headers(number, path) + asks)
        program.wait_line("127.0.0.66 is refused: too many health checks")
        same(Client(port).check(""), SERVING, "Check, while others ask")
        program.wait_line("127.0.0.66 is refused: the first message did not come")
    siege(folder, attack, "--patience", "1")


@case("hostile: a thousand connections that do nothing")
def _(folder):
    def attack(port, _program):
        attack.connections = [Connection(port) for _ in range(1000)]
    siege(folder, attack)


def comes_in(port, name):
    """A sensor that does not wait for long."""
    sensor = Sensor(port, name, "eth0")
    sensor.queue.put(None)
    failure = sensor.call.exception()
    sensor.close()
    return failure is None


def maybe(port):
    """A connection, unless it is refused before one has it."""
    try:
        return Connection(port)
    except OSError:
        return None


@case("hostile: more connections than files make room for sensors")
def _(folder):
    def attack(port, program):
        attack.connections = [connection for connection in map(maybe, [port] * 600)
                              if connection]
        program.wait_line(r"files are short, 200 are allowed: .* LimitNOFILE=")
        for n in range(5):
            until(lambda: comes_in(port, f"late-{n}"), "a late sensor comes in")
    siege(folder, attack, before=("prlimit", "--nofile=200:200"))


@case("hostile: where files are all in use, calls are refused with the remedy, and let in again")
def _(folder):
    program, port = start(folder("x.pcap"), before=("prlimit", "--nofile=100:100"))
    sensors, refused = [], None
    while not refused:
        sensor = Sensor(port, f"s{len(sensors)}", "eth0")
        sensor.send(encode(savefile.packets(1)[0]))
        sensors.append(sensor)
        until(lambda: sensor.call.done() or
              program.find(rf"sensor s{len(sensors) - 1}/eth0: streams to"), "an answer")
        if sensor.call.done():
            refused = sensor.status()
    same(refused[0].name, "RESOURCE_EXHAUSTED", "status")
    assert "LimitNOFILE" in refused[1], refused
    assert len(sensors) > 20, len(sensors)
    for sensor in sensors[:-1]:
        same(sensor.done(), b"", "answer")
        sensor.close()
    stream(port, savefile.packets(5), "late", "eth0")
    program.stop()


@case("hostile: a message that claims 4 GiB")
def _(folder):
    def attack(port, _program):
        for path in (RUN, STREAM):
            connection = Connection(port)
            connection.send(headers(1, path) + frame(DATA, 0, 1, message(0xffffffff)))
            block = frame(DATA, 0, 1, b"x" * 16384)
            sent = 0
            while sent < 64 << 20 and not connection.closed:
                part = connection.try_send(block)
                sent += part
                if part < len(block):
                    break
            assert sent < 64 << 20, "all of it was read"
            attack.connection = connection
    siege(folder, attack)


def fill(connection):
    """A message on each of many streams, as fast as one may, but for its last byte."""
    windows = Windows(connection)
    for number in range(1, 257, 2):
        connection.send(headers(number))
    for number in range(1, 257, 2):
        if not windows.send(number, message(4 << 20) + b"x" * ((4 << 20) - 1)):
            return


@case("hostile: large messages on many streams, none of which is ever whole")
def _(folder):
    def attack(port, program):
        threads = [threading.Thread(target=fill, args=[Connection(port)]) for _ in range(4)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        program.wait_line(SENT_AWAY + ".*--max-memory")
    siege(folder, attack, "--max-memory", "256M")


@case("hostile: a flood of calls that are reset at once")
def _(folder):
    def attack(port, program):
        flood(Connection(port), (headers(2 * n + 1) + frame(RST_STREAM, 0, 2 * n + 1,
                                                            struct.pack(">I", 8))
                                 for n in range(1000000)))
        program.wait_line(SENT_AWAY)
        late = maybe(port)
        if late:    # it is not closed yet
            late.wait_closed()
    # core reads on for 0.4 s of its thread at most, and keeps 12 KiB of each call until then
    siege(folder, attack, most=3 * MEBIBYTES)


@case("hostile: a flood of calls that do not exist, of names that are long")
def _(folder):
    def attack(port, _program):
        connection = Connection(port)
        flood(connection, (headers(2 * n + 1, "/" + "x" * 8000) for n in range(100000)))
    siege(folder, attack)


@case("hostile: floods of pings, settings and empty frames")
def _(folder):
    def attack(port, _program):
        for blob in (frame(PING, 0, 0, b"12345678"), frame(SETTINGS), frame(RST_STREAM, 0, 1, b"\0" * 4),
                     frame(PRIORITY, 0, 1, b"\0" * 5), headers(1) + frame(DATA, 0, 1, b"") * 99):
            port_of = Connection(port, source=f"127.0.0.{67 + attack.count}")
            attack.count += 1
            flood(port_of, (blob * 100 for _ in range(100000)))
    attack.count = 0
    siege(folder, attack)


@case("hostile: metadata that never end")
def _(folder):
    def attack(port, _program):
        begin = headers(1, flags=0)
        claim = frame(CONTINUATION, 0, 1, b"\0" + text("x") + bytes([127, 0x81, 0xff, 0xff, 0xff, 3]))
        for source, first, block in (
                ("127.0.0.77", begin, frame(CONTINUATION, 0, 1, field("x-y", "z" * 4000))),
                ("127.0.0.78", begin + claim, frame(CONTINUATION, 0, 1, b"y" * 16000)),
                ("127.0.0.79", begin + claim, frame(CONTINUATION, 0, 1, b"y" * 50)),
                ("127.0.0.80", begin, frame(CONTINUATION, 0, 1, b""))):
            connection = Connection(port, source=source)
            connection.send(first)
            flood(connection, (block for _ in range(10000000)))
    siege(folder, attack)


@case("hostile: metadata in tiny pieces, of one who has a stream")
def _(folder):
    def attack(port, program):
        claim = b"\0" + text("x") + bytes([127, 0x81, 0xff, 0xff, 0xff, 3])
        connection = Connection(port)
        connection.send(headers(1))
        program.wait_line("streams to .*x-127.0.0.66")
        connection.send(headers(3, flags=0) + frame(CONTINUATION, 0, 3, claim))
        flood(connection, (frame(CONTINUATION, 0, 3, b"y" * 50) * 20 for _ in range(1000000)))
        program.wait_line(SENT_AWAY)
    siege(folder, attack)


@case("hostile: one that never reads what it is told")
def _(folder):
    def attack(port, _program):
        ring = Ring(records(savefile.packets(100)), sensor="deaf", capture=b"d" * 16)
        attack.connections = [Connection(port) for _ in range(3)]
        for connection in attack.connections:
            connection.send(headers(1, STREAM))
            hello = bytes(hello_of(ring))
            connection.send(frame(DATA, 0, 1, message(len(hello), hello)))
            # a window of nothing, and calls whose answers wait for it
            connection.send(frame(SETTINGS, 0, 0, struct.pack(">HI", 4, 0)))
            for n in range(2000):
                number = 2 * n + 3
                connection.try_send(headers(number, "/no/such"), 0.01)
                if connection.closed:
                    break
    siege(folder, attack)


def hello_of(ring):
    from records_peer import FromSensor
    made = FromSensor()
    for name, value in ring.fields().items():
        setattr(made.hello, name, value)
    return made.SerializeToString()


@case("hostile: five thousand names, and a known one afterwards")
def _(folder):
    def attack(port, _program):
        connection = Connection(port)
        for n in range(5000):
            number = 2 * n + 1
            connection.send(headers(number, RUN, ("pcapring-sensor", f"stranger-{n}")) +
                            frame(DATA, 1, number))
            wait_end(connection, number)
    siege(folder, attack)


def wait_end(connection, number):
    """Until a HEADERS frame ends this stream."""
    while True:
        while len(connection.said) < 9 or \
                len(connection.said) < 9 + int.from_bytes(connection.said[:3], "big"):
            blob = connection.socket.recv(65536)
            assert blob, "the connection was closed"
            connection.said += blob
        length, flags = int.from_bytes(connection.said[:3], "big"), connection.said[4]
        kind, of = connection.said[3], int.from_bytes(connection.said[5:9], "big")
        connection.said = connection.said[9 + length:]
        if of == number and (kind == 3 or (kind == 1 and flags & 1)):
            return
