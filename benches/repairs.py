"""What changes of very many entries cost: `claim`, `undo`, `requeue`, and `dlq redrive` of as many dead letters.

    python3 benches/repairs.py target/release/ucp-streams [--entries 1000000]

Starts a server of its own with that many pending entries of a dead consumer. Of each change are shown: entries a second
from the start of the command to its end, with the plan and the snapshot; for which share of that time the server's own
process was busy, which is how near the change is to the limit of its own commands; the greatest memory of the command;
how many calls held the server for longer than 5 ms, and the longest one. A call is measured by the wall, so that on a
machine with more to do some are long because the server had to wait.
"""

import argparse
import os
import re
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from server import Server

STREAM, GROUP, HEIR = "events.normalized", "event-processors", "heir"
LETTERS = "{events.normalized}:dlq"
SLOW_MICROSECONDS = 5000
AT_A_TIME = 10_000
BODY = "'brand_id','aurora','event_type','purchase','normalized_payload','{\"total\":\"19.99\",\"currency\":\"EUR\"}'"


def fill(server, count):
    """Adds entries, and delivers all of them to a consumer that is gone."""
    script = f"for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('XADD',KEYS[1],i..'-1',{BODY}) end"
    for first in range(1, count + 1, AT_A_TIME):
        server.call("EVAL", script, 1, STREAM, first, min(first + AT_A_TIME - 1, count))
    server.call("XGROUP", "CREATE", STREAM, GROUP, 0)
    server.call("XGROUP", "CREATECONSUMER", STREAM, GROUP, HEIR)
    for _ in range(0, count, AT_A_TIME):
        server.call("XREADGROUP", "GROUP", GROUP, "gone", "COUNT", AT_A_TIME, "STREAMS", STREAM, ">")


def bury(server, count):
    """Adds dead letters, as workers write them."""
    own = "'_dlq_stream',ARGV[3],'_dlq_group',ARGV[4],'_dlq_id',i..'-1','_dlq_consumer','gone','_dlq_deliveries','5'," \
        "'_dlq_reason','timeout','_dlq_time','1970-01-01T00:00:09.000Z','_dlq_body','present'"
    script = f"for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('XADD',KEYS[1],i..'-1',{BODY},{own}) end"
    for first in range(1, count + 1, AT_A_TIME):
        server.call("EVAL", script, 1, LETTERS, first, min(first + AT_A_TIME - 1, count), STREAM, GROUP)


def busy(pid):
    """The processor time of a process so far, in seconds."""
    words = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rsplit(")", 1)[1].split()
    return (int(words[11]) + int(words[12])) / os.sysconf("SC_CLK_TCK")


def measure(binary, server, home, count, words):
    """Runs a command, and prints what it cost."""
    server.call("CONFIG", "SET", "slowlog-log-slower-than", SLOW_MICROSECONDS)
    server.call("SLOWLOG", "RESET")
    environment = {"PATH": os.defpath, "HOME": home, "UCP_STREAMS_URL": f"unix://{server.path}"}
    before, began = busy(server.process.pid), time.monotonic()
    process = subprocess.Popen([binary, *words, "--yes", "-o", "ndjson"], env=environment,
                               stdout=subprocess.DEVNULL, stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"{' '.join(words)} ended with {os.waitstatus_to_exitcode(status)}: {said}")
    share = (busy(server.process.pid) - before) / took
    slow = [int(entry[2]) for entry in server.call("SLOWLOG", "GET", -1)]
    longest = f", the longest {max(slow) / 1000:.1f} ms" if slow else ""
    print(f"{words[0] + ' ' + words[1] if words[0] == 'dlq' else words[0]:12} {count / took:9,.0f} entries/s"
          f"   server busy {share:4.0%}   {usage.ru_maxrss / 1024:5.1f} MiB   {len(slow)} calls over 5 ms{longest}")
    return said


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--entries", type=int, default=1_000_000)
    given = parser.parse_args()
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None:
        raise SystemExit("there is no redis-server")
    with tempfile.TemporaryDirectory() as home:
        server = Server(program, home, 4 << 30)
        try:
            fill(server, given.entries)
            run = lambda *words: measure(given.binary, server, home, given.entries, words)
            stale = [GROUP, "--stream", STREAM, "--idle", "0s", "--force"]
            said = run("claim", *stale, "--to", HEIR)
            undo = re.search(r"undo (\d+-\d+)", said)[1]
            run("undo", undo)
            run("requeue", *stale, "--all-groups-see-it")
            server.call("FLUSHALL")
            server.call("XGROUP", "CREATE", STREAM, GROUP, 0, "MKSTREAM")
            bury(server, given.entries)
            run("dlq", "redrive", STREAM, "--all")
        finally:
            server.stop()


if __name__ == "__main__":
    main()
