"""Exports show how far they are on stderr where that is a terminal, and nowhere else.

export_bars.py PROGRAM.
"""

import json
import os
import pty
import subprocess
import sys
import threading
import unittest
import urllib.request

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)


class Bars(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        points = [
            {"meta_time": 1_757_000_000_000 + i * 50, "track": "spa", "chassis": "a", "lap": 1, "v": i}
            for i in range(900)
        ]
        request = urllib.request.Request(
            f"{cls.server.url}/api/ingest",
            json.dumps(points).encode(),
            {"Content-Type": "application/json", "Authorization": f"Bearer {TOKEN}"},
        )
        with urllib.request.urlopen(request) as answer:
            assert json.load(answer)["rejected"] == 0
        cls.session = ""
        while not cls.session:
            with urllib.request.urlopen(f"{cls.server.url}/api/sessions") as answer:
                cls.session = next((s["id"] for s in json.load(answer)["sessions"]), "")

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def export(self, arguments, **streams):
        return subprocess.run(
            [self.server.program, "export", "--data", "data", *arguments],
            cwd=self.server.directory.name,
            timeout=60,
            check=True,
            **streams,
        )

    def on_terminal(self, arguments, **streams):
        """What a terminal on stderr gets."""
        ours, theirs = pty.openpty()
        told = []

        def read():
            try:
                while more := os.read(ours, 4096):
                    told.append(more)
            except OSError:
                pass  # so a terminal ends that nobody has open any more

        reader = threading.Thread(target=read)
        reader.start()
        try:
            self.export(arguments, stderr=theirs, **({"stdout": subprocess.DEVNULL} | streams))
        finally:
            os.close(theirs)
            reader.join()
            os.close(ours)
        return b"".join(told).decode()

    def test_every_format(self):
        for form in [
            ["--output", "x"],
            ["--format", "csv", "--output", "x"],
            ["--format", "mcap", "--output", "x"],
            ["--format", "mcap", "--output", "x", "--resume"],
            ["--format", "motec", "--session", self.session, "--output", "logs"],
            ["--what", "rollups", "--output", "x"],
            ["--what", "rollups", "--format", "csv"],
        ]:
            with self.subTest(form=form):
                self.assertRegex(self.on_terminal(form), r"\rexport \[#{40}\] 100% ")
                done = self.export(form, capture_output=True)
                self.assertNotIn(b"\r", done.stderr)
                self.assertNotIn(b"[###", done.stdout)

    def test_an_output_that_has_the_terminal_for_itself(self):
        ours, theirs = pty.openpty()
        try:
            self.assertNotIn("[###", self.on_terminal(["--to", "1757000000010"], stdout=theirs))
        finally:
            os.close(theirs)
            os.close(ours)


if __name__ == "__main__":
    unittest.main()
