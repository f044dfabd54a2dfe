"""A collector of spans, which decodes what it is sent by OpenTelemetry's own definitions."""

import base64
import gzip
import json
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

from google.protobuf import json_format
from opentelemetry.proto.collector.trace.v1.trace_service_pb2 import ExportTraceServiceRequest

LIMIT_S = 60


def decoded(body):
    """An ExportTraceServiceRequest. OTLP has ids in hex where protobuf's JSON has base64."""

    def with_base64(value):
        if isinstance(value, list):
            return [with_base64(item) for item in value]
        if not isinstance(value, dict):
            return value
        return {
            name: base64.b64encode(bytes.fromhex(item)).decode()
            if name in ("traceId", "spanId", "parentSpanId")
            else with_base64(item)
            for name, item in value.items()
        }

    return json_format.ParseDict(with_base64(json.loads(body)), ExportTraceServiceRequest())


class Span:
    """What a test asks of one, with the resource that it is of."""

    def __init__(self, span, resource):
        self.name = span.name
        self.trace = span.trace_id.hex()
        self.id = span.span_id.hex()
        self.parent = span.parent_span_id.hex()
        self.kind = span.kind
        self.start = span.start_time_unix_nano
        self.end = span.end_time_unix_nano
        self.error = span.status.message if span.status.code else None
        self.attributes = plain(span.attributes)
        self.resource = resource


def plain(attributes):
    return {item.key: getattr(item.value, item.value.WhichOneof("value")) for item in attributes}


class Collector:
    """Listens on a free port. `answers`: what the next requests get, (status, headers, body) each;
    behind them all is taken."""

    def __init__(self, answers=()):
        self.lock = threading.Lock()
        self.answers = list(answers)
        self.requests = []
        self.spans = []
        collector = self

        class Handler(BaseHTTPRequestHandler):
            protocol_version = "HTTP/1.1"

            def do_POST(self):
                body = self.rfile.read(int(self.headers["Content-Length"]))
                status, headers, text = collector.take(self.path, dict(self.headers), body)
                self.send_response(status)
                for name, value in headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(text)))
                self.end_headers()
                self.wfile.write(text.encode())

            def log_message(self, *_):
                pass

        self.http = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.http.server_port}"
        threading.Thread(target=self.http.serve_forever, daemon=True).start()

    def take(self, path, headers, body):
        with self.lock:
            self.requests.append((time.monotonic(), path, headers, body))
            answer = self.answers.pop(0) if self.answers else (200, {}, "{}")
            if answer[0] == 200:
                if headers.get("Content-Encoding") == "gzip":
                    body = gzip.decompress(body)
                for resource in decoded(body).resource_spans:
                    of = plain(resource.resource.attributes)
                    for scope in resource.scope_spans:
                        self.spans += [Span(span, of) for span in scope.spans]
            return answer

    def of(self, trace):
        with self.lock:
            return [span for span in self.spans if span.trace == trace]

    def wait_for(self, trace, names):
        """The spans of a trace by their names, once each of these is there."""
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            spans = self.of(trace)
            if {span.name for span in spans} >= set(names):
                return spans
            time.sleep(0.05)
        raise AssertionError(f"of {sorted(names)} came {sorted(span.name for span in spans)}")

    def stop(self):
        self.http.shutdown()
        self.http.server_close()
