"""A publisher and consumer written with redis-py, as anyone would: one order (JSON) a line in, one answer a line out."""

import json
import sys

import redis

client = redis.Redis(unix_socket_path=sys.argv[1], decode_responses=True)


def answered(entries):
    return [[entry_id, list(fields.items())] for entry_id, fields in entries]


def publish(order):
    return [client.xadd(order["stream"], dict(fields)) for fields in order["entries"]]


def consume(order):
    stream, group = order["stream"], order["group"]
    streams = client.xreadgroup(group, order["consumer"], {stream: ">"}, count=order["count"])
    entries = streams[0][1] if streams else []
    if order["ack"]:
        for entry_id, _ in entries:
            client.xack(stream, group, entry_id)
    return answered(entries)


def take_over(order):
    stream, group = order["stream"], order["group"]
    _, entries, _ = client.xautoclaim(
        stream, group, order["consumer"], min_idle_time=0, count=order["count"]
    )
    for entry_id, _ in entries:
        client.xack(stream, group, entry_id)
    return answered(entries)


orders = {"publish": publish, "consume": consume, "take_over": take_over}
for line in sys.stdin:
    order = json.loads(line)
    print(json.dumps(orders[order["do"]](order)), flush=True)
