//! How a bucket is reached: the service, the region, and the credentials, which are never sent in clear text.

use reqwest::Url;

use crate::model::{Problem, shown_url};

/// How a bucket is reached.
#[derive(Clone, Default)]
pub struct Access {
    /// The endpoint's URL; `None` is that of AWS for the region.
    pub endpoint: Option<String>,
    /// The region.
    pub region: String,
    /// The access key and its secret; `None` when they are not set.
    pub key: Option<(String, String)>,
    /// The token of temporary credentials.
    pub token: Option<String>,
}

impl Access {
    /// The URL of the service.
    pub fn url(&self) -> String {
        let region = &self.region;
        let of_aws = || format!("https://s3.{region}.amazonaws.com");
        self.endpoint.clone().unwrap_or_else(of_aws)
    }

    /// The URL of the service, by which it may be asked.
    ///
    /// # Errors
    /// Usage for what is no endpoint; refused when credentials would be sent in clear text over a network.
    pub(super) fn endpoint(&self) -> Result<Url, Problem> {
        let text = self.url();
        let url = Url::parse(&text).ok().filter(Url::has_host);
        let url = url.filter(|it| matches!(it.scheme(), "http" | "https"));
        let url = url.ok_or_else(|| {
            let text = format!(
                "AWS_ENDPOINT_URL is not the URL of a service: {}",
                shown_url(&text)
            );
            Problem::usage(text).hint("give it as https://HOST:PORT")
        })?;
        let host = url.host_str().unwrap_or_default().trim_matches(['[', ']']);
        let address = host.parse::<std::net::IpAddr>();
        let is_here = host == "localhost" || address.is_ok_and(|it| it.is_loopback());
        if url.scheme() == "http" && !is_here {
            let text = format!(
                "{} would get entries and credentials in clear text",
                shown_url(&text)
            );
            return Err(Problem::refused(text).hint("use https, or an endpoint on this machine"));
        }
        Ok(url)
    }
}

/// Without the secrets.
impl std::fmt::Debug for Access {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Access")
            .field("region", &self.region)
            .finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Kind;

    fn access(endpoint: &str) -> Access {
        Access {
            endpoint: Some(endpoint.to_owned()),
            region: "r".to_owned(),
            key: Some(("key".to_owned(), "secret".to_owned())),
            token: None,
        }
    }

    #[test]
    fn credentials_leave_this_machine_only_encrypted() {
        for endpoint in [
            "http://192.0.2.1",
            "http://example.com:9000",
            "http://localhost.example.com",
            "http://10.0.0.1",
        ] {
            assert_eq!(
                access(endpoint).endpoint().expect_err(endpoint).kind,
                Kind::Refused
            );
        }
        for endpoint in [
            "http://127.0.0.1:1",
            "http://[::1]:1",
            "http://localhost",
            "https://example.com",
        ] {
            access(endpoint).endpoint().expect(endpoint);
        }
        for endpoint in ["", "ftp://example.com", "example.com", "http://"] {
            assert_eq!(
                access(endpoint).endpoint().expect_err(endpoint).kind,
                Kind::Usage
            );
        }
        let at_home = Access {
            endpoint: None,
            ..access("")
        };
        assert_eq!(
            at_home.endpoint().expect("AWS").as_str(),
            "https://s3.r.amazonaws.com/"
        );
    }

    #[test]
    fn nothing_shows_a_secret() {
        let shown = format!("{:?}", access("https://u:secret@example.com"));
        assert!(!shown.contains("secret"), "{shown}");
    }
}
