//! An archive in a bucket of S3, or of another service that speaks its protocol. An object is written only where there is
//! none (`If-None-Match: *`).

use std::sync::Arc;
use std::time::Duration;

use reqwest::{Client, Method, Response, StatusCode, Url};
use rusty_s3::actions::ListObjectsV2;
use rusty_s3::{Bucket as Signer, Credentials, S3Action, UrlStyle};
use tokio::time::sleep;

use super::access::Access;
use super::stored::{Listed, ListedKind, Put, too_large};
use crate::http::{self, Body, body};
use crate::model::{Kind, Problem, escaped};

/// How long a signature is valid.
const SIGNED_FOR: Duration = Duration::from_mins(10);
/// How long connecting, a pause within an answer, and a whole request may take.
const CONNECT_WITHIN: Duration = Duration::from_secs(10);
const PAUSE_MAX: Duration = Duration::from_secs(30);
const WITHIN: Duration = Duration::from_mins(5);
/// How often a request is tried that may go well later, and the pause after the first time.
const ATTEMPTS: u32 = 5;
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// How much of an error's text is read, and of a list.
const ERROR_BYTES_MAX: usize = 16 << 10;
const LIST_BYTES_MAX: usize = 16 << 20;
/// How many names of one folder are read.
const NAMES_MAX: usize = 1_000_000;

/// A bucket, and the prefix of all keys in it.
pub(super) struct Bucket {
    client: Client,
    signer: Signer,
    credentials: Credentials,
    /// Empty, or with a `/` at its end.
    prefix: String,
    shown: String,
}

/// Without the secrets.
impl std::fmt::Debug for Bucket {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Bucket")
            .field("shown", &self.shown)
            .finish_non_exhaustive()
    }
}

/// How a request ended.
enum Answer {
    Done(Vec<u8>),
    NotFound,
    Exists,
}

/// What is asked.
struct Asked<'a> {
    method: Method,
    url: Url,
    body: Option<Arc<Vec<u8>>>,
    /// The key, or the prefix of a list, for messages.
    key: &'a str,
    bytes_max: usize,
}

impl Bucket {
    /// The bucket and the prefix that `place` names, as `bucket/prefix`; `proxy` is the URL of one. TLS must be prepared.
    ///
    /// # Errors
    /// Usage for what is no bucket or no endpoint; denied without credentials; refused when they would be sent in clear text
    /// over a network.
    pub(super) fn new(place: &str, access: &Access, proxy: Option<&str>) -> Result<Self, Problem> {
        let (name, prefix) = place.split_once('/').unwrap_or((place, ""));
        let prefix = prefix.trim_matches('/');
        let is_name = |it: char| it.is_ascii_alphanumeric() || ".-_".contains(it);
        if name.is_empty()
            || !name.chars().all(is_name)
            || prefix.split('/').any(|it| it == "." || it == "..")
        {
            let text = format!("`s3://{}` names no bucket", escaped(place.as_bytes()));
            return Err(Problem::usage(text).hint("give it as s3://BUCKET/PREFIX"));
        }
        let endpoint = access.endpoint()?;
        let Some((key, secret)) = access.key.clone() else {
            let text = format!("there are no credentials for s3://{name}");
            return Err(Problem::new(Kind::Denied, text)
                .hint("set AWS_ACCESS_KEY_ID and AWS_SECRET_ACCESS_KEY, and AWS_ENDPOINT_URL where it is not AWS"));
        };
        let style = match access.endpoint {
            Some(_) => UrlStyle::Path,
            None => UrlStyle::VirtualHost,
        };
        let shown = format!("s3://{}", escaped(place.trim_end_matches('/').as_bytes()));
        let signer = Signer::new(endpoint, style, name.to_owned(), access.region.clone());
        let signer = signer
            .map_err(|error| Problem::usage(format!("{shown} cannot be reached: {error}")))?;
        Ok(Self {
            client: http::client(proxy, |client| {
                client
                    .connect_timeout(CONNECT_WITHIN)
                    .read_timeout(PAUSE_MAX)
                    .timeout(WITHIN)
            })?,
            signer,
            credentials: match access.token.clone() {
                Some(token) => Credentials::new_with_token(key, secret, token),
                None => Credentials::new(key, secret),
            },
            prefix: if prefix.is_empty() {
                String::new()
            } else {
                format!("{prefix}/")
            },
            shown,
        })
    }

    pub(super) fn shown(&self) -> &str {
        &self.shown
    }

    /// Writes an object that must not be there yet.
    pub(super) async fn put(&self, key: &str, bytes: Arc<Vec<u8>>) -> Result<Put, Problem> {
        let object = format!("{}{key}", self.prefix);
        let asked = || {
            let mut put = self.signer.put_object(Some(&self.credentials), &object);
            put.headers_mut().insert("if-none-match", "*");
            Asked {
                method: Method::PUT,
                url: put.sign(SIGNED_FOR),
                body: Some(Arc::clone(&bytes)),
                key,
                bytes_max: ERROR_BYTES_MAX,
            }
        };
        match self.ask("write", asked).await? {
            Answer::Done(_) => Ok(Put::Written),
            Answer::Exists => Ok(Put::Exists),
            Answer::NotFound => Err(self.no_bucket()),
        }
    }

    /// The bytes of an object; `None` when it is not there.
    pub(super) async fn get(&self, key: &str, bytes_max: u64) -> Result<Option<Vec<u8>>, Problem> {
        let object = format!("{}{key}", self.prefix);
        let asked = || Asked {
            method: Method::GET,
            url: self
                .signer
                .get_object(Some(&self.credentials), &object)
                .sign(SIGNED_FOR),
            body: None,
            key,
            bytes_max: usize::try_from(bytes_max).unwrap_or(usize::MAX),
        };
        match self.ask("read", asked).await? {
            Answer::Done(bytes) => Ok(Some(bytes)),
            Answer::NotFound | Answer::Exists => Ok(None),
        }
    }

    /// What is in a folder, in no order; nothing when it is not there.
    pub(super) async fn list(&self, key: &str) -> Result<Vec<Listed>, Problem> {
        let folder = if key.is_empty() {
            String::new()
        } else {
            format!("{key}/")
        };
        let prefix = format!("{}{folder}", self.prefix);
        let mut listed = Vec::new();
        let mut next: Option<String> = None;
        loop {
            let asked = || {
                let mut list = self.signer.list_objects_v2(Some(&self.credentials));
                list.with_prefix(prefix.as_str());
                list.with_delimiter("/");
                if let Some(next) = &next {
                    list.with_continuation_token(next.as_str());
                }
                Asked {
                    method: Method::GET,
                    url: list.sign(SIGNED_FOR),
                    body: None,
                    key: if key.is_empty() { "what it has" } else { key },
                    bytes_max: LIST_BYTES_MAX,
                }
            };
            let Answer::Done(page) = self.ask("list", asked).await? else {
                return Err(self.no_bucket());
            };
            let page = String::from_utf8(page).ok();
            let page = page.and_then(|page| ListObjectsV2::parse_response(&page).ok());
            let page =
                page.ok_or_else(|| self.problem(Kind::Unavailable, "answered with no list"))?;
            let folders = page
                .common_prefixes
                .iter()
                .map(|it| (&it.prefix[..], ListedKind::Folder));
            let files = page
                .contents
                .iter()
                .map(|it| (&it.key[..], ListedKind::File));
            for (name, kind) in folders.chain(files) {
                let name = name
                    .strip_prefix(&prefix)
                    .unwrap_or_default()
                    .trim_end_matches('/');
                if !name.is_empty() && !name.contains('/') {
                    listed.push(Listed {
                        name: name.to_owned(),
                        kind,
                    });
                }
            }
            if listed.len() > NAMES_MAX {
                return Err(self.problem(
                    Kind::Local,
                    &format!("has more than {NAMES_MAX} files in {key}"),
                ));
            }
            next = page.next_continuation_token;
            if next.is_none() {
                return Ok(listed);
            }
        }
    }

    /// Asks until there is an answer that more attempts would not change.
    async fn ask<'k>(&self, what: &str, asked: impl Fn() -> Asked<'k>) -> Result<Answer, Problem> {
        let mut pause = FIRST_PAUSE;
        for attempt in 1.. {
            let Asked {
                method,
                url,
                body,
                key,
                bytes_max,
            } = asked();
            let mut request = self.client.request(method, url);
            if let Some(body) = &body {
                // It is one of the headers that were signed.
                request = request.header("if-none-match", "*").body(body.to_vec());
            }
            let why = match request.send().await {
                Ok(response) => match self.answer(response, (what, key, bytes_max)).await? {
                    Ok(answer) => return Ok(answer),
                    Err(why) => why,
                },
                Err(error) => told(error),
            };
            if attempt == ATTEMPTS {
                let text = format!("cannot {what} {}: {why}", escaped(key.as_bytes()));
                return Err(self
                    .problem(Kind::Unavailable, &text)
                    .hint("try again: the archive goes on where it ended"));
            }
            sleep(pause).await;
            pause *= 2;
        }
        unreachable!("the last attempt returns");
    }

    /// The answer; `Err` says why it may go well later.
    async fn answer(
        &self,
        response: Response,
        (what, key, bytes_max): (&str, &str, usize),
    ) -> Result<Result<Answer, String>, Problem> {
        let status = response.status();
        if status.is_success() {
            return match body(response, bytes_max).await {
                Ok(Body::Whole(bytes)) => Ok(Ok(Answer::Done(bytes))),
                Ok(Body::Cut(_)) => Err(too_large(key, &self.shown, bytes_max as u64)),
                Err(error) => Ok(Err(told(error))),
            };
        }
        let text = match body(response, ERROR_BYTES_MAX).await {
            Ok(Body::Whole(text) | Body::Cut(text)) => text,
            Err(_) => Vec::new(),
        };
        let code = code_of(&String::from_utf8_lossy(&text));
        let said = match &code {
            Some(code) => format!("{} {code}", status.as_u16()),
            None => status.as_u16().to_string(),
        };
        match status {
            StatusCode::PRECONDITION_FAILED => Ok(Ok(Answer::Exists)),
            StatusCode::NOT_FOUND if code.as_deref() == Some("NoSuchBucket") => {
                Err(self.no_bucket())
            }
            StatusCode::NOT_FOUND => Ok(Ok(Answer::NotFound)),
            StatusCode::UNAUTHORIZED | StatusCode::FORBIDDEN => {
                let text = format!(
                    "may not {what} {}: the answer is {said}",
                    escaped(key.as_bytes())
                );
                Err(self.problem(Kind::Denied, &text).hint(
                    "check AWS_ACCESS_KEY_ID, AWS_SECRET_ACCESS_KEY, AWS_SESSION_TOKEN, and what they may do; and this machine's clock",
                ))
            }
            StatusCode::REQUEST_TIMEOUT | StatusCode::CONFLICT | StatusCode::TOO_MANY_REQUESTS => {
                Ok(Err(said))
            }
            status if status.is_server_error() => Ok(Err(said)),
            _ => {
                let text = format!(
                    "cannot {what} {}: the answer is {said}",
                    escaped(key.as_bytes())
                );
                Err(self
                    .problem(Kind::Local, &text)
                    .hint("check AWS_ENDPOINT_URL and AWS_REGION"))
            }
        }
    }

    fn no_bucket(&self) -> Problem {
        let text = format!("there is no bucket `{}`", self.signer.name());
        Problem::not_found(text).hint("make it first, or name another")
    }

    fn problem(&self, kind: Kind, text: &str) -> Problem {
        Problem::new(kind, format!("{} {text}", self.shown))
    }
}

/// The error without its URL, which is signed.
fn told(error: reqwest::Error) -> String {
    escaped(http::told(error, |_| {}).as_bytes())
}

/// The code in an error's XML, if it is a word.
fn code_of(xml: &str) -> Option<String> {
    let (_, rest) = xml.split_once("<Code>")?;
    let (code, _) = rest.split_once("</Code>")?;
    let is_word =
        !code.is_empty() && code.len() < 64 && code.chars().all(|it| it.is_ascii_alphanumeric());
    is_word.then(|| code.to_owned())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_code_is_a_word() {
        assert_eq!(
            code_of("<Error><Code>SlowDown</Code></Error>").as_deref(),
            Some("SlowDown")
        );
        assert_eq!(code_of("<Code>\u{1b}[2J</Code>"), None);
        assert_eq!(code_of("<Code>"), None);
    }
}
