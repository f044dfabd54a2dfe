"""What docs/python.md says works as it stands there.

python_docs.py PROGRAM. Ends with 77 where pandas is not installed (./dev test does that).
"""

import json
import math
import os
import re
import sys
import unittest
import urllib.request

try:
    import pandas
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs pandas into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)
PAGE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "..", "..", "docs", "python.md")
LAP_M = 3000


def blocks():
    with open(PAGE, encoding="utf-8") as page:
        return re.findall(r"^```python\n(.*?)^```$", page.read(), re.MULTILINE | re.DOTALL)


def drive(url, chassis, mps):
    """Three laps at 5 Hz, of a car that slows down in the middle of each."""
    points = []
    way, seconds = 0.0, 0.0
    while way < 3.2 * LAP_M:
        at = way % LAP_M
        speed = mps - 20 * math.exp(-(((at - LAP_M / 2) / 200) ** 2))
        points.append(
            {
                "track": "spa",
                "chassis": chassis,
                "lap": int(way // LAP_M) + 1,
                "lapdist_m": round(at, 3),
                "speed_kmh": round(speed * 3.6, 3),
                "meta_time": 1756999999000 + round(seconds * 1000),
            }
        )
        way += speed * 0.2
        seconds += 0.2
    request = urllib.request.Request(url + "/api/ingest", json.dumps(points).encode())
    request.add_header("Content-Type", "application/json")
    request.add_header("Authorization", f"Bearer {TOKEN}")
    with urllib.request.urlopen(request) as answer:
        assert json.load(answer)["rejected"] == 0


class PythonDocs(unittest.TestCase):
    def test_page_runs_from_the_top_to_the_bottom(self):
        server = Server(PROGRAM)
        self.addCleanup(server.stop)
        drive(server.url, "fast", 60)
        drive(server.url, "slow", 55)
        server.complete_laps(4)
        store = os.path.join(server.directory.name, "data", "slipstream.db")
        names = {}
        for block in blocks():
            block = block.replace("http://localhost:8081", server.url).replace("data/slipstream.db", store)
            exec(compile(block, "docs/python.md", "exec"), names)
        self.assertEqual(names["laps"].complete.sum(), 4)
        self.assertEqual(names["best"].chassis, "fast")
        self.assertAlmostEqual(names["where_slowest"].distance_m, LAP_M / 2, delta=12)
        self.assertAlmostEqual(names["where_slowest"].speed_kmh, 40 * 3.6, delta=1)
        lost = names["other"].lap_time_s - names["best"].lap_time_s
        self.assertAlmostEqual(names["delta"].iloc[-1], lost, places=3)
        # Where both are slow more time passes between the same two places.
        self.assertAlmostEqual(names["most_lost_at"], LAP_M / 2, delta=50)
        self.assertEqual(names["bests"].chassis.tolist()[0], "fast")
        self.assertGreater(len(names["seconds"]), 100)


if __name__ == "__main__":
    unittest.main()
