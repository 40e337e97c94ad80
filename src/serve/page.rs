//! The page and its parts, which are in the binary, and what asks a person for the token.

use std::sync::LazyLock;

use axum::extract::Path;
use axum::http::StatusCode;
use axum::http::header::{self, HeaderMap, HeaderValue};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::prelude::BASE64_STANDARD;
use sha2::{Digest as _, Sha256};

use super::refusal::Refusal;

/// What the page may do: load its own parts, and ask this server. Nothing else, nothing inline, and no text becomes markup.
const POLICY: HeaderValue = HeaderValue::from_static(
    "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data:; connect-src 'self'; \
     frame-ancestors 'none'; base-uri 'none'; form-action 'none'; require-trusted-types-for 'script'; trusted-types 'none'",
);

const PAGE: &str = include_str!("page/index.html");
const SIGN_IN: &str = include_str!("page/sign-in.html");
const JAVASCRIPT: &str = "text/javascript; charset=utf-8";
const CSS: &str = "text/css; charset=utf-8";

/// The parts: name, media type, text.
const PARTS: &[(&str, &str, &str)] = &[
    ("page.css", CSS, include_str!("page/page.css")),
    ("page.js", JAVASCRIPT, include_str!("page/page.js")),
    ("uplot.css", CSS, include_str!("page/uplot/uPlot.min.css")),
    (
        "uplot.js",
        JAVASCRIPT,
        include_str!("page/uplot/uPlot.iife.min.js"),
    ),
    (
        "uplot-licence.txt",
        "text/plain; charset=utf-8",
        include_str!("page/uplot/LICENSE"),
    ),
];

/// What the sign-in may do: run its own script, and then the page's, each of which is named by its digest.
static SIGN_IN_POLICY: LazyLock<Option<HeaderValue>> = LazyLock::new(|| {
    let of_kind = |wanted: &str| -> Vec<&str> {
        let parts = PARTS.iter().filter(|(_, kind, _)| *kind == wanted);
        parts.map(|(.., text)| *text).collect()
    };
    let digests = |own: Option<&'static str>, parts: Vec<&'static str>| -> String {
        let texts = own.into_iter().chain(parts);
        let digests =
            texts.map(|it| format!(" 'sha256-{}'", BASE64_STANDARD.encode(Sha256::digest(it))));
        digests.collect()
    };
    let policy = format!(
        "default-src 'none'; script-src{}; style-src{}; img-src data:; connect-src 'self'; frame-ancestors 'none'; \
         base-uri 'none'; form-action 'none'",
        digests(within(SIGN_IN, "script"), of_kind(JAVASCRIPT)),
        digests(within(SIGN_IN, "style"), of_kind(CSS)),
    );
    HeaderValue::try_from(policy).ok()
});

/// The text of the first element of this name.
fn within(page: &'static str, name: &str) -> Option<&'static str> {
    let (_, rest) = page.split_once(&format!("<{name}>"))?;
    rest.split_once(&format!("</{name}>")).map(|it| it.0)
}

/// `/`.
pub(super) async fn page() -> Response {
    html(StatusCode::OK, PAGE, POLICY)
}

/// Whether who asks for `path` is a person at a browser, who can be asked for the token.
pub(super) fn is_person(path: &str, headers: &HeaderMap) -> bool {
    let mut accepted = headers.get_all(header::ACCEPT).iter();
    path == "/" && accepted.any(|it| it.to_str().is_ok_and(|it| it.contains("text/html")))
}

/// The same refusal as a form for the token. Its script fetches the page with it.
pub(super) fn sign_in(refusal: Response) -> Response {
    let Some(policy) = SIGN_IN_POLICY.clone() else {
        return refusal;
    };
    let mut answer = html(refusal.status(), SIGN_IN, policy);
    if let Some(scheme) = refusal.headers().get(header::WWW_AUTHENTICATE) {
        answer
            .headers_mut()
            .insert(header::WWW_AUTHENTICATE, scheme.clone());
    }
    answer
}

fn html(status: StatusCode, text: &'static str, policy: HeaderValue) -> Response {
    let mut answer = (status, text).into_response();
    let headers = answer.headers_mut();
    let kind = HeaderValue::from_static("text/html; charset=utf-8");
    headers.insert(header::CONTENT_TYPE, kind);
    headers.insert(header::CONTENT_SECURITY_POLICY, policy);
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

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of the page, by its name.
    fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        let parts = PARTS.iter().map(|(name, _, text)| (*name, *text));
        parts.chain([("index.html", PAGE), ("sign-in.html", SIGN_IN)])
    }

    #[test]
    fn nothing_makes_markup_of_text_or_asks_another_server() {
        const LICENCE: &str = "/*! https://github.com/leeoniya/uPlot (v1.6.32) */";
        for (name, text) in texts() {
            let text = text.replacen(LICENCE, "", 1).to_lowercase();
            for forbidden in [
                "innerhtml",
                "outerhtml",
                "insertadjacenthtml",
                "document.write",
                "eval(",
                "new function",
                "http://",
                "https://",
                "srcdoc",
                "@import",
                "url(",
            ] {
                assert!(!text.contains(forbidden), "{name}: {forbidden}");
            }
        }
    }

    #[test]
    fn the_page_has_nothing_inline_and_asks_only_for_its_parts() {
        for (name, text) in [("index.html", PAGE), ("sign-in.html", SIGN_IN)] {
            for tag in text.split('<').filter_map(|it| it.split_once('>')) {
                let attributes = tag.0.split_whitespace().skip(1);
                // Words within a value have no `=`.
                let mut names = attributes.filter_map(|it| Some(it.split_once('=')?.0));
                let inline = names.find(|it| *it == "style" || it.starts_with("on"));
                assert_eq!(inline, None, "{name}: <{}>", tag.0);
            }
        }
        assert!(!PAGE.contains("<script>") && !PAGE.contains("<style"));
        let assets: Vec<&str> = PAGE
            .split("\"assets/")
            .skip(1)
            .filter_map(|it| it.split('"').next())
            .collect();
        assert_eq!(
            assets.len(),
            PARTS.len() - 1,
            "all but the licence: {assets:?}"
        );
        assert!(
            assets
                .iter()
                .all(|it| PARTS.iter().any(|(name, ..)| name == it))
        );
    }

    #[test]
    fn the_sign_in_may_run_itself_and_the_page() {
        let policy = SIGN_IN_POLICY.as_ref().expect("a header can have it");
        let policy = policy.to_str().expect("it is ASCII");
        assert!(
            policy.matches("'sha256-").count() == PARTS.len() - 1 + 2,
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
