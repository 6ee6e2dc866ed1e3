# SPDX-License-Identifier: MIT
"""Who may look, and from where."""
import base64
import os
import socket
import ssl

import savefile
from harness import Program, case, read, same, until, write
from rigs import Authority, Watched, collector, fetch
from tls import replace, serial

TOKEN = "0123456789abcdef0123456789abcdef"


def refused(folder, pattern, *options):
    """By both programs, as a usage error."""
    write(folder("in.pcap"), savefile.build(savefile.packets(1), "<"))
    for program in (("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                     folder("x.pcap")),
                    ("pcapring-relay", "--read", folder("in.pcap"), "--target", "127.0.0.1:1")):
        run = Program(*program, *options)
        text = run.wait(2)
        assert run.find(pattern), f"/{pattern}/ is not in:\n{text}"


@case("nothing listens unless it is told to")
def _(folder):
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                      folder("x.pcap"))
    program.wait_line("listening on")
    inodes = {os.readlink(f"/proc/{program.process.pid}/fd/{fd}")
              for fd in os.listdir(f"/proc/{program.process.pid}/fd")}
    listening = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        with open(table, encoding="utf-8") as file:
            listening += [line for line in map(str.split, file.read().splitlines()[1:])
                          if line[3] == "0A" and f"socket:[{line[9]}]" in inodes]
    same(len(listening), 1, "sockets that listen")
    program.stop()


@case("an address that others reach is refused without TLS and token, and says what is needed")
def _(folder):
    need = (r"--metrics 0\.0\.0\.0:0: others can reach that.*--metrics-tls-cert FILE, "
            r"--metrics-tls-key FILE and --metrics-token-file FILE are needed")
    refused(folder, need, "--metrics", "0.0.0.0:0")
    refused(folder, "others can reach that", "--metrics", "[::]:0")
    refused(folder, "--metrics-tls-cert FILE and --metrics-tls-key FILE are needed",
            "--metrics", "0.0.0.0:0", "--metrics-token-file", folder("token"))
    refused(folder, "--metrics-token-file FILE is needed", "--metrics", "0.0.0.0:0",
            "--metrics-tls-cert", folder("c"), "--metrics-tls-key", folder("k"))


@case("options that do not fit are usage errors with the remedy")
def _(folder):
    for value in ("127.0.0.1", "127.0.0.1:", ":9401", "127.0.0.1:port", "127.0.0.1:99999"):
        refused(folder, "--metrics '.*' is not ADDR:PORT", "--metrics", value)
    refused(folder, "no such address", "--metrics", "300.1.1.1:1")
    refused(folder, "--metrics-tls-key is missing", "--metrics", "127.0.0.1:0",
            "--metrics-tls-cert", folder("c"))
    refused(folder, "is for --metrics ADDR:PORT, which is missing",
            "--metrics-token-file", folder("t"))


def fails(folder, pattern, *options):
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                      folder("x.pcap"), *options)
    text = program.wait(1)
    assert program.find(pattern), f"/{pattern}/ is not in:\n{text}"


@case("a port that is taken, files that are wrong: named, with the remedy")
def _(folder):
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        fails(folder, f"--metrics 127.0.0.1:{port}: cannot listen there: .*already in use",
              "--metrics", f"127.0.0.1:{port}")
    fails(folder, "--metrics-token-file .*cannot be read: No such file", "--metrics",
          "127.0.0.1:0", "--metrics-token-file", folder("none"))
    write(folder("short"), b"12345\n")
    fails(folder, "at least 16 characters", "--metrics", "127.0.0.1:0",
          "--metrics-token-file", folder("short"))
    one, other = Authority(folder, "one").issue("x"), Authority(folder, "two").issue("y")
    fails(folder, "--metrics-tls-key", "--metrics", "127.0.0.1:0", "--metrics-tls-cert",
          one[0], "--metrics-tls-key", other[1])


@case("--check-config knows files that are wrong, and what fits")
def _(folder):
    write(folder("in.pcap"), savefile.build(savefile.packets(1), "<"))
    write(folder("token"), f"{TOKEN}\n".encode())
    write(folder("short"), b"12345\n")
    old = Authority(folder, "ca").issue("old", year="past")
    for program in (("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                     folder("x.pcap")),
                    ("pcapring-relay", "--read", folder("in.pcap"), "--target", "127.0.0.1:1")):
        for token, status in (("token", 0), ("short", 2), ("none", 2)):
            write(folder("metrics.conf"), f"metrics = 127.0.0.1:0\nmetrics-token-file = "
                                          f"{folder(token)}\n".encode())
            run = Program(*program, "--config", folder("metrics.conf"), "--check-config")
            text = run.wait(status)
            assert status == 0 or "--metrics-token-file" in text, text
        certificate, key = old
        run = Program(*program, "--metrics", "127.0.0.1:0", "--metrics-tls-cert", certificate,
                      "--metrics-tls-key", key, "--check-config")
        assert "--metrics-tls-cert" in run.wait(2) and run.find("expired on 2021"), run.lines


@case("only GET and HEAD, only what there is, and nothing that a browser could misuse")
def _(folder):
    shown, _port = collector(folder)
    same(shown.get("/none")[0], 404, "status")
    same(shown.get("/metrics/")[0], 404, "status")
    same(shown.get("/../../etc/passwd")[0], 404, "status")
    for method in ("POST", "PUT", "DELETE", "OPTIONS"):
        status, headers, _text = shown.get(method=method)
        same((status, headers["Allow"]), (405, "GET, HEAD"), method)
    status, headers, text = shown.get(method="HEAD")
    same((status, text), (200, ""), "HEAD")
    same(headers["Content-Type"], "text/plain; version=0.0.4; charset=utf-8", "type")
    same(headers["X-Content-Type-Options"], "nosniff", "sniffing")
    assert headers["Content-Security-Policy"].startswith("default-src 'none'"), headers
    shown.program.stop()


@case("a name that points here lets no page from elsewhere read anything")
def _(folder):
    shown, _port = collector(folder)
    port = shown.url.rpartition(":")[2]
    for host, want in ((f"127.0.0.1:{port}", 200), (f"localhost:{port}", 200), ("[::1]", 200),
                       (f"evil.example:{port}", 421), ("127.0.0.1.evil.example", 421),
                       ("localhost.evil.example", 421), ("a" * 300, 421)):
        for path in ("/metrics", "/sensors.json"):
            status, _headers, text = shown.get(path, headers={"Host": host})
            same((status, "sensor" in text), (want, want == 200), host)
    shown.program.stop()


def basic(password):
    return {"Authorization": "Basic " + base64.b64encode(f"any:{password}".encode()).decode()}


@case("with a token: who has it sees, as Bearer or as a password; no one else; a new one counts")
def _(folder):
    write(folder("token"), f"{TOKEN}\n".encode())
    shown, _port = collector(folder, "--metrics-token-file", folder("token"))
    for path in ("/metrics", "/sensors", "/sensors.json", "/none"):
        status, headers, text = shown.get(path)
        same((status, "pcapring_" in text), (401, False), path)
        assert "Basic" in str(headers.get_all("WWW-Authenticate")), headers
    for wrong in ({"Authorization": f"Bearer {TOKEN}x"}, {"Authorization": "Bearer "},
                  {"Authorization": f"Bearer {TOKEN[:-1]}"}, {"Authorization": TOKEN},
                  {"Authorization": "Basic !"}, basic(""), basic(TOKEN[1:])):
        same(shown.get(headers=wrong)[0], 401, wrong)
    bearer = {"Authorization": f"Bearer {TOKEN}"}
    for right in (bearer, basic(TOKEN)):
        same(shown.get(headers=right)[0], 200, right)
    write(folder("token"), b"f" * 32)
    same(shown.get(headers=bearer)[0], 401, "the old token")
    same(shown.get(headers=basic("f" * 32))[0], 200, "the new token")
    os.remove(folder("token"))
    same(shown.get(headers=bearer)[0], 401, "no token")
    text = shown.program.stop()
    assert TOKEN not in text and "--metrics-token-file" in text, text


@case("where others reach it: by TLS, with a token")
def _(folder):
    authority = Authority(folder, "ca")
    certificate, key = authority.issue("seen", "IP:127.0.0.1")
    write(folder("token"), TOKEN.encode())
    program = Program("pcapring-collector", "--listen", "127.0.0.1:0", "--write",
                      folder("x.pcap"), "--metrics", "0.0.0.0:0", "--metrics-tls-cert",
                      certificate, "--metrics-tls-key", key, "--metrics-token-file",
                      folder("token"))
    shown = Watched(program)
    assert shown.url.startswith("https://0.0.0.0:"), shown.url
    url = shown.url.replace("0.0.0.0", "127.0.0.1") + "/metrics"
    context = ssl.create_default_context(cafile=authority.certificate)
    same(fetch(url, context=context)[0], 401, "without the token")
    status, _headers, text = fetch(url, headers={"Authorization": f"Bearer {TOKEN}"},
                                   context=context)
    same((status, "pcapring_collector_build_info" in text), (200, True), "with it")
    try:
        status = fetch(url.replace("https", "http"))[0]
    except OSError:
        status = 0
    assert status != 200, "in the clear"
    program.stop()


@case("by TLS: renewed files are taken as they come, not half of them, nor two that do not match")
def _(folder):
    authority = Authority(folder, "ca")
    certificate, key = authority.issue("seen")
    shown, _port = collector(folder, "--metrics-tls-cert", certificate, "--metrics-tls-key", key)
    port = int(shown.url.rpartition(":")[2])
    before = serial(port, authority)
    same(serial(port, authority), before, "serial number, nothing changed")

    renewed, renewed_key = authority.issue("renewed")
    replace(certificate, read(renewed))
    same(serial(port, authority), before, "serial number, with half of the pair")
    shown.program.wait_line("--metrics-tls-key .* is not the key of --metrics-tls-cert .*; "
                            "what was read before stays in use")
    replace(key, read(renewed_key)[:40])
    same(serial(port, authority), before, "serial number, with a part of the key")
    os.remove(key)
    same(serial(port, authority), before, "serial number, without the key")
    replace(key, read(renewed_key))
    until(lambda: serial(port, authority) != before, "the renewed certificate")
    context = ssl.create_default_context(cafile=authority.certificate)
    same(shown.get(context=context)[0], 200, "status")
    text = shown.program.stop()
    same(text.count("what was read before stays in use"), 2, f"complaints in {text}")


@case("those who connect and say nothing, or rubbish, keep nobody else from looking")
def _(folder):
    shown, _port = collector(folder)
    port = int(shown.url.rpartition(":")[2])
    idle = [socket.create_connection(("127.0.0.1", port)) for _ in range(40)]
    for number, connection in enumerate(idle):
        if number % 2:
            connection.sendall(os.urandom(3000) if number % 4 == 1 else b"GET /metr")
    same(shown.get()[0], 200, "status")
    huge = socket.create_connection(("127.0.0.1", port))
    try:
        huge.sendall(b"GET / HTTP/1.1\r\n" + b"X: " + b"x" * 1000000)
        huge.recv(100)
    except OSError:
        pass
    same(shown.get()[0], 200, "status")
    for connection in (*idle, huge):
        connection.close()
    shown.program.stop()


def waiting(port):
    """How many have connected that the server has not accepted."""
    with open("/proc/net/tcp", encoding="utf-8") as file:
        return sum(int(line[4].rpartition(":")[2], 16)
                   for line in map(str.split, file.read().splitlines()[1:])
                   if line[3] == "0A" and int(line[1].rpartition(":")[2], 16) == port)


def is_served(connection):
    """Nobody has sent it away."""
    try:
        return bool(connection.recv(1, socket.MSG_DONTWAIT))
    except BlockingIOError:
        return True


@case("more than there is room for: the next one is answered as soon as one goes")
def _(folder):
    shown, _port = collector(folder)
    port = int(shown.url.rpartition(":")[2])
    there = []
    while len(there) < 64:      # of two addresses, of which neither has too many
        there.append(socket.create_connection(
            ("127.0.0.1", port), source_address=(f"127.0.0.{2 + len(there) % 2}", 0)))
    until(lambda: waiting(port) == 0, "all are there")
    with socket.create_connection(("127.0.0.1", port)) as late:
        late.sendall(b"GET /none HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n")
        until(lambda: waiting(port) == 1, "the next one waits")
        there.pop().close()
        assert late.recv(4096).startswith(b"HTTP/1.1 404 ")
    # it is not that those who say nothing had been sent away
    assert all(map(is_served, there))
    shown.program.stop()
