"""What `slipstream export --format mcap` writes, read by MCAP's own library.

mcap_files.py PROGRAM. Ends with 77 where the library is not installed (./dev test does that).
"""

import glob
import json
import os
import subprocess
import sys
import unittest
import urllib.request

try:
    from mcap.reader import make_reader
    from mcap.stream_reader import StreamReader
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs MCAP's library into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)
POINTS = 3_000


def point(i):
    more = {"driver": f'Ann "{i}"'} if i % 7 == 0 else {}
    return {
        "meta_time": 1756999999000 + (i ^ 3) * 20,
        "track": "spa",
        "chassis": f"GR86-{i % 3}",
        "lap": 1 + i // 1000,
        "speed_kmh": 100 + i / 8,
        **({"late_field": i} if i > 2000 else {}),
        **more,
    }


class McapFiles(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.server = Server(PROGRAM)
        lines = []
        for i in range(POINTS):
            lines.append(json.dumps(point(i)))
            if i % 500 == 250:
                lines.append(json.dumps({"type": "mark", "track": "spa", "text": f"note {i}"}))
        for begin in range(0, len(lines), 200):
            request = urllib.request.Request(
                f"{cls.server.url}/api/ingest",
                "\n".join(lines[begin : begin + 200]).encode(),
                {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {TOKEN}"},
            )
            with urllib.request.urlopen(request) as answer:
                assert json.load(answer)["rejected"] == 0

    @classmethod
    def tearDownClass(cls):
        cls.server.stop()

    def export(self, form, code=0):
        file = os.path.join(self.server.directory.name, f"all.{form}")
        done = subprocess.run(
            [self.server.program, "export", "--data", "data", "--format", form, "--output", file],
            cwd=self.server.directory.name,
            capture_output=True,
            text=True,
        )
        self.assertEqual(done.returncode, code, done.stderr)
        return file

    def compare(self, code=0):
        """The messages are the lines of NDJSON; returns how many, and the summary."""
        with open(self.export("ndjson", code)) as file:
            lines = file.read().splitlines()
        with open(self.export("mcap", code), "rb") as file:
            reader = make_reader(file, validate_crcs=True)
            summary = reader.get_summary()
            messages = list(reader.iter_messages(log_time_order=False))
            self.assertEqual([m.data.decode() for _, _, m in messages], lines)
            times = [m.log_time for _, _, m in reader.iter_messages()]
            self.assertEqual(times, sorted(times), "by the indexes")
        with open(os.path.join(self.server.directory.name, "all.mcap"), "rb") as file:
            for _ in StreamReader(file, validate_crcs=True).records:
                pass
        self.assertEqual(summary.statistics.message_count, len(lines))
        for schema, channel, message in messages:
            told = json.loads(message.data)
            if channel.topic == "/marks":
                self.assertEqual(told["type"], "mark")
                continue
            self.assertEqual(channel.topic, f"/{told['track']}/{told['chassis']}")
            members = json.loads(schema.data)["properties"]
            self.assertLessEqual(told.keys(), members.keys())
            self.assertEqual(members["speed_kmh"], {"type": "number"})
        return len(lines), summary

    def test_all_that_is_in_the_log(self):
        count, summary = self.compare()
        self.assertEqual(count, POINTS + 6)
        topics = {channel.topic for channel in summary.channels.values()}
        self.assertEqual(topics, {"/marks", "/spa/GR86-0", "/spa/GR86-1", "/spa/GR86-2"})

    def test_what_is_whole_of_a_damaged_log(self):
        segment = sorted(glob.glob(os.path.join(self.server.directory.name, "data/log/*.slog")))[0]
        with open(segment, "r+b") as file:
            file.seek(os.path.getsize(segment) // 2)
            byte = file.read(1)
            file.seek(-1, os.SEEK_CUR)
            file.write(bytes([byte[0] ^ 1]))
        try:
            count, _ = self.compare(code=1)
            self.assertGreater(count, 0)
            self.assertLess(count, POINTS)
        finally:
            with open(segment, "r+b") as file:
                file.seek(os.path.getsize(segment) // 2)
                file.write(byte)


if __name__ == "__main__":
    unittest.main()
