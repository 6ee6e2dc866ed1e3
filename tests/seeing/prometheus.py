# SPDX-License-Identifier: MIT
"""A real Prometheus looks at both."""
import json
import os
import subprocess
import urllib.parse

from harness import case, read, same, until, write
from replay import free_port
from rigs import Device, Watched, collector, fetch, now_packets, promtool

TOP = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..")


class Prometheus:
    """One that scrapes these programs."""

    def __init__(self, folder, rules, **programs):
        self.url = f"http://127.0.0.1:{free_port()}"
        config = {"global": {"scrape_interval": "100ms", "scrape_timeout": "100ms",
                             "evaluation_interval": "200ms"}, "rule_files": [rules],
                  "scrape_configs": [
                      {"job_name": name, "static_configs": [
                          {"targets": [program.url.partition("//")[2]]}]}
                      for name, program in programs.items()]}
        # slower than that is a machine that is busy, not a target that is down
        config["global"].update(scrape_interval="1s", scrape_timeout="1s")
        write(folder("prometheus.yml"), json.dumps(config).encode())
        promtool("check", "config", folder("prometheus.yml"))
        with open(folder("prometheus.log"), "wb") as log:
            self.process = subprocess.Popen(
                ["prometheus", f"--config.file={folder('prometheus.yml')}",
                 f"--storage.tsdb.path={folder('tsdb')}",
                 f"--web.listen-address={self.url.partition('//')[2]}"],
                stdout=log, stderr=log)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait()

    def ask(self, path, **words):
        try:
            status, _headers, text = fetch(f"{self.url}/api/v1/{path}?" +
                                           urllib.parse.urlencode(words))
        except OSError:
            return None
        return json.loads(text)["data"] if status == 200 else None

    def value(self, query):
        """Of the only result; None: there is none."""
        data = self.ask("query", query=query)
        found = data["result"] if data else []
        assert len(found) < 2, f"{query}: {found}"
        return float(found[0]["value"][1]) if found else None

    def until(self, number, query):
        until(lambda: self.value(query) == number, f"{query} is {number:g}")


@case("Prometheus scrapes relay and collector, and counts what was sent")
def _(folder):
    shown, port = collector(folder)
    device = Device(folder, rings=2)
    relay = device.watch(port)
    rules = os.path.join(TOP, "packaging/prometheus/pcapring.rules.yml")
    with Prometheus(folder, rules, relay=relay, collector=shown) as server:
        server.until(2, "sum(up)")
        device.append(now_packets(150), 0)
        device.append(now_packets(50, 100), 1)
        device.count(1, 3, 12)      # dropped
        device.append(now_packets(1, 100), 1)
        for ring, packets, octets in ((0, 150, 9000), (1, 51, 5100)):
            server.until(packets, f'pcapring_relay_packets_total{{ring="{ring}",state="captured"}}')
            server.until(packets, f'pcapring_collector_packets_total{{sensor="sensor-1",'
                                  f'interface="mem0",ring="{ring}"}}')
            server.until(octets, f'pcapring_collector_bytes_total{{ring="{ring}"}}')
        server.until(12, 'pcapring_relay_packets_total{state="dropped"} > 0')
        server.until(12, "sum(pcapring_collector_dropped_packets_total)")
        server.until(201 * 16 + 14100, "pcapring_relay_acknowledged_bytes_total")
        server.until(1, "pcapring_relay_connected")
        server.until(0, "sum(pcapring_relay_unacknowledged_bytes)")
        until(lambda: (server.value("pcapring_relay_delay_seconds_count") or 0) > 0, "a delay")
        same(server.value("histogram_quantile(0.99, sum by (le) "
                          "(pcapring_relay_delay_seconds_bucket)) >= 0") is None, False, "quantile")
        # what was dropped after Prometheus had looked for the first time
        until(lambda: server.value('sum(ALERTS{alertname="PcapringRelayDrops"})') == 1, "an alert")
        board = json.loads(read(os.path.join(TOP, "packaging/grafana/pcapring.json")))
        for panel in board["panels"]:
            for target in panel["targets"]:
                query = target["expr"].replace("$sensor", "sensor-1")
                same(server.ask("query", query=query) is None, False,
                     f"{panel['title']}: {query} is refused")
    relay.program.stop()
    shown.program.stop()


@case("Prometheus scrapes by TLS, with the token, as the example says")
def _(folder):
    from harness import Program
    from rigs import Authority
    authority = Authority(folder, "ca")
    certificate, key = authority.issue("seen", "IP:127.0.0.1")
    write(folder("token"), b"a-secret-of-many-characters\n")
    shown = Watched(Program(
        "pcapring-collector", "--listen", "127.0.0.1:0", "--write", folder("x.pcap"),
        "--metrics", "127.0.0.1:0", "--metrics-tls-cert", certificate, "--metrics-tls-key", key,
        "--metrics-token-file", folder("token")))
    example = read(os.path.join(TOP, "packaging/prometheus/pcapring.scrape.yml")).decode()
    for path, ours in (("/etc/prometheus/pcapring-ca.pem", authority.certificate),
                       ("/etc/prometheus/pcapring.token", folder("token")),
                       ("sensor1.example.net:9401", shown.url.partition("//")[2]),
                       ("/usr/share/pcapring/prometheus/pcapring.rules.yml",
                        os.path.join(TOP, "packaging/prometheus/pcapring.rules.yml"))):
        assert path in example, path
        example = example.replace(path, ours)
    example = example.replace("scheme: https", "scheme: https\n    scrape_interval: 1s")
    write(folder("example.yml"), example.encode())
    promtool("check", "config", folder("example.yml"))
    with Prometheus(folder, os.path.join(TOP, "packaging/prometheus/pcapring.rules.yml")) as server:
        server.process.terminate()
        server.process.wait()
        os.replace(folder("example.yml"), folder("prometheus.yml"))
        with open(folder("prometheus.log"), "ab") as log:
            server.process = subprocess.Popen(server.process.args, stdout=log, stderr=log)
        server.until(1, 'up{job="pcapring-sensors"}')
        server.until(1, "pcapring_collector_build_info")
    shown.program.stop()
