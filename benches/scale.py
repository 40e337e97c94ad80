"""What looks at a large server cost: wall time beside `redis-cli PING`, memory, and the longest call on the server.

    python3 benches/scale.py target/release/ucp-streams [--scale 1] [--rounds 7] [--server redis-server]

Starts a server of its own on a unix socket, fills it (at scale 1: 10,000,000 entries, 1,000,000 of them pending with 1,000
consumers, 300 groups, 10,000 streams), and prints a line a command. A PING process runs before each run of a command,
so that both see the same machine. The memory is that of the process at its greatest, but no less than this script's.
The longest call is that of the quietest of three more runs, from the slow log. Needs about 120 bytes an entry.
"""

import argparse
import os
import shutil
import signal
import statistics
import sys
import tempfile
import time
from pathlib import Path

from server import Server

ENTRIES, PENDING, CONSUMERS, GROUPS, STREAMS = 10_000_000, 1_000_000, 1_000, 300, 10_000
ENTRY_BYTES = 120
STREAM, GROUP = "events.normalized", "event-processors"
# What a topology of many streams names: this many groups are on one stream, every other has one of its own.
FANOUT = 100
DAY_MS = 86_400_000
# What a look may cost: as a factor of a PING process, in MiB, and in milliseconds of the server at once.
RATIO_MAX, MEMORY_MAX, CALL_MAX = 1.3, 32, 5.0

FILL = """
local from, to, begin, per = tonumber(ARGV[1]), tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
for n = from, to do
  redis.call('XADD', KEYS[1], string.format('%.0f-%.0f', begin + math.floor(n * per), n), 'event_id', 'e' .. n, 'brand_id', 'b')
end
"""
OTHERS = """
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  local key = string.format('s:%05d', n)
  for entry = 1, 10 do redis.call('XADD', key, string.format('%.0f-%d', tonumber(ARGV[3]), entry), 'event_id', 'e', 'brand_id', 'b') end
end
"""
READ = """
for n = tonumber(ARGV[1]), tonumber(ARGV[2]) do
  redis.call('XREADGROUP', 'GROUP', KEYS[2], 'consumer-' .. n, 'COUNT', ARGV[3], 'STREAMS', KEYS[1], '>')
end
"""


def fill(server, sizes):
    """Fills the server, in calls of bounded size; returns the value that `trace` looks for."""
    entries, pending, consumers, groups, streams = sizes
    now = int(time.time() * 1000)
    begin, per = now - DAY_MS, DAY_MS / entries
    step = 20_000
    for start in range(1, entries + 1, step):
        server.call("EVAL", FILL, 1, STREAM, start, min(start + step - 1, entries), begin, per)
    for start in range(1, streams + 1, 500):
        server.call("EVAL", OTHERS, 0, start, min(start + 499, streams), now - DAY_MS)
    # The group stands so that what it reads now is pending, and one entry in a hundred is left.
    read = entries - pending - entries // 100
    at = server.call("XRANGE", STREAM, f"{begin + int(read * per)}-{read}", "+", "COUNT", 1)[0][0].decode()
    server.call("XGROUP", "CREATE", STREAM, GROUP, at, "ENTRIESREAD", read)
    each = max(pending // consumers, 1)
    for start in range(1, consumers + 1, 10):
        server.call("EVAL", READ, 2, STREAM, GROUP, start, min(start + 9, consumers), each)
    for number, (stream, group) in enumerate(others(groups)):
        server.call("XGROUP", "CREATE", stream, group, "0")
        server.call("XREADGROUP", "GROUP", group, f"c{number}", "COUNT", 3, "STREAMS", stream, ">")
    return f"e{entries - 10}"


def others(groups):
    """The groups that are not the topology's own, each with its stream."""
    for number in range(1, groups):
        yield f"s:{max(number - FANOUT, 0) + 1:05}", f"group-{number}"


def topology(path, streams, groups):
    """A topology file that names many streams and groups."""
    with open(path, "w", encoding="utf-8") as file:
        for number in range(1, streams + 1):
            file.write(f'[streams."s:{number:05}"]\nmaxlen = 100\n')
        for stream, group in others(groups):
            file.write(f'[groups.{group}]\nstream = "{stream}"\n')


def run(words, environment):
    """How long a process took, in milliseconds, its memory at its greatest, in MiB, and its exit code."""
    null = [(os.POSIX_SPAWN_OPEN, fd, "/dev/null", os.O_RDWR, 0) for fd in (0, 1, 2)]
    began = time.perf_counter()
    pid = os.posix_spawn(words[0], words, environment, file_actions=null)
    _, status, usage = os.wait4(pid, 0)
    took = (time.perf_counter() - began) * 1000
    return took, usage.ru_maxrss / 1024, os.waitstatus_to_exitcode(status)


def longest_call(server, words, environment):
    """The number of calls of a run, and the longest of them: its milliseconds and its name."""
    server.call("CONFIG", "SET", "slowlog-log-slower-than", "0")
    server.call("SLOWLOG", "RESET")
    run(words, environment)
    server.call("CONFIG", "SET", "slowlog-log-slower-than", "-1")
    calls = []
    for row in server.call("SLOWLOG", "GET", "-1"):
        said = [word.decode("utf-8", "replace") for word in row[3][:3]]
        if said[:2] not in (["SLOWLOG", "RESET"], ["CONFIG", "SET"]):
            named = 2 if said[0] in ("XINFO", "MEMORY", "SLOWLOG", "CONFIG", "SCRIPT") else 1
            calls.append((row[2] / 1000, " ".join(said[:named])))
    return len(calls), max(calls, default=(0.0, "-"))


def measure(server, name, words, environment, ping, rounds):
    """Runs a command and PING processes by turns, and prints its line."""
    took, pings, memory, codes = [], [], [], set()
    for _ in range(rounds):
        pings.append(run(ping, environment)[0])
        wall, megabytes, code = run(words, environment)
        took.append(wall)
        memory.append(megabytes)
        codes.add(code)
    quiet = (longest_call(server, words, environment) for _ in range(min(rounds, 3)))
    calls, (longest, call) = min(quiet, key=lambda it: it[1])
    wall, ratio = statistics.median(took), statistics.median(took) / statistics.median(pings)
    marks = [ratio > RATIO_MAX, max(memory) > MEMORY_MAX, longest > CALL_MAX]
    ratio, memory, longest = (
        f"{value:.1f}{'!' if is_over else ' '}" for value, is_over in zip((ratio, max(memory), longest), marks)
    )
    print(f"{name:34} {wall:9.1f} {ratio:>7} {memory:>8} {calls:7} {longest:>8} {call}", flush=True)
    # The answer may be bad (1, 2), but there must be one.
    return codes <= {0, 1, 2}


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--scale", type=float, default=1.0)
    parser.add_argument("--rounds", type=int, default=7)
    parser.add_argument("--server", default=shutil.which("redis-server") or shutil.which("valkey-server"))
    parser.add_argument("--cli", default=shutil.which("redis-cli") or shutil.which("valkey-cli"))
    parser.add_argument("--only", help="commands that begin with this")
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not args.server or not args.cli:
        raise SystemExit("needs redis-server and redis-cli, or --server and --cli")
    whole = (ENTRIES, PENDING, CONSUMERS, GROUPS, STREAMS)
    sizes = tuple(max(int(size * args.scale), least) for size, least in zip(whole, (1000, 100, 10, FANOUT + 10, 20)))
    needed = sizes[0] * ENTRY_BYTES + sizes[4] * 4000 + (256 << 20)
    with open("/proc/meminfo", encoding="ascii") as file:
        free = next(int(line.split()[1]) << 10 for line in file if line.startswith("MemAvailable"))
    if free < needed * 3 // 2:
        raise SystemExit(f"needs {needed * 3 // 2 >> 20} MiB of free memory, and there are {free >> 20}: give a smaller --scale")
    binary = str(Path(args.binary).resolve())
    with tempfile.TemporaryDirectory(prefix="ucp-scale-") as directory:
        server = Server(args.server, directory, needed)
        try:
            began = time.perf_counter()
            value = fill(server, sizes)
            used = next(int(it.split(b":")[1]) for it in server.call("INFO", "memory").split(b"\r\n") if it.startswith(b"used_memory:"))
            entries, pending, consumers, groups, streams = sizes
            print(f"{entries:,} entries, {pending:,} pending, {consumers:,} consumers, {groups:,} groups, {streams:,} streams")
            print(f"filled in {time.perf_counter() - began:.0f} s, {used >> 20:,} MiB; {args.rounds} runs each\n")
            environment = {"PATH": os.defpath, "HOME": directory, "UCP_STREAMS_URL": f"unix://{server.path}"}
            many, every = f"{directory}/many.toml", f"{directory}/every.toml"
            named = groups - FANOUT
            topology(many, named, groups)
            topology(every, streams, groups)
            ping = [args.cli, "-s", server.path, "PING"]
            print(f"{'COMMAND':34} {'MS':>9} {'x PING':>7} {'MIB':>8} {'CALLS':>7} {'LONGEST':>8} CALL")
            looks = [("redis-cli PING", ping)] + [
                (" ".join(words), [binary, *words])
                for words in (
                    ["ping"],
                    ["info"],
                    ["lag"],
                    ["groups"],
                    ["pending", GROUP, "--count", "0"],
                    ["check"],
                    ["doctor"],
                    ["consumers", GROUP],
                    ["memory"],
                    ["trace", value],
                )
            ]
            for file, number in ((many, named), (every, streams)):
                for word in ("info", "lag", "check"):
                    looks.append((f"{word} (topology of {number:,})", [binary, "--topology", file, word]))
            looks = [it for it in looks if it[0].startswith(args.only or "")]
            answered = [measure(server, name, words, environment, ping, args.rounds) for name, words in looks]
        finally:
            server.stop()
    if not all(answered):
        raise SystemExit("a command gave no answer")


if __name__ == "__main__":
    main()
