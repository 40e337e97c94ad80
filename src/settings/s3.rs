//! The environment's variables for S3, as the tools of AWS name them.

/// What they say; the values may be secret.
#[derive(Clone, Default)]
pub struct S3Variables {
    /// `AWS_ENDPOINT_URL_S3`, or else `AWS_ENDPOINT_URL`: where the service is, unless it is AWS.
    pub endpoint: Option<String>,
    /// `AWS_REGION`, or else `AWS_DEFAULT_REGION`, or else `us-east-1`.
    pub region: String,
    /// `AWS_ACCESS_KEY_ID` and `AWS_SECRET_ACCESS_KEY`.
    pub key: Option<(String, String)>,
    /// `AWS_SESSION_TOKEN`.
    pub token: Option<String>,
}

impl S3Variables {
    /// Reads the variables; an empty one counts as not set.
    pub(super) fn read(value: impl Fn(&str) -> Option<String>) -> Self {
        let value = |name: &str| value(name).filter(|it| !it.trim().is_empty());
        let region = value("AWS_REGION").or_else(|| value("AWS_DEFAULT_REGION"));
        Self {
            endpoint: value("AWS_ENDPOINT_URL_S3").or_else(|| value("AWS_ENDPOINT_URL")),
            region: region.unwrap_or_else(|| "us-east-1".to_owned()),
            key: value("AWS_ACCESS_KEY_ID").zip(value("AWS_SECRET_ACCESS_KEY")),
            token: value("AWS_SESSION_TOKEN"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn both_parts_of_a_key_are_needed_and_the_first_name_counts() {
        let read = |set: &[(&str, &str)]| {
            let found = |name: &str| set.iter().find(|(of, _)| *of == name);
            S3Variables::read(|name| found(name).map(|(_, value)| (*value).to_owned()))
        };
        let all = read(&[
            ("AWS_ENDPOINT_URL", "a"),
            ("AWS_ENDPOINT_URL_S3", "b"),
            ("AWS_DEFAULT_REGION", "c"),
            ("AWS_ACCESS_KEY_ID", "d"),
            ("AWS_SECRET_ACCESS_KEY", "e"),
        ]);
        assert_eq!(
            (all.endpoint.as_deref(), all.region.as_str()),
            (Some("b"), "c")
        );
        assert_eq!(all.key, Some(("d".to_owned(), "e".to_owned())));
        let none = read(&[("AWS_ACCESS_KEY_ID", "d"), ("AWS_SECRET_ACCESS_KEY", " ")]);
        assert_eq!((none.key, none.region.as_str()), (None, "us-east-1"));
    }
}
