# SPDX-License-Identifier: MIT
"""TLS between relay and collector, and with peers that are not ours."""
import os
import socket
import ssl
import subprocess

import grpc

import savefile
from collector import NATIVE, start
from harness import Program, case, read, same, until, write
from peers import Receiver, Sensor, encode
from replay import relay

YEAR = {"past": ("20200101000000Z", "20210101000000Z"),
        "future": ("20900101000000Z", "20910101000000Z"),
        "now": ("20200101000000Z", "20900101000000Z")}
CONFIG = """[ca]
default_ca = all
[all]
database = {0}/index
new_certs_dir = {0}
rand_serial = yes
default_md = sha256
unique_subject = no
policy = any
[any]
commonName = supplied
"""


def openssl(*words):
    subprocess.run(["openssl", *words], check=True, capture_output=True)


class Authority:
    """A CA with its files in a folder, and what it issues beside them."""

    def __init__(self, folder, name):
        self.name = folder(name)
        os.mkdir(self.name)
        self.key, self.certificate = self.name + ".key", self.name + ".crt"
        write(self.name + "/index", b"")
        write(self.name + ".conf", CONFIG.format(self.name).encode())
        openssl("req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256",
                "-nodes", "-keyout", self.key, "-out", self.certificate, "-days", "9",
                "-subj", f"/CN={name}")

    def issue(self, who, names="IP:127.0.0.1", year="now", subject=None):
        """-> paths of a certificate and its key."""
        path = f"{self.name}-{who}"
        openssl("req", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes",
                "-keyout", path + ".key", "-out", path + ".csr", "-utf8", "-subj",
                "/CN=" + (subject or who).replace("/", "\\/"))
        write(path + ".ext", f"subjectAltName={names}\n".encode())
        begin, end = YEAR[year]
        openssl("ca", "-batch", "-notext", "-config", self.name + ".conf", "-cert",
                self.certificate, "-keyfile", self.key, "-in", path + ".csr", "-out",
                path + ".crt", "-startdate", begin, "-enddate", end, "-extfile",
                path + ".ext")
        return path + ".crt", path + ".key"


def pair(certificate, key):
    return "--tls-cert", certificate, "--tls-key", key


def collector(folder, *options):
    """-> (collector, its port)."""
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                      folder("out.pcap"), *options)
    return program, int(program.wait_line(r"listening on 127\.0\.0\.1:(\d+), with TLS$")[1])


def savefile_in(folder, count=300):
    blob = savefile.build(savefile.packets(count), NATIVE)
    write(folder("in.pcap"), blob)
    return blob


def arrives(folder, port, *options):
    blob = savefile_in(folder)
    relay(folder("in.pcap"), port, *options).wait(0)
    same(read(folder("out.pcap")), blob, "file")


def refused(folder, port, pattern, *options):
    """A relay that says why it has no connection, and goes on trying."""
    savefile_in(folder)
    program = relay(folder("in.pcap"), port, *options)
    program.wait_line("is away: .*" + pattern)
    program.stop(1)


@case("TLS: a savefile comes through, by either protocol, with and without client certificates")
def _(folder):
    ca = Authority(folder, "ca")
    for protocol in ("records", "packet"):
        for asks in ((), ("--tls-client-ca", ca.certificate)):
            program, port = collector(folder, *pair(*ca.issue("collector")), *asks)
            proof = pair(*ca.issue("sensor", "DNS:sensor")) if asks else ()
            arrives(folder, port, "--protocol", protocol, "--tls-ca", ca.certificate, *proof)
            program.stop()
            for name in folder.names():
                if name.startswith("out."):
                    os.remove(folder(name))


@case("TLS: with a server and a client that are not ours")
def _(folder):
    ca = Authority(folder, "ca")
    certificate, key = ca.issue("server", "DNS:collector.example")
    receiver = Receiver(credentials=grpc.ssl_server_credentials([(read(key), read(certificate))]))
    savefile_in(folder, 100)
    relay(folder("in.pcap"), receiver.port, "--protocol", "packet", "--tls-ca", ca.certificate,
          "--tls-server-name", "collector.example").wait(0)
    same(len(receiver.messages), 100, "messages")
    receiver.stop()

    program, port = collector(folder, *pair(*ca.issue("collector")),
                              "--tls-client-ca", ca.certificate)
    certificate, key = ca.issue("sensor", "DNS:sensor")
    sensor = Sensor(port, "s", "eth0", credentials=grpc.ssl_channel_credentials(
        read(ca.certificate), read(key), read(certificate)))
    sensor.send(*map(encode, savefile.packets(10))).done()
    sensor.close()
    program.stop()
    same(len(savefile.parse(read(folder("out.pcap")))[-1]), 10, "packets")


@case("TLS: what is wrong with the collector's certificate is told apart")
def _(folder):
    ca, other = Authority(folder, "ca"), Authority(folder, "other")
    trust = "--tls-ca", ca.certificate
    for issued, pattern in (
            (ca.issue("old", year="past"), "expired on 2021-01-01 .*renew it there"),
            (ca.issue("new", year="future"), "not valid before 2090-01-01 .*clocks"),
            (ca.issue("named", "DNS:a.example"),
             r"not for '127\.0\.0\.1' but for DNS:a\.example: .*--tls-server-name"),
            (other.issue("foreign"), f"issued by '/CN=other', which is unknown here: .*{ca.certificate}")):
        program, port = collector(folder, *pair(*issued))
        refused(folder, port, pattern, *trust)
        program.stop()


@case("TLS: what the collector does not like of a sensor is told apart")
def _(folder):
    ca, other = Authority(folder, "ca"), Authority(folder, "other")
    trust = "--tls-ca", ca.certificate
    program, port = collector(folder, *pair(*ca.issue("collector")),
                              "--tls-client-ca", ca.certificate)
    refused(folder, port, "wants to know who this is: .*--tls-cert and --tls-key", *trust)
    refused(folder, port, "does not accept --tls-cert .*other-sensor.crt", *trust,
            *pair(*other.issue("sensor", "DNS:s")))
    refused(folder, port, "it may want TLS, --tls or --tls-ca FILE")
    program.stop()
    assert "out.pcap" not in folder.names(), folder.names()
    plain, port = start(folder("plain.pcap"))
    refused(folder, port, "does not speak TLS there", *trust)
    plain.stop()


@case("TLS: files that are wrong are named at the start, with what to do")
def _(folder):
    ca = Authority(folder, "ca")
    certificate, key = ca.issue("one")
    _other, foreign = ca.issue("two")
    openssl("pkey", "-in", key, "-aes128", "-passout", "pass:x", "-out", folder("locked.key"))
    write(folder("letters"), b"somebody's letters\n")
    savefile_in(folder)
    for files, pattern in (
            ((certificate, foreign), f"--tls-key {foreign} is not the key of --tls-cert {certificate}: take"),
            ((certificate, folder("none")), "--tls-key .*none: No such file"),
            ((certificate, folder("letters")), "--tls-key .*letters has no private key"),
            ((certificate, folder("locked.key")), "--tls-key .*is encrypted; 'openssl pkey"),
            ((folder("letters"), key), "--tls-cert .*letters has no certificate"),
            ((folder("ca"), key), "--tls-cert .*ca: Is a directory")):
        program = relay(folder("in.pcap"), 1, "--tls", *pair(*files))
        text = program.wait(1)
        assert program.find(pattern), text
    for options, pattern in (
            (("--tls-cert", certificate), "--tls-key is missing"),
            (("--tls-server-name", "x"), "--tls-server-name is for TLS: --tls or --tls-ca"),
            (pair(certificate, key), "--tls-cert is for TLS")):
        program = relay(folder("in.pcap"), 1, *options)
        text = program.wait(2)
        assert program.find(pattern), text


def serial(port, ca):
    """Of the certificate that a new connection is shown."""
    context = ssl.create_default_context(cafile=ca.certificate)
    with socket.create_connection(("127.0.0.1", port)) as plain:
        with context.wrap_socket(plain, server_hostname="127.0.0.1") as connection:
            return connection.getpeercert()["serialNumber"]


def replace(path, blob):
    write(path + ".new", blob)
    os.rename(path + ".new", path)


@case("TLS: the collector takes renewed files, not half of them, and streams live on")
def _(folder):
    ca = Authority(folder, "ca")
    certificate, key = ca.issue("collector")
    program, port = collector(folder, *pair(certificate, key))
    sensor = Sensor(port, "s", "eth0", credentials=grpc.ssl_channel_credentials(read(ca.certificate)))
    packets = savefile.packets(20)
    sensor.send(*map(encode, packets[:10]))
    before = serial(port, ca)
    same(serial(port, ca), before, "serial number, nothing changed")

    renewed, renewed_key = ca.issue("renewed")
    replace(certificate, read(renewed))
    same(serial(port, ca), before, "serial number, with half of the pair")
    program.wait_line("--tls-key .* is not the key of .*; what was read before stays in use")
    replace(key, read(renewed_key)[:40])
    same(serial(port, ca), before, "serial number, with a part of the key")
    replace(key, read(renewed_key))
    until(lambda: serial(port, ca) != before, "the renewed certificate")
    program.wait_line("certificates were read again")

    sensor.send(*map(encode, packets[10:])).done()
    sensor.close()
    program.stop()
    same(len(savefile.parse(read(folder("out.pcap")))[-1]), 20, "packets of the stream that lived on")


@case("TLS: a relay that waits for better files goes on as they come")
def _(folder):
    ca, other = Authority(folder, "ca"), Authority(folder, "other")
    program, port = collector(folder, *pair(*ca.issue("collector")))
    blob = savefile_in(folder)
    write(folder("trust.crt"), read(other.certificate))
    waiting = relay(folder("in.pcap"), port, "--tls-ca", folder("trust.crt"))
    waiting.wait_line("is away: .*issued by '/CN=ca'")
    replace(folder("trust.crt"), read(ca.certificate))
    waiting.wait(0)
    same(read(folder("out.pcap")), blob, "file")
    program.stop()
