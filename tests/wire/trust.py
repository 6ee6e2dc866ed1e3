# SPDX-License-Identifier: MIT
"""Who may send, as whom: tokens, certificates, identities."""
import os
import queue
from concurrent import futures

import grpc

import savefile
from collector import NATIVE
from harness import SECONDS, Program, case, read, same, write
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
