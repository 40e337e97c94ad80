//! Thresholds as arguments: `1000`, `100,1000` or `off`.

use crate::model::parse_duration;
use crate::topology::{Measure, Threshold};

/// The threshold that an option gives; `None` when it is `off`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stages(pub Option<Threshold>);

/// The parser of the WARNING and CRITICAL values of `measure`.
pub fn stages(measure: Measure) -> impl Fn(&str) -> Result<Stages, String> + Clone + Send + Sync {
    move |text| read(measure, text)
}

fn read(measure: Measure, text: &str) -> Result<Stages, String> {
    if text == "off" {
        return Ok(Stages(None));
    }
    let Some((warning, critical)) = text.split_once(',') else {
        return Ok(Stages(Some(Threshold::critical(value(measure, text)?))));
    };
    let (warning, critical) = (value(measure, warning)?, value(measure, critical)?);
    let (is_reversed, less) = if measure.is_least() {
        (warning < critical, "less")
    } else {
        (warning > critical, "more")
    };
    if is_reversed {
        return Err(format!(
            "the first value is for WARNING, and must not be {less} than the second, for CRITICAL"
        ));
    }
    Ok(Stages(Some(Threshold::staged(warning, critical))))
}

fn value(measure: Measure, text: &str) -> Result<u64, String> {
    if measure.is_time() {
        let length = parse_duration(text).map_err(|error| error.to_string())?;
        return Ok(crate::model::whole_ms(length));
    }
    text.parse()
        .map_err(|_| format!("`{text}` is not a number (expected N, WARNING,CRITICAL or off)"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_value_is_critical_and_two_are_stages() {
        let staged = |warning, critical| Ok(Stages(Some(Threshold::staged(warning, critical))));
        for (measure, text, expected) in [
            (
                Measure::MaxLag,
                "1000",
                Ok(Stages(Some(Threshold::critical(1000)))),
            ),
            (Measure::MaxLag, "10,1000", staged(10, 1000)),
            (Measure::MaxIdle, "1m,5m", staged(60_000, 300_000)),
            (Measure::MinRoom, "1h,10m", staged(3_600_000, 600_000)),
            (Measure::MaxAge, "off", Ok(Stages(None))),
        ] {
            assert_eq!(read(measure, text), expected, "{text}");
        }
        for (measure, text, fault) in [
            (Measure::MaxLag, "10,5", "must not be more"),
            (Measure::MinLive, "1,2", "must not be less"),
            (Measure::MaxLag, "abc", "`abc` is not a number"),
            (Measure::MaxLag, "-1", "not a number"),
            (Measure::MaxLag, "1,", "`` is not a number"),
            (Measure::MaxIdle, "5", "5"),
            (Measure::MaxIdle, "1m,2m,3m", "2m,3m"),
        ] {
            let said = read(measure, text).expect_err(text);
            assert!(said.contains(fault), "{text}: {said}");
        }
    }
}
