"""Writes iRacing's telemetry files (.ibt) from what is known of their layout.

Little endian: a head of 112 bytes, 32 bytes of what is known when the recording ends, a description of 144
bytes for each variable, the session's text, and records of one size.
"""

import struct

CHAR, BOOL, INT, BITFIELD, FLOAT, DOUBLE = range(6)
_FORMATS = {CHAR: "c", BOOL: "?", INT: "i", BITFIELD: "I", FLOAT: "f", DOUBLE: "d"}


class Variable:
    def __init__(self, name, kind, unit="", count=1, over_time=False):
        self.name, self.kind, self.unit, self.count, self.over_time = name, kind, unit, count, over_time

    def pack(self, value):
        if self.kind == CHAR:
            return value.encode().ljust(self.count, b"\0")
        values = value if self.count > 1 else [value]
        return struct.pack(f"<{self.count}{_FORMATS[self.kind]}", *values)


def session_text(drivers, ours=0, track="okayama full", sub_session=0, weekend=""):
    lines = ["---", "WeekendInfo:", f" TrackName: {track}", " TrackID: 166", " SessionID: 0"]
    lines += [f" SubSessionID: {sub_session}", weekend, "SessionInfo:", " Sessions:", " - SessionNum: 0"]
    lines += ["   ResultsPositions:", "   - Position: 1", "     CarIdx: 1"]
    lines += ["DriverInfo:", f" DriverCarIdx: {ours}", " DriverHeadPosX: -0.5", " Drivers:"]
    for index, (name, number, car) in enumerate(drivers):
        lines += [f" - CarIdx: {index}", f"   UserName: {name}", "   TeamName: nobody"]
        lines += [f'   CarNumber: "{number}"', f"   CarScreenName: {car}"]
    return "\n".join(lines + ["..."]) + "\n"


def ibt(variables, rows, text, began=0, began_at=0.0, ticks=60, version=2, records=None):
    """`rows`: for each record a value (or a list of them) for each variable. `text`: str, or bytes."""
    text = (text.encode() if isinstance(text, str) else text) + b"\0"
    offset, descriptions = 0, b""
    for v in variables:
        descriptions += struct.pack(
            "<iii?3x32s64s32s", v.kind, offset, v.count, v.over_time, v.name.encode(), b"what it is", v.unit.encode()
        )
        offset += struct.calcsize(f"<{v.count}{_FORMATS[v.kind]}")
    text_at = 144 + len(descriptions)
    data_at = text_at + len(text)
    head = struct.pack("<10i8x", version, 1, ticks, 0, len(text), text_at, len(variables), 144, 1, offset)
    head += struct.pack("<ii8x", 0, data_at) + bytes(48)
    times = [row[0] for row in rows] or [0.0]
    count = len(rows) if records is None else records
    head += struct.pack("<qddii", began, began_at, times[-1], 1, count)
    assert len(head) == 144
    return head + descriptions + text + b"".join(
        b"".join(v.pack(value) for v, value in zip(variables, row, strict=True)) for row in rows
    )
