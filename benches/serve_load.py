"""What `serve` takes while many look: errors, its memory, how often it asks Redis, and how long its answers take.

    python3 benches/serve_load.py target/release/ucp-streams [--clients 200] [--tails 50] [--seconds 60]

Starts a server of its own and a `serve` on the loopback, and adds entries all the time, so that each look has other
figures. First one client asks and one tail follows, then many do. The clients ask for what all share: the page, the
figures, the metrics. Each waits a little between an answer and its next question; with --pause 0 they do not. Redis
must be asked as often for many as for one, no answer may fail, no tail may miss an entry, and the memory may not grow
from the middle to the end.
"""

import argparse
import asyncio
import itertools
import json
import os
import re
import shutil
import signal
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from server import Server

STREAM = "events.normalized"
PATHS = ["/", "/assets/page.js", "/api/streams/info", "/api/groups", "/api/findings", "/api/figures", "/metrics"]
# Entries a second.
ADDED = 20
# How much more often Redis may be asked for many than for one: by how a look falls into the time that is measured.
ASKED_MAX = 1.05
# How much the memory may grow from the middle to the end, in KiB.
GROWN_MAX = 2048


class Serve:
    """A running `serve`."""

    def __init__(self, binary, directory, url, every):
        environment = {"PATH": os.defpath, "HOME": directory, "UCP_STREAMS_URL": url}
        subprocess.run([binary, "init"], env=environment, check=True, stdout=subprocess.DEVNULL)
        words = [binary, "serve", "--listen", "127.0.0.1:0", "--every", every]
        self.process = subprocess.Popen(words, env=environment, stderr=subprocess.PIPE, text=True)
        for line in self.process.stderr:
            found = re.search(r" at http://127\.0\.0\.1:(\d+)", line)
            if found:
                self.port = int(found[1])
                return
        raise SystemExit(f"serve ended with {self.process.wait()}")

    def resident(self):
        """The memory that it takes now, in KiB."""
        with open(f"/proc/{self.process.pid}/status", encoding="ascii") as file:
            return next(int(line.split()[1]) for line in file if line.startswith("VmRSS"))

    def stop(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.stderr.close()
        return self.process.wait(30)


class Load:
    """What clients and tails have seen."""

    def __init__(self, port):
        self.port = port
        self.took = []
        self.errors = []
        self.entries = 0
        self.figures = set()

    async def ask(self, reader, writer, path):
        """Asks for a path, and reads the answer whole."""
        writer.write(f"GET {path} HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
        head = await reader.readuntil(b"\r\n\r\n")
        if not head.startswith(b"HTTP/1.1 200"):
            raise OSError(f"{path}: {head.splitlines()[0].decode()}")
        length = int(re.search(rb"content-length: (\d+)", head)[1])
        return await reader.readexactly(length)

    async def client(self, first, pause):
        """Asks for one path after the other."""
        paths = itertools.islice(itertools.cycle(PATHS), first % len(PATHS), None)
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port, limit=1 << 24)
        try:
            for path in paths:
                began = time.perf_counter()
                body = await self.ask(reader, writer, path)
                self.took.append((time.perf_counter() - began) * 1000)
                if path == "/api/figures":
                    self.figures.add(json.loads(body)["asked_at"])
                await asyncio.sleep(pause)
        except (OSError, asyncio.IncompleteReadError) as error:
            self.errors.append(f"client: {error!r}")
        finally:
            writer.close()

    async def tail(self, stands):
        """Follows the stream: each entry is the one after the last."""
        reader, writer = await asyncio.open_connection("127.0.0.1", self.port)
        last = None
        try:
            writer.write(f"GET /api/streams/{STREAM}/tail HTTP/1.1\r\nHost: localhost\r\n\r\n".encode())
            head = await reader.readuntil(b"\r\n\r\n")
            if not head.startswith(b"HTTP/1.1 200"):
                raise OSError(head.splitlines()[0].decode())
            stands.release()
            while line := await reader.readline():
                if line.startswith(b"event: ") and line.strip() != b"event: entry":
                    self.errors.append(f"tail: {line.decode().strip()}")
                if not line.startswith(b"data: {"):
                    continue
                number = int(json.loads(line[6:])["fields"]["n"])
                if last is not None and number != last + 1:
                    self.errors.append(f"tail: {number} after {last}")
                last = number
                self.entries += 1
            self.errors.append("tail: it ended")
        except (OSError, asyncio.IncompleteReadError) as error:
            self.errors.append(f"tail: {error!r}")
        finally:
            writer.close()


def calls(server):
    """How often each command was called, but for those of this script."""
    lines = server.call("INFO", "commandstats").decode().splitlines()
    found = dict(re.match(r"cmdstat_([^:]+):calls=(\d+)", line).groups() for line in lines if line.startswith("cmdstat_"))
    return {name: int(count) for name, count in found.items() if name not in ("info", "xadd")}


async def add(server, numbers):
    """Adds entries, at an even pace."""
    for number in numbers:
        fields = ["n", number, "event_id", f"e{number}", "brand_id", "b", "normalized_payload", '{"total":1.5}']
        server.call("XADD", STREAM, "MAXLEN", "~", 10_000, "*", *fields)
        await asyncio.sleep(1 / ADDED)


async def phase(server, serve, numbers, args, clients, tails, seconds):
    """So many look for so long: what they saw, the memory each second, and the calls of each command in a second."""
    load, stands, memory = Load(serve.port), asyncio.Semaphore(0), []
    tasks = [asyncio.create_task(add(server, numbers))]
    tasks += [asyncio.create_task(load.tail(stands)) for _ in range(tails)]
    for _ in range(tails):
        await asyncio.wait_for(stands.acquire(), 30)
    tasks += [asyncio.create_task(load.client(first, args.pause)) for first in range(clients)]
    await asyncio.sleep(1)
    before, began = calls(server), time.perf_counter()
    load.took.clear()
    while time.perf_counter() - began < seconds:
        memory.append(serve.resident())
        await asyncio.sleep(1)
    after, lasted = calls(server), time.perf_counter() - began
    over = [task for task in tasks if task.done()]
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    if over:
        load.errors.append(f"{len(over)} of {len(tasks)} ended early")
    rates = {name: (count - before.get(name, 0)) / lasted for name, count in after.items()}
    return load, memory, {name: rate for name, rate in rates.items() if rate > 0}, lasted


def show(name, load, memory, rates, lasted):
    """Prints what was seen, and returns the commands a second."""
    took = statistics.quantiles(load.took, n=100)
    total = sum(rates.values())
    print(f"{name}: {len(load.took) / lasted:,.0f} answers a second, {load.entries / lasted:,.0f} entries a second in tails, {len(load.figures)} looks seen")
    print(f"  answers in ms: p50 {took[49]:.2f}, p90 {took[89]:.2f}, p99 {took[98]:.2f}, longest {max(load.took):.2f}")
    print(f"  memory in KiB: begin {memory[0]:,}, middle {memory[len(memory) // 2]:,}, end {memory[-1]:,}, most {max(memory):,}")
    print(f"  Redis: {total:.2f} commands a second: " + ", ".join(f"{it} {rate:.2f}" for it, rate in sorted(rates.items())))
    print(f"  errors: {len(load.errors)}" + "".join(f"\n    {it}" for it in load.errors[:5]), flush=True)
    return total


async def measure(server, serve, args):
    numbers = itertools.count()
    alone = await phase(server, serve, numbers, args, 1, 1, args.alone)
    one = show("1 client, 1 tail", *alone)
    many = await phase(server, serve, numbers, args, args.clients, args.tails, args.seconds)
    all_ = show(f"{args.clients} clients, {args.tails} tails", *many)
    memory = many[1]
    grown = memory[-1] - memory[len(memory) // 2]
    print(f"Redis is asked {all_ / one:.3f} times as often; {grown:+,} KiB from the middle to the end")
    return not alone[0].errors and not many[0].errors and all_ / one <= ASKED_MAX and grown <= GROWN_MAX


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("binary")
    parser.add_argument("--clients", type=int, default=200)
    parser.add_argument("--tails", type=int, default=50)
    parser.add_argument("--seconds", type=float, default=60)
    parser.add_argument("--alone", type=float, default=20, help="how long the one client asks, in seconds")
    parser.add_argument("--pause", type=float, default=0.1, help="between an answer and the next question, in seconds")
    parser.add_argument("--every", default="500ms", help="how often serve looks")
    parser.add_argument("--server", default=shutil.which("redis-server") or shutil.which("valkey-server"))
    args = parser.parse_args()
    signal.signal(signal.SIGTERM, lambda *_: sys.exit(143))
    if not args.server:
        raise SystemExit("needs redis-server, or --server")
    binary = str(Path(args.binary).resolve())
    with tempfile.TemporaryDirectory(prefix="ucp-serve-") as directory:
        server = Server(args.server, directory, 512 << 20)
        try:
            serve = Serve(binary, directory, f"unix://{server.path}", args.every)
            try:
                is_well = asyncio.run(measure(server, serve, args))
            finally:
                code = serve.stop()
        finally:
            server.stop()
    if code != 0 or not is_well:
        raise SystemExit(f"not as it should be; serve ended with {code}")


if __name__ == "__main__":
    main()
