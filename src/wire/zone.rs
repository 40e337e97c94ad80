//! Link-local IPv6 addresses with a zone: `fe80::1%eth0`. In a URL the percent sign is written `%25` (RFC 6874). The
//! URL library accepts neither form, so the zone is kept separately while the URL is parsed or changed.

use std::borrow::Cow;

use super::endpoint_error::EndpointError;

/// The greatest length of a zone. It is the name or the number of a network interface; no system has longer ones.
const ZONE_BYTES_MAX: usize = 64;

/// `host` without its zone, and the zone, if it has one.
pub(super) fn of_host(host: &str) -> (&str, Option<&str>) {
    match host.split_once('%') {
        Some((address, zone)) if address.contains(':') => (address, Some(zone)),
        _ => (host, None),
    }
}

/// `url` without the zone of its address, and the zone.
///
/// # Errors
/// [`EndpointError`] when the zone cannot be the name of an interface.
pub(super) fn taken_from(url: &str) -> Result<(Cow<'_, str>, Option<String>), EndpointError> {
    let Some(end) = end_of_address(url) else {
        return Ok((Cow::Borrowed(url), None));
    };
    let Some(begin) = url[..end].rfind('[') else {
        return Ok((Cow::Borrowed(url), None));
    };
    let Some(percent) = url[begin..end].find('%').map(|at| begin + at) else {
        return Ok((Cow::Borrowed(url), None));
    };
    let written = &url[percent + 1..end];
    let zone = written.strip_prefix("25").unwrap_or(written);
    check(zone)?;
    let bare = format!("{}{}", &url[..percent], &url[end..]);
    Ok((Cow::Owned(bare), Some(zone.to_owned())))
}

/// `url` with the zone in its address.
pub(super) fn put_into(url: &str, zone: Option<&str>) -> String {
    match (end_of_address(url), zone) {
        (Some(end), Some(zone)) => format!("{}%25{zone}{}", &url[..end], &url[end..]),
        _ => url.to_owned(),
    }
}

/// The position of the bracket that closes the address in `url`.
fn end_of_address(url: &str) -> Option<usize> {
    let begin = url.find("://")? + 3;
    let length = url[begin..].find(['/', '?', '#']);
    let authority = &url[begin..length.map_or(url.len(), |length| begin + length)];
    let host = authority.rfind('@').map_or(0, |at| at + 1);
    let is_address = authority[host..].starts_with('[');
    let end = authority[host..].find(']').filter(|_| is_address)?;
    Some(begin + host + end)
}

/// Refuses what cannot be an interface's name or number.
pub(super) fn check(zone: &str) -> Result<(), EndpointError> {
    let is_taken = |byte: u8| byte.is_ascii_alphanumeric() || b"._~-".contains(&byte);
    if zone.is_empty() || zone.len() > ZONE_BYTES_MAX || !zone.bytes().all(is_taken) {
        let zone = crate::model::escaped(zone.as_bytes());
        return Err(EndpointError::new(format!(
            "`{zone}` is not the name of a network interface; an address with one is written fe80::1%eth0, and in a \
                URL redis://[fe80::1%25eth0]"
        )));
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_zone_is_taken_out_of_a_url_and_put_back() {
        for (url, bare, zone) in [
            ("redis://[fe80::1%25lo]", "redis://[fe80::1]", Some("lo")),
            (
                "rediss://u:p%25[@[fe80::1%25eth0.7]:1/2?protocol=resp3",
                "rediss://u:p%25[@[fe80::1]:1/2?protocol=resp3",
                Some("eth0.7"),
            ),
            ("redis://[fe80::1%lo]:1", "redis://[fe80::1]:1", Some("lo")),
            ("redis://[fe80::1%2525]", "redis://[fe80::1]", Some("25")),
            ("redis://[::1]:1/0", "redis://[::1]:1/0", None),
            ("redis://u:%25]@h/[%25a]", "redis://u:%25]@h/[%25a]", None),
            ("unix:///a[%25b]", "unix:///a[%25b]", None),
        ] {
            let (without, taken) = taken_from(url).expect(url);
            assert_eq!((&*without, taken.as_deref()), (bare, zone), "{url}");
            let back = put_into(&without, zone);
            let written = url.replace("%lo", "%25lo").replace("%25%25", "%25");
            assert_eq!(back, written, "{url}");
        }
        for url in ["redis://[fe80::1%]", "redis://[fe80::1%25a%20b]"] {
            taken_from(url).expect_err(url);
        }
        assert_eq!(of_host("fe80::1%lo"), ("fe80::1", Some("lo")));
        assert_eq!(of_host("a%b"), ("a%b", None));
    }
}
