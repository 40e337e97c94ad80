//! The nearest known name to a mistyped one.

/// The candidate nearest to `given`, if it is near enough to be what was meant.
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

/// A suggestion that is less similar than this does not help: `payload` is no suggestion for `total`.
const NEAR_ENOUGH: f64 = 0.75;

/// The candidate from which `given` differs only by a typing mistake; `None` if `given` is itself a candidate. This
/// is stricter than [`nearest`], because `given` may well be correct.
pub fn mistyped<'a, I>(given: &str, candidates: I) -> Option<&'a str>
where
    I: IntoIterator<Item = &'a str>,
{
    if given.len() > COMPARED_MAX {
        return None;
    }
    let typed = given.to_lowercase();
    let slips_max = (typed.chars().count() / LETTERS_PER_SLIP).clamp(1, SLIPS_MAX);
    let slips = |candidate: &'a str| {
        let slips = strsim::damerau_levenshtein(&typed, &candidate.to_lowercase());
        (slips, candidate)
    };
    let found = candidates.into_iter().map(slips).min()?;
    (found.0 <= slips_max && found.1 != given).then_some(found.1)
}

/// A wrong, missing, additional or swapped letter counts as one mistake; a short name may have one at most.
const LETTERS_PER_SLIP: usize = 6;
const SLIPS_MAX: usize = 2;

/// A longer name is not compared at all, because the cost of a comparison is quadratic.
const COMPARED_MAX: usize = 200;

fn likeness(given: &str, candidate: &str) -> f64 {
    if given.len() > COMPARED_MAX || candidate.len() > COMPARED_MAX {
        return 0.0;
    }
    strsim::jaro_winkler(&given.to_lowercase(), &candidate.to_lowercase())
}

/// `, did you mean `x`?`, or nothing, for appending to a message.
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
    fn a_slip_is_told_from_another_name() {
        let names = ["events.raw", "predictions.requests", "merge-request"];
        for (given, expected) in [
            ("events.rw", Some("events.raw")),
            ("event.raw", Some("events.raw")),
            ("Events.Raw", Some("events.raw")),
            ("merge-requests", Some("merge-request")),
            ("predcitions.request", Some("predictions.requests")),
            ("events.raw", None),
            ("events.audit", None),
            ("predictions.results", None),
            ("events", None),
            ("orders", None),
            ("", None),
        ] {
            assert_eq!(mistyped(given, names), expected, "{given}");
        }
    }

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
