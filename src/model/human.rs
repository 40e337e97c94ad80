//! Numbers for people: `12,345`, `3m 20s`, `1.2 MiB`. Scripts get the raw numbers.

use super::with_commas;

/// A count with a comma between thousands.
pub fn human_count(count: u64) -> String {
    with_commas(count)
}

/// Milliseconds in their two greatest units, rounded down, so that the result is never more than the time that has
/// passed.
pub fn human_millis(ms: u64) -> String {
    let (seconds, minutes, hours, days) = (ms / 1000, ms / 60_000, ms / 3_600_000, ms / 86_400_000);
    let pair = |great: u64, unit: &str, small: u64, small_unit: &str| match small {
        0 => format!("{great}{unit}"),
        _ => format!("{great}{unit} {small}{small_unit}"),
    };
    match ms {
        0..1000 => format!("{ms}ms"),
        1000..10_000 if ms % 1000 >= 100 => format!("{seconds}.{}s", ms % 1000 / 100),
        1000..60_000 => format!("{seconds}s"),
        60_000..3_600_000 => pair(minutes, "m", seconds % 60, "s"),
        3_600_000..86_400_000 => pair(hours, "h", minutes % 60, "m"),
        _ => pair(days, "d", hours % 24, "h"),
    }
}

/// Bytes in binary units with one decimal, rounded down.
pub fn human_bytes(bytes: u64) -> String {
    const UNITS: [&str; 6] = ["KiB", "MiB", "GiB", "TiB", "PiB", "EiB"];
    if bytes < 1024 {
        return format!("{bytes} B");
    }
    let power = bytes.ilog2() / 10;
    let unit = 1_u128 << (power * 10);
    let tenths = u128::from(bytes) * 10 / unit;
    let name = UNITS.get(power as usize - 1).copied().unwrap_or("EiB");
    format!("{}.{} {name}", tenths / 10, tenths % 10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn counts() {
        for (count, text) in [
            (0, "0"),
            (999, "999"),
            (1000, "1,000"),
            (12_345, "12,345"),
            (1_234_567, "1,234,567"),
            (u64::MAX, "18,446,744,073,709,551,615"),
        ] {
            assert_eq!(human_count(count), text);
        }
    }

    #[test]
    fn durations() {
        for (ms, text) in [
            (0, "0ms"),
            (999, "999ms"),
            (1000, "1s"),
            (3299, "3.2s"),
            (45_999, "45s"),
            (200_000, "3m 20s"),
            (300_000, "5m"),
            (7_530_000, "2h 5m"),
            (273_600_000, "3d 4h"),
            (u64::MAX, "213503982334d 14h"),
        ] {
            assert_eq!(human_millis(ms), text);
        }
    }

    #[test]
    fn sizes() {
        for (bytes, text) in [
            (0, "0 B"),
            (1023, "1023 B"),
            (1024, "1.0 KiB"),
            (1_300_000, "1.2 MiB"),
            (u64::MAX, "15.9 EiB"),
        ] {
            assert_eq!(human_bytes(bytes), text);
        }
    }
}
