# SPDX-License-Identifier: MIT
"""What sensors may have too much of, and what they hear when they do."""
import os
import selectors
import signal
import time

import grpc

import savefile
from collector import NATIVE, start, stream
from config import conf
from h2 import Connection, Windows, headers, message
from harness import MEBIBYTES, SECONDS, Program, case, peak, read, same, until
from peers import Sensor, encode
from records_peer import Ring, Stream, identity, records
from tls import Authority
from trust import Guest, digest, hello, house, proof

EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def refused(sensor, pattern):
    code, words = sensor.status()
    same(code, EXHAUSTED, "status")
    assert pattern in words, words
    sensor.close()


def begin(program, port, name):
    """A stream that is under way."""
    sensor = Sensor(port, name, "eth0")
    program.wait_line(f"sensor {name}/eth0: streams to")
    return sensor


def said_once(program, pattern):
    lines = [line for line in program.lines if pattern in line]
    same(len(lines), 1, f"lines with '{pattern}'")


@case("limits: more streams than may be are refused with the option, others go on")
def _(folder):
    program, port = start(folder("x.pcap"), ("--max-streams", "2"))
    first, second = begin(program, port, "s-1"), begin(program, port, "s-2")
    for _ in range(5):
        refused(Sensor(port, "s-3", "eth0"), "which is the collector's --max-streams")
    said_once(program, "--max-streams")
    same(first.done(), b"", "answer")
    until(lambda: Sensor(port, "s-3", "eth0").send(None).call.exception() is None, "room")
    same(second.done(), b"", "answer")
    program.stop()


@case("limits: more sensors than may be are refused, more streams of one are not")
def _(folder):
    program, port = start(folder("x.pcap"), ("--max-sensors", "1"))
    packets = savefile.packets(5)
    ring = Stream(port, Ring(records(packets), sensor="s-1"))
    ring.welcome()
    stream(port, packets, "s-1", "eth1")
    for _ in range(5):
        refused(Sensor(port, "s-2", "eth0"), "which is the collector's --max-sensors")
    said_once(program, "--max-sensors")
    ring.send().finish()
    until(lambda: Sensor(port, "s-2", "eth0").send(None).call.exception() is None, "room")
    program.stop()


@case("limits: a larger message than may be ends its stream, not the others")
def _(folder):
    program, port = start(folder("x.pcap"), ("--max-message", "64k"))
    packets = savefile.packets(30, sizes=(60000,))
    good = Sensor(port, "good", "eth0")
    good.send(*map(encode, packets[:20]))
    ring = Stream(port, Ring(records(packets), sensor="large"))
    ring.welcome()
    ring.send()
    assert "larger than max" in ring.status(EXHAUSTED), ring.ended
    large = Sensor(port, "large", "run")
    large.send(encode((1, 0, 70000, b"x" * 70000)))
    same(large.status()[0], EXHAUSTED, "status")
    same(good.send(*map(encode, packets[20:])).done(), b"", "answer")
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE), "file")
    program.stop()


@case("limits: a sensor that has to wait is not taken for one that floods")
def _(folder):
    program, port = start(folder("x.pcap"), ("--max-rate", "8M", "--max-message", "64k"))
    packets = savefile.packets(600, sizes=(60000,))
    waiting = Stream(port, Ring(records(packets)), ring_bytes=64 << 20)
    waiting.welcome()
    waiting.send(step=60016).finish()
    same(read(folder("x.pcap")), savefile.build(packets, NATIVE, 9), "file")
    assert "sent away" not in program.stop()


@case("limits: a sensor is read at its rate, another one is not held up")
def _(folder):
    ca = Authority(folder, "ca")
    program, port = house(folder, ca, f"""
        max-rate = 10M
        [sensor slow]
        token-sha256 = {digest("1")}
        max-rate = 100000
        max-streams = 2
        [sensor quick]
        token-sha256 = {digest("2")}
        """)
    nobody, _ = proof(ca)
    packets = savefile.packets(200, sizes=(1000,))
    size = len(records(packets))
    began = time.monotonic()
    slow = hello(port, "slow", nobody, "1")
    slow.ring.blob = records(packets)
    slow.welcome()
    slow.send(step=5000)
    run = Guest(port, "slow", nobody, "1")
    run.send(*map(encode, packets[:50]))
    quick = hello(port, "quick", nobody, "2", capture=identity("quick"))
    quick.welcome()
    quick.send().finish()
    assert not slow.ended, "the quick one came after the slow one"
    third = Guest(port, "slow", nobody, "1")
    refused(third, "max-streams of its section")
    same(run.done(), b"", "answer")
    slow.finish()
    # what is beyond the credit of a tenth of a second came at the rate
    least = (size + 50000) / 100000 - 0.5
    took = time.monotonic() - began
    assert took > least, f"{size} bytes came within {took:.1f} s, not {least:.1f}"
    program.stop()


@case("limits: a rate that is raised at SIGHUP holds at once, for who waits already, too")
def _(folder):
    conf(folder, "c.conf", listen="127.0.0.1:0", write=folder("x.pcap"), max_rate="4k")
    program = Program("pcapring-collector", "--config", folder("c.conf"))
    port = int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])
    packets = savefile.packets(500, sizes=(1000,))
    ring = Stream(port, Ring(records(packets)))
    ring.welcome()
    ring.send(step=1016 * 100)
    run = Sensor(port, "s-1", "eth0")
    run.send(*map(encode, packets))
    until(lambda: os.path.getsize(folder("x.pcap")) > 1000, "what came before it had to wait")
    conf(folder, "c.conf", listen="127.0.0.1:0", write=folder("x.pcap"), max_rate="100M")
    program.signal(signal.SIGHUP)
    program.wait_line("was read again")
    ring.finish()
    same(run.done(), b"", "answer")
    program.stop()


def wait_refusal(connections):
    """Whichever of them has the stream that is one too many."""
    said = {connection: b"" for connection in connections}
    with selectors.DefaultSelector() as selector:
        for connection in connections:
            selector.register(connection.socket, selectors.EVENT_READ, connection)
        while not any(b"1000 streams without a name" in text for text in said.values()):
            ready = selector.select(SECONDS)
            assert ready, "no stream is refused"
            for key, _ in ready:
                blob = key.fileobj.recv(65536)
                assert blob, "a connection is closed"
                said[key.data] += blob
                assert b"replaced by a newer stream" not in said[key.data], said[key.data]


@case("limits: a thousand streams without a name come from one address, the next is refused")
def _(folder):
    os.mkdir(folder("d"))
    for place in ("--write", folder("x.pcap")), ("--directory", folder("d")):
        program = Program("pcapring-collector", "--listen", "127.0.0.1:0", *place)
        port = int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])
        connections = [Connection(port) for _ in range(8)]
        for connection in connections:
            connection.send(b"".join(headers(number) for number in range(1, 257, 2)))
        wait_refusal(connections)
        stream(port, savefile.packets(5), "named", "eth0")
        program.stop()


def say_much(port):
    """800 streams send a large packet each. -> connections that have to live on"""
    packet = encode((1, 0, 200000, b"x" * 200000))
    connections = [Connection(port) for _ in range(8)]
    for connection in connections:
        windows = Windows(connection)
        for number in range(1, 200, 2):
            connection.send(headers(number))
            assert windows.send(number, message(len(packet), packet))
    return connections


def large(path):
    """Files of a large packet; the journal, which is hidden, may be as large."""
    return [file for name, _, files in os.walk(path) for file in files
            if file[0] != "." and os.stat(os.path.join(name, file)).st_size > 200000]


@case("limits: streams that have sent much hold no memory while they are silent")
def _(folder):
    os.mkdir(folder("d"))
    os.mkdir(folder("e"))
    for place, option in ("d", ("--directory", folder("d"))), ("e", ("--write", folder("e", "x.pcap"))):
        program = Program("pcapring-collector", "--listen", "127.0.0.1:0", *option)
        port = int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])
        connections = say_much(port)
        until(lambda: len(large(folder(place))) == 800, "800 files")
        used = peak(program)
        assert used < MEBIBYTES / 2, f"{used:.0f} MiB were used with {option[0]}"
        for connection in connections:
            connection.close()
        program.stop()
