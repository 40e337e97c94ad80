//! Telephone numbers: in international form (E.164) if the country is known, otherwise as digits.

use std::fmt;

use serde::{Serialize, Serializer};

/// How a country's numbers are dialled.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Country {
    /// The calling code, digits only.
    calling_code: String,
    /// The prefix of a national number inside the country, which is not part of the international form.
    trunk: &'static str,
    /// The prefix of a call abroad.
    international: &'static str,
}

/// Country, calling code, trunk prefix, international prefix (empty is `00`).
/// Source: ITU-T E.164 and the ITU's list of dialling procedures. Where a trunk prefix is empty, a
/// leading 0 belongs to the number (Italy) or does not occur.
#[rustfmt::skip]
const COUNTRIES: [(&str, &str, &str, &str); 50] = [
    ("US", "1", "1", "011"), ("CA", "1", "1", "011"), ("RU", "7", "8", "810"), ("KZ", "7", "8", "810"),
    ("EG", "20", "0", ""), ("ZA", "27", "0", ""), ("GR", "30", "", ""), ("NL", "31", "0", ""),
    ("BE", "32", "0", ""), ("FR", "33", "0", ""), ("ES", "34", "", ""), ("HU", "36", "06", ""),
    ("IT", "39", "", ""), ("RO", "40", "0", ""), ("CH", "41", "0", ""), ("AT", "43", "0", ""),
    ("GB", "44", "0", ""), ("DK", "45", "", ""), ("SE", "46", "0", ""), ("NO", "47", "", ""),
    ("PL", "48", "", ""), ("DE", "49", "0", ""), ("MX", "52", "", ""), ("AR", "54", "0", ""),
    ("BR", "55", "0", ""), ("CO", "57", "", ""), ("MY", "60", "0", ""), ("AU", "61", "0", "0011"),
    ("ID", "62", "0", ""), ("PH", "63", "0", ""), ("NZ", "64", "0", ""), ("SG", "65", "", ""),
    ("TH", "66", "0", ""), ("JP", "81", "0", "010"), ("KR", "82", "0", ""), ("VN", "84", "0", ""),
    ("CN", "86", "0", ""), ("TR", "90", "0", ""), ("IN", "91", "0", ""), ("PK", "92", "0", ""),
    ("MA", "212", "0", ""), ("NG", "234", "0", ""), ("KE", "254", "0", "000"), ("PT", "351", "", ""),
    ("IE", "353", "0", ""), ("FI", "358", "0", ""), ("UA", "380", "0", ""), ("CZ", "420", "", ""),
    ("SA", "966", "0", ""), ("AE", "971", "0", ""),
];

/// The number of digits of an international number: E.164 allows no more; fewer is a short code of one network.
const E164_DIGITS: std::ops::RangeInclusive<usize> = 6..=15;

impl Country {
    /// Parses a two-letter country code that is in the table, or a calling code (`49`, `+49`). For a calling code
    /// that is not in the table, the most common rules are assumed: trunk prefix 0, calls abroad with 00.
    ///
    /// `None` for anything else.
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.strip_prefix('+').unwrap_or(text);
        let row = COUNTRIES
            .iter()
            .find(|(country, code, ..)| country.eq_ignore_ascii_case(text) || *code == digits);
        if let Some((_, code, trunk, international)) = row {
            return Some(Self {
                calling_code: (*code).to_owned(),
                trunk,
                international,
            });
        }
        let is_code = (1..=3).contains(&digits.len())
            && digits.bytes().all(|byte| byte.is_ascii_digit())
            && !digits.starts_with('0');
        is_code.then(|| Self {
            calling_code: digits.to_owned(),
            trunk: "0",
            international: "",
        })
    }

    /// The international form of a number dialled inside the country.
    fn international_form(&self, digits: &str) -> Option<String> {
        if !self.international.is_empty()
            && let Some(abroad) = digits.strip_prefix(self.international)
            && let Some(number) = e164(abroad)
        {
            return Some(number);
        }
        let national = digits
            .strip_prefix(self.trunk)
            .filter(|rest| !rest.is_empty())
            .unwrap_or(digits);
        e164(&format!("{}{national}", self.calling_code))
    }
}

/// The calling code in the form in which a topology file may give it: `+49`.
impl fmt::Display for Country {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "+{}", self.calling_code)
    }
}

impl Serialize for Country {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_str(self)
    }
}

/// A telephone number in one form: `+` and digits if it contains its country (`+…`, `00…`) or a default country is
/// given, otherwise its digits. `None` for anything that is not a number: letters, no digits, too many digits.
pub fn normalize_phone(text: &str, default_country: Option<&Country>) -> Option<String> {
    let text = without_scheme(text.trim());
    let says_country = text.starts_with(['+', '\u{ff0b}']);
    // "+49 (0)30 …": the bracketed 0 is for callers inside the country.
    let digits = if says_country {
        digits_of(&text.replacen("(0)", "", 1))?
    } else {
        digits_of(text)?
    };
    if says_country {
        return e164(&digits);
    }
    if let Some(number) = digits.strip_prefix("00").and_then(e164) {
        return Some(number);
    }
    match default_country {
        Some(country) => country.international_form(&digits),
        // Two more than a number has: the prefix of a call abroad.
        None => (digits.len() <= E164_DIGITS.end() + 2).then_some(digits),
    }
}

fn e164(digits: &str) -> Option<String> {
    (E164_DIGITS.contains(&digits.len()) && !digits.starts_with('0')).then(|| format!("+{digits}"))
}

/// Prefixes of numbers in links and messaging services.
const SCHEMES: [&str; 5] = ["tel:", "whatsapp:", "sms:", "smsto:", "callto:"];

/// The number in `tel:+49-30-123456;ext=1` and the like.
fn without_scheme(text: &str) -> &str {
    let named = SCHEMES.iter().find_map(|scheme| {
        let (head, rest) = text.split_at_checked(scheme.len())?;
        head.eq_ignore_ascii_case(scheme).then_some(rest)
    });
    let Some(rest) = named else { return text };
    let number = rest.split(';').next().unwrap_or(rest);
    number.trim_start_matches('/').trim()
}

/// The zero of the decimal digits of other scripts: Arabic, Persian, `NKo`, the scripts of India, Thai, Lao, Tibetan,
/// Burmese, Khmer, Mongolian, and the wide ones. Source: Unicode, general category Nd.
const ZEROS: [char; 19] = [
    '\u{660}', '\u{6f0}', '\u{7c0}', '\u{966}', '\u{9e6}', '\u{a66}', '\u{ae6}', '\u{b66}',
    '\u{be6}', '\u{c66}', '\u{ce6}', '\u{d66}', '\u{e50}', '\u{ed0}', '\u{f20}', '\u{1040}',
    '\u{17e0}', '\u{1810}', '\u{ff10}',
];

/// A decimal digit of any script, as an ASCII one.
fn digit(character: char) -> Option<char> {
    if character.is_ascii() {
        return Some(character).filter(char::is_ascii_digit);
    }
    ZEROS.iter().find_map(|zero| {
        let value = u32::from(character).checked_sub(u32::from(*zero))?;
        char::from_digit(value, 10)
    })
}

/// The digits of a number written with the usual separators; `None` when it contains anything else.
fn digits_of(text: &str) -> Option<String> {
    let mut digits = String::with_capacity(text.len());
    for (at, character) in text.chars().enumerate() {
        if let Some(digit) = digit(character) {
            digits.push(digit);
            continue;
        }
        match character {
            '+' | '\u{ff0b}' if at == 0 => {}
            '-' | '.' | '/' | '(' | ')' | '\u{2010}'..='\u{2015}' => {}
            other if other.is_whitespace() => {}
            _ => return None,
        }
    }
    (!digits.is_empty()).then_some(digits)
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn numbers_take_one_form() {
        for (text, country, expected) in [
            ("+1234567890", None, Some("+1234567890")),
            (" +49 (0)30 / 901 820-0 ", None, Some("+49309018200")),
            ("0049 30 9018200", None, Some("+49309018200")),
            ("030 9018200", None, Some("0309018200")),
            ("030 9018200", Some("DE"), Some("+49309018200")),
            ("030 9018200", Some("49"), Some("+49309018200")),
            ("06 1234 5678", Some("IT"), Some("+390612345678")),
            ("(415) 555-2671", Some("us"), Some("+14155552671")),
            ("1 415 555 2671", Some("US"), Some("+14155552671")),
            ("011 44 20 7946 0958", Some("US"), Some("+442079460958")),
            ("8 495 123-45-67", Some("RU"), Some("+74951234567")),
            ("06 20 123 4567", Some("HU"), Some("+36201234567")),
            ("71 123 4567", Some("+998"), Some("+998711234567")),
            ("whatsapp:+49 170 1234567", None, Some("+491701234567")),
            ("TEL:+49-30-123456;ext=12", None, Some("+4930123456")),
            ("tel://0049 30 123456", None, Some("+4930123456")),
            ("tel:", None, None),
            (
                "+\u{664}\u{669} \u{6f3}\u{6f0} \u{ff11}23456",
                None,
                Some("+4930123456"),
            ),
            ("call me", None, None),
            ("", None, None),
            ("+", None, None),
            ("+0123456789", None, None),
            ("1234567890123456789", None, None),
            ("12+34", None, None),
        ] {
            let country = country.map(|it| Country::parse(it).expect(it));
            assert_eq!(
                normalize_phone(text, country.as_ref()).as_deref(),
                expected,
                "{text}"
            );
        }
    }

    #[test]
    fn countries_are_letters_or_calling_codes() {
        for (text, expected) in [
            ("DE", Some("+49")),
            ("de", Some("+49")),
            ("+49", Some("+49")),
            ("998", Some("+998")),
            ("XX", None),
            ("049", None),
            ("1234", None),
            ("", None),
            ("+", None),
        ] {
            let country = Country::parse(text).map(|country| country.to_string());
            assert_eq!(country.as_deref(), expected, "{text}");
        }
    }

    proptest! {
        #[test]
        fn once_is_enough(text in "[+]?[0-9 ()/.-]{0,20}", row in prop::option::of(0..COUNTRIES.len())) {
            let country = row.and_then(|row| Country::parse(COUNTRIES[row].0));
            if let Some(once) = normalize_phone(&text, country.as_ref()) {
                prop_assert_eq!(normalize_phone(&once, country.as_ref()), Some(once));
            }
        }

        #[test]
        fn no_text_panics(text: String) {
            let _ = normalize_phone(&text, Country::parse("DE").as_ref());
        }
    }
}
