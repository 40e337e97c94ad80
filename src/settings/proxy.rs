//! The environment's variables for proxies, read in the same way as curl and most other programs do.

/// A variable that is set, and its value.
type Named = (&'static str, String);

/// The environment's variables for HTTP proxies; the values may contain passwords.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    /// `HTTP_PROXY`, for `http://`.
    pub http: Option<Named>,
    /// `HTTPS_PROXY`, for `https://`.
    pub https: Option<Named>,
    /// `ALL_PROXY`, which applies when the variable for the scheme is not set.
    pub all: Option<Named>,
    /// `NO_PROXY`: hosts that are not behind a proxy, separated by commas.
    pub except: String,
}

impl ProxyVariables {
    /// Reads the variables in upper case, or else in lower case; an empty one counts as not set. In a CGI program,
    /// `HTTP_PROXY` comes from a header of the request and is not a proxy, so it is ignored.
    pub(super) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let first = |names: &[&'static str]| {
            let mut values = names
                .iter()
                .map(|name| (*name, value(name).unwrap_or_default()));
            values.find(|(_, value)| !value.trim().is_empty())
        };
        let http = match value("REQUEST_METHOD") {
            Some(_) => &["http_proxy"][..],
            None => &["HTTP_PROXY", "http_proxy"],
        };
        Self {
            http: first(http),
            https: first(&["HTTPS_PROXY", "https_proxy"]),
            all: first(&["ALL_PROXY", "all_proxy"]),
            except: first(&["NO_PROXY", "no_proxy"]).map_or_else(String::new, |(_, list)| list),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn capitals_come_first_and_what_is_empty_is_not_set() {
        let read = |set: &[(&str, &str)]| {
            let set: Vec<_> = set
                .iter()
                .map(|(name, value)| (*name, (*value).to_owned()))
                .collect();
            ProxyVariables::read(|name| {
                let found = set.iter().find(|(of, _)| *of == name);
                found.map(|(_, value)| value.clone())
            })
        };
        let both = read(&[
            ("HTTP_PROXY", "a"),
            ("http_proxy", "b"),
            ("NO_PROXY", ""),
            ("no_proxy", "c"),
        ]);
        assert_eq!(both.http, Some(("HTTP_PROXY", "a".to_owned())));
        assert_eq!(both.except, "c");
        assert_eq!(both.https, None);
        let cgi = read(&[("HTTP_PROXY", "a"), ("REQUEST_METHOD", "GET")]);
        assert_eq!(cgi.http, None);
    }
}
