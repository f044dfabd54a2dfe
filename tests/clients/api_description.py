"""The server answers as it says that it does (GET /api/openapi.json), whatever it is asked: requests are made of the
description by schemathesis.

api_description.py PROGRAM. Ends with 77 where the library is not installed (./dev test does that).
"""

import json
import sys
import unittest
import urllib.request

try:
    import hypothesis
    import schemathesis
    from schemathesis import checks
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs schemathesis into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)
CASES = 25
WEBSOCKETS = ("/ws/realtime", "/foxglove")
TOKENS = {"Authorization": f"Bearer {TOKEN}"}
EVERY_CASE = hypothesis.settings(
    max_examples=CASES,
    deadline=None,
    database=None,
    derandomize=True,
    phases=[hypothesis.Phase.explicit, hypothesis.Phase.generate],
    suppress_health_check=list(hypothesis.HealthCheck),
)


def no_server_error(ctx, response, case):
    """501 and 503 are no faults: this is not to be had here, or not now."""
    if response.status_code not in (501, 503):
        checks.not_a_server_error(ctx, response, case)


CHECKS = (
    no_server_error,
    checks.status_code_conformance,
    checks.content_type_conformance,
    checks.response_schema_conformance,
)


def get(url):
    with urllib.request.urlopen(url) as answer:
        return json.load(answer)


def drive(url):
    """A car that drives two laps and a bit, and a note: so that answers are not empty."""
    points = [
        {
            "track": "spa",
            "chassis": "GR86-01",
            "lap": i * 10 // 3000 + 1,
            "lapdist_m": i * 10 % 3000,
            "speed_kmh": 180,
            "meta_time": 1756999999000 + i * 200,
        }
        for i in range(900)
    ]
    for path, body in (("/api/ingest", points), ("/api/marks", {"track": "spa", "text": "new tyres"})):
        request = urllib.request.Request(url + path, json.dumps(body).encode())
        request.add_header("Content-Type", "application/json")
        request.add_header("Authorization", TOKENS["Authorization"])
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["rejected"] == 0


class ApiDescription(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        drive(cls.server.url)
        cls.description = get(cls.server.url + "/api/openapi.json")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def test_every_endpoint_is_described_and_there(self):
        listed = {
            ("GET" if one["method"] == "WEBSOCKET" else one["method"], one["path"]): one
            for one in get(self.server.url + "/api")["endpoints"]
        }
        described = {
            (method.upper(), path): operation
            for path, methods in self.description["paths"].items()
            for method, operation in methods.items()
        }
        self.assertEqual(set(listed), set(described))
        for key, operation in described.items():
            self.assertEqual(operation["x-scope"], listed[key]["scope"], key)
            if operation["tags"] == ["InfluxDB"]:
                continue
            parameters = [self.parameter(one) for one in operation.get("parameters", [])]
            names = {one["name"].replace("tag.NAME", "tag.*") for one in parameters if one["in"] == "query"}
            self.assertEqual(names, set(listed[key]["parameters"]), key)

    def parameter(self, one):
        if "$ref" not in one:
            return one
        return self.description["components"]["parameters"][one["$ref"].split("/")[-1]]

    def test_answers_are_as_described(self):
        schema = schemathesis.from_dict(self.description, base_url=self.server.url)
        for found in schema.get_all_operations():
            operation = found.ok()
            if operation.path in WEBSOCKETS:
                continue
            with self.subTest(f"{operation.method.upper()} {operation.path}"):

                @EVERY_CASE
                @hypothesis.given(case=operation.as_strategy())
                def ask(case):
                    case.validate_response(case.call(headers=TOKENS), checks=CHECKS)

                ask()

    def test_what_is_there_is_as_described(self):
        """The same of questions that have answers."""
        url = self.server.url
        lap = self.server.complete_laps(1)[0]["id"]
        session = get(url + "/api/sessions")["sessions"][0]["id"]
        schema = schemathesis.from_dict(self.description, base_url=url)
        for path, query in (
            ("/api/recent/{n}", {}),
            ("/api/series", {}),
            ("/api/rollups", {"limit": 3}),
            ("/api/sessions", {}),
            ("/api/laps", {"session": session}),
            ("/api/trace", {"lap": lap}),
            ("/api/trace", {"lap": lap, "by": "position", "points": 10}),
            ("/api/compare", {"laps": f"{lap},{lap}"}),
            ("/api/track/{name}", {}),
            ("/api/standings", {}),
            ("/api/marks", {}),
        ):
            with self.subTest(path, **query):
                case = schema[path]["GET"].make_case(path_parameters={"n": 5, "name": "spa"}, query=query, headers=TOKENS)
                response = case.call()
                self.assertEqual(response.status_code, 200, response.text)
                case.validate_response(response, checks=CHECKS)


if __name__ == "__main__":
    unittest.main()
