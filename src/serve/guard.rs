//! What every request goes through before it is answered: its host, method, size and token, and a time limit.

use std::sync::Arc;
use std::time::Duration;

use axum::extract::{Request, State};
use axum::http::header::{self, HeaderName, HeaderValue};
use axum::http::{Method, StatusCode, Version};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use sha2::{Digest as _, Sha256};
use tokio::time::timeout;

use super::hosts::Hosts;
use super::page;
use super::refusal::Refusal;

/// How long an answer may take until it begins.
const ANSWER_WITHIN: Duration = Duration::from_secs(15);
/// The greatest length of what is asked for.
const TARGET_BYTES_MAX: usize = 4096;
/// What may be asked for without a token.
const OPEN: [&str; 2] = ["/healthz", "/readyz"];

/// The token that requests must have, as its digest: equal digests take equally long to compare, whatever was guessed.
#[derive(Clone, Debug)]
pub struct Token([u8; 32]);

impl Token {
    /// The token that is this text.
    pub fn new(text: &str) -> Self {
        Self(Sha256::digest(text).into())
    }

    fn is(&self, text: &str) -> bool {
        let other = Self::new(text);
        let differences = self.0.iter().zip(other.0).map(|(a, b)| a ^ b);
        differences.fold(0, |all, it| all | it) == 0
    }
}

/// What requests are checked against.
#[derive(Clone, Debug)]
pub struct Guard {
    /// The names that requests may use.
    pub hosts: Arc<Hosts>,
    /// The option that allows another name.
    pub host_flag: &'static str,
    /// The token that requests must have; `None` when they need none.
    pub token: Option<Token>,
}

impl Guard {
    fn check(&self, request: &Request) -> Result<(), Refusal> {
        self.check_host(request)?;
        if !matches!(*request.method(), Method::GET | Method::HEAD) {
            let text = "only GET and HEAD are answered: nothing can be changed here";
            return Err(Refusal::new(StatusCode::METHOD_NOT_ALLOWED, text));
        }
        let target = request.uri().path_and_query().map_or("", |it| it.as_str());
        if target.len() > TARGET_BYTES_MAX {
            let text = format!("the path and the query may have {TARGET_BYTES_MAX} bytes together");
            return Err(Refusal::new(StatusCode::URI_TOO_LONG, text));
        }
        self.check_token(request)
    }

    /// Whether the request names this server, in its `Host` header and, where it is sent as to a proxy, in its target.
    fn check_host(&self, request: &Request) -> Result<(), Refusal> {
        let unknown = || {
            let text = format!(
                "unknown host name: use the server's address, or allow the name with {}",
                self.host_flag
            );
            Refusal::new(StatusCode::MISDIRECTED_REQUEST, text)
        };
        let target = request.uri().authority();
        if target.is_some_and(|it| !self.hosts.has(it.as_str())) {
            return Err(unknown());
        }
        let mut hosts = request.headers().get_all(header::HOST).iter();
        match (hosts.next(), hosts.next()) {
            (Some(host), None) => {
                let is_known = host.to_str().is_ok_and(|it| self.hosts.has(it));
                if is_known { Ok(()) } else { Err(unknown()) }
            }
            (None, _) if request.version() < Version::HTTP_11 => Ok(()),
            _ => {
                let text = "a request names exactly one host";
                Err(Refusal::new(StatusCode::BAD_REQUEST, text))
            }
        }
    }

    fn check_token(&self, request: &Request) -> Result<(), Refusal> {
        let Some(token) = &self.token else {
            return Ok(());
        };
        if OPEN.contains(&request.uri().path()) {
            return Ok(());
        }
        let mut given = request.headers().get_all(header::AUTHORIZATION).iter();
        let bearer = match (given.next(), given.next()) {
            (Some(given), None) => given.to_str().ok().and_then(|it| it.split_once(' ')),
            _ => None,
        };
        match bearer {
            Some((scheme, given))
                if scheme.eq_ignore_ascii_case("bearer") && token.is(given.trim()) =>
            {
                Ok(())
            }
            _ => Err(Refusal::new(
                StatusCode::UNAUTHORIZED,
                "a token is needed: send `Authorization: Bearer TOKEN` with the token of --token-file",
            )),
        }
    }
}

/// Answers what passes the guard, and says in every answer what a browser may do with it.
pub async fn guarded(State(guard): State<Guard>, request: Request, next: Next) -> Response {
    let is_person = page::is_person(request.uri().path(), request.headers());
    let mut answer = match guard.check(&request) {
        Ok(()) => match timeout(ANSWER_WITHIN, next.run(request)).await {
            Ok(answer) => answer,
            Err(_) => Refusal::new(StatusCode::GATEWAY_TIMEOUT, "Redis took too long to answer")
                .into_response(),
        },
        Err(refusal) => match refusal.into_response() {
            refused if refused.status() == StatusCode::UNAUTHORIZED && is_person => {
                page::sign_in(refused)
            }
            refused => refused,
        },
    };
    let headers = answer.headers_mut();
    for (name, value) in HEADERS {
        headers
            .entry(name)
            .or_insert(HeaderValue::from_static(value));
    }
    answer
}

const HEADERS: [(HeaderName, &str); 7] = [
    (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
    (header::REFERRER_POLICY, "no-referrer"),
    (header::CACHE_CONTROL, "no-store"),
    (header::X_FRAME_OPTIONS, "DENY"),
    (
        HeaderName::from_static("cross-origin-resource-policy"),
        "same-origin",
    ),
    (
        HeaderName::from_static("cross-origin-opener-policy"),
        "same-origin",
    ),
    (
        header::CONTENT_SECURITY_POLICY,
        "default-src 'none'; frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
    ),
];
