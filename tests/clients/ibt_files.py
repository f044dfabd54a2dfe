"""What `slipstream replay` reads of iRacing's telemetry files.

ibt_files.py PROGRAM. The files are written by ibt_writer.py, since none may be had.
"""

import gzip
import json
import os
import struct
import sys
import unittest
from time import monotonic
from urllib.request import urlopen

from ibt_writer import BITFIELD, BOOL, CHAR, DOUBLE, FLOAT, INT, Variable, ibt, session_text
from server import LIMIT_S, Server

PROGRAM = sys.argv.pop(1)
BEGAN = 1_757_000_000
RECORDS_OF_LAP = 40
TOLD_BEHIND = 5  # records behind the line a lap's time is known
DRIVERS = [("Somebody: Else", "1", "Pace Car"), ("José \"J\" Núñez", "007", "Global Mazda MX-5 Cup")]


def same(value):
    return value


# The variable, the member that it becomes, and how.
COLUMNS = [
    (Variable("SessionTime", DOUBLE, "s"), "session_time_s", same),
    (Variable("SessionNum", INT), "session_num", same),
    (Variable("SessionFlags", BITFIELD, "irsdk_Flags"), "session_flags", same),
    (Variable("IsOnTrack", BOOL), "is_on_track", int),
    (Variable("OnPitRoad", BOOL), "pit_status", int),
    (Variable("Lap", INT), "lap", same),
    (Variable("LapDist", FLOAT, "m"), "lapdist_m", same),
    (Variable("LapDistPct", FLOAT, "%"), "lap_dist_pct", lambda v: v * 100),
    (Variable("LapLastLapTime", FLOAT, "s"), "last_lap_s", lambda v: v if v > 0 else None),
    (Variable("LapCurrentLapTime", FLOAT, "s"), "lap_time_s", same),
    (Variable("PlayerCarPosition", INT), "position", lambda v: v if v > 0 else None),
    (Variable("Speed", FLOAT, "m/s"), "speed_kmh", lambda v: v * 3.6),
    (Variable("RPM", FLOAT, "revs/min"), "rpm", same),
    (Variable("Gear", INT), "gear", same),
    (Variable("Throttle", FLOAT, "%"), "throttle", same),
    (Variable("Brake", FLOAT, "%"), "brake", same),
    (Variable("Lat", DOUBLE, "deg"), "lat", same),
    (Variable("Lon", DOUBLE, "deg"), "lon", same),
    (Variable("LongAccel", FLOAT, "m/s^2"), "accx_can", lambda v: v / 9.80665),
    (Variable("LatAccel", FLOAT, "m/s^2"), "accy_can", lambda v: v / 9.80665),
    (Variable("FuelLevel", FLOAT, "l"), "fuel_level_l", same),
    (Variable("LFtempCM", FLOAT, "C"), "lf_temp_cm_c", same),
    (Variable("SteeringWheelAngle", FLOAT, "rad"), "steering_wheel_angle_rad", same),
    (Variable("dcABS", FLOAT), "dc_abs", same),
    (Variable("VelocityX", FLOAT, "m/s"), "velocity_x_mps", same),
]
LISTS = [
    (Variable("LFshockDefl_ST", FLOAT, "m", count=6, over_time=True), "lf_shock_defl_st_m"),
    (Variable("CarIdxLap", INT, count=3), "car_idx_lap"),
]
TEXT = Variable("Note", CHAR, count=12)


def single(value):
    """As 32 bits hold it."""
    return struct.unpack("<f", struct.pack("<f", value))[0]


def record(i):
    return {
        "SessionTime": 100.5 + i / 60,
        "SessionNum": 2,
        "SessionFlags": 0x80000000 | i,
        "IsOnTrack": i > 2,
        "OnPitRoad": i < 5,
        "Lap": i // RECORDS_OF_LAP,
        "LapDist": single(i * 0.7),
        "LapDistPct": single(i / 100),
        "LapLastLapTime": single(-1.0 if i < 10 else 91.234 + (i - TOLD_BEHIND) // RECORDS_OF_LAP),
        "LapCurrentLapTime": single(i / 60),
        "PlayerCarPosition": 0 if i < 3 else 7,
        "Speed": single(51.3 + i / 7),
        "RPM": single(5000.1 + i),
        "Gear": i % 7 - 1,
        "Throttle": single(i % 11 / 10),
        "Brake": single(i % 3 / 2),
        "Lat": 34.915 + i * 1e-7,
        "Lon": 134.221 - i * 1e-7,
        "LongAccel": single(9.1 - i),
        "LatAccel": single(-3.3 + i),
        "FuelLevel": single(40 - i / 10),
        "LFtempCM": single(80.3),
        "SteeringWheelAngle": single(-0.25),
        "dcABS": single(4),
        "VelocityX": float("nan") if i == 4 else single(12.5),
        "LFshockDefl_ST": [single(i + j / 8) for j in range(6)],
        "CarIdxLap": [i, -1, 3],
        "Note": f"n{i}" if i else "",
    }


VARIABLES = [v for v, *_ in COLUMNS] + [v for v, _ in LISTS] + [TEXT]


def rows(count):
    return [[record(i)[v.name] for v in VARIABLES] for i in range(count)]


def expected(i):
    values = record(i)
    told = {"track": "okayama_full", "chassis": DRIVERS[1][0], "car": DRIVERS[1][2], "car_number": "007"}
    told |= {"source_game": "iracing", "session": "4711-2"}
    for variable, member, how in COLUMNS:
        value = how(values[variable.name])
        if value is not None and value == value:
            told[member] = value
    for variable, member in LISTS:
        told |= {f"{member}_{j + 1}": value for j, value in enumerate(values[variable.name])}
    if i >= RECORDS_OF_LAP and i % RECORDS_OF_LAP < TOLD_BEHIND:
        del told["last_lap_s"]  # it is still that of the lap before the last one
    if values["Note"]:
        told["note"] = values["Note"]
    return told


class IbtFiles(unittest.TestCase):
    def setUp(self):
        self.server = Server(PROGRAM, PARTITIONS="1")
        self.addCleanup(self.server.stop)

    def replay(self, name, content, *more):
        with open(os.path.join(self.server.directory.name, name), "wb") as file:
            file.write(content)
        return self.server.replay(name, *more)

    def told(self):
        return [json.loads(line) for line in self.server.exported()]

    def whole(self, count=120, **more):
        text = session_text(DRIVERS, ours=1, sub_session=4711)
        return ibt(VARIABLES, rows(count), text, **({"began": BEGAN, "began_at": 100.5} | more))

    def expect_records(self, told, numbers):
        self.assertEqual(len(told), len(numbers))
        for point, i in zip(told, numbers):
            time = point.pop("meta_time")
            at = BEGAN * 1000 + round(i * 1000 / 60)
            # 2025-09-04T15:33:20Z is where it began.
            self.assertEqual(time[:14], "2025-09-04T15:", time)
            minutes, seconds = time[14:-1].split(":")
            self.assertAlmostEqual(int(minutes) * 60 + float(seconds), at / 1000 - BEGAN + 33 * 60 + 20, places=3)
            point.pop("sector", None)
            self.assertEqual(point, expected(i), f"record {i}")

    def test_every_variable_of_every_record(self):
        code, said = self.replay("race.ibt", self.whole())
        self.assertEqual(code, 0, said)
        self.assertIn("120 points sent to", said)
        self.expect_records(self.told(), range(120))

    def test_packed_and_under_another_name(self):
        code, said = self.replay("race.ibt.gz", gzip.compress(self.whole(20)))
        self.assertEqual(code, 0, said)
        code, said = self.replay("race", self.whole(20))
        self.assertEqual(code, 0, said)
        self.expect_records(self.told(), [*range(20), *range(20)])

    def test_what_is_whole_of_a_cut_one(self):
        content = self.whole(20)
        size = (len(content) - content.index(b"...\n") - 5) // 20
        code, said = self.replay("cut.ibt", content[: -size - 1])
        self.assertEqual(code, 1)
        self.assertIn(f"cut.ibt: byte {len(content) - 2 * size}: the file ends behind 18 of its 20 records", said)
        self.expect_records(self.told(), range(18))

    def test_one_that_was_not_closed(self):
        content = self.whole(20, began=0, records=0)
        path = os.path.join(self.server.directory.name, "open.ibt")
        with open(path, "wb") as file:
            file.write(content)
        os.utime(path, ns=((BEGAN * 60 + 19) * 10**9 // 60,) * 2)
        code, said = self.server.replay("open.ibt")
        self.assertEqual(code, 0, said)
        self.assertIn("was not closed", said)
        self.expect_records(self.told(), range(20))

    def test_a_clock_that_begins_anew(self):
        kept = [Variable("SessionTime", DOUBLE, "s"), Variable("SessionNum", INT)]
        clocks = [[50.0, 0], [50.5, 0], [0.25, 1], [0.75, 1]]
        content = ibt(kept, clocks, session_text(DRIVERS), began=BEGAN, began_at=50.0, ticks=2)
        code, said = self.replay("two.ibt", content)
        self.assertEqual(code, 0, said)
        self.assertEqual(
            [(p["meta_time"], p["session_time_s"]) for p in self.told()],
            [
                ("2025-09-04T15:33:20Z", 50),
                ("2025-09-04T15:33:20.500Z", 50.5),
                ("2025-09-04T15:33:21Z", 0.25),
                ("2025-09-04T15:33:21.500Z", 0.75),
            ],
        )

    def test_a_record_without_a_time_is_refused(self):
        kept = [Variable("SessionTime", DOUBLE, "s")]
        content = ibt(kept, [[1.0], [float("nan")], [1e300], [2.0]], session_text(DRIVERS), began=BEGAN, began_at=1.0)
        code, said = self.replay("odd.ibt", content)
        self.assertEqual(code, 1)
        self.assertIn("2 points sent to", said)
        self.assertIn("refused: bad_time: its SessionTime is no time in: record 2\n", said)
        self.assertIn("refused and not sent: 2 bad_time", said)
        self.assertEqual([p["session_time_s"] for p in self.told()], [1, 2])

    def test_no_driver_and_no_track(self):
        kept = [Variable("Speed", FLOAT, "m/s")]
        content = ibt(kept, [[single(10)], [single(20)]], "nothing: known\n", began=BEGAN, ticks=4)
        code, said = self.replay("bare.ibt", content)
        self.assertEqual((code, "it names no track: --track does" in said), (1, True), said)
        code, said = self.replay("bare.ibt", content, "--track", "spa")
        self.assertEqual(code, 0, said)
        told = [(p["meta_time"], p["track"], p["speed_kmh"]) for p in self.told()]
        self.assertEqual(told, [("2025-09-04T15:33:20Z", "spa", 36), ("2025-09-04T15:33:20.250Z", "spa", 72)])

    def test_laps_have_the_times_that_iracing_tells_behind_the_line(self):
        kept = [Variable("SessionTime", DOUBLE, "s"), Variable("Lap", INT), Variable("LapDist", FLOAT, "m")]
        kept += [Variable("LapLastLapTime", FLOAT, "s"), Variable("LapCurrentLapTime", FLOAT, "s")]
        rows, times, metres, began, told = [], [], 990.0, None, -1.0
        for i in range(60 * 55):
            speed = 100 - i / 1000  # so that each lap takes a tenth of a second longer
            metres += speed / 60
            now, lap = i / 60, int(metres // 1000)
            if lap > len(times):
                line = now - metres % 1000 / speed
                times.append(line - began if began is not None else None)
                began, at = line, i
            if times and i == at + 120:
                told = single(times[-1] or -1.0)
            rows.append([now, lap, single(metres % 1000), told, single(now - began if began is not None else 0.0)])
        code, said = self.replay("laps.ibt", ibt(kept, rows, session_text(DRIVERS), began=BEGAN))
        self.assertEqual(code, 0, said)
        expected = {lap + 1: single(time) for lap, time in enumerate(times[1:])}
        self.assertGreater(len(expected), 3)
        until = monotonic() + LIMIT_S
        laps = {}
        while laps.keys() < expected.keys() and monotonic() < until:
            with urlopen(f"{self.server.url}/api/laps") as answer:
                laps = {lap["lap"]: lap for lap in json.load(answer)["laps"] if lap["complete"]}
        self.assertEqual({n: lap["lap_time_s"] for n, lap in laps.items()}, expected)
        self.assertTrue(all(lap["official"] for lap in laps.values()))

    def test_names_that_are_latin_1(self):
        text = session_text([("Müller", "3", "Skip Barber")]).encode("latin-1")
        code, said = self.replay("old.ibt", ibt([Variable("SessionTime", DOUBLE, "s")], [[1.0]], text, began=BEGAN))
        self.assertEqual(code, 0, said)
        self.assertEqual(self.told()[0]["chassis"], "Müller")

    def test_more_variables_than_a_point_holds(self):
        kept = [Variable("SessionTime", DOUBLE, "s"), Variable("Slow_ST", FLOAT, "m", 6, True)]
        kept += [Variable(f"Value{i}", INT) for i in range(250)] + [Variable("Speed", FLOAT, "m/s")]
        row = [1.0, [0.0] * 6, *range(250), single(3)]
        code, said = self.replay("wide.ibt", ibt(kept, [row], session_text(DRIVERS), began=BEGAN))
        self.assertEqual(code, 0, said)
        self.assertIn("at most 256 numbers: Slow_ST\n", said)
        (point,) = self.told()
        self.assertEqual([point[f"value{i}"] for i in range(250)], list(range(250)))
        self.assertEqual(point["speed_kmh"], 3 * 3.6)

    def test_damaged_heads(self):
        content = self.whole(3)
        variable = 144 + 144 * 3  # IsOnTrack
        for at, number, says in [
            (0, 7, "byte 0: version 7: 1 and 2 are known"),
            (8, 0, "byte 8: 0 ticks a second cannot be"),
            (16, 1 << 30, "byte 16: the session's text, 1073741824 bytes from byte "),
            (20, -5, "byte 16: the session's text, "),
            (24, 0, "byte 24: 0 variables: from 1 to 4096 can be"),
            (24, 4000, "byte 28: the 4000 variables' descriptions, from byte 144 on, are not in the file"),
            (28, -1, "byte 28: the "),
            (32, 9, "byte 32: 9 buffers cannot be"),
            (36, 0, "byte 36: a record of 0 bytes cannot be"),
            (36, 8, f"byte {144 + 144 + 4}: SessionNum, 1 of 4 bytes from byte 8 on, is not in a record of 8 bytes"),
            (52, 1 << 30, "byte 52: the first record, at byte 1073741824, is not in the file"),
            (140, -1, "byte 140: -1 records cannot be"),
            (variable, 6, f"byte {variable}: IsOnTrack is of type 6, which is not known"),
            (variable + 4, 1 << 30, f"byte {variable + 4}: IsOnTrack, 1 of 1 bytes from byte 1073741824 on"),
            (variable + 8, -2, f"byte {variable + 4}: IsOnTrack, -2 of 1 bytes"),
            (variable + 16, 0, f"byte {variable + 16}: a variable has no name"),
        ]:
            with self.subTest(at=at, number=number):
                damaged = content[:at] + struct.pack("<i", number) + content[at + 4 :]
                code, said = self.replay("bad.ibt", damaged)
                self.assertEqual(code, 1)
                self.assertIn(f"slipstream replay: bad.ibt: {says}", said)
        code, said = self.replay("short.ibt", content[:100])
        self.assertEqual((code, "byte 100: the file ends within its head of 144 bytes" in said), (1, True), said)
        self.assertEqual(self.told(), [])


if __name__ == "__main__":
    unittest.main()
