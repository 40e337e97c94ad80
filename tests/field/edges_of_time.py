"""Moments, durations and positions at their edges, each with what it means: (text, meaning, whether it must be accepted).

The meaning is null where the text must be refused. Printed as JSON, the same at each run.
"""

import json
import random
from datetime import date, datetime, timedelta, timezone
from zoneinfo import ZoneInfo

EPOCH = datetime(1970, 1, 1, tzinfo=timezone.utc)
MS = timedelta(milliseconds=1)
FIRST = (datetime(1, 1, 1, tzinfo=timezone.utc) - EPOCH) // MS
LAST = (datetime(9999, 12, 31, 23, 59, 59, 999_999, tzinfo=timezone.utc) - EPOCH) // MS
MOST = 2**64 - 1
chance = random.Random(7)


def ms_of(moment):
    return (moment - EPOCH) // MS


def canonical(ms):
    moment = EPOCH + ms * MS
    return f"{moment:%Y-%m-%dT%H:%M:%S}".rjust(19, "0") + f".{moment.microsecond // 1000:03}Z"


# Moments around which something happens: the epoch, the first and the last day, leap days, ends of months, changes of
# summer time, and where seconds become milliseconds.
EDGES = [
    datetime(*parts, tzinfo=timezone.utc)
    for parts in [
        (1, 1, 2), (1582, 10, 15), (1900, 3, 1), (1969, 12, 31, 23, 59, 59), (1970, 1, 1), (1973, 3, 3, 9, 46, 40),
        (2000, 2, 29), (2001, 9, 9, 1, 46, 40), (2023, 12, 31, 23, 59, 59), (2024, 2, 29, 12), (2024, 3, 1),
        (2026, 3, 29, 1), (2026, 10, 25, 1), (2038, 1, 19, 3, 14, 8), (2100, 2, 28, 23, 59, 59), (5138, 11, 16, 9, 46, 40),
        (9999, 12, 30, 23, 59, 59),
    ]
]
OFFSETS = [0, 1, -1, 59, -59, 60, 330, -210, 840, 1439, -1439]
ZONES = ["Europe/Berlin", "America/New_York", "Asia/Kolkata", "Australia/Lord_Howe", "UTC"]


def near_an_edge():
    edge = chance.choice(EDGES)
    by = chance.choice([0, 1, -1, 999, -999, 1000, -1000, 3_600_000, -3_600_000, chance.randint(-86_400_000, 86_400_000)])
    return edge + by * MS


def written(local, offset, digits):
    fraction = f"{local.microsecond:06}000"[:digits]
    text = f"{local.year:04}-{local:%m-%dT%H:%M:%S}" + (f".{fraction}" if digits else "")
    if offset is None:
        return text
    sign = "-" if offset < 0 else "+"
    return text + f"{sign}{abs(offset) // 60:02}:{abs(offset) % 60:02}"


def moment():
    """RFC 3339, sometimes with a zone, sometimes with a mistake in it."""
    kind = chance.randrange(10)
    if kind < 6:
        offset, digits = chance.choice(OFFSETS), chance.choice([0, 1, 3, 6, 9])
        local = near_an_edge().replace(tzinfo=None)
        text = written(local, offset, digits)
        shown = local.replace(microsecond=int(f"{local.microsecond:06}"[: min(digits, 6)].ljust(6, "0")) if digits else 0)
        ms = ms_of(shown.replace(tzinfo=timezone.utc)) - offset * 60_000
        if ms < FIRST:
            # Of the year 0, which this calendar does not have.
            return moment()
        if offset == 0 and chance.random() < 0.7:
            text = text.replace("+00:00", chance.choice("Zz"))
        return (text, ms, True) if ms <= LAST else (text, None, False)
    if kind < 8:
        zone = ZoneInfo(chance.choice(ZONES))
        instant = near_an_edge()
        while not 1970 <= instant.year <= 2037:
            instant = near_an_edge()
        instant = instant.replace(microsecond=0)
        local = instant.astimezone(zone)
        minutes = local.utcoffset() // timedelta(minutes=1)
        if chance.random() < 0.7:
            return written(local, minutes, 0) + f"[{zone.key}]", ms_of(instant), True
        other = minutes + chance.choice([60, -60, 1, 720])
        # In the hour that comes twice the other offset is the other of its two moments.
        meant = ms_of(local.replace(tzinfo=timezone.utc)) - other * 60_000
        agrees = (EPOCH + meant * MS).astimezone(zone).utcoffset() == timedelta(minutes=other)
        return written(local, other, 0) + f"[{zone.key}]", meant if agrees else None, agrees
    day = f"{chance.randint(1, 9999):04}"
    wrong = chance.choice([
        f"{day}-13-01T00:00:00Z", f"{day}-00-10T00:00:00Z", f"{day}-04-31T00:00:00Z", f"{day}-02-30T00:00:00Z",
        "2023-02-29T00:00:00Z", "1900-02-29T00:00:00Z", f"{day}-01-01T24:00:01Z", f"{day}-01-01T25:00:00Z",
        f"{day}-01-01T00:60:00Z", f"{day}-01-01T00:00:61Z", f"{day}-01-01T00:00:00+24:00", f"{day}-01-01T00:00:00+99:00",
        f"{day}-01-01T00:00:00-24:00", f"{day}-01-01T00:00:00+00:60", f"{day}-01-01T00:00:00[Nowhere/Town]",
        f"{day}-01-01T00:00:00Z junk", f"{day}-1-1T00:00:00Z", f"{day}-01-01T0:00:00Z", f"{day}-01-01T00:00:00.Z",
        f"1{day}-01-01T00:00:00Z", f"{day}-01-01 T00:00:00Z", f"{day}-01-01T00:00:00+1:00", f"{day}-01-01T-1:00:00Z",
        f"{day}/01/01T00:00:00Z", f"{day}-01-01T00:00:00.1234567891Z", f"{day}-01-01T00.00.00Z", "0000-00-00T00:00:00Z", "2016-12-31T12:00:60Z",
        "2016-12-30T23:59:60Z", "2016-12-31T23:59:60+01:00", "2016-12-31T23:59:60[Europe/Berlin]", "20161231T120060.5Z",
    ])
    return wrong, None, False


UNITS = [("w", 604_800_000), ("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)]


def duration():
    """Whole numbers with units, the greatest first; near what 64 bits hold, and with mistakes."""
    if chance.random() < 0.6:
        chosen = sorted(chance.sample(range(6), chance.randint(1, 4)))
        text, total = "", 0
        for at in chosen:
            unit, ms = UNITS[at]
            number = chance.choice([0, 1, 59, 60, 999, 1000, MOST // ms, MOST // ms + 1, MOST, 10**20])
            if len(chosen) > 1 and chance.random() < 0.7:
                number = chance.randint(0, 5000)
            text, total = text + f"{number}{unit}", total + number * ms
        return text, total if total <= MOST else None, total <= MOST
    wrong = chance.choice([
        "1", "-5m", "+5m", "1.5h", "5 m", " 5m", "5m ", "5M", "5min", "m", "5m5m", "5s1m", "1ms1s", "", "0x5m", "5e3s", "1_0s",
        "\u0665m", "5\u03bcs", "5us", "1y", "5mm", "5m5", "inf", "5,5s", "1h-5m", "--5m", "99999999999999999999",
    ])
    return wrong, None, False


# The entries of the stream that positions are looked up in.
IDS = sorted(
    {
        (ms, seq)
        for edge in [0, 1, 999, 1000, 10**11 - 1, 10**11, 99_999_999_999_000, 1_700_000_000_000, 253_402_300_799_999, 2**63, MOST]
        for ms in [edge - 1, edge, edge + 1]
        if 0 <= ms <= MOST
        for seq in [1, 5, MOST]
        if (ms, seq) < (MOST, MOST)
    }
)


def position():
    """A position, and how many entries are at it or behind it."""
    kind = chance.randrange(5)
    ms, seq = chance.choice(IDS)
    ms, seq = max(0, min(MOST, ms + chance.choice([-1, 0, 1]))), max(0, min(MOST, seq + chance.choice([-1, 0, 1])))
    place, certain = None, True
    if kind == 0:
        text, place = f"{ms}-{seq}", (ms, seq)
        if chance.random() < 0.2:
            text, certain = f"0{ms}-00{seq}", False
    elif kind == 1:
        text, place = str(ms), (ms * 1000 if ms < 10**11 else ms, 0)
    elif kind == 2:
        meant = None
        while meant is None or meant < 0:
            text, meant, certain = moment()
        place = (meant, 0)
    elif kind == 3:
        count = chance.choice([0, 1, 2, len(IDS) - 1, len(IDS), len(IDS) + 1, 10**6, MOST])
        return f"-{count}", min(count, len(IDS)), True
    else:
        return chance.choice([
            f"{MOST + 1}-0", f"0-{MOST + 1}", f"{MOST + 1}", f"-{MOST + 1}", "1-", "-1-1", "1-1-1", "1- 1", "+1", "1-+1", "0x1", "1.0",
            "1-x", "1969-12-31T23:59:59.999Z", "1970-01-01T00:00:00", "1970-01-01", "1970-01-01T01:00:00+01:01", "now", "", "\u0661-1",
            "1e3", "1-1\n", "--", "1970-02-30T00:00:00Z",
        ]), None, False
    return text, sum(it >= place for it in IDS), certain


def many(make, count):
    """So many different ones."""
    found = {}
    while len(found) < count:
        text, meaning, certain = make()
        found[text] = (text, meaning, certain)
    return list(found.values())


moments = [(text, ms if ms is None else canonical(ms), certain) for text, ms, certain in many(moment, 300)]
print(json.dumps({
    "moments": moments,
    "durations": many(duration, 300),
    "positions": many(position, 300),
    "ids": [f"{ms}-{seq}" for ms, seq in IDS],
}))
