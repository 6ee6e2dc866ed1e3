# SPDX-License-Identifier: MIT
"""
A sensor and a collector that can be killed and started again:

	producer --rings--> relay --[proxy]--> pcapring-collector --> savefiles

The rings lie in a memfd, which is ours: they outlive everybody else.
"""
import mmap
import os
import random
import re
import signal
import socket
import struct
import subprocess
import threading
import time

from harness import BUILD, SECONDS, Program, same, until
from proxy import Proxy

PAGE = mmap.PAGESIZE
UNSETTLED = 3           # the relay's status where the kernel would skip a ring


class Piece(Program):
    """A program of a rig; it inherits descriptors."""

    def __init__(self, name, *args, fds=(), stdout=subprocess.DEVNULL, env=None):
        self.name = name
        self.lines = []
        self.news = threading.Condition()
        self.process = subprocess.Popen(
            [os.path.join(BUILD, name), *map(str, args)], stdin=subprocess.DEVNULL,
            stdout=stdout, stderr=subprocess.PIPE, pass_fds=fds,
            env={**os.environ, **(env or {})})
        self.reader = threading.Thread(target=self._read, daemon=True)
        self.reader.start()
        Program.living.append(self)

    def ended(self):
        """What is said of one that nobody ended."""
        status = self.process.poll()
        if status is None:
            return None
        self.reader.join(SECONDS)
        what = "left rings that the kernel would skip" if status == UNSETTLED else "ended"
        return f"{self.name} {what}, status {status}:\n" + "\n".join(self.lines[-40:])


def free_port(dice):
    """
    Below those of outgoing connections: a relay that tries to reach a port that
    nobody listens on could reach itself.
    """
    while True:
        port = dice.randrange(12000, 32000)
        with socket.socket() as sock:
            try:
                sock.bind(("127.0.0.1", port))
                return port
            except OSError:
                pass


NAME = "%{ring}-%s.pcap"       # of files that follow each other


class Rig:
    def __init__(self, folder, seed, rings=1, ring_bytes=1 << 20, rate=3000000,
                 options=(), faults=None, power=False, sync=0.05, spool=0, directory=False):
        """
        @directory: the collector's files follow each other in one.
        @spool: bytes that the relay keeps on its disk; 0: no spool. @rate: bytes a second, of all rings. @sync: seconds, of the collector.
        @faults: the part of connections that stall; None: no proxy. @power: the
        collector's machine can lose its power.
        """
        self.folder = folder
        self.dice = random.Random(seed)
        self.rings = rings
        self.ring_bytes = ring_bytes
        self.rate = rate
        self.sync = sync
        self.options = options
        self.spool = spool
        self.directory = directory
        self.boot = 0
        self.epochs = []        # of the machines that lost their power
        self.memory = os.memfd_create("rings")
        self.wake = os.eventfd(0, os.EFD_NONBLOCK | os.EFD_CLOEXEC)
        self.port = free_port(self.dice)
        self.proxy = None
        self.target = self.port
        if faults is not None:
            self.target = free_port(self.dice)
            self.proxy = Proxy(self.target, self.port, self.dice, faults)
        self.environment = {}
        if directory:
            os.mkdir(folder("x"))
        if power:
            os.mkdir(folder("synced"))
            self.environment = {"RECORDS_SYNCED": folder("synced"),
                                "LD_PRELOAD": os.path.join(BUILD, "records/synced.so")}
        self.said = []          # by collectors that were killed
        self.relay_said = []
        self.relay = self.collector = self.producer = self.report = None

    # Its programs

    def produce(self):
        self.born = time.time_ns()
        self.producer = Piece("records/producer", self.memory, self.wake, self.rings,
                              self.ring_bytes, self.rate, self.drops(),
                              fds=(self.memory, self.wake), stdout=subprocess.PIPE)
        same(self.producer.process.stdout.readline(), b"ready\n", "producer")
        self.map = mmap.mmap(self.memory, PAGE * (1 + 2 * self.rings))

    def start_collector(self, die=None):
        """@die: a power rig's, (in sync number so many, which lasts milliseconds)."""
        environment = {**self.environment, **({"RECORDS_DIE": "%d %d" % die} if die else {})}
        self.collector = Piece("pcapring-collector", "--listen", f"127.0.0.1:{self.port}",
                               *(("--directory", self.folder("x"), "--name", NAME)
                                 if self.directory else ("--write", self.folder("x.pcap"))),
                               "--sync", self.sync, *self.options, env=environment)

    def drops(self):
        return self.folder(f"drops{self.boot or ''}")

    def start_relay(self):
        spool = (self.folder("spool"), self.spool, self.boot) if self.spool else ()
        self.relay = Piece("records/relay", self.memory, self.wake,
                           f"127.0.0.1:{self.target}", *spool, fds=(self.memory, self.wake),
                           env=self.environment if self.spool else {})

    def start(self):
        self.produce()
        self.start_collector()
        self.start_relay()

    def kill_relay(self):
        self.relay.process.send_signal(signal.SIGKILL)
        self._buried(self.relay, self.relay_said)

    def kill_collector(self):
        self.collector.process.send_signal(signal.SIGKILL)
        self._buried(self.collector, self.said)

    def spooled(self):
        """Files, and their bytes."""
        sizes = []
        folder = self.folder("spool")
        for name in os.listdir(folder) if os.path.exists(folder) else ():
            try:
                sizes.append(os.stat(os.path.join(folder, name)).st_size)
            except FileNotFoundError:   # it goes this moment
                pass
        return len(sizes), sum(sizes)

    def cut_relay_power(self):
        """
        The sensor's machine: its rings are gone, and what was not synced; a new
        capture begins when it is there again.
        """
        self.kill_relay()
        self.stop_producer()
        # what the tail passed was safe; nobody knows of what lay behind it
        least = [self.first_held(ring, seen) for ring, (seen, _, _) in enumerate(self.report)]
        self.epochs.append((self.born, self.drops(), [f"{n}+" for n in least]))
        for name in os.listdir(self.folder("spool")):
            self._lose(self.folder("spool", name), False)
        os.close(self.memory)
        self.boot += 1
        self.memory = os.memfd_create("rings")
        self.produce()

    def first_held(self, ring, seen):
        """The number of the first packet in the ring, or of the next one."""
        held = self.held(ring)
        return struct.unpack_from("=Q", held, 16 + 8)[0] if held else seen

    def cut_power(self, all_lost=False):
        """Of what the collector has not synced, anything is there, or nothing."""
        if self.collector.process.poll() is None:
            self.kill_collector()
        for name in self.names():
            self._lose(self.folder(name), all_lost)

    def names(self):
        """The collector's files."""
        if self.directory:
            return [f"x/{name}" for name in os.listdir(self.folder("x"))]
        return [name for name in self.folder.names() if name.startswith("x")]

    def _lose(self, path, all_lost):
        try:
            with open(self.folder(f"synced/{os.stat(path).st_ino}")) as file:
                synced = int(file.read())
        except FileNotFoundError:
            synced = 0
            if all_lost or self.dice.random() < 0.5:
                os.unlink(path)
                return
        with open(path, "r+b") as file:
            size = file.seek(0, os.SEEK_END)
            if size > synced:
                file.truncate(synced if all_lost else self.dice.randrange(synced, size + 1))
                lost = file.seek(0, os.SEEK_END) - synced
                file.seek(synced)
                file.write(self.dice.choice((b"", bytes(lost), self.dice.randbytes(lost))))

    def _buried(self, piece, said):
        piece.wait(-signal.SIGKILL)
        said += piece.lines
        Program.living.remove(piece)

    def check_alive(self):
        for piece in (self.producer, self.collector, self.relay):
            if piece:
                end = piece.ended()
                assert end is None, end

    # Its rings

    def _word(self, page, word):
        return struct.unpack_from("=Q", self.map, page * PAGE + 8 * word)[0]

    def tails(self):
        return [self._word(1 + ring, 8) for ring in range(self.rings)]

    def heads(self):
        return [self._word(1 + self.rings + ring, 0) for ring in range(self.rings)]

    def held(self, ring):
        """The bytes from tail to head."""
        data = PAGE * (1 + 2 * self.rings) + 2 * self.ring_bytes * ring
        memory = os.pread(self.memory, self.ring_bytes, data)
        tail, head = self.tails()[ring], self.heads()[ring]
        return (memory * 2)[tail % self.ring_bytes:][:head - tail]

    def dropped(self):
        return sum(self._word(1 + self.rings + ring, 8 + 3) for ring in range(self.rings))

    def save_memory(self):
        return os.pread(self.memory, os.fstat(self.memory).st_size, 0)

    def load_memory(self, memory):
        os.pwrite(self.memory, memory, 0)

    def empty(self):
        return self.tails() == self.heads() and not self.spooled()[0]

    def finished(self):
        """All is done with files that are complete."""
        return not self.directory or not [name for name in self.names()
                                          if name.endswith((".pcap", ".new"))]

    # Its life

    def until(self, condition, what):
        def check():
            self.check_alive()
            return condition()
        try:
            until(check, what)
        except AssertionError as error:
            raise AssertionError("\n".join(
                [str(error), f"tails {self.tails()}, heads {self.heads()}"] +
                [f"{piece.name}: {line}" for piece in (self.relay, self.collector) if piece
                 for line in piece.lines[-20:]])) from error

    def away(self, condition, what):
        """Until something happens, where no collector is there."""
        collector, self.collector = self.collector, None
        self.until(condition, what)
        self.collector = collector

    def has_died(self):
        """Did the collector kill itself? Then it is buried."""
        if self.collector.process.poll() is None:
            return False
        self._buried(self.collector, self.said)
        return True

    def until_connected(self):
        self.until(lambda: self.collector.find("listening on"), "a collector that listens")
        self.until(lambda: self.relay.find("connected to"), "a connection")

    def until_progress(self):
        before = self.tails()
        self.until(lambda: self.tails() != before, "an acknowledgement")

    def kill(self, kind):
        """At any moment, mostly after something was acknowledged."""
        if self.dice.random() < 0.75:
            self.until_progress()
        time.sleep(0.3 * self.dice.random() ** 2)       # the moment
        if kind in ("relay", "both"):
            self.kill_relay()
        if kind == "power":
            self.cut_power()
        elif kind != "relay":
            self.kill_collector()
        pauses = [self.dice.choice((0, 0, 0.05 * self.dice.random())) for _ in range(2)]
        starts = []
        if kind != "relay":
            starts.append(self.start_collector)
        if kind in ("relay", "both"):
            starts.append(self.start_relay)
        self.dice.shuffle(starts)
        for start, pause in zip(starts, pauses):
            time.sleep(pause)
            start()

    def stop_producer(self):
        self.producer.signal(signal.SIGTERM)
        out = self.producer.process.stdout.read().decode()
        self.producer.wait(0)
        self.producer = None
        self.report = [tuple(map(int, match)) for match in re.findall(
            r"^ring \d+ seen (\d+) captured (\d+) dropped (\d+)$", out, re.M)]
        same(len(self.report), self.rings, "rings that the producer reports")

    def drain(self):
        """All that is there arrives, and the relay ends."""
        if self.proxy:
            self.proxy.calm()
        self.until_connected()
        if self.dice.random() < 0.5:
            # told to end in the middle; what was not acknowledged stays
            self.relay.stop(0)
            self.relay_said += self.relay.lines
            if not self.empty():
                self.start_relay()
                self.until_connected()
        if self.relay.process.poll() is None:
            self.until(self.empty, "all acknowledged")
            self.relay.stop(0)
        assert self.empty(), f"tails {self.tails()}, heads {self.heads()}"

    def finish(self):
        """-> what the judge says of the savefiles."""
        self.stop_producer()
        self.drain()
        self.relay_said += self.relay.lines
        self.said += self.collector.lines
        self.collector.stop(0)
        if self.proxy:
            self.proxy.close()
        return self.judge()

    def savefiles(self):
        if not self.directory:
            return [self.folder(name) for name in self.names() if name.endswith(".pcap")]
        names = [re.fullmatch(r"x/(\w+)-(\d+)(?:\.(\d+))?\.pcap(\.zst)?", name)
                 for name in self.names() if name != "x/.pcapring.journal"]
        assert all(names), f"files that are not complete: {self.names()}"
        # in the order they were begun
        names.sort(key=lambda name: (name[1], int(name[2]), int(name[3] or 0)))
        for name in names:
            if name[4]:
                subprocess.run(["zstd", "-dq", "--rm", self.folder(name[0])], check=True)
        return [self.folder(name[0].removesuffix(".zst")) for name in names]

    def judge(self):
        for seen, captured, dropped in self.report:
            same(captured + dropped, seen, "captured and dropped")
        if self.epochs:
            return self.judge_epochs()
        files = self.savefiles()
        judge = subprocess.run(
            [os.path.join(BUILD, "records/check"), self.drops(),
             ",".join(str(seen) for seen, _, _ in self.report), *files],
            stdout=subprocess.PIPE, text=True, check=False)
        assert not judge.returncode, (
            f"{judge.stdout}in {files}\n" + "\n".join(self.said[-30:]))
        found = re.fullmatch(r"(\d+) packets, (\d+) dropped, (\d+) late\n", judge.stdout)
        same(int(found[1]), sum(captured for _, captured, _ in self.report), "packets")
        same(int(found[2]), sum(dropped for _, _, dropped in self.report), "dropped")
        return judge.stdout.strip()

    def epoch_of(self, path):
        """By its first packet. -> which; None: it has none."""
        with open(path, "rb") as file:
            first = file.read(24 + 8)[24:]
        if not first:
            return None
        second, nanosecond = struct.unpack("=II", first)
        stamp = second * 10**9 + nanosecond
        return max(n for n, (begin, _, _) in enumerate(self.epochs) if begin <= stamp)

    def judge_epochs(self):
        """Those of machines that lost their power, and the last one."""
        self.epochs.append((self.born, self.drops(), [str(seen) for seen, _, _ in self.report]))
        files = [(self.epoch_of(path), path) for path in self.savefiles()]
        said = []
        for number, (_, drops, seen) in enumerate(self.epochs):
            judge = subprocess.run(
                [os.path.join(BUILD, "records/check"), drops, ",".join(seen),
                 *(path for epoch, path in files if epoch == number)],
                stdout=subprocess.PIPE, text=True, check=False)
            assert not judge.returncode, (
                f"epoch {number} of {len(self.epochs)}: {judge.stdout}in {files}, {seen}\n" +
                "\n".join(self.said[-30:]))
            said.append(judge.stdout.strip())
        return "; ".join(said)

    def close(self):
        for piece in (self.relay, self.collector, self.producer):
            if piece and piece.process.poll() is None:
                piece.process.kill()
                piece.process.wait()
        os.close(self.memory)
        os.close(self.wake)
