//! URLs as they may be shown: without user info and without the query.

use super::escaped;

/// The replacement for hidden text.
const HIDDEN: &str = "***";
/// A value shorter than this may occur in any text by chance, so it is not hidden there.
const VALUE_BYTES_MIN: usize = 6;

/// The parts of a URL: `scheme://[user_info@]place[?query]`. The text need not be a valid URL.
struct Parts<'a> {
    scheme: &'a str,
    user_info: Option<&'a str>,
    /// Host, port and path.
    place: &'a str,
    query: Option<&'a str>,
}

impl<'a> Parts<'a> {
    fn of(url: &'a str) -> Self {
        let (scheme, behind) = match url.find("://") {
            Some(at) => url.split_at(at + 3),
            None => ("", url),
        };
        let authority = authority(behind);
        let at_sign = authority.rfind('@').or_else(|| stray_at_sign(behind));
        let rest = at_sign.map_or(behind, |at| &behind[at + 1..]);
        let (place, query) = match rest.find(['?', '#']) {
            Some(at) => (&rest[..at], Some(&rest[at + 1..])),
            None => (rest, None),
        };
        Self {
            scheme,
            user_info: at_sign.map(|at| &behind[..at]),
            place,
            query: query.filter(|query| !query.is_empty()),
        }
    }
}

/// The part after the scheme that a URL library takes for user, host and port.
fn authority(behind: &str) -> &str {
    behind
        .split(['/', '\\', '?', '#'])
        .next()
        .unwrap_or_default()
}

/// The position of the `@` after the user info, when the password contains a character that ends the authority too
/// early. A host with a port is never followed by such a text.
fn stray_at_sign(behind: &str) -> Option<usize> {
    let authority = authority(behind);
    let tail = &behind[authority.len()..];
    let before_query = behind.find(['?', '#']).unwrap_or(behind.len());
    let last = || {
        let in_path = behind[..before_query].rfind('@');
        in_path.or_else(|| behind.rfind('@'))
    };
    match tail.chars().next()? {
        '#' => last(),
        _ if !is_address(authority) => last(),
        '?' => {
            let at = tail.find('@')?;
            (!tail[..at].contains('=')).then_some(authority.len() + at)
        }
        _ => None,
    }
}

/// Whether the user info of `url` ends too early, so that a part of the password stands in the place of the host.
pub fn is_cut_off(url: &str) -> bool {
    let parts = Parts::of(url);
    let is_whole = |user_info: &str| authority(user_info).len() == user_info.len();
    parts
        .user_info
        .is_some_and(|user_info| !is_whole(user_info))
}

/// The hint for that case.
pub const TO_ENCODE: &str = "write the special characters of user and password percent-encoded: % as %25, / as %2F, ? as %3F, # as %23, @ as %40, & as %26";

/// Whether this looks like a host with or without a port.
fn is_address(authority: &str) -> bool {
    let after_host = authority.rsplit(']').next().unwrap_or_default();
    match after_host.split_once(':') {
        Some((_, port)) => port.bytes().all(|byte| byte.is_ascii_digit()),
        None => true,
    }
}

/// A URL for people: `https://***@host/path?***`, when it has a user and a query. A text that is not a URL is hidden
/// in the same way.
pub fn shown_url(url: &str) -> String {
    let parts = Parts::of(url);
    let user = parts
        .user_info
        .map_or_else(String::new, |_| format!("{HIDDEN}@"));
    let query = parts
        .query
        .map_or_else(String::new, |_| format!("?{HIDDEN}"));
    let shown = format!("{}{user}{}{query}", parts.scheme, parts.place);
    escaped(shown.as_bytes())
}

/// The secrets of a URL, which must not appear in any message about it.
#[derive(Clone, Default)]
pub struct UrlSecrets {
    /// Longest first, because one may be a part of another.
    words: Vec<String>,
}

impl UrlSecrets {
    /// The secrets of URLs: their user info and their query, as a whole and in parts, in encoded and in decoded form.
    pub fn of(urls: &[&str]) -> Self {
        let mut words: Vec<String> = urls.iter().flat_map(|url| written(url)).collect();
        let meant: Vec<String> = words.iter().map(|word| decoded(word)).collect();
        words.extend(meant);
        words.sort_unstable_by_key(|word| std::cmp::Reverse(word.len()));
        words.dedup();
        words.retain(|word| !word.is_empty());
        Self { words }
    }
    /// The text with the secrets hidden.
    pub fn hide(&self, text: String) -> String {
        self.words.iter().fold(text, |text, word| {
            if text.contains(word.as_str()) {
                text.replace(word.as_str(), HIDDEN)
            } else {
                text
            }
        })
    }

    /// As [`UrlSecrets::hide`], for a text that was cut off, perhaps within a secret.
    pub fn hide_in_cut(&self, text: String) -> String {
        let mut text = self.hide(text);
        let is_begun = |end: &str| self.words.iter().any(|word| word.starts_with(end));
        let begun = text
            .char_indices()
            .map(|(at, _)| at)
            .find(|at| is_begun(&text[*at..]));
        text.truncate(begun.unwrap_or(text.len()));
        text
    }
}

/// Debug output does not show them.
impl std::fmt::Debug for UrlSecrets {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "UrlSecrets({})", self.words.len())
    }
}

/// The secrets of a URL in the form in which they are written there.
fn written(url: &str) -> Vec<String> {
    let parts = Parts::of(url);
    let mut words = Vec::new();
    if let Some(user_info) = parts.user_info {
        words.push(user_info.to_owned());
        let mut said = user_info.splitn(2, ':');
        words.extend(said.next().and_then(long_enough));
        // A password is one however short it is; but a letter is in every text.
        words.extend(said.next().filter(|word| word.len() > 2).map(str::to_owned));
    }
    if let Some(query) = parts.query {
        words.push(query.to_owned());
        for pair in query.split(['&', '#']) {
            match pair.split_once('=') {
                Some((_, "")) => {}
                Some((_, value)) => {
                    words.push(pair.to_owned());
                    words.extend(long_enough(value));
                }
                None => words.extend(long_enough(pair)),
            }
        }
    }
    words
}

fn long_enough(word: &str) -> Option<String> {
    (word.len() >= VALUE_BYTES_MIN).then(|| word.to_owned())
}

/// The text with percent and plus signs decoded.
fn decoded(text: &str) -> String {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text.as_bytes();
    while let [first, tail @ ..] = rest {
        let hex = tail
            .get(..2)
            .and_then(|pair| std::str::from_utf8(pair).ok());
        let byte = hex.and_then(|pair| u8::from_str_radix(pair, 16).ok());
        match (first, byte) {
            (b'%', Some(byte)) => {
                bytes.push(byte);
                rest = &tail[2..];
            }
            (b'+', _) => {
                bytes.push(b' ');
                rest = tail;
            }
            _ => {
                bytes.push(*first);
                rest = tail;
            }
        }
    }
    String::from_utf8_lossy(&bytes).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_logs_in_and_what_is_asked_is_hidden() {
        for (url, shown) in [
            ("http://h:80/a", "http://h:80/a"),
            ("http://u:p@h/a?token=X", "http://***@h/a?***"),
            ("http://u@h", "http://***@h"),
            ("http://u:p@w@h/", "http://***@h/"),
            ("http://u:p/w@h/", "http://***@h/"),
            ("http://h/users/@me", "http://h/users/@me"),
            ("http://[::1]:80/@me", "http://[::1]:80/@me"),
            ("http://h/a#secret", "http://h/a?***"),
            ("http://h/a?", "http://h/a"),
            ("u:p@h/a", "***@h/a"),
            ("http://u:p#w@h/a", "http://***@h/a"),
            ("http://u:12#w@h/a", "http://***@h/a"),
            ("http://u:p?w@h/a", "http://***@h/a"),
            ("http://u:12?w@h/a", "http://***@h/a"),
            ("http://u:p/w@h/?mail=a@b", "http://***@h/?***"),
            ("http://h:80?mail=a@b", "http://h:80?***"),
            ("http://h/a#a@b", "http://h/a?***"),
            ("not a url", "not a url"),
        ] {
            assert_eq!(shown_url(url), shown);
        }
    }

    #[test]
    fn they_are_hidden_in_any_text_as_written_and_as_meant() {
        let secrets = UrlSecrets::of(&["http://user1234:p%40ss@h/a?token=s%20ecret1&n=1"]);
        for (said, hidden) in [
            (
                "http://user1234:p%40ss@h/a?token=s%20ecret1&n=1",
                "http://***@h/a?***",
            ),
            ("no such token: s ecret1", "no such token: ***"),
            (
                "wrong password p@ss of user1234",
                "wrong password *** of ***",
            ),
            ("n=1 is not n=2; 1", "*** is not n=2; 1"),
            ("nothing", "nothing"),
        ] {
            assert_eq!(secrets.hide(said.to_owned()), hidden);
        }
        assert!(!format!("{secrets:?}").contains("user1234"));
        assert_eq!(
            secrets.hide_in_cut("it is p@ss: p@s".to_owned()),
            "it is ***: "
        );
        assert_eq!(secrets.hide_in_cut("it was no".to_owned()), "it was no");
        let none = UrlSecrets::of(&["http://h/a"]);
        assert_eq!(none.hide("h a".to_owned()), "h a");
    }
}
