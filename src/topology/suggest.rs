//! The nearest known name to a mistyped one.

/// The candidate nearest to `given`, when it is near enough to be what was meant.
pub fn nearest<'a, I>(given: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    candidates
        .into_iter()
        .map(|candidate| (likeness(given, candidate), candidate))
        .filter(|(score, _)| *score >= NEAR_ENOUGH)
        .max_by(|(a, _), (b, _)| a.total_cmp(b))
        .map(|(_, candidate)| candidate)
}

/// Below this a suggestion is noise (`payload` is not what `total` meant).
const NEAR_ENOUGH: f64 = 0.75;

/// Names are short; a long one is not compared at all, for the comparison is quadratic.
const COMPARED_MAX: usize = 200;

fn likeness(given: &str, candidate: &str) -> f64 {
    if given.len() > COMPARED_MAX || candidate.len() > COMPARED_MAX {
        return 0.0;
    }
    strsim::jaro_winkler(&given.to_lowercase(), &candidate.to_lowercase())
}

/// `, did you mean `x`?`, or nothing: to be put after a message.
pub fn did_you_mean(nearest: Option<&str>) -> String {
    nearest.map_or_else(String::new, |name| {
        format!(
            ", did you mean `{}`?",
            crate::model::escaped(name.as_bytes())
        )
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn finds_the_mistyped_and_only_that() {
        let fields = ["event_id", "brand_id", "event_type", "payload", "timestamp"];
        for (given, expected) in [
            ("evnt_type", Some("event_type")),
            ("brandid", Some("brand_id")),
            ("timestmap", Some("timestamp")),
            ("Payload", Some("payload")),
            ("zzz", None),
            ("", None),
        ] {
            assert_eq!(nearest(given, fields), expected, "{given}");
        }
    }
}
