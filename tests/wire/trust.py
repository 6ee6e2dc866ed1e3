# SPDX-License-Identifier: MIT
"""Who may send, as whom: tokens, certificates, identities."""
import hashlib
import os
import queue
import re
import signal
from concurrent import futures

import grpc

import savefile
from collector import NATIVE
from harness import SECONDS, Program, case, read, same, until, write
from peers import METHOD, Sensor, encode
from records_peer import Ring, Stream, identity, records
from replay import relay
from tls import Authority, collector, pair, replace

TOKEN = "s3cret-token.of~sensor_1/+=="


class Doorman(grpc.GenericRpcHandler):
    """Sees what calls bring with them, and sends all of them away."""

    def __init__(self, credentials):
        self.calls = queue.SimpleQueue()
        self.server = grpc.server(futures.ThreadPoolExecutor(4), handlers=(self,))
        self.port = self.server.add_secure_port("127.0.0.1:0", credentials)
        self.server.start()

    def service(self, details):
        self.calls.put(details)
        return grpc.stream_stream_rpc_method_handler(self._away)

    @staticmethod
    def _away(_messages, context):
        context.abort(grpc.StatusCode.UNAVAILABLE, "come again")

    def bearer(self):
        """-> (method, what the next call proves itself with)."""
        details = self.calls.get(timeout=SECONDS)
        values = [value for key, value in details.invocation_metadata if key == "authorization"]
        return details.method.rsplit("/", 1)[1], values

    def wait_for(self, values):
        while self.bearer()[1] != values:
            pass


def token_file(folder, text, mode=0o600):
    write(folder("token"), text.encode())
    os.chmod(folder("token"), mode)
    return folder("token")


@case("token: the relay sends it with each call, and the new one when its file changes")
def _(folder):
    ca = Authority(folder, "ca")
    certificate, key = ca.issue("collector")
    doorman = Doorman(grpc.ssl_server_credentials([(read(key), read(certificate))]))
    write(folder("in.pcap"), savefile.build(savefile.packets(9), NATIVE))
    path = token_file(folder, TOKEN + "\n")
    proof = "-v", "--tls-ca", ca.certificate, "--token-file", path

    program = relay(folder("in.pcap"), doorman.port, "--protocol", "packet", *proof)
    same(doorman.bearer(), ("Run", ["Bearer " + TOKEN]), "call of packet_streaming")
    assert TOKEN not in program.wait(1), program.lines

    program = relay(folder("in.pcap"), doorman.port, "--protocol", "records", *proof)
    same(doorman.bearer(), ("Stream", ["Bearer " + TOKEN]), "call of pcapring.v1")
    replace(path, b"half a token\x00")
    program.wait_line("--token-file .* is not one line of .*; the token .* before stays in use")
    same(doorman.bearer(), ("Stream", ["Bearer " + TOKEN]), "call with the old token")
    replace(path, b"another\r\n")
    doorman.wait_for(["Bearer another"])
    text = program.stop(1)
    assert TOKEN not in text and "another" not in text and "half" not in text, text
    doorman.server.stop(None)


@case("token: what is wrong with its file is said, and never what is in it")
def _(folder):
    ca = Authority(folder, "ca")
    write(folder("in.pcap"), savefile.build(savefile.packets(9), NATIVE))
    trust = "--tls-ca", ca.certificate, "--token-file"
    for text, pattern in (("", "is not one line"), ("two\nlines", "is not one line"),
                          ("sp ace", "is not one line"), ("\xe9", "is not one line"),
                          ("x" * 1025, "is not one line of 1 to 1024")):
        program = relay(folder("in.pcap"), 1, *trust, token_file(folder, text))
        said = program.wait(1)
        assert program.find(pattern) and not (text and text in said), said
    program = relay(folder("in.pcap"), 1, *trust, folder("none"))
    assert "--token-file" in program.wait(1) and program.find("none: No such file"), program.lines
    program = relay(folder("in.pcap"), 1, *trust, token_file(folder, "x" * 1024, 0o644))
    program.wait_line("can be read by everybody: chmod o= takes that away")
    program.stop(1)
    program = relay(folder("in.pcap"), 1, "--token-file", folder("token"))
    assert "--token-file is for TLS, for in the clear everybody" in program.wait(2), program.lines


# [sensor NAME]: who may send as whom.

def digest(token):
    return hashlib.sha256(token.encode()).hexdigest()


def configure(folder, text):
    replace(folder("collector.conf"), text.encode())
    return "--config", folder("collector.conf")


def house(folder, ca, sections, *options):
    """A collector with sections. -> (it, its port)."""
    return collector(folder, *pair(*ca.issue("collector")), *configure(folder, sections), *options)


def proof(ca, certificate=None, token=None):
    """What a sensor in Python shows. -> (credentials, metadata)."""
    keys = [read(path) for path in reversed(certificate)] if certificate else []
    return (grpc.ssl_channel_credentials(read(ca.certificate), *keys),
            {"token": token} if token else {})


class Guest(Sensor):
    """A stream of Run that shows a token, too."""

    def __init__(self, port, name, credentials, token=None):
        self.queue = queue.SimpleQueue()
        self.channel = grpc.secure_channel(
            f"127.0.0.1:{port}", credentials, options=[("grpc.use_local_subchannel_pool", 1)])
        pairs = [] if name is None else [("pcapring-sensor", name)]
        pairs += [("authorization", "Bearer " + token)] if token else []
        self.call = self.channel.stream_unary(METHOD).future(
            iter(self.queue.get, None), metadata=pairs, timeout=SECONDS)


def hello(port, name, credentials, token=None, **change):
    """A stream of records. -> it, after its Hello."""
    pairs = [("authorization", "Bearer " + token)] if token else []
    ring = Ring(records(savefile.packets(5)), sensor=name or "", **change)
    return Stream(port, ring, credentials=credentials, metadata=pairs)


def rejected(port, code, pattern, name, credentials, token=None):
    """By both protocols, with the same words."""
    sensor = Guest(port, name, credentials, token)
    got, text = sensor.status()
    same(got, code, f"status ({text})")
    assert re.search(pattern, text), text
    sensor.close()
    stream = hello(port, name, credentials, token)
    assert re.search(pattern, stream.status(code)), stream.ended
    stream.cancel()


UNKNOWN = grpc.StatusCode.UNAUTHENTICATED
DENIED = grpc.StatusCode.PERMISSION_DENIED


@case("access: a sensor of a section sends as itself, by its certificate or its token, and as nobody else")
def _(folder):
    ca = Authority(folder, "ca")
    one = ca.issue("one", "DNS:one.example")
    two = ca.issue("two", "URI:spiffe://example/two")
    three = ca.issue("three", "DNS:three.example")
    program, port = house(folder, ca, f"""
        tls-client-ca = {ca.certificate}
        [sensor s-1]
        certificate = other.example, one.example
        [sensor s-2]
        certificate = spiffe://example/two
        token-sha256 = {digest("old")}, {digest(TOKEN).upper()}
        """)
    first, _ = proof(ca, one)
    second, _ = proof(ca, two)
    third, _ = proof(ca, three)
    nobody, _ = proof(ca)
    packets = list(map(encode, savefile.packets(10)))
    for name, credentials, token in (("s-1", first, None), ("s-2", second, None),
                                     ("s-2", nobody, TOKEN), ("s-2", nobody, "old"),
                                     (None, second, None)):
        sensor = Guest(port, name, credentials, token)
        same(sensor.send(*packets).done(), b"", "answer")
        sensor.close()
        stream = hello(port, name, credentials, token, capture=identity(f"{name}{token}{credentials}"))
        stream.welcome()
        stream.send().finish()
    rejected(port, DENIED, r"may not send as sensor s-2: .* under \[sensor s-2\]", "s-2", first)
    rejected(port, DENIED, r"may not send as sensor s-1: ", "s-1", nobody, TOKEN)
    rejected(port, DENIED, r"may not send as sensor s-3: ", "s-3", third)
    rejected(port, DENIED, r"may not send as sensor NAME: ", None, third)
    rejected(port, UNKNOWN, r"have to prove who they are: give the relay --token-file, or --tls-cert",
             "s-1", nobody)
    rejected(port, UNKNOWN, r"the token is not known here: .* SHA-256 under \[sensor s-2\]", "s-2",
             nobody, "guess")
    text = program.stop()
    for line in (r"sensor s-2 from 127\.0\.0\.1 is refused: it shows the certificate of one\.example, "
                 r"which is for sensor s-1: ", r"s-1 from .* it shows a token, which is for sensor s-2: ",
                 r"s-3 from .* and there is no \[sensor s-3\]"):
        same(len(re.findall(line, text)), 1, f"lines with /{line}/ in {text}")
    assert TOKEN not in text and digest(TOKEN) not in text and "guess" not in text, text


@case("access: the relay hears why it is refused, and comes in when it may")
def _(folder):
    ca = Authority(folder, "ca")
    sections = """
        [sensor sensor-1]
        token-sha256 = {}
        """
    program, port = house(folder, ca, sections.format(digest("another")))
    blob = savefile.build(savefile.packets(300), NATIVE)
    write(folder("in.pcap"), blob)
    for protocol in ("packet", "records"):
        trust = "--protocol", protocol, "--tls-ca", ca.certificate, "--token-file"
        away = relay(folder("in.pcap"), port, *trust, token_file(folder, TOKEN))
        assert "UNAUTHENTICATED: the token is not known here" in away.wait(1), away.lines
    relay(folder("in.pcap"), port, *trust, token_file(folder, "another\n")).wait(0)
    same(read(folder("out.pcap")), blob, "file")
    program.stop()


@case("access: a capture that is another sensor's is not given away")
def _(folder):
    ca = Authority(folder, "ca")
    program, port = house(folder, ca, f"""
        [sensor s-1]
        token-sha256 = {digest("1")}
        [sensor s-2]
        token-sha256 = {digest("2")}
        """)
    nobody, _ = proof(ca)
    mine = hello(port, "s-1", nobody, "1")
    mine.welcome()
    thief = hello(port, "s-2", nobody, "2", generation=99)
    assert "another sensor's" in thief.status(DENIED), thief.ended
    thief.cancel()
    mine.send().finish()
    program.stop()
    same(len(savefile.parse(read(folder("out.pcap")))[-1]), 5, "packets")


@case("access: what a section lacks is an error with its line")
def _(folder):
    ca = Authority(folder, "ca")
    keys = pair(*ca.issue("collector"))
    sha = "token-sha256 = " + digest("x")
    for sections, options, pattern in (
            ("[sensor s]", keys, r"collector\.conf:1: \[sensor s\] has neither certificate nor token"),
            ("[sensor s]\n" + sha, (), r"\[sensor s\] needs TLS"),
            ("[sensor s]\ncertificate = s", keys, r"\[sensor s\] has a certificate.*tls-client-ca"),
            ("[sensor s]\ntoken-sha256 = " + "0" * 63, keys, r"conf:2: token-sha256 needs 64 hex"),
            ("[sensor s]\ntoken-sha256 = " + "g" * 64, keys, r"conf:2: token-sha256 needs 64 hex"),
            ("[sensor s]\ncertificate = ,", keys, r"conf:2: certificate needs names"),
            ("[sensor s]\nmax-rate = quick", keys, r"conf:2: max-rate is not bytes a second"),
            ("[sensor s]\nmax-streams = 0", keys, r"conf:2: max-streams is not a number"),
            ("[sensor s]\ntoken = x", keys, r"conf:2: \[sensor NAME\] has no key 'token'"),
            ("[sensor " + "s" * 256 + "]\n" + sha, keys, r"1 to 255 bytes"),
            ("[sensor]\n" + sha, keys, r"1 to 255 bytes")):
        program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                          folder("x.pcap"), *options, *configure(folder, sections + "\n"))
        text = program.wait(2)
        assert re.search(pattern, text), f"{pattern}: {text}"


@case("access: who loses the right at SIGHUP is sent away, others stream on")
def _(folder):
    ca = Authority(folder, "ca")
    sections = "[sensor s-{}]\ntoken-sha256 = {}\n"
    both = sections.format(1, digest("1")) + sections.format(2, digest("2"))
    program, port = house(folder, ca, both)
    nobody, _ = proof(ca)
    packets = list(map(encode, savefile.packets(20)))
    streams = [hello(port, f"s-{n}", nobody, str(n), capture=identity(str(n))) for n in (1, 2)]
    sensors = [Guest(port, f"s-{n}", nobody, str(n)) for n in (1, 2)]
    for stream, sensor in zip(streams, sensors):
        stream.welcome()
        sensor.send(*packets[:10])

    configure(folder, sections.format(2, digest("2")) + "[sensor s-2]\n")
    program.signal(signal.SIGHUP)
    program.wait_line("stays as it was")
    configure(folder, sections.format(2, digest("2")))
    program.signal(signal.SIGHUP)
    program.wait_line("sensor s-1 from .* is refused: it shows a token, and there is no .sensor s-1.")
    same(sensors[0].status()[0], UNKNOWN, "status of Run")
    streams[0].status(UNKNOWN)
    streams[1].send().finish()
    same(sensors[1].send(*packets[10:]).done(), b"", "answer")
    rejected(port, UNKNOWN, "not known here", "s-1", nobody, "1")

    configure(folder, both)
    program.signal(signal.SIGHUP)
    until_admitted(port, "s-1", nobody, "1")
    program.stop()


@case("access: where certificates are asked for, sections that go leave the door closed without one")
def _(folder):
    ca = Authority(folder, "ca")
    asks = f"tls-client-ca = {ca.certificate}\n"
    sections = f"[sensor s-1]\ntoken-sha256 = {digest('1')}\n"
    program, port = house(folder, ca, asks + sections)
    nobody, _ = proof(ca)
    known, _ = proof(ca, ca.issue("any", "DNS:any.example"))
    until_admitted(port, "s-1", nobody, "1")
    for text in asks, "":
        configure(folder, text)
        count = len(program.lines)
        program.signal(signal.SIGHUP)
        until(lambda: any("was read again" in line for line in program.lines[count:]), "a reload")
        rejected(port, UNKNOWN, "certificate .* --tls-cert and --tls-key", "s-1", nobody, "1")
        until_admitted(port, "s-1", known, None)
    program.stop()


@case("access: tokens beside certificates that are required is what takes a restart")
def _(folder):
    ca = Authority(folder, "ca")
    asks = f"tls-client-ca = {ca.certificate}\n[sensor s-1]\ncertificate = one\n"
    program, _port = house(folder, ca, asks)
    configure(folder, asks + f"token-sha256 = {digest('1')}\n")
    program.signal(signal.SIGHUP)
    program.wait_line("token-sha256 .* needs a restart")
    program.stop()


def until_admitted(port, name, credentials, token):
    """A reload takes its time."""
    def admitted():
        sensor = Guest(port, name, credentials, token)
        sensor.queue.put(None)
        return sensor.call.exception() is None
    until(admitted, f"sensor {name} comes in")
