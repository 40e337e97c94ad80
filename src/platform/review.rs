//! The pure part of the `review-queue` handler: where a merge request goes.

use super::{MERGES, REVIEW_QUEUE};
use crate::topology::validate::{Invalid, Rule};

/// The stream that a merge request is forwarded to: the review queue when it requires manual review, otherwise the
/// merges.
///
/// # Errors
/// When `requires_manual_review` is missing, or neither `true` nor `false`; no default is assumed.
pub fn merge_route<N: AsRef<[u8]>, V: AsRef<[u8]>>(
    request: &[(N, V)],
) -> Result<&'static str, Invalid> {
    const FIELD: &[u8] = b"requires_manual_review";
    let (_, value) = request
        .iter()
        .find(|(name, _)| name.as_ref() == FIELD)
        .ok_or_else(|| Invalid::new(FIELD, Rule::Missing))?;
    match value.as_ref() {
        b"true" => Ok(REVIEW_QUEUE),
        b"false" => Ok(MERGES),
        other => Err(Invalid::of_value(FIELD, other, Rule::NotBool)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_decides_and_nothing_else_does() {
        let route = |value: &'static str| merge_route(&[("requires_manual_review", value)]);
        assert_eq!(route("true"), Ok("profiles.review_queue"));
        assert_eq!(route("false"), Ok("profiles.merges"));
        assert_eq!(
            route("yes").map_err(|it| it.to_string()),
            Err("requires_manual_review: must be true or false (is `yes`)".to_owned())
        );
        let none: [(&str, &str); 0] = [];
        assert!(merge_route(&none).is_err());
    }
}
