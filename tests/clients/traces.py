"""Traces of a whole server at a collector: what is sampled is seen whole, with the right parents.

traces.py PROGRAM. Ends with 77 where what it decodes by is not installed (./dev test does that).
"""

import base64
import json
import os
import re
import secrets
import shutil
import socket
import struct
import subprocess
import sys
import tempfile
import time
import unittest
import urllib.error
import urllib.request

try:
    from prometheus_client.openmetrics import parser as openmetrics
    from prometheus_client.parser import text_string_to_metric_families

    from collector import LIMIT_S, Collector
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs it into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)
ALL = ["receive", "decode", "log", "fold", "commit", "publish"]
CHILDREN = ALL[1:]
KINDS = {"internal": 1, "server": 2, "client": 3, "consumer": 5}


class Parent:
    """Of whom a body is a part."""

    def __init__(self, is_sampled=True):
        self.trace = secrets.token_hex(16)
        self.span = secrets.token_hex(8)
        self.text = f"00-{self.trace}-{self.span}-{'01' if is_sampled else '00'}"


def tracing(collector, **settings):
    return Server(PROGRAM, OTEL_EXPORTER_OTLP_ENDPOINT=collector.url, **settings)


def ask(server, path, body=None, headers={}):
    asked = urllib.request.Request(
        server.url + path,
        data=body.encode() if body is not None else None,
        headers={"Authorization": f"Bearer {TOKEN}", **headers},
    )
    try:
        with urllib.request.urlopen(asked) as answer:
            return answer.status, answer.headers, answer.read().decode()
    except urllib.error.HTTPError as error:
        return error.code, error.headers, error.read().decode()


def point(chassis="a", **members):
    return json.dumps({"track": "spa", "chassis": chassis, "lap": 1, "speed_kmh": 200.5, **members})


def post(server, traceparent=None, body=None, path="/api/ingest"):
    headers = {"traceparent": traceparent} if traceparent else {}
    if path == "/api/ingest":
        headers["Content-Type"] = "application/x-ndjson"
    return ask(server, path, point() if body is None else body, headers)


def health(server):
    return json.loads(ask(server, "/api/health")[2])


def eventually(what, condition):
    until = time.monotonic() + LIMIT_S
    while time.monotonic() < until:
        if condition():
            return
        time.sleep(0.05)
    raise AssertionError(f"not in time: {what}")


def publish(server, **members):
    """One message to the WebSocket, and the first answer that is an ack."""
    with socket.create_connection(("127.0.0.1", server.port), timeout=LIMIT_S) as connection:
        connection.sendall(
            f"GET /ws/realtime HTTP/1.1\r\nHost: 127.0.0.1:{server.port}\r\nUpgrade: websocket\r\n"
            f"Connection: Upgrade\r\nSec-WebSocket-Key: {base64.b64encode(bytes(16)).decode()}\r\n"
            f"Sec-WebSocket-Version: 13\r\nAuthorization: Bearer {TOKEN}\r\n\r\n".encode()
        )
        stream = connection.makefile("rb")
        while stream.readline() != b"\r\n":
            pass
        text = json.dumps({"type": "publish", **members}).encode()
        short = len(text) < 126
        size = struct.pack("!B", 0x80 | len(text)) if short else struct.pack("!BH", 0xFE, len(text))
        connection.sendall(b"\x81" + size + bytes(4) + text)  # masked by zeros
        while True:
            size = stream.read(2)[1]
            if size == 126:
                size = struct.unpack("!H", stream.read(2))[0]
            elif size == 127:
                size = struct.unpack("!Q", stream.read(8))[0]
            answer = json.loads(stream.read(size))
            if answer["type"] == "ack":
                return answer


class Traces(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.collector = Collector()
        cls.server = tracing(cls.collector, OTEL_RESOURCE_ATTRIBUTES="site=pit%20lane,car=7")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()
        cls.collector.stop()

    def check_whole(self, parent, source, kind="server"):
        spans = self.collector.wait_for(parent.trace, ALL)
        by_name = {span.name: span for span in spans}
        self.assertEqual(len(spans), len(ALL), [span.name for span in spans])
        receive = by_name["receive"]
        self.assertEqual(receive.parent, parent.span)
        self.assertEqual(receive.kind, KINDS[kind])
        self.assertEqual(receive.attributes["slipstream.source"], source)
        for name in CHILDREN:
            span = by_name[name]
            self.assertEqual(span.parent, receive.id, name)
            self.assertEqual(span.kind, KINDS["internal"])
            self.assertLessEqual(span.start, span.end)
            self.assertIsNone(span.error)
            self.assertLess(abs(span.start - receive.start), 30e9)
        # Its sender waits for these.
        for name in ("decode", "log"):
            self.assertLessEqual(receive.start, by_name[name].start + 1_000_000)
            self.assertLessEqual(by_name[name].end, receive.end + 1_000_000)
        self.assertEqual(by_name["decode"].attributes["slipstream.points"], 1)
        self.assertEqual(by_name["fold"].attributes["slipstream.points"], 1)
        return by_name

    def test_a_body_is_seen_whole(self):
        parent = Parent()
        self.assertEqual(post(self.server, parent.text)[0], 200)
        spans = self.check_whole(parent, "http")
        self.assertEqual(spans["receive"].attributes["http.response.status_code"], 200)
        resource = spans["receive"].resource
        self.assertEqual(resource["service.name"], "slipstream")
        self.assertEqual(resource["site"], "pit lane")
        self.assertEqual(resource["car"], "7")
        self.assertEqual(resource["service.instance.id"], health(self.server)["instance"])
        self.assertEqual(resource["service.version"], health(self.server)["version"])

    def test_the_command_of_its_page_does_what_it_says(self):
        with open(os.path.join(os.path.dirname(__file__), "../../docs/tracing.md")) as page:
            command = re.search(r"```sh\n(curl .*?)```", page.read(), re.DOTALL)[1]
        parent = Parent()
        told = re.search("00-([0-9a-f]{32})-([0-9a-f]{16})-01", command)
        parent.trace, parent.span = told.groups()
        command = command.replace("http://127.0.0.1:8081", self.server.url)
        command = command.replace("curl ", f"curl -s -H 'Authorization: Bearer {TOKEN}' ")
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, timeout=LIMIT_S)
        self.assertEqual(json.loads(done.stdout)["accepted"], 1)
        self.check_whole(parent, "http")

    def test_every_door_takes_it(self):
        line = "cpu,host=door usage=1"
        parents = []
        for path in ("/write?db=x", "/api/v2/write?bucket=x", "/api/v3/write_lp?db=x"):
            parents.append(Parent())
            self.assertLess(post(self.server, parents[-1].text, line, path)[0], 300)
        published = Parent()
        answer = publish(self.server, points=[json.loads(point("ws"))], traceparent=published.text)
        self.assertEqual(answer["accepted"], 1)
        for parent in parents:
            self.check_whole(parent, "http")
        self.check_whole(published, "ws")

    def test_a_body_of_several_machines_is_folded_by_several_partitions(self):
        parent = Parent()
        machines = [f"car {i}" for i in range(40)]
        self.assertEqual(post(self.server, parent.text, "\n".join(map(point, machines)))[0], 200)
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            spans = self.collector.wait_for(parent.trace, ALL)
            folded = [span for span in spans if span.name == "fold"]
            committed = [span for span in spans if span.name == "commit"]
            if len(folded) == len(committed):
                break
            time.sleep(0.1)
        partitions = [span.attributes["slipstream.partition"] for span in folded]
        self.assertEqual(len(partitions), len(set(partitions)))
        self.assertGreater(len(partitions), 1)
        self.assertEqual(sum(span.attributes["slipstream.points"] for span in folded), 40)

    def test_what_is_refused_says_why(self):
        parent = Parent()
        self.assertEqual(post(self.server, parent.text, '{"track":')[0], 400)
        spans = {span.name: span for span in self.collector.wait_for(parent.trace, ["receive"])}
        self.assertEqual(spans["receive"].attributes["http.response.status_code"], 400)
        self.assertEqual(set(spans), {"receive", "decode"})

    def test_without_a_sampled_parent_nothing_is_told(self):
        before = health(self.server)["traces"]["traceparentsIgnored"]
        unsampled = Parent(is_sampled=False)
        self.assertEqual(post(self.server, unsampled.text)[0], 200)
        bad = [unsampled.text[:-1], "00-" + unsampled.text, unsampled.text.upper(), "x"]
        for text in bad:
            self.assertEqual(post(self.server, text)[0], 200)
        publish(self.server, points=[json.loads(point())], traceparent=7)
        told = Parent()  # and all before it
        post(self.server, told.text)
        self.collector.wait_for(told.trace, ALL)
        self.assertEqual(self.collector.of(unsampled.trace), [])
        self.assertEqual(health(self.server)["traces"]["traceparentsIgnored"] - before, len(bad) + 1)

    def test_exemplars_lead_to_traces(self):
        parent = Parent()
        post(self.server, parent.text)
        self.collector.wait_for(parent.trace, ALL)
        accept = (
            "application/openmetrics-text;version=1.0.0;q=0.5,"
            "application/openmetrics-text;version=0.0.1;q=0.4,text/plain;version=0.0.4;q=0.3,*/*;q=0.2"
        )
        _, headers, text = ask(self.server, "/metrics", headers={"Accept": accept})
        self.assertEqual(
            headers["Content-Type"], "application/openmetrics-text; version=1.0.0; charset=utf-8"
        )
        families = {family.name: family for family in openmetrics.text_string_to_metric_families(text)}
        for name in ("slipstream_batch_processing_seconds", "slipstream_store_commit_seconds"):
            self.assertEqual(families[name].unit, "seconds")
            exemplars = [sample.exemplar for sample in families[name].samples if sample.exemplar]
            self.assertTrue(exemplars, name)
            for exemplar in exemplars:
                self.assertTrue(self.collector.of(exemplar.labels["trace_id"]), name)
        _, headers, plain = ask(self.server, "/metrics")
        self.assertEqual(headers["Content-Type"], "text/plain; version=0.0.4")
        self.assertNotIn("trace_id", plain)
        self.assertNotIn("# EOF", plain)
        # The same families, whatever the form.
        self.assertEqual(
            set(families), {family.name for family in text_string_to_metric_families(plain)}
        )


class Exports(unittest.TestCase):
    def test_packed_and_with_headers_of_its_own(self):
        collector = Collector()
        server = tracing(
            collector,
            OTEL_EXPORTER_OTLP_COMPRESSION="gzip",
            OTEL_EXPORTER_OTLP_HEADERS="api-key=a%3Db,x-team=pit",
            OTEL_EXPORTER_OTLP_TRACES_ENDPOINT=collector.url + "/elsewhere",
            OTEL_SERVICE_NAME="wall",
        )
        parent = Parent()
        post(server, parent.text)
        spans = collector.wait_for(parent.trace, ALL)
        self.assertEqual({span.resource["service.name"] for span in spans}, {"wall"})
        for _, path, headers, body in collector.requests:
            self.assertEqual(path, "/elsewhere")
            self.assertEqual(headers["Content-Encoding"], "gzip")
            self.assertEqual(headers["Content-Type"], "application/json")
            self.assertEqual((headers["api-key"], headers["x-team"]), ("a=b", "pit"))
        server.stop()
        collector.stop()

    def test_a_busy_collector_is_asked_again_when_it_said(self):
        busy = [(429, {"Retry-After": "2"}, "later"), (503, {}, "not yet")]
        collector = Collector(busy)
        server = tracing(collector)
        parent = Parent()
        post(server, parent.text)
        spans = collector.wait_for(parent.trace, ALL)
        self.assertEqual(len(spans), len({span.id for span in spans}))
        times = [at for at, *_ in collector.requests]
        self.assertGreaterEqual(times[1] - times[0], 2)
        told = health(server)["traces"]
        self.assertEqual(told["failures"], 2)
        self.assertEqual(sum(told["dropped"].values()), 0)
        server.stop()
        collector.stop()

    def test_what_a_collector_refuses_is_dropped_and_counted(self):
        refusing = [
            (400, {}, "no"),
            (200, {}, '{"partialSuccess":{"rejectedSpans":"2","errorMessage":"two too many"}}'),
        ]
        collector = Collector(refusing)
        server = tracing(collector)
        post(server, Parent().text)
        eventually("the first is refused", lambda: health(server)["traces"]["dropped"]["refused"] > 0)
        first = health(server)["traces"]["dropped"]["refused"]
        parent = Parent()
        post(server, parent.text)
        eventually(
            "two of the second are", lambda: health(server)["traces"]["dropped"]["refused"] == first + 2
        )
        self.assertIn("two too many", health(server)["traces"]["lastError"])
        server.stop()
        collector.stop()

    def test_a_dead_collector_is_in_nobodys_way(self):
        collector = Collector()
        collector.stop()
        server = tracing(collector)
        body = "\n".join(point(f"car {i}") for i in range(40))
        for _ in range(250):  # of all partitions: more spans than may wait
            self.assertEqual(post(server, Parent().text, body)[0], 200)
        eventually("spans are dropped", lambda: sum(health(server)["traces"]["dropped"].values()) > 0)
        told = health(server)
        self.assertTrue(told["ok"])
        self.assertIn("spans cannot be sent", told["notices"][0])
        self.assertIn("refused", told["notices"][0])
        self.assertEqual(told["traces"]["exported"], 0)
        self.assertLessEqual(told["traces"]["waiting"], 4096)
        _, _, metrics = ask(server, "/metrics")
        self.assertIn("slipstream_spans_exported_total 0", metrics)
        begun = time.monotonic()
        server.stop()
        self.assertLess(time.monotonic() - begun, LIMIT_S)

    def test_without_an_endpoint_there_is_nothing(self):
        server = Server(PROGRAM)
        self.assertEqual(post(server, Parent().text)[0], 200)
        self.assertEqual(post(server, "nonsense")[0], 200)
        self.assertEqual(health(server)["traces"], {"enabled": False})
        self.assertNotIn("spans_", ask(server, "/metrics")[2])
        server.stop()

    def test_what_has_no_parent_is_sampled_as_it_is_told(self):
        collector = Collector()
        server = tracing(collector, OTEL_TRACES_SAMPLER="always_on")
        post(server)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as udp:
            port = health(server)["sources"]["udp"]["port"]
            udp.sendto(point("by udp").encode(), ("127.0.0.1", port))
        for source in ("http", "udp"):
            def received():
                return [
                    span
                    for span in list(collector.spans)
                    if span.name == "receive" and span.attributes["slipstream.source"] == source
                ]

            eventually(f"what came by {source}", received)
            receive = received()[0]
            self.assertEqual(receive.parent, "")
            spans = collector.wait_for(receive.trace, ALL)
            self.assertEqual(len(spans), 6)
            self.assertEqual({span.parent for span in spans}, {"", receive.id})
        server.stop()
        collector.stop()

    def test_a_bad_setting_is_told(self):
        for variable, value, why in (
            ("OTEL_TRACES_SAMPLER", "xray", "parentbased_traceidratio is expected"),
            ("OTEL_TRACES_SAMPLER_ARG", "7", "a number from 0 to 1"),
            ("OTEL_EXPORTER_OTLP_ENDPOINT", "localhost:4318", "http"),
            ("OTEL_EXPORTER_OTLP_HEADERS", "secret", "NAME=VALUE"),
            ("OTEL_EXPORTER_OTLP_COMPRESSION", "br", "none gzip"),
        ):
            settings = {
                "OTEL_EXPORTER_OTLP_ENDPOINT": "http://127.0.0.1:4318",
                "OTEL_TRACES_SAMPLER": "traceidratio",
                variable: value,
            }
            done = subprocess.run(
                [PROGRAM, "serve", "--check"], env=os.environ | settings, capture_output=True, text=True
            )
            self.assertNotEqual(done.returncode, 0, variable)
            self.assertIn(variable, done.stdout + done.stderr)
            self.assertIn(why, done.stdout + done.stderr)
            self.assertNotIn("'secret'", done.stdout + done.stderr)


class Restarts(unittest.TestCase):
    def test_nothing_is_told_twice_through_a_kill(self):
        collector = Collector()
        with tempfile.TemporaryDirectory() as data:
            settings = {"DATA_DIR": data, "CHECKPOINT_INTERVAL_MS": "3600000"}
            first = tracing(collector, **settings)
            checkpointed = Parent()
            post(first, checkpointed.text)
            collector.wait_for(checkpointed.trace, ALL)
            parents = [Parent() for _ in range(5)]
            for parent in parents:
                self.assertEqual(post(first, parent.text)[0], 200)
            for parent in parents:
                collector.wait_for(parent.trace, ["receive", "decode", "log", "fold", "publish"])
            log = health(first)["log"]
            self.assertGreaterEqual(log["nextOffset"], log["checkpointOffset"] + len(parents))
            first.process.kill()
            first.process.communicate()
            first.directory.cleanup()
            before = {span.id for span in collector.spans}
            second = tracing(collector, **settings)
            last = Parent()
            post(second, last.text)
            collector.wait_for(last.trace, ["receive", "decode", "log", "fold", "publish"])
            second.stop()
        for parent in parents:
            spans = collector.of(parent.trace)
            self.assertEqual(len(spans), len({span.name for span in spans}))
            self.assertLessEqual({span.id for span in spans}, before)
        self.assertEqual(sorted(span.name for span in collector.of(last.trace)), sorted(ALL))
        collector.stop()

    def test_what_is_forwarded_is_a_part_of_its_forwarding(self):
        collector = Collector()
        with tempfile.TemporaryDirectory() as data:
            source = Server(PROGRAM, DATA_DIR=data)
            post(source)
            source.stop()
            target = tracing(collector)
            done = subprocess.run(
                [PROGRAM, "forward", "--to", target.url, "--data", data, "--token", TOKEN, "--once"],
                env=os.environ
                | {"OTEL_EXPORTER_OTLP_ENDPOINT": collector.url, "OTEL_TRACES_SAMPLER": "always_on"},
                capture_output=True,
                text=True,
                timeout=LIMIT_S,
            )
            self.assertEqual(done.returncode, 0, done.stderr)
            eventually("the body's span", lambda: [s for s in list(collector.spans) if s.name == "forward"])
            forward = next(span for span in collector.spans if span.name == "forward")
            self.assertEqual(forward.kind, KINDS["client"])
            spans = collector.wait_for(forward.trace, ALL + ["forward"])
            receive = next(span for span in spans if span.name == "receive")
            self.assertEqual(receive.parent, forward.id)
            target.stop()
        collector.stop()


@unittest.skipUnless(shutil.which("redis-server"), "redis-server is not in PATH")
class WithRedis(unittest.TestCase):
    """With Redis as the log a trace goes on in the instance that folds."""

    def setUp(self):
        self.directory = tempfile.TemporaryDirectory()
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.redis = subprocess.Popen(
            ["redis-server", "--port", str(self.port), "--bind", "127.0.0.1", "--save", ""],
            cwd=self.directory.name,
            stdout=subprocess.DEVNULL,
        )
        eventually("redis-server answers", self.answers)
        self.collector = Collector()
        self.servers = []

    def tearDown(self):
        for server in self.servers:
            server.stop()
        self.redis.terminate()
        self.redis.wait()
        self.collector.stop()
        self.directory.cleanup()

    def answers(self):
        try:
            return self.command("PING") == b"+PONG\r\n"
        except OSError:
            return False

    def command(self, *arguments):
        text = f"*{len(arguments)}\r\n" + "".join(f"${len(a)}\r\n{a}\r\n" for a in arguments)
        with socket.create_connection(("127.0.0.1", self.port), timeout=LIMIT_S) as connection:
            connection.sendall(text.encode())
            return connection.makefile("rb").readline()

    def instance(self, name, **settings):
        server = tracing(
            self.collector,
            REDIS_URL=f"redis://127.0.0.1:{self.port}",
            INGEST_FROM="0",
            OTEL_SERVICE_NAME=name,
            **settings,
        )
        self.servers.append(server)
        return server

    def test_the_instance_that_folds_goes_on_with_the_trace(self):
        taker = self.instance("taker", DURABLE_LOG="redis", INGEST_CONSUME="false")
        self.instance("folder", DURABLE_LOG="redis")
        parent = Parent()
        self.assertEqual(post(taker, parent.text)[0], 200)
        spans = self.collector.wait_for(parent.trace, ALL)
        receive = next(span for span in spans if span.name == "receive")
        self.assertEqual(receive.parent, parent.span)
        by = {}
        for span in spans:
            by.setdefault(span.resource["service.name"], set()).add(span.name)
            if span is not receive:
                self.assertEqual(span.parent, receive.id, span.name)
        self.assertEqual(by["taker"], {"receive", "decode", "log", "publish"})
        self.assertEqual(by["folder"] - {"publish"}, {"fold", "commit"})

    def test_one_instance_has_all_of_it(self):
        alone = self.instance("alone", DURABLE_LOG="redis")
        parent = Parent()
        self.assertEqual(post(alone, parent.text)[0], 200)
        spans = self.collector.wait_for(parent.trace, ALL)
        self.assertEqual(sorted(span.name for span in spans), sorted(ALL))

    def test_nothing_is_told_twice_where_the_instance_that_folds_is_killed(self):
        taker = self.instance("taker", DURABLE_LOG="redis", INGEST_CONSUME="false")
        first = self.instance("first", DURABLE_LOG="redis", LEASE_MS="500")
        begun = Parent()
        post(taker, begun.text)
        self.collector.wait_for(begun.trace, ALL)
        parents = [Parent() for _ in range(20)]
        for parent in parents:
            self.assertEqual(post(taker, parent.text)[0], 200)
        first.process.kill()
        first.process.communicate()
        first.directory.cleanup()
        self.servers.remove(first)
        self.instance("second", DURABLE_LOG="redis", LEASE_MS="500")
        last = Parent()
        post(taker, last.text)
        self.collector.wait_for(last.trace, ALL)
        for parent in parents:
            names = [span.name for span in self.collector.of(parent.trace) if span.name != "publish"]
            self.assertEqual(len(names), len(set(names)), names)

    def test_an_entry_of_a_stranger_has_its_traceparent_as_a_field(self):
        reader = self.instance("reader")
        flat, whole, bad = Parent(), Parent(), "00-bad"
        members = ("track", "spa", "chassis", "flat", "lap", "1", "speed_kmh", "200")
        self.command("XADD", "telemetry.stream", "*", *members, "traceparent", flat.text)
        self.command("XADD", "telemetry.stream", "*", "data", point("whole"), "traceparent", whole.text)
        self.command("XADD", "telemetry.stream", "*", "data", point("bad"), "traceparent", bad)
        for parent in (flat, whole):
            names = ["receive", "decode", "fold", "commit", "publish"]
            spans = self.collector.wait_for(parent.trace, names)
            self.assertEqual(sorted(span.name for span in spans), sorted(names))
            receive = next(span for span in spans if span.name == "receive")
            self.assertEqual(receive.parent, parent.span)
            self.assertEqual(receive.kind, KINDS["consumer"])
            self.assertEqual({span.parent for span in spans}, {parent.span, receive.id})
        eventually("the third is counted", lambda: health(reader)["traces"]["traceparentsIgnored"] == 1)
        self.assertNotIn("traceparent", reader.points("flat", 1)[0])


if __name__ == "__main__":
    unittest.main()
