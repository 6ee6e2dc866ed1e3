# SPDX-License-Identifier: MIT
"""The page of sensors, in a browser; and the same as JSON."""
import json
import os
import re
import struct
import subprocess
import zlib
from urllib.parse import quote

import savefile
from harness import SECONDS, case, read, same, until
from rigs import (Device, Sensor, SensorRing, Stream, collector, encode, now_packets, records)

HOSTILE = ("<script>document.title='owned'</script>", "\"'><img src=x onerror=alert(1)>",
           "&lt;b&gt;&amp;", "</td></tr></table>", "javascript:alert(1)")


def chromium(folder, *words):
    """What it prints; its own home, no network but ours."""
    done = subprocess.run(
        ["chromium", "--headless", "--no-sandbox", "--disable-gpu", "--no-first-run",
         "--disable-dev-shm-usage", "--proxy-server=direct://", "--hide-scrollbars",
         f"--user-data-dir={folder('browser')}", *words],
        stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True, check=False,
        env={**os.environ, "HOME": folder.path}, timeout=4 * SECONDS)
    same(done.returncode, 0, "the browser's status")
    return done.stdout


def pixels(path):
    """(width, height, rows of bytes) of a PNG of 8 bits."""
    blob = read(path)
    at, data = 8, b""
    while at < len(blob):
        length, kind = struct.unpack(">I4s", blob[at:at + 8])
        body = blob[at + 8:at + 8 + length]
        if kind == b"IHDR":
            width, height, depth, color = struct.unpack(">IIBB", body[:10])
        elif kind == b"IDAT":
            data += body
        at += 12 + length
    same(depth, 8, "bits")
    size = {2: 3, 6: 4}[color]
    raw, stride = zlib.decompress(data), width * size + 1
    return width, height, [raw[row * stride:(row + 1) * stride] for row in range(height)]


def written_rows(path):
    """How many rows of an image are not of one color: filtered, those are all the same."""
    _width, _height, rows = pixels(path)
    return sum(len(set(row[1:])) > 4 for row in rows)


def fleet(folder):
    """A collector with a sensor that streams, and some that hope to be more than a name."""
    shown, port = collector(folder)
    ring = SensorRing(records(now_packets(100)), sensor="sensor-1", host="probe", version="1.2")
    stream = Stream(port, ring)
    stream.welcome()
    stream.send(dropped=25)
    stream.acked(len(ring.blob))
    sensors = []
    for name in HOSTILE:
        sensors.append(Sensor(port, quote(name), quote(name[::-1])))
        sensors[-1].send(*[encode(packet) for packet in savefile.packets(5)])
    until(lambda: shown.text().count("pcapring_collector_packets_total{") == 1 + len(HOSTILE) and
          json.loads(shown.text("/sensors.json"))["sensors"][0]["packets"] == 5, "packets")
    return shown, stream, sensors


def leave(shown, stream, sensors):
    for sensor in sensors:
        sensor.done()
    stream.finish()
    shown.program.stop()


@case("the page in a browser: every sensor, with numbers and units; names are text")
def _(folder):
    shown, stream, sensors = fleet(folder)
    dom = chromium(folder, "--dump-dom", shown.url + "/sensors")
    assert "<title>6 of 6 sensors stream" in dom, dom[:2000]
    same(len(re.findall(r'<tr class="here">', dom)), 6, "rows")
    same("<script" in dom or "<img" in dom, False, "what names had in them")
    row = next(part for part in dom.split("<tr ") if "sensor-1" in part)
    for text in ("probe", "eth0", "1.2", "now", "packets/s", "bit/s", "20 %", "25 packets",
                 "100 packets", "6 kB"):
        assert text in row, f"'{text}' is not in {row}"
    for cell in re.findall(r'data-name="(?:Rate|Lag|Loss|In all)"[^>]*><span>([^<]*)', row):
        assert re.fullmatch(r"[\d.]+ (packets/s|ms|s|%|k?packets)", cell), f"no unit: {cell}"
    leave(shown, stream, sensors)


@case("the page can be seen: in a window, and on a phone, where nothing is wider than it")
def _(folder):
    shown, stream, sensors = fleet(folder)
    for width, height in ((1280, 800), (500, 2000)):
        path = folder(f"{width}.png")
        chromium(folder, f"--screenshot={path}", f"--window-size={width},{height}",
                 shown.url + "/sensors")
        got = pixels(path)[:2]
        same(got, (width, height), "size")
        assert written_rows(path) > 100, f"{written_rows(path)} rows of {path} show something"
    leave(shown, stream, sensors)


@case("the page does without scripts and without anything from elsewhere")
def _(folder):
    shown, stream, sensors = fleet(folder)
    status, headers, text = shown.get("/sensors")
    same((status, headers["Content-Type"]), (200, "text/html; charset=utf-8"), "answer")
    policy = headers["Content-Security-Policy"]
    same(policy.split(";")[:2], ["default-src 'none'", " style-src 'self'"], "policy")
    same(re.findall(r'\s(?:src|href|action|style|on\w+)="([^"]*)"', text), ["/style.css"],
         "references")
    assert '<meta http-equiv="refresh" content="5">' in text and "viewport" in text
    same(shown.get("/style.css")[1]["Content-Type"], "text/css; charset=utf-8", "style")
    same(shown.get("/")[0], 200, "the way in")
    leave(shown, stream, sensors)


@case("JSON says the same, of sensors that are away, too, and after a restart")
def _(folder):
    shown, stream, sensors = fleet(folder)
    known = {one["sensor"]: one for one in json.loads(shown.text("/sensors.json"))["sensors"]}
    same(len(known), 6, "sensors")
    one = known["sensor-1"]
    same([one[key] for key in ("interface", "host", "version", "packets", "bytes",
                               "dropped_packets", "loss_percent", "streams")],
         ["eth0", "probe", "1.2", 100, 6000, 25, 20, 1], "sensor-1")
    assert one["lag_seconds"] >= 0 and one["last_seen"] and one["last_received"], one
    leave(shown, stream, sensors)
    shown, _port = collector(folder)
    one = json.loads(shown.text("/sensors.json"))["sensors"]
    same([(a["sensor"], a["packets"], a["streams"], a["version"], a["last_received"])
          for a in one], [("sensor-1", 100, 0, "", None)], "after a restart")
    assert "0 of 1 sensors stream" in shown.text("/sensors") and " ago" in shown.text("/sensors")
    shown.program.stop()


@case("a relay's own version and interface come through")
def _(folder):
    shown, port = collector(folder)
    device = Device(folder)
    relay = device.watch(port)
    device.append(now_packets(5))
    shown.until(5, "pcapring_collector_packets_total")
    one = json.loads(shown.text("/sensors.json"))["sensors"][0]
    same((one["sensor"], one["interface"], one["rings"]), ("sensor-1", "mem0", 1), "who")
    assert re.fullmatch(r"\d+\.\d+.*", one["version"]), one
    assert -60 < one["clock_ahead_seconds"] <= 0, one
    relay.program.stop()
    shown.program.stop()
