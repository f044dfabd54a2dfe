"""A whole server for tests of clients in Python."""

import json
import os
import re
import signal
import subprocess
import tempfile
import time
import urllib.request

TOKEN = "write-token-of-a-collector"
LIMIT_S = 60


class Server:
    """On free ports, with a token for those who write, and settings by their variables."""

    def __init__(self, program, **settings):
        self.program = os.path.abspath(program)
        self.directory = tempfile.TemporaryDirectory()
        environment = os.environ | {
            "PORT": "0",
            "UDP_PORT": "0",
            "UDP_HOST": "127.0.0.1",
            "DATA_DIR": os.path.join(self.directory.name, "data"),
            "METRICS_INTERVAL": "0",
            "API_TOKEN_WRITE": TOKEN,
            **settings,
        }
        self.process = subprocess.Popen(
            [self.program, "serve", "--log-format", "text"],
            cwd=self.directory.name,
            env=environment,
            stderr=subprocess.PIPE,
            text=True,
        )
        for line in self.process.stderr:
            page = re.search(r"page=http://127\.0\.0\.1:(\d+)/", line)
            if page:
                self.port = int(page[1])
                break
        else:
            raise RuntimeError("the server ended before it said where it is")
        self.url = f"http://127.0.0.1:{self.port}"

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.communicate(timeout=LIMIT_S)
        self.directory.cleanup()

    def replay(self, file, *more, speed="max"):
        """The exit code of `slipstream replay` into it, and what that said."""
        done = subprocess.run(
            [self.program, "replay", file, "--to", self.url, "--speed", speed, "--token", TOKEN, *more],
            cwd=self.directory.name,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LIMIT_S,
        )
        return done.returncode, done.stdout

    def exported(self):
        """All that is in its log, as lines of NDJSON."""
        done = subprocess.run(
            [self.program, "export", "--data", "data"],
            cwd=self.directory.name,
            capture_output=True,
            text=True,
            timeout=LIMIT_S,
            check=True,
        )
        return done.stdout.splitlines()

    def points(self, chassis, count):
        """The machine's newest points, once there are so many."""
        return self.wait_for(f"/api/recent/5000?chassis={chassis}", "recent", count, f"points of {chassis}")

    def complete_laps(self, count):
        """Once there are so many."""
        return self.wait_for("/api/laps", "laps", count, "complete laps", lambda lap: lap["complete"])

    def wait_for(self, path, name, count, what, counts=lambda item: True):
        until = time.monotonic() + LIMIT_S
        while time.monotonic() < until:
            with urllib.request.urlopen(self.url + path) as answer:
                items = [item for item in json.load(answer)[name] if counts(item)]
            if len(items) >= count:
                return items
            time.sleep(0.05)
        raise AssertionError(f"{len(items)} of {count} {what} came")
