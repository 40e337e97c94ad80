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

/// What the page consists of, beside its modules: name, media type, text.
const PARTS: &[(&str, &str, &str)] = &[
    ("page.css", CSS, include_str!("page/page.css")),
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

/// The modules of the page's script. Each imports only those above it.
const MODULES: &[(&str, &str)] = &[
    ("dom.js", include_str!("page/dom.js")),
    ("words.js", include_str!("page/words.js")),
    ("links.js", include_str!("page/links.js")),
    ("ask.js", include_str!("page/ask.js")),
    ("seen.js", include_str!("page/seen.js")),
    ("fields.js", include_str!("page/fields.js")),
    ("table.js", include_str!("page/table.js")),
    ("verdict.js", include_str!("page/verdict.js")),
    ("findings.js", include_str!("page/findings.js")),
    ("groups.js", include_str!("page/groups.js")),
    ("streams.js", include_str!("page/streams.js")),
    ("chart.js", include_str!("page/chart.js")),
    ("charts.js", include_str!("page/charts.js")),
    ("tail.js", include_str!("page/tail.js")),
    ("drill.js", include_str!("page/drill.js")),
    ("page.js", include_str!("page/page.js")),
];

/// What the sign-in may do: run its own script and the vendored one, which are named by their digests, and the modules,
/// which it has fetched itself.
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
        "default-src 'none'; script-src{} blob:; style-src{}; img-src data:; connect-src 'self'; frame-ancestors 'none'; \
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

/// Everything that the page loads: name, media type, text.
fn parts() -> impl Iterator<Item = (&'static str, &'static str, &'static str)> {
    let modules = MODULES
        .iter()
        .map(|(name, text)| (*name, JAVASCRIPT, *text));
    PARTS.iter().copied().chain(modules)
}

/// `/assets/NAME`.
pub(super) async fn asset(Path(name): Path<String>) -> Result<Response, Refusal> {
    let (_, kind, text) = parts()
        .find(|(it, ..)| *it == name)
        .ok_or_else(|| Refusal::new(StatusCode::NOT_FOUND, "the page has no such part"))?;
    let mut answer = text.into_response();
    let headers = answer.headers_mut();
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CONTENT_SECURITY_POLICY, POLICY);
    Ok(answer)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Every text of the page, by its name.
    fn texts() -> impl Iterator<Item = (&'static str, &'static str)> {
        let parts = parts().map(|(name, _, text)| (name, text));
        parts.chain([("index.html", PAGE), ("sign-in.html", SIGN_IN)])
    }

    #[test]
    fn nothing_makes_markup_of_text_or_asks_another_server() {
        const LICENCE: &str = "/*! https://github.com/leeoniya/uPlot (v1.6.32) */";
        for (name, text) in texts() {
            let text = text.replacen(LICENCE, "", 1).to_lowercase();
            // Makes an address in the tab's memory; the other `url(` is that of styles.
            let text = text.replace("url.createobjecturl(", "");
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
        let assets = named_after("\"assets/", PAGE);
        let served = PARTS.iter().map(|(name, ..)| *name);
        let mut wanted: Vec<&str> = served
            .filter(|it| *it != "uplot-licence.txt")
            .chain(["page.js"])
            .collect();
        wanted.sort_unstable();
        assert_eq!(assets, wanted, "all but the licence and the inner modules");
    }

    /// The names that stand in a text after this, up to a quote, in order.
    fn named_after<'t>(before: &str, text: &'t str) -> Vec<&'t str> {
        let rests = text.split(before).skip(1);
        let mut names: Vec<&str> = rests.filter_map(|it| it.split('"').next()).collect();
        names.sort_unstable();
        names
    }

    #[test]
    fn each_module_imports_modules_above_it_and_each_is_used() {
        let mut above: Vec<&str> = Vec::new();
        let mut used = vec!["page.js"];
        for (name, text) in MODULES {
            let imported = named_after(" from \"./", text);
            assert_eq!(imported.len(), text.matches("import ").count(), "{name}");
            let strange: Vec<_> = imported.iter().filter(|it| !above.contains(it)).collect();
            assert!(strange.is_empty(), "{name} imports {strange:?}");
            above.push(name);
            used.extend(imported);
        }
        let idle: Vec<_> = above.iter().filter(|it| !used.contains(it)).collect();
        assert!(idle.is_empty(), "{idle:?}");
    }

    #[test]
    fn the_notices_have_the_licence_of_what_is_vendored() {
        let (notices, licence) = (
            include_str!("../../NOTICES"),
            include_str!("page/uplot/LICENSE"),
        );
        assert!(notices.contains(licence.trim()));
        let version = { notices.split_whitespace() }
            .skip_while(|it| *it != "uPlot")
            .nth(1);
        let version = version.expect("a version").trim_matches(',');
        let script = include_str!("page/uplot/uPlot.iife.min.js");
        assert!(script.starts_with(&format!(
            "/*! https://github.com/leeoniya/uPlot (v{version}) */"
        )));
    }

    #[test]
    fn the_sign_in_may_run_itself_and_the_page() {
        let policy = SIGN_IN_POLICY.as_ref().expect("a header can have it");
        let policy = policy.to_str().expect("it is ASCII");
        // Its own script and style, and all parts but the licence.
        assert!(
            policy.matches("'sha256-").count() == PARTS.len() - 1 + 2,
            "{policy}"
        );
        assert!(!policy.contains("unsafe"), "{policy}");
    }
}
