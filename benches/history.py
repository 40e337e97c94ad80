"""What keeping history costs: `archive` beside `read -o ndjson | zstd -1`, and `bridge to-kafka` beside the Kafka client's
own loop.

    python3 benches/history.py target/release/ucp-streams [--produce target/release/examples/produce]
        [--entries 1000000] [--records 200000] [--rounds 3] [--memory 10000000]

Starts a server of its own with entries of the demo's kind, and a broker of its own where --produce is given. Each of a pair
runs in turns with the other; shown are the entries a second of both, and the median of the pairs' ratios. With --memory,
the greatest memory of `archive` is shown for a tenth of so many entries and for all of them.
"""

import argparse
import os
import shutil
import socket
import statistics
import subprocess
import tempfile
import time
from pathlib import Path

from server import Server

STREAM, GROUP, PARTITIONS = "events.normalized", "kafka-bridge", 3
AT_A_TIME = 10_000
BODY = "'brand_id',b[i%5+1],'event_type','purchase','normalized_payload','{\"total\":\"'..i..'\",\"currency\":\"EUR\"}'"
BRANDS = "local b={'aurora','boreas','cirrus','dorado','electra'} "


def fill(server, first, last):
    """Adds entries, four a second."""
    script = BRANDS + f"for i=tonumber(ARGV[1]),tonumber(ARGV[2]) do redis.call('XADD',KEYS[1],(1700000000000+i*250)..'-1',{BODY}) end"
    for begin in range(first, last + 1, AT_A_TIME):
        server.call("EVAL", script, 1, STREAM, begin, min(begin + AT_A_TIME - 1, last))


def timed(words, environment, shell=False):
    """Runs a command; returns its seconds and its greatest memory in MiB."""
    began = time.monotonic()
    process = subprocess.Popen(words, env=environment, shell=shell, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL,
                               stderr=subprocess.PIPE, text=True)
    said = process.stderr.read()
    _, status, usage = os.wait4(process.pid, 0)
    took = time.monotonic() - began
    if status != 0:
        raise SystemExit(f"{words} ended with {os.waitstatus_to_exitcode(status)}: {said}")
    return took, usage.ru_maxrss / 1024


def pairs(what, count, rounds, ours, theirs):
    """Runs both in turns, and prints their speed and the ratio of the pairs."""
    both = [(ours(), theirs()) for _ in range(rounds)]
    ratios = [other / own for own, other in both]
    own, other = (statistics.median(times) for times in zip(*both))
    print(f"{what:40} {count / own:10,.0f} entries/s   beside {count / other:10,.0f}   ratio {statistics.median(ratios):.2f}"
          f" ({min(ratios):.2f} to {max(ratios):.2f})")


def archives(binary, home, environment, given):
    """`archive` beside a pipe of `read` and `zstd`."""
    place = Path(home, "archive")

    def ours():
        shutil.rmtree(place, ignore_errors=True)
        return timed([binary, "archive", STREAM, "--to", place], environment)[0]

    line = f"'{binary}' read {STREAM} -o ndjson | zstd -1 -q -c > '{home}/piped.zst'"
    pairs("archive : read | zstd -1", given.entries, given.rounds, ours, lambda: timed(line, environment, shell=True)[0])


def bridges(binary, home, environment, given, server):
    """`bridge to-kafka` beside the client's own loop."""
    broker = Path(__file__).parent.parent / ".cache/kafka/noida-db"
    if not broker.exists():
        raise SystemExit("there is no broker: .ci/setup kafka")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        address = f"127.0.0.1:{free.getsockname()[1]}"
    words = [broker, "start", "--only", "kafka", "--kafka-port", address.rsplit(":", 1)[1], "--data-dir", f"{home}/broker"]
    process = subprocess.Popen(words, stdin=subprocess.DEVNULL, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    try:
        for _ in range(500):
            try:
                socket.create_connection(address.rsplit(":", 1)).close()
                break
            except OSError:
                time.sleep(0.02)
        server.call("XTRIM", STREAM, "MAXLEN", "=", given.records)
        topics = iter(range(1000))

        def topic():
            name = f"t{next(topics)}"
            timed([given.produce, address, name, "create", str(PARTITIONS)], environment)
            return name

        def ours():
            name = topic()
            server.call("DEL", f"{{{STREAM}}}:bridge-to:{GROUP}")
            server.call("XGROUP", "DESTROY", STREAM, GROUP)
            line = [binary, "bridge", "to-kafka", STREAM, "--brokers", address, "--topic", name, "--once"]
            return timed(line, environment)[0]

        def theirs():
            return timed([given.produce, address, topic(), str(given.records)], environment)[0]

        pairs("bridge to-kafka : the client's own loop", given.records, given.rounds, ours, theirs)
    finally:
        process.terminate()
        process.wait()


def memory(binary, home, environment, given, server):
    """The memory of `archive` for a tenth of the entries, and for all."""
    have = given.entries
    for count in (given.memory // 10, given.memory):
        if count > have:
            fill(server, have + 1, count)
            have = count
        place = Path(home, f"archive-{count}")
        took, mebibytes = timed([binary, "archive", STREAM, "--to", place], environment)
        print(f"archive of {have:,} entries: {mebibytes:.1f} MiB, {have / took:,.0f} entries/s")
        shutil.rmtree(place)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("binary")
    parser.add_argument("--produce")
    parser.add_argument("--entries", type=int, default=1_000_000)
    parser.add_argument("--records", type=int, default=200_000)
    parser.add_argument("--rounds", type=int, default=3)
    parser.add_argument("--memory", type=int, default=0)
    given = parser.parse_args()
    program = shutil.which("redis-server") or shutil.which("valkey-server")
    if program is None or shutil.which("zstd") is None:
        raise SystemExit("redis-server and zstd are needed")
    with tempfile.TemporaryDirectory() as home:
        server = Server(program, home, 8 << 30)
        environment = {"PATH": os.defpath, "HOME": home, "UCP_STREAMS_URL": f"unix://{server.path}"}
        try:
            fill(server, 1, given.entries)
            archives(given.binary, home, environment, given)
            if given.memory:
                memory(given.binary, home, environment, given, server)
            if given.produce:
                bridges(given.binary, home, environment, given, server)
        finally:
            server.stop()


if __name__ == "__main__":
    main()
