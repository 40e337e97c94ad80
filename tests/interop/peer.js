// A publisher and consumer written with ioredis, as anyone would: one order (JSON) a line in, one answer a line out.
"use strict";

const readline = require("node:readline");
const Redis = require("ioredis");

const client = new Redis(process.argv[2]);

function answered(entries) {
  return entries.map(([id, flat]) => {
    const fields = [];
    for (let at = 0; at < flat.length; at += 2) fields.push([flat[at], flat[at + 1]]);
    return [id, fields];
  });
}

async function acknowledge({ stream, group }, entries) {
  for (const [id] of entries) await client.xack(stream, group, id);
}

const orders = {
  async publish({ stream, entries }) {
    const ids = [];
    for (const fields of entries) ids.push(await client.xadd(stream, "*", ...fields.flat()));
    return ids;
  },

  async consume(order) {
    const { stream, group, consumer, count } = order;
    const streams = await client.xreadgroup(
      "GROUP", group, consumer, "COUNT", count, "STREAMS", stream, ">");
    const entries = streams ? streams[0][1] : [];
    if (order.ack) await acknowledge(order, entries);
    return answered(entries);
  },

  async take_over(order) {
    const { stream, group, consumer, count } = order;
    const [, entries] = await client.xautoclaim(stream, group, consumer, 0, "0", "COUNT", count);
    await acknowledge(order, entries);
    return answered(entries);
  },
};

async function main() {
  for await (const line of readline.createInterface({ input: process.stdin })) {
    const order = JSON.parse(line);
    console.log(JSON.stringify(await orders[order.do](order)));
  }
  client.disconnect();
}

main();
