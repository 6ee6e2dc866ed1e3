# SPDX-License-Identifier: MIT
"""pcapring-collector's files in a directory where the disk is full, or fails."""
import os
import subprocess
import sys

import grpc

import savefile
from files import NAME, all_of, complete, files, order, packets_of, send, send_plain, start
from harness import BUILD, Program, Skip, case, read, same, until, write
from peers import Sensor, encode
from records_peer import Ring, Stream, identity, records
from ring import SANITIZER

NATIVE = "<" if sys.byteorder == "little" else ">"
EXHAUSTED = grpc.StatusCode.RESOURCE_EXHAUSTED


def tmpfs(folder, size):
    os.mkdir(folder("small"))
    if os.geteuid() or subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", folder("small")],
            stderr=subprocess.DEVNULL, check=False).returncode:
        raise Skip("mounting a small tmpfs needs root")


def on_tmpfs(size):
    def decorate(function):
        def run(folder):
            tmpfs(folder, size)
            try:
                function(folder)
            finally:
                Program.bury()
                subprocess.run(["umount", "-l", folder("small")], check=True)
        return run
    return decorate


def try_to_send(port, ring):
    """-> whether all of the ring was taken."""
    stream = Stream(port, ring)
    stream.wait(lambda: stream.welcomes or stream.ended, "an answer")
    if stream.welcomes:
        stream.welcome()
        stream.send(step=20000)
        stream.queue.put(None)
    stream.wait(lambda: stream.ended, "the end")
    if stream.acks:
        ring.tail = max(ring.tail, stream.acks[-1])
    stream.channel.close()
    if stream.ended[0] == grpc.StatusCode.OK:
        return True
    same(stream.ended[0], EXHAUSTED, "status")
    return False


def said_once(collector, text):
    collector.wait_line(text)
    same(len([line for line in collector.lines if text in line]), 1, f"'{text}'")


@case("files: on a full disk nothing is acknowledged that is not there; it goes on by itself")
@on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(1000, 9, sizes=(1000,))
    ring = Ring(records(some, NATIVE))
    collector, port = start(path, "--name", NAME, "--rotate-packets", "100")
    write(folder("small", "ballast"), bytes(500000))
    for _ in range(3):
        same(try_to_send(port, ring), False, "room")
        got = sum((packets_of(os.path.join(path, name)) for name in sorted(files(path), key=order)),
                  [])
        assert len(got) * 1016 >= ring.tail, (len(got), ring.tail)
        same(got, some[:len(got)], "packets")
    assert len(got) > 100, len(got)
    said_once(collector, "nothing is acknowledged")
    same(collector.find("there is room again"), None, "room")
    os.remove(folder("small", "ballast"))
    subprocess.run(["mount", "-o", "remount,size=4m", folder("small")], check=True)
    until(lambda: try_to_send(port, ring), "room again")
    said_once(collector, "there is room again")
    collector.stop()
    same(all_of(path), some, "packets")


@case("files: killed on a full disk, it starts on one, and goes on when there is room")
@on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(1000, 9, sizes=(1000,))
    ring = Ring(records(some, NATIVE))
    options = ("--name", NAME, "--rotate-packets", "100")
    collector, port = start(path, *options)
    for _ in range(2):
        until(lambda port=port: not try_to_send(port, ring), "a full disk")
        # to the last byte
        disk = os.statvfs(path)
        write(folder("small", "ballast"), bytes(disk.f_bavail * disk.f_bsize))
        collector.kill()
        collector, port = start(path, *options)
        got = all_of(path)
        assert len(got) * 1016 >= ring.tail, (len(got), ring.tail)
        same(got, some[:len(got)], "packets")
        os.remove(folder("small", "ballast"))
    subprocess.run(["mount", "-o", "remount,size=4m", folder("small")], check=True)
    until(lambda: try_to_send(port, ring), "room again")
    collector.stop()
    same(all_of(path), some, "packets")


@case("files: on a full disk a stream of plain packets ends, what is there is valid, another goes on")
@on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(1500, 9, sizes=(1000,))
    collector, port = start(path, "--name", NAME, "--rotate-packets", "100")
    stream = Sensor(port, "s", "eth0", tsresol=9)
    stream.send(*[encode(packet, True) for packet in some])
    same(stream.status()[0], EXHAUSTED, "status")
    said_once(collector, "nothing is acknowledged")
    subprocess.run(["mount", "-o", "remount,size=8m", folder("small")], check=True)

    def again():
        try:
            send_plain(port, some, "again")
        except grpc.RpcError as error:
            same(error.code(), EXHAUSTED, "status")
            return False
        return True
    until(again, "room again")
    said_once(collector, "there is room again")
    collector.stop()
    got = {sensor: [packet for name in complete(path) if name.startswith(sensor)
                    for packet in packets_of(os.path.join(path, name))] for sensor in ("s-", "again")}
    same(got["again"] == some, True, "the second one's packets")
    same(got["s-"], some[:len(got["s-"])], "the first one's packets")


@case("files: --free-space removes the oldest; where that does not help, the disk counts as full")
@on_tmpfs("4m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(6000, 9, sizes=(1000,))
    collector, port = start(path, "--name", NAME, "--rotate-packets", "100",
                            "--free-space", "2M")
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    for end in range(200000, len(stream.ring.blob), 200000):
        stream.send(end)                # not faster than it looks
        stream.acked(end - 2000)
    stream.send()
    stream.finish()
    until(lambda: len(complete(path)) < 30, "room")
    got = all_of(path)
    same(got, some[len(some) - len(got):], "the newest packets")
    assert 500 < len(got) < 4000, len(got)
    with open(folder("small", "ballast"), "wb", buffering=0) as ballast:
        number = 0

        def fill():                         # others take what it has made free
            nonlocal number
            number += 1
            disk = os.statvfs(path)
            ballast.write(bytes(max(disk.f_bavail * disk.f_bsize - 300000, 0)))
            return not try_to_send(port, Ring(records(some[:20], NATIVE), sensor="t",
                                              capture=identity(str(number))))
        until(fill, "a full disk")
    said_once(collector, "less is free than --free-space asks for")
    os.remove(folder("small", "ballast"))
    ring = Ring(records(some[:200], NATIVE), sensor="t", capture=identity("t"))
    until(lambda: try_to_send(port, ring), "room again")
    collector.wait_line("there is room again")
    collector.stop()


@case("files: on a disk that is full from the beginning there is no journal; then there is one")
@on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    some = savefile.packets(300, 9, sizes=(1000,))
    collector, port = start(path, "--name", NAME, "--rotate-packets", "100")
    disk = os.statvfs(path)
    write(folder("small", "ballast"), bytes(disk.f_bavail * disk.f_bsize))
    same(try_to_send(port, Ring(records(some, NATIVE))), False, "room")
    said_once(collector, "nothing is acknowledged")
    same(os.listdir(path), [], "files")
    os.remove(folder("small", "ballast"))
    ring = Ring(records(some, NATIVE))
    until(lambda: try_to_send(port, ring), "room again")
    collector.stop()
    same(all_of(path), some, "packets")


@case("files: one that cannot be compressed on a full disk stays as it is, and whole")
@on_tmpfs("1m")
def _(folder):
    path = folder("small", "d")
    write(folder("command"), b"#!/bin/sh\nprintf '%%s\\n' \"$1\" >>%s\n" %
          folder("log").encode())
    os.chmod(folder("command"), 0o755)
    # what zstd makes of it is no smaller
    some = [(*packet[:3], os.urandom(len(packet[3])))
            for packet in savefile.packets(400, 9, sizes=(1000,))]
    collector, port = start(path, "--name", NAME, "--rotate-packets", "400", "--compress",
                            "zstd", "--after-rotate", folder("command"))
    disk = os.statvfs(path)
    write(folder("small", "ballast"), bytes(disk.f_bavail * disk.f_bsize - 550000))
    send(port, some)
    collector.wait_line("stays as it is, it cannot be compressed: No space left")
    until(lambda: os.path.exists(folder("log")) and read(folder("log")), "the command")
    name, = complete(path)
    assert name.endswith(".pcap"), name
    same(read(folder("log")).decode(), os.path.join(os.path.realpath(path), name) + "\n",
         "what the command heard")
    same([name for name in os.listdir(path) if name[0] == "."], [".pcapring.journal"],
         "hidden files")
    collector.stop()
    same(all_of(path), some, "packets")


def failing(folder, **more):
    """What makes syncing fail while fail is there, in which it notes each failure's time."""
    return {**more, "LD_PRELOAD": os.path.join(BUILD, "wire/unsynced.so"), "UNSYNCED": folder("fail"),
            "ASAN_OPTIONS": SANITIZER}


def begin(port, ring):
    """-> a stream that has begun, as soon as there is room."""
    def welcomed():
        stream = Stream(port, ring)
        stream.wait(lambda: stream.welcomes or stream.ended, "an answer")
        if stream.welcomes:
            stream.welcome()
            begun.append(stream)
        else:
            stream.channel.close()
        return begun
    begun = []
    until(welcomed, "room")
    return begun[0]


@case("files: where syncing fails while they turn, each has its packets, when it goes on")
def _(folder):
    some = savefile.packets(1000, 9, sizes=(1000,))
    ring = Ring(records(some, NATIVE))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "100",
                            env=failing(folder))
    for part in (50, 250, 620, 850):        # in the first file, and in later ones
        stream = begin(port, ring)
        stream.send(part * 1016)
        stream.acked(part * 1016)
        write(folder("fail"), b"")
        stream.send((part + 130) * 1016)
        stream.status(EXHAUSTED)
        stream.channel.close()
        os.remove(folder("fail"))
    until(lambda: try_to_send(port, ring), "room again")
    collector.stop()
    same([len(packets_of(folder("d", name))) for name in complete(folder("d"))], [100] * 10,
         "packets of files")
    same(all_of(folder("d")), some, "packets")


@case("files: nor does a first one that could not be synced leave anything behind")
def _(folder):
    some = savefile.packets(100, 9, sizes=(1000,))
    ring = Ring(records(some, NATIVE))
    collector, port = start(folder("d"), "--name", NAME, env=failing(folder))
    stream = Stream(port, ring)
    stream.welcome()
    stream.acked(0)
    write(folder("fail"), b"")
    stream.send(50 * 1016)
    stream.status(EXHAUSTED)
    stream.channel.close()
    os.remove(folder("fail"))
    same(os.listdir(folder("d")), [".pcapring.journal"], "files")
    begin(port, ring).cancel()
    until(lambda: try_to_send(port, ring), "room again")
    text = collector.stop()
    assert "cannot be cut" not in text, text
    same(all_of(folder("d")), some, "packets")


@case("files: one that is complete and cannot be synced is tried again once a second")
def _(folder):
    some = savefile.packets(50, 9, sizes=(1000,))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-time", "1d",
                            env=failing(folder))
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    stream.send()
    stream.acked(50 * 1016)
    write(folder("fail"), b"")
    stream.finish()

    def failures():
        return [int(line) for line in read(folder("fail")).split()]
    until(lambda: len(failures()) >= 3, "three failures")
    times = failures()
    gaps = [later - earlier for earlier, later in zip(times, times[1:])]
    assert min(gaps) > 500_000_000, gaps
    os.remove(folder("fail"))
    until(lambda: all(name.endswith(".pcap") for name in files(folder("d"))), "a complete file")
    collector.stop()
    same(all_of(folder("d")), some, "packets")


@case("files: those of a sensor that cannot be synced are no matter of the others")
def _(folder):
    rings = {name: Ring(records(savefile.packets(5000, 9, sizes=(1000,)), NATIVE), sensor=name,
                        capture=identity(name)) for name in ("bad", "good")}
    collector, port = start(folder("d"), "--name", NAME,
                            env=failing(folder, UNSYNCED_NAME="bad-"))
    good = Stream(port, rings["good"])
    good.welcome()
    write(folder("fail"), b"")
    for _ in range(3):
        bad = begin(port, rings["bad"])
        bad.send(50 * 1016)

        def bad_ended():
            # so that there is none of its rounds in which the good one has nothing
            good.send(good.position + 1016)
            return bad.ended
        until(bad_ended, "the end of what cannot be synced")
        bad.status(grpc.StatusCode.INTERNAL)
        bad.channel.close()
        good.acked(good.position)
    os.remove(folder("fail"))
    begin(port, rings["bad"]).send(step=20000).finish()
    good.send(step=20000).finish()
    text = collector.stop()
    assert "Input/output error" in text, text
    for name, ring in rings.items():
        same(b"".join(read(folder("d", file))[24:] for file in complete(folder("d"))
                      if file.startswith(name)), ring.blob, f"records of {name}")
