//! `--http`: one POST for each entry, which is sent as JSON. A 2xx status acknowledges. 408, 425, 429 and 5xx,
//! redirects and lost connections lead to another attempt, not before `Retry-After`. Any other 4xx makes a dead
//! letter.

use std::fmt::Write as _;
use std::sync::Arc;
use std::time::Duration;

use reqwest::header::{HeaderMap, RETRY_AFTER};
use reqwest::{Client, Response, StatusCode, Url};
use tokio::time::timeout;

use super::addresses::Addresses;
use super::{Fault, Origin, REASON_BYTES_MAX, Verdict, is_lack, tail};
use crate::http::{self, Body, body};
use crate::model::{
    Entry, EntryId, Name, Problem, TO_ENCODE, Time, UrlSecrets, before_moves, is_cut_off, shown_url,
};
use crate::topology::FanOut;
use crate::wire::{Output, prepare_tls};
use crate::worker::state::in_hand::Delivery;

/// How long connecting may take, and never more than half of an attempt. The time is shared by all addresses of the
/// service's name: those of one family are tried in turn, and the other family starts a moment later.
const CONNECT_WITHIN: Duration = Duration::from_secs(5);
/// How long reading the body of an unsuccessful answer may take.
const BODY_WITHIN: Duration = Duration::from_secs(1);
/// How much of the body of an unsuccessful answer is read, which is more than is kept.
const BODY_BYTES_MAX: usize = 2 * REASON_BYTES_MAX;
/// How much longer than such a body a reason can be.
const STATUS_BYTES_MAX: usize = 512;
/// Answers larger than this are not stored.
const ANSWER_BYTES_MAX: usize = 1 << 20;
/// A hint with an example of a URL.
const URL_HINT: &str = "for example --http http://127.0.0.1:8080/handle";

/// Posts every entry to one URL.
#[derive(Debug)]
pub struct Http {
    /// The addresses of the service, or of the proxy.
    addresses: Addresses,
    client: Client,
    url: Url,
    /// The secrets in its URL and its proxy's URL, which must not appear in messages.
    secrets: UrlSecrets,
    /// The proxy of its requests, in the form shown to people.
    proxy: Option<String>,
    results: Option<Name>,
    fan_out: Option<FanOut>,
}

impl Http {
    /// A handler that posts to `url`, only through `proxy` if it is given. Answers are added to `results`, if it is
    /// given, together with the acknowledgement or not at all. `fan_out` turns one entry into several requests.
    ///
    /// # Errors
    /// When `url` is not an HTTP URL.
    pub fn new(
        url: &str,
        results: Option<Name>,
        fan_out: Option<FanOut>,
        proxy: Option<&str>,
        handler_timeout: Duration,
    ) -> Result<Self, Problem> {
        let addresses = Addresses::default();
        let resolver = Arc::new(addresses.clone());
        let connect_within = CONNECT_WITHIN.min(handler_timeout / 2);
        prepare_tls();
        Ok(Self {
            client: http::client(proxy, |client| {
                client
                    .connect_timeout(connect_within)
                    .dns_resolver(resolver)
            })?,
            addresses,
            secrets: UrlSecrets::of(&[url, proxy.unwrap_or_default()]),
            proxy: proxy.map(shown_url),
            url: parse_url(url)?,
            results,
            fan_out,
        })
    }

    /// The proxy of its requests, without its password.
    pub fn proxy(&self) -> Option<&str> {
        self.proxy.as_deref()
    }

    /// The stream that answers are added to.
    pub(super) fn results(&self) -> Option<&Name> {
        self.results.as_ref()
    }

    pub(super) async fn handle(&self, origin: &Origin, delivery: &Delivery) -> Verdict {
        let mut outputs = Vec::new();
        for (part, question) in self.questions(delivery.entry()) {
            let key = idempotency_key(origin, question.id, part.as_deref());
            let answer = match self.ask(origin, delivery, &question, key).await {
                Ok(answer) => answer,
                Err(verdict) => return verdict,
            };
            if let Some(results) = &self.results {
                outputs.push(result(results, question, answer));
            }
        }
        if self.results.is_some() {
            Verdict::Publish(outputs)
        } else {
            Verdict::Done
        }
    }

    /// The entry once, or once for each value that its fan-out field stands for, with that value.
    fn questions(&self, entry: Entry) -> Vec<(Option<String>, Entry)> {
        let Some(fan_out) = &self.fan_out else {
            return vec![(None, entry)];
        };
        let Some(value) = entry.text(&fan_out.field) else {
            return vec![(None, entry)];
        };
        let with = |value: &str| {
            let mut question = entry.clone();
            for (name, old) in &mut question.fields {
                if name == fan_out.field.as_bytes() {
                    *old = value.as_bytes().to_vec();
                }
            }
            (Some(value.to_owned()), question)
        };
        fan_out.values(value).into_iter().map(with).collect()
    }

    async fn ask(
        &self,
        origin: &Origin,
        delivery: &Delivery,
        question: &Entry,
        key: String,
    ) -> Result<Vec<u8>, Verdict> {
        let request = self
            .client
            .post(self.url.clone())
            .header("UCP-Group", origin.group.to_string())
            .header("UCP-Deliveries", delivery.deliveries)
            .header("Idempotency-Key", key)
            .json(&question.object(&origin.stream));
        let response = request.send().await.map_err(|error| self.lost(error))?;
        self.addresses.answered(response.remote_addr());
        if !response.status().is_success() {
            return Err(self.failure(response).await);
        }
        if self.results.is_none() {
            return Ok(Vec::new());
        }
        match body(response, ANSWER_BYTES_MAX).await {
            Ok(Body::Whole(answer)) => Ok(answer),
            Ok(Body::Cut(_)) => Err(Verdict::dead(format!(
                "the service's answer has more than {ANSWER_BYTES_MAX} bytes"
            ))),
            Err(error) => Err(self.lost(error)),
        }
    }

    /// A request without an answer. This is the service's fault, unless this worker had no socket for it.
    fn lost(&self, error: reqwest::Error) -> Verdict {
        let is_connect = error.is_connect();
        let mut fault = Fault::Service;
        let reason = http::told(error, |cause| {
            if cause.downcast_ref().is_some_and(is_lack) {
                fault = Fault::Worker;
            }
        });
        // A name that could not be looked up for lack of descriptors is said to be unknown.
        if is_connect && std::fs::File::open("/dev/null").is_err_and(|error| is_lack(&error)) {
            fault = Fault::Worker;
        }
        Verdict::failed(fault, self.told(reason))
    }

    /// An answer that is not a success.
    async fn failure(&self, response: Response) -> Verdict {
        let status = response.status();
        let after = retry_after(response.headers());
        // The status has decided; a body that does not come must not turn it into something else.
        let body = timeout(BODY_WITHIN, body(response, BODY_BYTES_MAX)).await;
        let text = |body: Vec<u8>| String::from_utf8_lossy(&body).into_owned();
        // Hidden before it is cut to what is kept: a part of a secret is not found.
        let body = match body {
            Ok(Ok(Body::Whole(body))) => self.secrets.hide(text(body)),
            Ok(Ok(Body::Cut(body))) => self.secrets.hide_in_cut(text(body)),
            Ok(Err(_)) | Err(_) => String::new(),
        };
        let body = head(&body, REASON_BYTES_MAX - STATUS_BYTES_MAX);
        let reason = if body.trim().is_empty() {
            format!("the service answered {status}")
        } else {
            format!("the service answered {status}: {}", body.trim())
        };
        let reason = self.told(reason);
        // What a proxy wants of the worker is not about the message.
        let is_of_proxy =
            status == StatusCode::PROXY_AUTHENTICATION_REQUIRED && self.proxy.is_some();
        if is_permanent(status) && !is_of_proxy {
            Verdict::Dead { reason }
        } else {
            Verdict::Retry {
                reason,
                fault: Fault::Service,
                after,
            }
        }
    }

    /// A reason in the form in which it is stored: without secrets, and with the name of the proxy, which may be the
    /// cause.
    fn told(&self, reason: String) -> String {
        let reason = self.secrets.hide(reason);
        let reason = match &self.proxy {
            Some(proxy) => format!("through the proxy {proxy}: {reason}"),
            None => reason,
        };
        tail(&reason).to_owned()
    }
}

/// The same for every attempt of a group at an entry, by any of its workers, and for nothing else:
/// `STREAM/GROUP/ID`, with `/VALUE` for one of several requests, and a beginning of its own in a trial.
fn idempotency_key(origin: &Origin, id: EntryId, part: Option<&str>) -> String {
    let id = id.to_string();
    let trial = origin.trial.as_deref().map(str::as_bytes);
    let parts = [
        origin.stream.as_bytes(),
        origin.group.as_bytes(),
        id.as_bytes(),
    ];
    let parts = trial.into_iter().chain(parts);
    let parts = parts.chain(part.map(str::as_bytes));
    parts.map(in_key).collect::<Vec<_>>().join("/")
}

/// A part of a key: what is not plain text of one word is encoded, as in a URL.
fn in_key(part: &[u8]) -> String {
    let mut text = String::with_capacity(part.len());
    for byte in part {
        match byte {
            b'a'..=b'z' | b'A'..=b'Z' | b'0'..=b'9' | b'.' | b'_' | b'-' | b':' | b'{' | b'}' => {
                text.push(char::from(*byte));
            }
            other => {
                // Text takes what is written to it.
                let _ = write!(text, "%{other:02X}");
            }
        }
    }
    text
}

/// # Errors
/// When `url` is not an HTTP URL.
fn parse_url(url: &str) -> Result<Url, Problem> {
    if is_cut_off(url) {
        let text = "a handler's URL is cut off within its user or password";
        return Err(Problem::usage(text).hint(TO_ENCODE));
    }
    match Url::parse(url) {
        Ok(parsed) if matches!(parsed.scheme(), "http" | "https") => Ok(parsed),
        Ok(parsed) if parsed.has_host() => Err(Problem::usage(format!(
            "a handler's URL must begin with http:// or https://, not with {}://",
            parsed.scheme()
        ))
        .hint(URL_HINT)),
        // What stands before the first colon may be a user's name.
        Ok(_) => Err(
            Problem::usage("a handler's URL must begin with http:// or https://").hint(URL_HINT),
        ),
        Err(error) => {
            Err(Problem::usage(format!("not a URL for a handler: {error}")).hint(URL_HINT))
        }
    }
}

/// An entry with an answer and the request it answers: the request's id as `request_id`, its fields, the answer as
/// `result`, and the time.
fn result(results: &Name, question: Entry, answer: Vec<u8>) -> Output {
    let mut fields = vec![(b"request_id".to_vec(), question.id.to_string().into_bytes())];
    let own = before_moves(&question.fields);
    let own = question.fields.into_iter().take(own);
    fields.extend(own.filter(|(name, _)| name != b"timestamp"));
    fields.push((b"result".to_vec(), answer));
    fields.push((b"timestamp".to_vec(), Time::now().to_string().into_bytes()));
    Output {
        stream: results.clone(),
        maxlen: None,
        fields,
    }
}

/// The first `bytes_max` bytes of `text`, up to the end of a character.
fn head(text: &str, bytes_max: usize) -> &str {
    &text[..text.floor_char_boundary(bytes_max)]
}

fn is_permanent(status: StatusCode) -> bool {
    status.is_client_error() && !matches!(status.as_u16(), 408 | 425 | 429)
}

/// `Retry-After` in seconds; a date is ignored.
fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    let seconds = headers
        .get(RETRY_AFTER)?
        .to_str()
        .ok()?
        .trim()
        .parse()
        .ok()?;
    Some(Duration::from_secs(seconds))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_tells_entries_groups_parts_and_trials_apart() {
        let origin = |group: &str, trial: Option<&str>| Origin {
            stream: "a/b".into(),
            group: group.into(),
            trial: trial.map(str::to_owned),
        };
        let id = EntryId::new(7, 1);
        let key = |group, trial, part| idempotency_key(&origin(group, trial), id, part);
        assert_eq!(key("g", None, None), "a%2Fb/g/7-1");
        assert_eq!(
            key("g h\u{e9}", None, Some("churn")),
            "a%2Fb/g%20h%C3%A9/7-1/churn"
        );
        assert_eq!(key("g", Some("try-1"), None), "try-1/a%2Fb/g/7-1");
    }

    #[test]
    fn only_answers_about_the_message_are_permanent() {
        for (status, permanent) in [
            (400, true),
            (404, true),
            (422, true),
            (408, false),
            (425, false),
            (429, false),
            (500, false),
            (503, false),
            (302, false),
        ] {
            let status = StatusCode::from_u16(status).expect("a status");
            assert_eq!(is_permanent(status), permanent, "{status}");
        }
    }
}
