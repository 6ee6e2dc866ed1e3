# SPDX-License-Identifier: MIT
"""pcapring-collector's files that follow each other in a directory."""
import os
import re
import signal
import subprocess
import sys

import savefile
from harness import Program, case, read, same, until, write
from peers import Sensor, encode
from records_peer import Ring, Stream, identity, records

NATIVE = "<" if sys.byteorder == "little" else ">"
NAME = "%{sensor}-%s.pcap"


def start(path, *options, **more):
    """-> (collector, its port)."""
    os.makedirs(path, exist_ok=True)
    collector = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--directory", path,
                        "--sync", "0.05", *options, **more)
    return collector, int(collector.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])


def files(path):
    """All that is not hidden, below path, with its folder."""
    return sorted(os.path.relpath(os.path.join(top, name), path)
                  for top, _, names in os.walk(path) for name in names if name[0] != ".")


def order(name):
    """NAME's files in the order they began."""
    return [int(number or 0) for number in
            re.fullmatch(r".*-(\d+)(?:\.(\d+))?\.pcap(?:\.zst)?(?:\.part)?", name).groups()]


def complete(path):
    names = files(path)
    assert all(name.endswith((".pcap", ".pcap.zst")) for name in names), names
    return sorted(names, key=order)


def packets_of(path):
    blob = read(path)
    if path.endswith(".zst"):
        blob = subprocess.run(["zstd", "-dc", path], stdout=subprocess.PIPE, check=True).stdout
    return savefile.parse(blob)[3]


def all_of(path):
    return [packet for name in complete(path) for packet in packets_of(os.path.join(path, name))]


def capinfos(path, *options):
    done = subprocess.run(["capinfos", *options, path], stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT, text=True, check=False)
    return done.returncode, done.stdout


def send(port, some, sensor="s", step=None, **hello):
    """A ring from its beginning to its end, acknowledged."""
    stream = Stream(port, Ring(records(some, NATIVE), sensor=sensor,
                               capture=identity(hello.pop("capture", sensor)), **hello))
    stream.welcome()
    stream.send(step=step)
    stream.finish()


def send_plain(port, some, sensor="s"):
    stream = Sensor(port, sensor, "eth0", tsresol=9)
    stream.send(*[encode(packet, True) for packet in some])
    same(stream.done(), b"", "answer")
    stream.close()


BOTH = (("records", send), ("packets", send_plain))


@case("files: --rotate-packets, by both protocols: each file has so many, nothing is lost or twice")
def _(folder):
    some = savefile.packets(1000, 9, sizes=(0, 60, 1514))
    for name, way in BOTH:
        collector, port = start(folder(name), "--name", NAME, "--rotate-packets", "70")
        way(port, some)
        text = collector.stop()
        assert "1000 packets" in text, text
        same([len(packets_of(folder(name, one))) for one in complete(folder(name))],
             [70] * 14 + [20], "packets of files")
        same(all_of(folder(name)), some, "packets")
        for one in complete(folder(name)):
            same(capinfos(folder(name, one), "-c")[0], 0, "capinfos")


@case("files: --rotate-size: a file ends on the record that makes it so large, however messages are cut")
def _(folder):
    some = savefile.packets(400, 9, sizes=(0, 1, 60, 1514, 9000))
    for step in (1000, 7777, None):
        path = folder(str(step))
        collector, port = start(path, "--name", NAME, "--rotate-size", "20k")
        send(port, some, step=step)
        collector.stop()
        same(all_of(path), some, "packets")
        sizes = [os.path.getsize(os.path.join(path, name)) for name in complete(path)]
        for name, size in list(zip(complete(path), sizes))[:-1]:
            last = 16 + len(packets_of(os.path.join(path, name))[-1][3])
            assert size >= 20480 > size - last, (name, size, last)


@case("files: --rotate-time: a file is complete when the clock says so, and nobody has to send for that")
def _(folder):
    some = savefile.packets(30, 9, sizes=(60,))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-time", "1s")
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    for end in (10, 20, 30):
        stream.send(end * 76)
        until(lambda end=end: len([name for name in files(folder("d"))
                                   if name.endswith(".pcap")]) * 10 >= end, "a file")
    stream.finish()
    collector.stop()
    same(all_of(folder("d")), some, "packets")
    begun = [order(name)[0] for name in complete(folder("d"))]
    same(begun, sorted(set(begun)), "a second for each")


@case("files: of several rings, apart and merged")
def _(folder):
    some = savefile.packets(300, 9, sizes=(60, 600))
    for hold_back, rings in (("0", {"0": some[0::2], "1": some[1::2]}), ("20", {"all": some})):
        path = folder(hold_back)
        collector, port = start(path, "--name", "%{ring}/x-%s.pcap", "--rotate-packets", "40",
                                "--hold-back", hold_back)
        streams = [Stream(port, Ring(records(some[ring::2], NATIVE), ring=ring, ring_count=2))
                   for ring in (0, 1)]
        for stream in streams:
            stream.welcome()
        for stream in streams:
            stream.send(step=3000)
        for stream in streams:
            stream.finish()
        collector.stop()
        for ring, want in rings.items():
            got = all_of(os.path.join(path, ring))
            same(sorted(got), sorted(want), f"ring {ring}")
            same([len(packets_of(os.path.join(path, ring, one)))
                  for one in complete(os.path.join(path, ring))][:-1],
                 [40] * ((len(want) - 1) // 40), "packets of files")


@case("files: under load, the relay's own, in many files")
def _(folder):
    some = savefile.packets(40000, 9, sizes=(60, 600, 1514), seed=5)
    write(folder("in.pcap"), savefile.build(some, NATIVE, 9))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-size", "1M",
                            "--rotate-packets", "2500")
    Program("pcapring-relay", "--read", folder("in.pcap"), "--target", f"127.0.0.1:{port}",
            "--protocol", "records", "--sensor", "s").wait(0)
    collector.stop()
    same(all_of(folder("d")) == some, True, "all packets, in their order")
    assert len(complete(folder("d"))) > 25, complete(folder("d"))


@case("files: readable at every moment, while they are written and after")
def _(folder):
    some = savefile.packets(3000, 9, sizes=(60, 600))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "1000")
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    looked = 0
    for end in range(20000, len(stream.ring.blob), 60000):
        stream.send(end, step=900)
        until(lambda: files(folder("d")), "a file")
        for name in files(folder("d")):
            try:
                write(folder("copy.pcap"), read(folder("d", name)))
            except FileNotFoundError:       # it got its last name meanwhile
                continue
            whole = 0
            blob, at = read(folder("copy.pcap")), savefile.HEADER_BYTES
            while at + 16 <= len(blob):
                at += 16 + int.from_bytes(blob[at + 8:at + 12], sys.byteorder)
                whole += at <= len(blob)
            # what is cut short is the last record, of which tcpdump says so
            done = subprocess.run(["tcpdump", "-nn", "-t", "-r", folder("copy.pcap"), "-w",
                                   folder("out.pcap")], stderr=subprocess.PIPE, text=True,
                                  check=False)
            assert done.returncode == 0 or "truncated dump file" in done.stderr, done.stderr
            same(len(savefile.parse(read(folder("out.pcap")))[3]), whole, "what tcpdump reads")
            if at == len(blob):
                same(capinfos(folder("copy.pcap"))[0], 0, "capinfos")
            looked += 1
    assert looked > 10, looked
    stream.send()
    stream.finish()
    collector.stop()
    same(all_of(folder("d")), some, "packets")


@case("files: --keep-files and --keep-size remove the oldest, and nothing that is not ours")
def _(folder):
    some = savefile.packets(200, 9, sizes=(1000,))
    os.mkdir(folder("d"))
    others = ("notes.txt", "a-x.pcap", "b-1.pcap.bak", "capture.pcap", "a-12.pcap.part")
    for name in others:
        write(folder("d", name), b"mine")
    for name in ("a-12.pcap", "b-13.2.pcap.zst"):       # of a collector before
        write(folder("d", name), b"old")
        os.utime(folder("d", name), (1, 1))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "10",
                            "--keep-files", "5")
    for sensor in ("a", "b"):
        send(port, some, sensor)
    collector.stop()
    got = [name for name in files(folder("d")) if name not in others]
    for sensor in ("a", "b"):
        kept = sorted((name for name in got if name[0] == sensor), key=order)
        same([packet for name in kept for packet in packets_of(folder("d", name))],
             some[-50:], f"the last five files of {sensor}")
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "10",
                            "--keep-size", "35k")
    until(lambda: len(files(folder("d"))) == len(others) + 3, "three files of 10 kB")
    send(port, some[:10], "c")
    collector.stop()
    got = [name for name in files(folder("d")) if name not in others]
    same((len(got), got[-1][0]), (3, "c"), "files")
    for name in others:
        same(read(folder("d", name)), b"mine", name)


@case("files: --compress zstd, also of what an end has left; what was half done goes")
def _(folder):
    some = savefile.packets(500, 9, sizes=(60, 600))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "100")
    send(port, some[:250])
    collector.kill()
    write(folder("d", ".s-1.pcap.new"), b"never acknowledged")
    write(folder("d", ".s-1.pcap.zst.new"), b"half of it")
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "70",
                            "--compress", "zstd")
    send(port, some[250:], capture="another")
    collector.stop()
    same(all_of(folder("d")), some, "packets")
    same([len(packets_of(folder("d", name))) for name in complete(folder("d"))],
         [100, 100, 50, 70, 70, 70, 40], "packets of files")
    packed = [name for name in complete(folder("d")) if name.endswith(".zst")]
    assert len(packed) >= 5, complete(folder("d"))
    for name in packed:
        same(subprocess.run(["zstd", "-tq", folder("d", name)], check=False).returncode, 0,
             "zstd -t")
        same(capinfos(folder("d", name), "-c")[0], 0, "capinfos")
    same([name for name in os.listdir(folder("d")) if name[0] == "."], [".pcapring.journal"],
         "hidden files")


SCRIPT = """#!/bin/sh
[ $# -eq 2 ] && [ "$1" = word ] && [ -f "$2" ] && printf '%s\\n' "$2" >>{log}
case $2 in *fails*) exit 3 ;; esac
"""


@case("files: --after-rotate hears of each file, once, by its path and no shell")
def _(folder):
    write(folder("command"), SCRIPT.format(log=folder("log")).encode())
    os.chmod(folder("command"), 0o755)
    collector, port = start(folder("d"), "--rotate-packets", "10",
                            "--after-rotate", f"{folder('command')} word", "--compress", "zstd")
    evil = ("$(touch gone)", "; touch gone", "a b", "`touch gone`", "-rf", "fails", "\u00e9\u4e16")
    for sensor in evil:
        send(port, savefile.packets(30, 9, sizes=(60,)), sensor, capture=str(evil.index(sensor)))
    text = collector.stop()
    got = read(folder("log")).decode().splitlines()
    same(sorted(got), sorted(os.path.join(os.path.realpath(folder("d")), name)
                             for name in files(folder("d"))), "what it heard")
    same(len(got), 3 * len(evil), "how often")
    same(len(re.findall(r"--after-rotate .*/fails/.*failed with exit status 3", text)), 3,
         "failures")
    assert not os.path.exists("gone"), "a shell"
    collector, port = start(folder("d"), "--after-rotate", "/nowhere/command")
    send(port, savefile.packets(1, 9, sizes=(60,)), "late")
    assert "cannot be run: No such file" in collector.stop()


@case("files: what peers call themselves stays below the directory, and on its line")
def _(folder):
    names = ("..", "../../up", "/etc/x", ".hidden", "a/b/../..", "x" * 255, "x" * 254 + "y",
             "new\nline", "\x1b[2J", "%{sensor}%s", "a.pcap.new", "CON", "%2E", "")
    some = savefile.packets(3, 9, sizes=(60,))
    collector, port = start(folder("d", "deep"), "--rotate-packets", "3")
    for number, sensor in enumerate(names):
        send(port, some, sensor, capture=str(number), interface=sensor)
        if sensor.isprintable() and sensor.isascii():
            send_plain(port, some, sensor.replace("%", "%25"))
    collector.stop()
    for line in collector.lines:
        assert line.isprintable() and line.isascii(), line
    same(folder.names(), ["d"], "files outside")
    same(os.listdir(folder("d")), ["deep"], "files outside")
    got = files(folder("d", "deep"))
    for name in got:
        same((name.count("/"), re.fullmatch(r"[\w.%~-]+/[\w.%~-]+", name) is not None),
             (1, True), name)
        same(packets_of(folder("d", "deep", name)), some, name)
    assert len(got) >= len(names), got
    hidden = [name for top, _, names in os.walk(folder("d", "deep"))
              for name in (*names, top) if os.path.basename(name)[0] == "."]
    same(hidden, [".pcapring.journal"], "hidden files")


@case("files: killed and started with other options, it goes on in other files")
def _(folder):
    some = savefile.packets(3000, 9, sizes=(60, 600))
    ring = Ring(records(some, NATIVE))
    collector = None
    ways = (("--name", NAME, "--rotate-packets", "100"), ("--name", NAME, "--rotate-size", "50k"),
            ("--name", NAME, "--compress", "zstd"), ("--name", NAME, "--rotate-time", "1"),
            ("--name", NAME, "--rotate-packets", "1000"))
    for number, options in enumerate(ways, 1):
        collector, port = start(folder("d"), *options)
        stream = Stream(port, ring)
        welcome = stream.welcome()
        assert welcome.new_epoch == (number == 1), welcome
        end = len(ring.blob) * number // len(ways)
        stream.send(end, step=5000)
        if number < len(ways):
            stream.wait(lambda stream=stream, end=end: stream.acks and
                        stream.acks[-1] > end - 1000, "an Ack")
            collector.kill()
            stream.channel.close()
    stream.finish()
    collector.stop()
    same(all_of(folder("d")) == some, True, "all packets, in their order")


@case("files: killed under plain packets, what is there is a beginning of them, and another goes on")
def _(folder):
    some = savefile.packets(2000, 9, sizes=(60, 600))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "300")
    stream = Sensor(port, "s", "eth0", tsresol=9)
    stream.send(*[encode(packet, True) for packet in some])
    until(lambda: len(files(folder("d"))) > 3, "some files")
    collector.kill()
    stream.status()
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "300")
    got = all_of(folder("d"))
    assert len(got) >= 900, len(got)
    same(got, some[:len(got)], "packets")
    send_plain(port, some[:1000])
    collector.stop()
    same(all_of(folder("d")), got + some[:1000], "packets")


@case("files: a file that the journal knows and that is short is reported, and another epoch begins")
def _(folder):
    some = savefile.packets(20, 9, sizes=(60,))
    ring = Ring(records(some, NATIVE))
    collector, port = start(folder("d"), "--name", NAME)
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(760)
    stream.acked(760)
    collector.kill()
    name, = files(folder("d"))
    os.truncate(folder("d", name), 100)
    collector, port = start(folder("d"), "--name", NAME)
    collector.wait_line(r"s-\d+\.pcap: 684 bytes are missing, the journal knows 784")
    stream = Stream(port, ring)
    same(stream.welcome().new_epoch, True, "new_epoch")
    stream.send()
    stream.finish()
    collector.stop()


@case("files: --write - is live for tcpdump, over records")
def _(folder):
    some = savefile.packets(5, 9, sizes=(60,))
    collector = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write", "-",
                        stdout=subprocess.PIPE)
    port = int(collector.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])
    tcpdump = subprocess.Popen(
        ["tcpdump", "--time-stamp-precision=nano", "-l", "-nn", "-tt", "-r", "-"],
        stdin=collector.process.stdout, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL,
        text=True)
    collector.process.stdout.close()
    stream = Stream(port, Ring(records(some, NATIVE)))
    stream.welcome()
    for number, (second, fraction, _, _) in enumerate(some, 1):
        stream.send(number * 76)
        line = "\t"                          # a hex dump follows the line
        while line.startswith("\t"):
            line = tcpdump.stdout.readline()     # before the next is sent
        assert line.startswith(f"{second}.{fraction:09d} "), line
    stream.finish()
    collector.stop()
    same(tcpdump.wait(30), 0, "tcpdump's status")


@case("files: usage errors exit 2 and name the remedy")
def _(folder):
    os.mkdir(folder("d"))
    listen = ("--listen", "127.0.0.1:0")
    there = (*listen, "--directory", folder("d"))
    for options, pattern in (
            ((*there, "--write", "x.pcap"), "--directory .* and --write x.pcap: give one of them"),
            ((*listen, "--write", "x.pcap", "--rotate-size", "1M"), "--rotate-size is for files in"),
            ((*listen, "--write", "x.pcap", "--compress", "zstd"), "--compress is for files in"),
            ((*there, "--rotate-size", "1"), "--rotate-size 1: .* at least 4096"),
            ((*there, "--rotate-time", "5x"), "--rotate-time 5x: give it seconds"),
            ((*there, "--rotate-time", "0"), "--rotate-time 0: give it seconds"),
            ((*there, "--rotate-packets", "0"), "--rotate-packets 0: give it a number"),
            ((*there, "--compress", "gzip"), "--compress gzip: zstd"),
            ((*there, "--after-rotate", " "), "--after-rotate '': name a command"),
            ((*there, "--name", "x"), "--name x: it has to end in a name with .pcap"),
            ((*there, "--name", "%{sensor}/.pcap"), "it has to end in a name"),
            ((*there, "--name", "/x.pcap"), "it has to be a relative path"),
            ((*there, "--name", "a/../x.pcap"), "it has to be a relative path"),
            ((*there, "--name", ".x.pcap"), "may begin with a dot"),
            ((*there, "--name", "%q.pcap"), "after % there may be"),
            ((*there, "--name", "%{host}.pcap"), "after % there may be"),
            ((*there, "--name", "%{sensor}.pcap", "--keep-files", "3"), "has none, such as %s")):
        program = Program("pcapring-collector", *options)
        text = program.wait(2)
        assert re.search(pattern, text), f"/{pattern}/ is not in:\n{text}"
    program = Program("pcapring-collector", *listen, "--directory", folder("none"))
    assert "--directory " in program.wait(1)
    same(files(folder("d")), [], "files")


@case("files: two collectors in a directory: the second one says so, and touches nothing")
def _(folder):
    collector, port = start(folder("d"), "--name", NAME)
    # before there is a journal, too
    other = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--directory", folder("d"))
    assert "another collector writes there" in other.wait(1)
    stream = Stream(port, Ring(records(savefile.packets(5, 9, sizes=(60,)), NATIVE)))
    stream.welcome()
    stream.send()
    stream.acked(380)
    before = sorted(os.listdir(folder("d")))
    other = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--directory", folder("d"))
    assert "another collector writes there" in other.wait(1)
    same(sorted(os.listdir(folder("d"))), before, "files")
    stream.finish()
    collector.stop()


@case("files: --report of a directory tells what all files of a ring have")
def _(folder):
    some = savefile.packets(100, 9, sizes=(60,))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "7")
    send(port, some)
    done = subprocess.run([os.path.join(os.environ.get("BUILD", "build"), "pcapring-collector"),
                           "--report", folder("d")], stdout=subprocess.PIPE, text=True, check=True)
    assert '"packets": 100' in done.stdout, done.stdout
    collector.stop()


def left(folder, some):
    """Files of ten packets are left with their command still to be run."""
    write(folder("slow"), b"#!/bin/sh\necho $$ >>%s\nexec sleep 600\n" % folder("pids").encode())
    os.chmod(folder("slow"), 0o755)
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "10",
                            "--after-rotate", folder("slow"))
    send(port, some)
    until(lambda: os.path.exists(folder("pids")) and read(folder("pids")), "the command")
    collector.kill()
    os.kill(int(read(folder("pids"))), signal.SIGKILL)
    write(folder("command"), SCRIPT.format(log=folder("log")).encode())
    os.chmod(folder("command"), 0o755)


@case("files: what was complete and not done with is done at the next start")
def _(folder):
    some = savefile.packets(20, 9, sizes=(60,))
    left(folder, some)
    collector, port = start(folder("d"), "--name", NAME, "--after-rotate",
                            f"{folder('command')} word")
    until(lambda: os.path.exists(folder("log")) and
          len(read(folder("log")).splitlines()) == 2, "both files")
    collector.stop()
    same(all_of(folder("d")), some, "packets")
    collector, port = start(folder("d"), "--name", NAME, "--after-rotate",
                            f"{folder('command')} word")
    collector.stop()
    same(len(read(folder("log")).splitlines()), 2, "once")


@case("files: so it is where they have other names now, and limits")
def _(folder):
    some = savefile.packets(20, 9, sizes=(60,))
    left(folder, some)
    collector, port = start(folder("d"), "--name", "other/%s.pcap", "--keep-size", "1G",
                            "--compress", "zstd",
                            "--after-rotate", f"{folder('command')} word")
    until(lambda: os.path.exists(folder("log")) and
          len(read(folder("log")).splitlines()) == 2, "both files")
    collector.stop()
    assert all(name.endswith(".pcap.zst") for name in complete(folder("d"))), files(folder("d"))
    same(all_of(folder("d")), some, "packets")


@case("files: a command that will not end does not keep the collector from it")
def _(folder):
    write(folder("deaf"), b"#!/bin/sh\ntrap '' TERM\necho $$ >>%s\nexec sleep 600\n" %
          folder("pids").encode())
    os.chmod(folder("deaf"), 0o755)
    some = savefile.packets(20, 9, sizes=(60,))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "10",
                            "--after-rotate", folder("deaf"))
    send(port, some)
    until(lambda: os.path.exists(folder("pids")) and read(folder("pids")), "the command")
    text = collector.stop()
    assert re.search("--after-rotate, for .*pcap: does not end", text), text
    try:
        os.kill(int(read(folder("pids"))), 0)
        raise AssertionError("the command lives on")
    except ProcessLookupError:
        pass
    same(all_of(folder("d")), some, "packets")


@case("files: --after-rotate hears of no file that is not there any more")
def _(folder):
    write(folder("command"), b"""#!/bin/sh
printf '%%s\\n' "$1" >>%s
[ -f "$1" ] && read -r line <%s
""" % (folder("log").encode(), folder("go").encode()))
    os.chmod(folder("command"), 0o755)
    os.mkfifo(folder("go"))
    collector, port = start(folder("d"), "--name", NAME, "--rotate-packets", "10",
                            "--after-rotate", folder("command"))
    send(port, savefile.packets(30, 9, sizes=(60,)))
    until(lambda: len([name for name in files(folder("d")) if name.endswith(".pcap")]) == 3 and
          os.path.exists(folder("log")) and read(folder("log")), "files, and the command")
    for name in complete(folder("d"))[1:]:
        os.remove(folder("d", name))
    write(folder("go"), b"go\n")
    text = collector.stop()
    same(read(folder("log")).decode().splitlines(),
         [os.path.join(os.path.realpath(folder("d")), *complete(folder("d")))], "what it heard")
    assert "after-rotate" not in text, text
