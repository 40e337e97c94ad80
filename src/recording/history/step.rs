//! How much time is drawn together into a row.

use super::Wanted;

const SECOND_MS: u64 = 1000;
const MINUTE_MS: u64 = 60 * SECOND_MS;
const HOUR_MS: u64 = 60 * MINUTE_MS;

/// The steps that people count in.
const STEPS_MS: [u64; 19] = [
    SECOND_MS,
    2 * SECOND_MS,
    5 * SECOND_MS,
    10 * SECOND_MS,
    15 * SECOND_MS,
    30 * SECOND_MS,
    MINUTE_MS,
    2 * MINUTE_MS,
    5 * MINUTE_MS,
    10 * MINUTE_MS,
    15 * MINUTE_MS,
    30 * MINUTE_MS,
    HOUR_MS,
    2 * HOUR_MS,
    3 * HOUR_MS,
    6 * HOUR_MS,
    12 * HOUR_MS,
    24 * HOUR_MS,
    7 * 24 * HOUR_MS,
];

/// The least of the steps with which there are not more rows than wanted.
pub(super) fn step_ms(wanted: &Wanted) -> u64 {
    let span_ms = wanted.to.ms.saturating_sub(wanted.from.ms) + 1;
    // A time can begin and end within a step.
    let rows = (wanted.rows_max as u64).saturating_sub(1).max(1);
    let least = span_ms.div_ceil(rows);
    let fitting = STEPS_MS.into_iter().find(|it| *it >= least);
    fitting.unwrap_or(least)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Time;

    #[test]
    fn steps_are_round_and_rows_are_bounded() {
        for (span_ms, rows_max, expected) in [
            (HOUR_MS, 61, 2 * MINUTE_MS),
            (HOUR_MS - 1, 61, MINUTE_MS),
            (6 * HOUR_MS, 200, 2 * MINUTE_MS),
            (7 * 24 * HOUR_MS, 200, HOUR_MS),
            (1, 1, SECOND_MS),
        ] {
            let wanted = Wanted {
                from: Time::from_ms(5 * HOUR_MS),
                to: Time::from_ms(5 * HOUR_MS + span_ms),
                name: None,
                stream: None,
                rows_max,
                deadline: None,
            };
            assert_eq!(step_ms(&wanted), expected, "{span_ms} in {rows_max}");
        }
    }
}
