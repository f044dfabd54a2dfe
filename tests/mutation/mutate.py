#!/usr/bin/env python3
"""Changes a room's code in small ways and looks whether its tests find each change.

universalmutator makes the changes; of all that it offers, those of whole lines of code are kept (operators, conditions,
numbers, statements left out), and as many as asked for are drawn by seed. Each is built and tried in a tree of its own,
by the room's own tests first and then by those of the rooms above it. What does not compile counts for nothing; what no
test can tell from the original stands in equivalent.txt, with why, and counts for nothing either.
"""
import argparse
import pathlib
import random
import re
import shutil
import subprocess
import sys
import tempfile

HERE = pathlib.Path(__file__).resolve().parent
ROOT = HERE.parent.parent
TREE = ROOT / "build" / "mutation"
# Beside a room's own tests: those that would notice, the quickest first.
ALSO = {
    "base": ["pipeline_test"],
    "log": ["pipeline_test", "simulation_test", "kept_test"],
    "model": ["codec_test", "window_test", "pipeline_test"],
    "codec": ["pipeline_test", "server_test"],
    "window": ["pipeline_test", "gaps_test", "simulation_test"],
    "racing": ["server_test"],
    "pipeline": ["gaps_test", "simulation_test", "kept_test"],
    "net": ["server_test"],
    "redis": ["redis_client_test"],
    "source": ["server_test"],
    "redis_streams": ["streams_test"],
    "cluster": ["simulation_test", "streams_test"],
    "store": ["simulation_test", "kept_test"],
    "broadcast": ["server_test"],
    "ops": ["server_test"],
    "app": ["server_test", "kept_test"],
}
LIMIT_S = 240


def sources(room):
    files = sorted((ROOT / "src" / room).glob("*.cc")) + sorted((ROOT / "src" / room).glob("*.h"))
    other = re.compile(r"(_test|_fuzz|_bench)\.cc$|testing\.h$|_fixture\.h$|fuzzing\.h$")
    return [file for file in files if not other.search(file.name)]


def is_code(line):
    text = line.strip()
    return bool(text) and not text.startswith(("//", "#", "namespace", "using", "static_assert", "CHECK(")) and any(
        character in text for character in "=<>+-*/%!&|(;"
    )


def mutants_of(file):
    """(file, number of the line, before, after) of each."""
    before = file.read_text().splitlines()
    with tempfile.TemporaryDirectory() as folder:
        subprocess.run(
            ["mutate", str(file), "cpp", "--noCheck", "--mutantDir", folder],
            check=True, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, cwd=folder,
        )
        seen = set()
        for mutant in sorted(pathlib.Path(folder).glob("*.mutant.*")):
            after = mutant.read_text().splitlines()
            if len(after) != len(before):
                continue
            changed = [i for i, (old, new) in enumerate(zip(before, after)) if old != new]
            if len(changed) != 1 or not is_code(before[changed[0]]):
                continue
            at = changed[0]
            if (at, after[at]) not in seen:
                seen.add((at, after[at]))
                yield file.relative_to(ROOT), at, before[at], after[at]


def equivalents():
    listed = HERE / "equivalent.txt"
    known = set()
    for line in listed.read_text().splitlines():
        if line and not line.startswith("#"):
            where, _, change = line.partition(": ")
            known.add((where, re.sub(r"\s*#.*$", "", change)))
    return known


def run(command, limit=None):
    try:
        return subprocess.run(command, cwd=TREE, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=limit).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def build(*targets):
    return run(["cmake", "--build", "build/dev", "--target", *targets])


def passes(test):
    program = next(path for path in (TREE / "build/dev" / test, TREE / "build/dev/tests" / test) if path.exists())
    return run([str(program), "--gtest_brief=1", "--gtest_fail_fast"], LIMIT_S)


def prepare(tests):
    if not TREE.exists():
        subprocess.run(["git", "worktree", "add", "--quiet", "--detach", str(TREE), "HEAD"], cwd=ROOT, check=True)
    head = subprocess.run(["git", "rev-parse", "HEAD"], cwd=ROOT, check=True, capture_output=True, text=True).stdout.strip()
    subprocess.run(["git", "checkout", "--quiet", "--force", "--detach", head], cwd=TREE, check=True)
    subprocess.run(["cmake", "--preset", "dev"], cwd=TREE, check=True, stdout=subprocess.DEVNULL)
    print("building what is not changed yet", flush=True)
    subprocess.run(["cmake", "--build", "build/dev", "--target", *tests], cwd=TREE, check=True, stdout=subprocess.DEVNULL)
    for test in tests:
        if not passes(test):
            sys.exit(f"{test} fails without any change")


def main():
    arguments = argparse.ArgumentParser(description=__doc__)
    arguments.add_argument("room")
    arguments.add_argument("--count", type=int, default=30, help="changes that compile")
    arguments.add_argument("--seed", type=int, default=1)
    given = arguments.parse_args()
    if not sources(given.room):
        sys.exit(f"src/{given.room} has no sources")

    known = equivalents()
    drawn = [mutant for file in sources(given.room) for mutant in mutants_of(file)]
    random.Random(given.seed).shuffle(drawn)
    tests = [test for test in [f"{given.room}_test", *ALSO.get(given.room, [])] if test != f"{given.room}_test" or list((ROOT / "src" / given.room).glob("*_test.cc"))]
    prepare(tests)

    found = tried = 0
    for file, at, before, after in drawn:
        if tried == given.count:
            break
        change = f"{before.strip()} => {after.strip()}"
        if (str(file), change) in known:
            continue
        target = TREE / file
        original = target.read_text()
        lines = original.splitlines(keepends=True)
        lines[at] = after + "\n"
        target.write_text("".join(lines))
        finder = None
        compiles = build(tests[0])
        if compiles:
            for test in tests:
                if build(test) and not passes(test):
                    finder = test
                    break
        target.write_text(original)
        if not compiles:
            continue
        tried += 1
        found += finder is not None
        print(f"{'found by ' + finder if finder else 'NOT FOUND':28} {file}:{at + 1}: {change}", flush=True)
    build(*tests)
    print(f"{given.room}: {found} of {tried} changes found, {100 * found / max(tried, 1):.0f} %")


if __name__ == "__main__":
    main()
