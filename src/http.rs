//! HTTP clients: how they are made, how much of an answer is read, and what is said of a request without one.

use std::error::Error as StdError;

use reqwest::redirect::Policy as Redirects;
use reqwest::{Client, ClientBuilder, Proxy, Response};

use crate::model::{Kind, Problem, shown_url};

/// A client of which `with` decides the rest, for the requests of one purpose: through `proxy` or through none, whatever
/// the environment says, and it does not follow redirects, which are a mistake in a URL that was given. TLS must be
/// prepared.
///
/// # Errors
/// Usage when `proxy` is not a URL; the message does not contain it.
pub fn client(
    proxy: Option<&str>,
    with: impl FnOnce(ClientBuilder) -> ClientBuilder,
) -> Result<Client, Problem> {
    let mut builder = with(Client::builder().redirect(Redirects::none()).no_proxy());
    if let Some(proxy) = proxy {
        // Not the library's error, which has the URL.
        let proxy = Proxy::all(proxy)
            .map_err(|_| Problem::usage(format!("not a proxy's URL: {}", shown_url(proxy))))?;
        builder = builder.proxy(proxy);
    }
    builder
        .build()
        .map_err(|error| Problem::new(Kind::Bug, format!("cannot make an HTTP client: {error}")))
}

/// What was read of a body.
#[derive(Debug)]
pub enum Body {
    /// All of it.
    Whole(Vec<u8>),
    /// Its beginning, because it is longer.
    Cut(Vec<u8>),
}

/// Reads a body until it ends or is longer than `bytes_max`.
///
/// # Errors
/// When the connection is lost, or the time is over that the client has for it.
pub async fn body(mut response: Response, bytes_max: usize) -> reqwest::Result<Body> {
    let mut body = Vec::new();
    while let Some(piece) = response.chunk().await? {
        body.extend_from_slice(&piece);
        if body.len() > bytes_max {
            body.truncate(bytes_max);
            return Ok(Body::Cut(body));
        }
    }
    Ok(Body::Whole(body))
}

/// Why a request had no answer, with all its causes and without its URL, which may have secrets; `each` sees the causes.
pub fn told(error: reqwest::Error, mut each: impl FnMut(&(dyn StdError + 'static))) -> String {
    let error = error.without_url();
    let mut text = error.to_string();
    let mut cause = StdError::source(&error);
    while let Some(inner) = cause {
        text = format!("{text}: {inner}");
        each(inner);
        cause = inner.source();
    }
    text
}
