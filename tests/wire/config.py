# SPDX-License-Identifier: MIT
"""Options from files: at the start, at SIGHUP, and what systemd is told of it."""
import ctypes
import os
import signal
import socket
import subprocess

import savefile
from collector import NATIVE
from harness import SECONDS, Program, Skip, case, read, same, until, write
from records_peer import Ring as Bytes
from records_peer import Stream
from records_relay import contents
from records_server import Holder, Server
from ring import Ring
from tls import Authority

PTRACE_SEIZE, PTRACE_INTERRUPT, PTRACE_DETACH = 0x4206, 0x4207, 17


def conf(folder, name, **keys):
    """A file of KEY = VALUE; @keys have "_" for "-"."""
    write(folder(name), "".join(f"{key.replace('_', '-')} = {value}\n"
                                for key, value in keys.items()).encode())
    return folder(name)


def collector(folder, name="c.conf", **more):
    """-> (collector, its port); from a file."""
    program = Program("pcapring-collector", "--config", folder(name), **more)
    return program, int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+)$")[1])


def check(program, *args):
    """-> (status, standard output, standard error) of --check-config."""
    done = Program(program, *args, "--check-config", stdout=subprocess.PIPE)
    out = done.process.stdout.read().decode()
    done.process.wait(SECONDS)
    done.reader.join(SECONDS)
    return done.process.returncode, out, "\n".join(done.lines)


class Systemd:
    """The other end of sd_notify(3)."""

    def __init__(self, folder, watchdog=None):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(folder("notify"))
        self.socket.settimeout(SECONDS)
        self.env = {"NOTIFY_SOCKET": folder("notify")}
        if watchdog:
            self.env["WATCHDOG_USEC"] = str(watchdog)

    def hear(self, beginning):
        """The next that begins so."""
        while True:
            said = self.socket.recv(4096).decode()
            if said.startswith(beginning):
                return said


@case("config: both programs from files alone, a savefile comes through")
def _(folder):
    blob = savefile.build(savefile.packets(300), NATIVE)
    write(folder("in.pcap"), blob)
    conf(folder, "c.conf", listen="127.0.0.1:0", write=folder("out.pcap"))
    program, port = collector(folder)
    common = conf(folder, "relay.conf", target="nobody:1", protocol="packet", verbose="true")
    own = conf(folder, "own.conf", target=f"127.0.0.1:{port}", verbose="false")
    text = Program("pcapring-relay", "--config", common, "--config", own, "--config",
                   f"-{folder('none.conf')}", "--read", folder("in.pcap")).wait(0)
    assert "300 packets" in text, text
    program.stop()
    same(read(folder("out.pcap")), blob, "file")


@case("config: what is wrong in files ends both programs with 2, all of it with file and line")
def _(folder):
    path = conf(folder, "x.conf", listn="x", target="x", verbose="yes", sync="soon")
    for program, wanted in (
            ("pcapring-relay", ("1: unknown key 'listn'", "3: verbose 'yes': expected true or false",
                                "4: unknown key 'sync'")),
            ("pcapring-collector", ("1: unknown key 'listn'; did you mean 'listen'", "2: unknown key",
                                    "4: sync soon: give it seconds"))):
        for args in (), ("--check-config",):
            text = Program(program, "--config", path, *args).wait(2)
            for line in wanted:
                assert f"{program}: {path}:{line}" in text, text
    text = Program("pcapring-collector", "--config", conf(folder, "y.conf", sync="1")).wait(2)
    assert "--listen is missing" in text, text


@case("config: --check-config opens nothing, says ok, exits 0")
def _(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        conf(folder, "c.conf", listen=f"127.0.0.1:{port}", write=folder("out.pcap"))
        conf(folder, "r.conf", target=f"127.0.0.1:{port}", device=folder("none"),
             spool=folder("spool"), exclude="tcp port 80")
        for program, name in ("pcapring-collector", "c.conf"), ("pcapring-relay", "r.conf"):
            same(check(program, "--config", folder(name)), (0, "configuration ok\n", ""), program)
        taken.settimeout(0)
        try:
            taken.accept()
            raise AssertionError("somebody connected")
        except BlockingIOError:
            pass
    same(folder.names(), ["c.conf", "r.conf"], "files")


@case("config: --check-config tells what is wrong with files that options name")
def _(folder):
    ca = Authority(folder, "ca")
    good, old, new = (ca.issue(year, year=year) for year in ("now", "past", "future"))
    target = {"target": "x:1", "device": "x"}
    write(folder("list"), b"from = nothing\n")
    for keys, pattern in (
            ({"tls_ca": ca.certificate, "tls_cert": old[0], "tls_key": old[1]}, "expired on 2021"),
            ({"tls_ca": ca.certificate, "tls_cert": new[0], "tls_key": new[1]}, "not valid before 2090"),
            ({"tls_ca": ca.certificate, "tls_cert": good[0], "tls_key": old[1]}, "tls-key"),
            ({"tls_ca": folder("none")}, "--tls-ca .*No such file"),
            ({"tls_ca": folder("list")}, "--tls-ca"),
            ({"exclude": "tcp and and"}, "syntax error"),
            ({"exclude_list": folder("list")}, "line 1: expected"),
            ({"tls_cert": good[0]}, "--tls-key is missing")):
        path = conf(folder, "r.conf", **target, **keys)
        status, out, said = check("pcapring-relay", "--config", path)
        same((status, out), (2, ""), f"{keys}: {said}")
        assert subprocess.run(["grep", "-q", "-e", pattern], input=said, text=True,
                              check=False).returncode == 0, f"/{pattern}/ is not in {said}"
    path = conf(folder, "r.conf", **target, tls_ca=ca.certificate, tls_cert=good[0], tls_key=good[1])
    same(check("pcapring-relay", "--config", path)[:2], (0, "configuration ok\n"), "a good pair")
    for pair, status in (good, 0), (old, 2):
        path = conf(folder, "c.conf", listen="127.0.0.1:0", write="x", tls_cert=pair[0], tls_key=pair[1])
        same(check("pcapring-collector", "--config", path)[0], status, "the collector's status")


@case("config: SIGHUP while a stream lives: it goes on, what needs a restart is named")
def _(folder):
    packets = savefile.packets(400, 9)
    ring = Ring(folder)
    ring.append(packets[:100])
    holder = Holder()
    server = Server(holder)
    systemd = Systemd(folder)
    write(folder("r.conf"), b"")
    program = ring.relay(server.port, "--config", folder("r.conf"), env=systemd.env)
    systemd.hear("READY=1")
    until(lambda: ring.tail() == ring.head(), "an acknowledgement")

    conf(folder, "r.conf", verbose="true", sensor="other", spool=folder("spool"))
    ring.append(packets[100:200])
    program.signal(signal.SIGHUP)
    assert "MONOTONIC_USEC=" in systemd.hear("RELOADING=1")
    systemd.hear("READY=1")
    program.wait_line(f"spool: from nothing to '{folder('spool')}' needs a restart$")
    program.wait_line("the configuration was read again")
    assert not program.find("verbose: from"), program.lines
    # the command line reads over it
    assert not program.find("sensor: from"), program.lines

    conf(folder, "r.conf", verbos="true")
    ring.append(packets[200:300])
    program.signal(signal.SIGHUP)
    systemd.hear("RELOADING=1")
    systemd.hear("READY=1")
    program.wait_line(r"r\.conf:1: unknown key 'verbos'; did you mean 'verbose'")
    program.wait_line("the configuration stays as it was")

    ring.append(packets[300:])
    until(lambda: ring.tail() == ring.head(), "all acknowledgements")
    program.stop()
    server.stop()
    same(bytes(holder.data) == contents(packets, 9), True, "records are right")


@case("config: SIGHUP changes what is left out, and a list's content; what is wrong does not")
def _(folder):
    def filters():
        return read(folder("filters")).decode().split() if os.path.exists(folder("filters")) else []

    def reload(pattern):
        count = sum("configuration" in line for line in program.lines)
        program.signal(signal.SIGHUP)
        until(lambda: sum("configuration" in line for line in program.lines) > count, "a reload")
        assert pattern in program.lines[-1], program.lines

    ring = Ring(folder)
    holder = Holder()
    server = Server(holder)
    conf(folder, "r.conf", exclude="udp")
    program = ring.relay(server.port, "--config", folder("r.conf"),
                         env={"PCAPRING_FILTERS": folder("filters")})
    until(lambda: len(filters()) == 1, "the first filter")
    program.wait_line("connected to")       # the last line that is not about reloads
    write(folder("list"), b'into = ["192.0.2.1"]\n')
    conf(folder, "r.conf", exclude="udp", exclude_list=folder("list"))
    reload("was read again")
    same(len(filters()), 2, "filters")
    write(folder("list"), b'into = ["192.0.2.1", "192.0.2.2"]\n')
    reload("was read again")
    lengths = [int(length) for length in filters()]
    same(lengths == sorted(set(lengths)) and len(lengths) == 3, True, f"longer each time: {lengths}")
    for wrong in (b"from = x\n", b"exclude"):
        write(folder("list" if wrong.startswith(b"from") else "r.conf"), wrong)
        reload("stays as it was")
    same(len(filters()), 3, "filters")
    conf(folder, "r.conf")
    reload("was read again")
    same(filters()[3:], ["0"], "the last filter")
    program.stop()
    server.stop()


@case("config: SIGHUP changes how often the collector syncs, of what came already, too")
def _(folder):
    keys = {"listen": "127.0.0.1:0", "write": folder("out.pcap")}
    conf(folder, "c.conf", **keys, sync="3600")
    program, port = collector(folder)
    data = contents(savefile.packets(20, 9), 9)
    stream = Stream(port, Bytes(data))
    stream.welcome()
    stream.records(0, data)
    until(lambda: os.path.exists(folder("out.pcap")) and
          os.path.getsize(folder("out.pcap")) > len(data) // 2, "records in the file")
    conf(folder, "c.conf", **keys, sync="0")
    program.signal(signal.SIGHUP)
    program.wait_line("was read again")
    stream.acked(len(data))
    stream.cancel()
    program.stop()


@case("config: --log-file is opened anew at SIGHUP, and moved where the file says so")
def _(folder):
    keys = {"listen": "127.0.0.1:0", "write": folder("out.pcap")}
    conf(folder, "c.conf", **keys, log_file=folder("log"))
    systemd = Systemd(folder)
    program = Program("pcapring-collector", "--config", folder("c.conf"), env=systemd.env)
    systemd.hear("READY=1")
    until(lambda: b"listening on" in read(folder("log")), "a line")
    os.rename(folder("log"), folder("log.1"))
    for name in "log", "elsewhere":
        conf(folder, "c.conf", **keys, log_file=folder(name))
        program.signal(signal.SIGHUP)
        systemd.hear("RELOADING=1")
        systemd.hear("READY=1")
        assert b"pcapring-collector: the configuration was read again\n" in read(folder(name))
    same(program.stop(), "", "standard error")


@case("config: without --config and --log-file, SIGHUP ends the program")
def _(folder):
    # nohup would have it ignored, by our children, too
    ours = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write", folder("x.pcap"))
    signal.signal(signal.SIGHUP, ours)
    program.wait_line("listening on")
    program.signal(signal.SIGHUP)
    program.wait(-signal.SIGHUP)


@case("config: systemd hears rate and loss, and what the service is at")
def _(folder):
    packets = savefile.packets(50, 9)
    ring = Ring(folder)
    ring.append(packets)
    server = Server(Holder())
    systemd = Systemd(folder)
    program = ring.relay(server.port, env=systemd.env)
    status = systemd.hear("STATUS=")
    while "50 packets" not in status:
        status = systemd.hear("STATUS=")
    assert "packets/s" in status and "0 lost" in status and str(server.port) in status, status
    program.stop()
    systemd.hear("STOPPING=1")
    server.stop()


@case("config: systemd hears when the relay ends by itself: the watchdog is not fed any more")
def _(folder):
    ring = Ring(folder)
    ring.append(savefile.packets(50, 9))
    server = Server(Holder())
    systemd = Systemd(folder)
    ring.relay(server.port, "--count", "50", env=systemd.env).wait(0)
    systemd.hear("STOPPING=1")
    server.stop()


def thread(program, name):
    """The number of the one that has joined the keeper by this name; None: the first."""
    tasks = f"/proc/{program.process.pid}/task"
    return program.process.pid if name is None else next(
        int(tid) for tid in os.listdir(tasks)
        if read(f"{tasks}/{tid}/comm").decode().strip() == name)


def ptrace(request, tid):
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    if libc.ptrace(request, tid, None, None):
        raise Skip(f"ptrace: {os.strerror(ctypes.get_errno())}")


def each_thread_starves_the_watchdog(program, systemd, first, *others):
    systemd.hear("WATCHDOG=1")
    for name in first, *others:
        tid = thread(program, None if name == first else name)
        ptrace(PTRACE_SEIZE, tid)
        ptrace(PTRACE_INTERRUPT, tid)
        os.waitpid(tid, 0x40000000)         # __WALL
        program.wait_line(f"the {name} thread has not come round")
        ptrace(PTRACE_DETACH, tid)
        systemd.hear("WATCHDOG=1")


@case("config: the watchdog is fed while all of the relay's threads come round, only then")
def _(folder):
    ring = Ring(folder)
    server = Server(Holder())
    systemd = Systemd(folder, watchdog=400000)
    program = ring.relay(server.port, "--spool", folder("spool"), "--copy", folder("copy.pcap"),
                         "--metrics", "127.0.0.1:0", env=systemd.env)
    each_thread_starves_the_watchdog(program, systemd, "relay", "watch", "spool", "copy", "http")
    program.stop()
    server.stop()


@case("config: the watchdog is fed while all of the collector's threads come round, only then")
def _(folder):
    systemd = Systemd(folder, watchdog=400000)
    conf(folder, "c.conf", listen="127.0.0.1:0", directory=folder.path, metrics="127.0.0.1:0")
    program, _port = collector(folder, env=systemd.env)
    each_thread_starves_the_watchdog(program, systemd, "server", "stop", "door", "sync", "finish",
                                     "http")
    program.stop()
