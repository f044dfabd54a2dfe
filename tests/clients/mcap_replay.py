"""What `slipstream replay` reads of MCAP files: its own, and those of MCAP's own library.

mcap_replay.py PROGRAM. Ends with 77 where the library is not installed (./dev test does that).
"""

import gzip
import io
import json
import os
import subprocess
import sys
import unittest
import urllib.request

try:
    from mcap.opcode import Opcode
    from mcap.writer import CompressionType, IndexType, Writer
except ImportError as missing:
    print(f"skipped: {missing}; ./dev test installs MCAP's library into build/venv")
    sys.exit(77)

from server import TOKEN, Server

PROGRAM = sys.argv.pop(1)
BEGAN_NS = 1_757_000_000_000_000_000  # 2025-09-04T15:33:20Z
ONE_PARTITION = {"PARTITIONS": "1"}  # so that the log's order is that of what came


def records(content):
    """Of a file's top level: kind, where it begins, where it ends."""
    at = 8
    while at < len(content) - 8:
        end = at + 9 + int.from_bytes(content[at + 1 : at + 9], "little")
        yield content[at], at, end
        at = end


def written(messages, schema="jsonschema", **options):
    """An MCAP file of (topic, encoding, data, log time)."""
    out = io.BytesIO()
    writer = Writer(out, **options)
    writer.start()
    writer.add_attachment(0, 0, "setup.txt", "text/plain", b"\x05" * 100)
    writer.add_metadata("about", {"a": "b"})
    id = writer.register_schema("any", schema, b"{}")
    channels = {}
    for n, (topic, encoding, data, time) in enumerate(messages):
        if (topic, encoding) not in channels:
            channels[topic, encoding] = writer.register_channel(topic, encoding, id)
        data = data if isinstance(data, bytes) else json.dumps(data).encode()
        writer.add_message(channels[topic, encoding], time, data, time, n)
    writer.finish()
    return out.getvalue()


def foreign(count, topic="/spa/car7"):
    return [(topic, "json", {"speed_kmh": i, "gear": 3}, BEGAN_NS + i * 10_000_000) for i in range(count)]


class OwnFiles(unittest.TestCase):
    def test_an_export_comes_back_the_same(self):
        first = Server(PROGRAM, **ONE_PARTITION)
        self.addCleanup(first.stop)
        lines = []
        for i in range(2_000):
            more = {"driver": f'Ann "{i}"', "tags": {"wheel": "fl"}} if i % 7 == 0 else {}
            time = BEGAN_NS // 10**6 + (i ^ 3) * 20
            machine = {"track": "spa", "chassis": f"GR86-{i % 3}"}
            lines.append({"meta_time": time, **machine, "lap": 1 + i // 500, "v": i / 8, **more})
            if i % 500 == 250:
                lines.append({"type": "mark", "track": "spa", "text": f"note {i}", "time": time})
        for begin in range(0, len(lines), 150):
            request = urllib.request.Request(
                f"{first.url}/api/ingest",
                "\n".join(map(json.dumps, lines[begin : begin + 150])).encode(),
                {"Content-Type": "application/x-ndjson", "Authorization": f"Bearer {TOKEN}"},
            )
            with urllib.request.urlopen(request) as answer:
                self.assertEqual(json.load(answer)["rejected"], 0)
        before = first.exported()
        self.assertEqual(len(before), 2_004)
        file = os.path.join(first.directory.name, "all.mcap")
        subprocess.run(
            [first.program, "export", "--data", "data", "--format", "mcap", "--output", file],
            cwd=first.directory.name,
            capture_output=True,
            check=True,
        )
        second = Server(PROGRAM, **ONE_PARTITION)
        self.addCleanup(second.stop)
        code, said = second.replay(file)
        self.assertEqual(code, 0, said)
        self.assertIn("2000 points and 4 marks sent to", said)
        self.assertEqual(second.exported(), before)


class ForeignFiles(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM, **ONE_PARTITION)
        self.addCleanup(self.server.stop)

    def replay(self, content, *more, name="log.mcap"):
        with open(os.path.join(self.server.directory.name, name), "wb") as file:
            file.write(content)
        return self.server.replay(name, *more)

    def told(self, *members):
        points = [json.loads(line) for line in self.server.exported()]
        return [tuple(point.get(member) for member in members) for point in points] if members else points

    def test_however_it_was_written(self):
        forms = [
            {},
            {"compression": CompressionType.NONE},
            {"use_chunking": False},
            {"chunk_size": 300, "index_types": IndexType.NONE, "use_statistics": False, "use_summary_offsets": False},
            {"chunk_size": 300, "enable_crcs": False, "repeat_channels": False, "repeat_schemas": False},
            {"enable_data_crcs": True},
        ]
        for form in forms:
            code, said = self.replay(written(foreign(50), **form))
            self.assertEqual((code, "50 points sent to" in said), (0, True), f"{form}: {said}")
        told = self.told("meta_time", "track", "chassis", "speed_kmh", "gear")
        self.assertEqual(len(told), 50 * len(forms))
        self.assertEqual(told[1], ("2025-09-04T15:33:20.010Z", "spa", "car7", 1, 3))
        for n in range(len(forms)):
            self.assertEqual(told[50 * n : 50 * n + 50], told[:50], forms[n])

    def test_what_an_object_says_itself_wins(self):
        at = BEGAN_NS
        objects = [
            ("/spa/car7", {"x": 1}),
            ("/spa/car7", {"chassis": "c", "x": 2}),
            ("/spa/car7", {"track": "t", "x": 3}),
            ("/spa/car7", {"track": "t", "chassis": "c", "meta_time": "2025-09-05T00:00:00Z", "x": 4}),
            ("/spa/car7", {"circuit": "monza", "vehicle": "v", "x": 5}),
            ("/spa/car7", {"circuit": "monza", "x": 6}),
            ("/spa/team/car7", {"x": 7}),
            ("car7", {"x": 8}),
            ("/car7", {"timestamp": {"sec": 5, "nsec": 6}, "x": 9}),
        ]
        messages = [(topic, "json", data, at) for topic, data in objects]
        code, said = self.replay(written(messages), name="morning.mcap")
        self.assertEqual(code, 0, said)
        code, said = self.replay(written(messages[:1] + messages[7:8]), "--track", "imola")
        self.assertEqual(code, 0, said)
        began = "2025-09-04T15:33:20Z"
        self.assertEqual(
            self.told("x", "track", "chassis", "meta_time"),
            [
                (1, "spa", "car7", began),
                (2, "spa", "c", began),
                (3, "t", "car7", began),
                (4, "t", "c", "2025-09-05T00:00:00Z"),
                (5, "monza", "v", began),
                (6, "monza", "car7", began),
                (7, "spa", "team/car7", began),
                (8, "morning", "car7", began),
                (9, "morning", "car7", began),
                (1, "imola", "spa/car7", began),
                (8, "imola", "car7", began),
            ],
        )

    def test_what_is_no_point_is_refused_by_channel(self):
        messages = foreign(2) + [
            ("/imu", "cdr", b"\x00\x01", BEGAN_NS),
            ("/imu", "cdr", b"\x00\x01", BEGAN_NS),
            ("/text", "json", b'"hello"', BEGAN_NS),
            ("/text", "json", b"[1,2]", BEGAN_NS),
            ("/text", "json", b"", BEGAN_NS),
            ("/spa/car7", "json", b'{"lap":', BEGAN_NS),
            ("/spa/car7", "json", b'{"lap":-3}', BEGAN_NS),
            ("/spa/car7", "json", b'{"track":"a","chassis":"b"}\n' * 2, BEGAN_NS),
            ("/spa/car7", "json", b'{"x":1}', 1 << 63),
        ] + foreign(1)
        code, said = self.replay(written(messages))
        self.assertEqual(code, 1)
        self.assertIn("3 points sent to", said)
        for line in [
            'refused: unknown_format (channel /imu): its messages are "cdr", and only "json" is read',
            "refused: not_an_object (channel /text): it is no JSON object",
            "refused: malformed_json (channel /spa/car7): ",
            "refused: malformed_json (channel /spa/car7): it is more than one object",
            "refused: out_of_range (channel /spa/car7): it was logged beyond the year 2262",
            "2 unknown_format (channel /imu)",
            "3 not_an_object (channel /text)",
        ]:
            self.assertIn(line, said)
        self.assertEqual(self.told("speed_kmh"), [(0,), (1,), (0,)])

    def test_what_is_whole_of_a_cut_one(self):
        content = written(foreign(60), chunk_size=500, index_types=IndexType.NONE)
        chunks = [(begin, end) for kind, begin, end in records(content) if kind == Opcode.CHUNK]
        self.assertGreater(len(chunks), 5)
        code, said = self.replay(content[: chunks[0][1]])
        self.assertEqual(code, 1)
        self.assertIn(f"log.mcap: byte {chunks[0][1]}: the file ends without the record that ends its data", said)
        of_one = len(self.told())
        self.assertGreater(of_one, 0)
        code, said = self.replay(content[: chunks[2][1] - 1])
        self.assertEqual(code, 1)
        self.assertIn(f"log.mcap: byte {chunks[2][0]}: the file ends within a record that begins here", said)
        code, said = self.replay(content[: chunks[0][1] + 5])
        self.assertIn(f"log.mcap: byte {chunks[0][1]}: the file ends within the head of a record", said)
        speeds = [speed for (speed,) in self.told("speed_kmh")]
        of_two = len(speeds) - 2 * of_one
        self.assertGreater(of_two, of_one)
        self.assertEqual(speeds, [*range(of_one), *range(of_two), *range(of_one)])

    def test_what_is_whole_of_a_damaged_one(self):
        for compression in [CompressionType.ZSTD, CompressionType.NONE]:
            content = bytearray(written(foreign(60), chunk_size=500, compression=compression))
            begin, end = [(begin, end) for kind, begin, end in records(content) if kind == Opcode.CHUNK][1]
            content[end - 20] ^= 1
            before = len(self.told())
            code, said = self.replay(content)
            self.assertEqual(code, 1)
            self.assertRegex(said, f"log.mcap: byte {begin}: a chunk (cannot be unpacked|does not match its checksum)")
            speeds = self.told("speed_kmh")[before:]
            self.assertEqual((speeds[0], speeds[-1]), ((0,), (59,)))
            self.assertLess(len(speeds), 60)
        loose = bytearray(written(foreign(3), use_chunking=False, enable_data_crcs=True))
        begin = [begin for kind, begin, _ in records(loose) if kind == Opcode.MESSAGE][1]
        at = loose.index(b'"gear": 3', begin)
        loose[at + 8] = ord("4")
        code, said = self.replay(loose)
        self.assertEqual((code, "does not match the checksum of the file's data" in said), (1, True), said)

    def test_what_is_not_read(self):
        code, said = self.replay(written(foreign(3), compression=CompressionType.LZ4))
        self.assertEqual(code, 1)
        self.assertRegex(said, "log.mcap: byte [0-9]+: a chunk is packed by lz4, and only zstd is read here")
        code, said = self.replay(gzip.compress(written(foreign(3))), name="log.mcap.gz")
        self.assertEqual((code, "log.mcap.gz is an MCAP file that is packed: unpack it first" in said), (1, True), said)
        code, said = self.replay(written([]))
        self.assertEqual((code, "log.mcap holds no message" in said), (1, True), said)
        self.assertEqual(self.told(), [])

    def test_sizes_that_cannot_be_take_no_memory(self):
        content = bytearray(written(foreign(3), index_types=IndexType.NONE))
        begin = next(begin for kind, begin, _ in records(content) if kind == Opcode.CHUNK)
        for at, size, says in [
            (begin + 1, 1 << 62, f"byte {begin}: a chunk of {1 << 62} bytes is passed over: at most"),
            (begin + 1, 200 << 20, f"byte {begin}: the file ends within a record that begins here"),
            (begin + 9 + 16, 1 << 40, f"byte {begin}: a chunk of {1 << 40} bytes is passed over: at most"),
            (begin + 9 + 16, 200 << 20, f"byte {begin}: a chunk cannot be unpacked to what it says to hold"),
            (begin + 9 + 36, 1 << 62, f"byte {begin}: a chunk contradicts its own sizes"),
        ]:
            damaged = bytearray(content)
            damaged[at : at + 8] = size.to_bytes(8, "little")
            code, said = self.replay(damaged)
            self.assertEqual((code, f"log.mcap: {says}" in said), (1, True), said)


if __name__ == "__main__":
    unittest.main()
