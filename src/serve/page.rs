//! The page and its parts, which are in the binary.

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderValue};
use axum::response::{IntoResponse as _, Response};

use super::refusal::Refusal;

/// What the page may do: load its own parts, and ask this server. Nothing else, and nothing inline.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'",
);

/// The parts: name, media type, text.
const PARTS: &[(&str, &str, &str)] = &[];

/// `/`.
pub(super) async fn page() -> Response {
    let mut answer = "<!doctype html><title>ucp-streams</title>".into_response();
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    answer
}

/// `/assets/NAME`.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    let part = PARTS.iter().find(|(it, ..)| *it == name);
    let (_, kind, text) =
        part.ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "the page has no such part"))?;
    let mut answer = (*text).into_response();
    let kind = HeaderValue::from_static(kind);
    answer.headers_mut().insert(header::CONTENT_TYPE, kind);
    Ok(answer)
}
