//! The pure part of the `features` handler: what one normalised event adds to the counters of its brand and its
//! profile. The worker writes the hashes, together with the acknowledgement.

use crate::model::{JsonText, Name, escaped};
use crate::topology::validate::{Invalid, ReadTimestamp, Rule, read_timestamp};

/// What one event adds to the counters.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeatureUpdate {
    /// The brand.
    pub brand: String,
    /// The profile, when the event has one.
    pub profile: Option<String>,
    /// The event's type.
    pub event_type: String,
    /// A purchase's total as a decimal number without exponent; `None` when there is none to add.
    pub purchase_total: Option<String>,
    /// A description of a purchase's total that cannot be added.
    pub uncountable: Option<String>,
    /// The time of the event: RFC 3339 in UTC, always 24 bytes, so that comparing the texts compares the times.
    pub timestamp: String,
}

impl FeatureUpdate {
    /// Reads a normalised event.
    ///
    /// # Errors
    /// The first field that is missing or not valid. Another attempt would not help.
    pub fn of<N: AsRef<[u8]>, V: AsRef<[u8]>>(event: &[(N, V)]) -> Result<Self, Invalid> {
        let event_type = text(event, "event_type")?.to_owned();
        let total = if event_type == "purchase" {
            total(text(event, "normalized_payload")?)
        } else {
            Ok(None)
        };
        let (purchase_total, uncountable) = match total {
            Ok(total) => (total, None),
            Err(why) => (None, Some(why)),
        };
        Ok(Self {
            brand: text(event, "brand_id")?.to_owned(),
            profile: optional_text(event, "profile_id")?.map(str::to_owned),
            timestamp: timestamp(text(event, "timestamp")?)?,
            event_type,
            purchase_total,
            uncountable,
        })
    }

    /// The hashes to add to: `{S}:features:<brand>`, and `{S}:features:<brand>:<profile>` when there is a profile. In
    /// the brand, `:` is written `%3A` and `%` is written `%25`, so that the brand ends at its first `:` and no brand
    /// has the key of another brand's profile.
    pub fn keys(&self, stream: &Name) -> (Name, Option<Name>) {
        let brand = self.brand.replace('%', "%25").replace(':', "%3A");
        let brand = format!(":features:{brand}");
        let profile = self
            .profile
            .as_ref()
            .map(|profile| stream.derived(format!("{brand}:{profile}")));
        (stream.derived(&brand), profile)
    }
}

fn optional_text<'e, N: AsRef<[u8]>, V: AsRef<[u8]>>(
    event: &'e [(N, V)],
    name: &str,
) -> Result<Option<&'e str>, Invalid> {
    let field = event.iter().find(|(it, _)| it.as_ref() == name.as_bytes());
    let Some((_, value)) = field else {
        return Ok(None);
    };
    let value = value.as_ref();
    match std::str::from_utf8(value) {
        Ok(text) => Ok(Some(text).filter(|text| !text.is_empty())),
        Err(_) => Err(Invalid::of_value(name.as_bytes(), value, Rule::NotText)),
    }
}

fn text<'e, N: AsRef<[u8]>, V: AsRef<[u8]>>(
    event: &'e [(N, V)],
    name: &str,
) -> Result<&'e str, Invalid> {
    optional_text(event, name)?.ok_or_else(|| Invalid::new(name.as_bytes(), Rule::Missing))
}

fn timestamp(given: &str) -> Result<String, Invalid> {
    let mut written = match read_timestamp(given.as_bytes()) {
        Some(ReadTimestamp::AsWritten) => given.to_owned(),
        Some(ReadTimestamp::Rewritten(text) | ReadTimestamp::WithoutOffset(text)) => text,
        None => {
            let rule = Rule::NotTimestamp;
            return Err(Invalid::of_value(b"timestamp", given.as_bytes(), rule));
        }
    };
    written.truncate("0000-00-00T00:00:00.000".len());
    written.push('Z');
    Ok(written)
}

/// The payload's `total`: a number, or a string that is one; `None` when there is none.
///
/// # Errors
/// Why the total cannot be added, in words.
fn total(payload: &str) -> Result<Option<String>, String> {
    let raw = match JsonText::at(payload.as_bytes(), [&b"total"[..]]) {
        Ok(Some(raw)) => raw,
        Ok(None) => return Ok(None),
        Err(why) => {
            return Err(format!(
                "the total of a purchase: normalized_payload is {why}"
            ));
        }
    };
    let shown = raw.shown();
    let is_text = raw.string().is_some();
    if !is_text && *shown == *b"null" {
        return Ok(None);
    }
    let text = std::str::from_utf8(&shown).unwrap_or_default();
    let readable = || {
        format!(
            "the total `{}` of a purchase",
            escaped(&shown[..shown.len().min(SHOWN_MAX)])
        )
    };
    match decimal(text) {
        Ok(decimal) => Ok(Some(decimal)),
        Err(why) => Err(format!("{} {why}", readable())),
    }
}

/// How many bytes of a total are shown when it cannot be added.
const SHOWN_MAX: usize = 64;
/// Sums beyond this are not exact to the cent in the server's floating-point numbers.
const TOTAL_MAX: f64 = 1e15;
/// More digits than this have no meaning in a total of that size.
const TOTAL_BYTES_MAX: usize = 40;

/// A JSON number, which may stand between spaces, in the form that the server's `HINCRBYFLOAT` accepts, with its
/// original digits.
fn decimal(text: &str) -> Result<String, &'static str> {
    let text = text.trim();
    let number: f64 = serde_json::from_str(text).map_err(|_| "is not a number")?;
    if number.abs() > TOTAL_MAX {
        return Err("is greater than 10^15, and sums beyond that are not exact to the cent");
    }
    if !text.contains(['e', 'E']) && text.len() <= TOTAL_BYTES_MAX {
        return Ok(text.to_owned());
    }
    let written = number.to_string();
    if written.len() <= TOTAL_BYTES_MAX {
        Ok(written)
    } else {
        Err("has too many digits")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    fn event(kind: &str, payload: &str, profile: &str) -> Vec<(&'static str, String)> {
        vec![
            ("brand_id", "b".to_owned()),
            ("event_type", kind.to_owned()),
            ("profile_id", profile.to_owned()),
            ("normalized_payload", payload.to_owned()),
            ("timestamp", "2024-12-01T10:00:00.123456Z".to_owned()),
        ]
    }

    #[test]
    fn a_purchase_adds_its_total_or_says_why_not() {
        let of = |payload: &str| {
            let update = FeatureUpdate::of(&event("purchase", payload, "")).expect("readable");
            (update.purchase_total, update.uncountable)
        };
        for (payload, expected) in [
            (r#"{"total":99.90}"#, Some("99.90")),
            (r#"{"total":" 12.5 "}"#, Some("12.5")),
            (r#"{"total":-3}"#, Some("-3")),
            (r#"{"total":1.5e2}"#, Some("150")),
            (r#"{"total":5,"total":6}"#, Some("6")),
            (
                r#"{"total":5,"\ud83d":1,"x":"\ud83d","y":1e400}"#,
                Some("5"),
            ),
            (r#"{"total":null}"#, None),
            ("{}", None),
            ("[]", None),
        ] {
            assert_eq!(
                of(payload),
                (expected.map(str::to_owned), None),
                "{payload}"
            );
        }
        for (payload, why) in [
            (
                r#"{"total":1e16}"#,
                "the total `1e16` of a purchase is greater than 10^15",
            ),
            (
                r#"{"total":"1,50"}"#,
                "the total `1,50` of a purchase is not a number",
            ),
            (r#"{"total":"NaN"}"#, "`NaN`"),
            (r#"{"total":""}"#, "is not a number"),
            (r#"{"total":"null"}"#, "is not a number"),
            (r#"{"total":[1]}"#, "`[1]`"),
            (r#"{"total":1e400}"#, "`1e400`"),
            (r#"{"total":5"#, "not JSON at byte"),
        ] {
            let (total, uncountable) = of(payload);
            assert_eq!(total, None, "{payload}");
            let said = uncountable.expect(payload);
            assert!(said.contains(why), "{payload}: {said}");
        }
        let view = FeatureUpdate::of(&event("page_view", r#"{"total":5}"#, "")).expect("readable");
        assert_eq!(view.purchase_total, None);
    }

    #[test]
    fn keys_share_the_streams_slot() {
        let stream = Name::from("events.normalized");
        let update = FeatureUpdate::of(&event("page_view", "{}", "p")).expect("readable");
        let (brand, profile) = update.keys(&stream);
        assert_eq!(brand, "{events.normalized}:features:b");
        assert_eq!(
            profile.expect("has one"),
            "{events.normalized}:features:b:p"
        );
        assert_eq!(update.timestamp, "2024-12-01T10:00:00.123Z");
        let nobody = FeatureUpdate::of(&event("page_view", "{}", "")).expect("readable");
        assert_eq!(nobody.keys(&stream).1, None);
    }

    #[test]
    fn no_two_hashes_share_a_key() {
        let brands = ["a", "a:p", "a%3Ap", "a%253Ap", "a:", "a%", ":a", "a:p:p"];
        let profiles = ["", "p", "p:p", ":p", "%3Ap"];
        let mut keys = std::collections::BTreeMap::new();
        for brand in brands {
            for profile in profiles {
                let mut event = event("page_view", "{}", profile);
                event[0].1 = brand.to_owned();
                let update = FeatureUpdate::of(&event).expect("readable");
                let (of_brand, of_profile) = update.keys(&"s".into());
                keys.insert((brand, ""), of_brand);
                if let Some(key) = of_profile {
                    keys.insert((brand, profile), key);
                }
            }
        }
        let distinct: std::collections::BTreeSet<_> = keys.values().collect();
        assert_eq!(distinct.len(), brands.len() * profiles.len());
    }

    #[test]
    fn what_is_missing_or_wrong_is_named() {
        let error = FeatureUpdate::of(&[("brand_id", "b")]).expect_err("no type");
        assert_eq!(error.to_string(), "event_type: is missing");
        let mut late = event("page_view", "{}", "");
        late[4].1 = "late".to_owned();
        let error = FeatureUpdate::of(&late).expect_err("no moment");
        assert_eq!(error.rule, Rule::NotTimestamp);
    }

    #[test]
    fn the_server_gets_no_space_around_a_total() {
        assert_eq!(decimal("0 ").as_deref(), Ok("0"));
        assert_eq!(decimal("\t-1.50\n").as_deref(), Ok("-1.50"));
    }

    proptest! {
        #[test]
        fn totals_are_plain_decimals(number in any::<f64>(), payload in any::<String>()) {
            for text in [number.to_string(), format!("{number:e}"), payload] {
                if let Ok(decimal) = decimal(&text) {
                    prop_assert!(decimal.bytes().all(|byte| byte.is_ascii_digit() || matches!(byte, b'-' | b'.')));
                    prop_assert!(decimal.len() <= TOTAL_BYTES_MAX);
                }
            }
        }
    }
}
