//! Decides from the environment whether requests of a handler or to a bucket go through a proxy: never to this machine itself, and
//! never to a host that `NO_PROXY` lists.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::{Host, Url};

use crate::model::{Problem, TO_ENCODE, is_cut_off, shown_url};
use crate::settings::ProxyVariables;

/// The proxy for requests to `target`, and the variable that names it; `None` when the requests go there directly.
///
/// # Errors
/// A usage error when the variable in effect does not name an HTTP proxy.
pub(in crate::commands) fn proxy_for(
    target: &str,
    variables: &ProxyVariables,
) -> Result<Option<String>, Problem> {
    let Ok(target) = Url::parse(target) else {
        return Ok(None);
    };
    let Some(host) = target.host() else {
        return Ok(None);
    };
    let port = target.port_or_known_default();
    if is_this_machine(&host) || is_excepted(&host, port, &variables.except) {
        return Ok(None);
    }
    let of_scheme = match target.scheme() {
        "https" => &variables.https,
        _ => &variables.http,
    };
    let Some((variable, value)) = of_scheme.as_ref().or(variables.all.as_ref()) else {
        return Ok(None);
    };
    let with_scheme = if value.contains("://") {
        value.clone()
    } else {
        format!("http://{value}")
    };
    let is_cut_off = is_cut_off(&with_scheme);
    match Url::parse(&with_scheme) {
        Ok(proxy)
            if !is_cut_off && matches!(proxy.scheme(), "http" | "https") && proxy.has_host() =>
        {
            Ok(Some(with_scheme))
        }
        _ => {
            let text = format!(
                "${variable} is not the URL of an HTTP proxy: {}",
                shown_url(value)
            );
            Err(Problem::usage(text).hint(if is_cut_off {
                TO_ENCODE.to_owned()
            } else {
                let host = target.host_str().unwrap_or_default();
                format!(
                    "unset it, give it as http://HOST:PORT, or name the host in $NO_PROXY: {host}"
                )
            }))
        }
    }
}

fn is_this_machine(host: &Host<&str>) -> bool {
    match host {
        Host::Domain(name) => {
            let name = name.trim_end_matches('.').to_ascii_lowercase();
            name == "localhost" || name.ends_with(".localhost")
        }
        Host::Ipv4(address) => is_own(IpAddr::V4(*address)),
        Host::Ipv6(address) => is_own(IpAddr::V6(*address)),
    }
}

fn is_own(address: IpAddr) -> bool {
    let address = address.to_canonical();
    address.is_loopback() || address.is_unspecified()
}

/// Whether an element of the list names the host: `*`, an address, a network, or a domain with its subdomains; each
/// of them with or without a port.
fn is_excepted(host: &Host<&str>, port: Option<u16>, list: &str) -> bool {
    let entries = list.split([',', ' ', '\t', '\n']);
    entries.filter(|entry| !entry.is_empty()).any(|entry| {
        let (name, only_port) = with_port(entry);
        let fits_port = only_port.is_none() || only_port == port;
        fits_port && (name == "*" || names(name, host))
    })
}

/// The name and the port of an element. An IPv6 address with a port stands in brackets.
fn with_port(entry: &str) -> (&str, Option<u16>) {
    let bare = |name: &'_ str| name.starts_with('[') && name.ends_with(']');
    match entry.rsplit_once(':') {
        Some((name, port)) if bare(name) || !name.contains(':') => match port.parse() {
            Ok(port) => (name.trim_matches(['[', ']']), Some(port)),
            Err(_) => (entry, None),
        },
        _ => (entry.trim_matches(['[', ']']), None),
    }
}

fn names(name: &str, host: &Host<&str>) -> bool {
    let address = match host {
        Host::Domain(domain) => {
            let domain = domain.trim_end_matches('.').to_ascii_lowercase();
            let name = name
                .trim_start_matches('*')
                .trim_matches('.')
                .to_ascii_lowercase();
            let rest = domain.strip_suffix(&name);
            return !name.is_empty()
                && rest.is_some_and(|rest| rest.is_empty() || rest.ends_with('.'));
        }
        Host::Ipv4(address) => IpAddr::V4(*address),
        Host::Ipv6(address) => IpAddr::V6(*address),
    };
    let (network, bits) = match name.split_once('/') {
        Some((network, bits)) => (network, bits.parse::<u32>().ok()),
        None => (name, Some(128)),
    };
    match (network.parse::<IpAddr>(), bits) {
        (Ok(network), Some(bits)) => {
            is_within(address.to_canonical(), network.to_canonical(), bits)
        }
        _ => false,
    }
}

fn is_within(address: IpAddr, network: IpAddr, bits: u32) -> bool {
    let low_bits = |all: u32| all.saturating_sub(bits);
    match (address, network) {
        (IpAddr::V4(address), IpAddr::V4(network)) => {
            let low = low_bits(Ipv4Addr::BITS);
            let high = |of: Ipv4Addr| of.to_bits().checked_shr(low);
            high(address) == high(network)
        }
        (IpAddr::V6(address), IpAddr::V6(network)) => {
            let low = low_bits(Ipv6Addr::BITS);
            let high = |of: Ipv6Addr| of.to_bits().checked_shr(low);
            high(address) == high(network)
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn variables(except: &str) -> ProxyVariables {
        ProxyVariables {
            http: Some(("HTTP_PROXY", "http://u:p@proxy:3128".to_owned())),
            https: None,
            all: Some(("ALL_PROXY", "proxy.example".to_owned())),
            except: except.to_owned(),
        }
    }

    #[test]
    fn this_machine_is_never_behind_a_proxy() {
        for target in [
            "http://localhost/",
            "http://LOCALHOST.:80",
            "https://a.localhost",
            "http://127.0.0.1:8080/",
            "http://127.1.2.3",
            "http://0x7f000001",
            "http://[::1]/",
            "http://[::ffff:127.0.0.1]/",
            "http://0.0.0.0:80",
        ] {
            assert_eq!(
                proxy_for(target, &variables("")).expect("fine"),
                None,
                "{target}"
            );
        }
    }

    #[test]
    fn the_scheme_decides_and_the_list_excepts() {
        let through =
            |target: &str, except: &str| proxy_for(target, &variables(except)).expect("fine");
        assert_eq!(
            through("http://h", "").as_deref(),
            Some("http://u:p@proxy:3128")
        );
        assert_eq!(
            through("https://h", "").as_deref(),
            Some("http://proxy.example")
        );
        for (target, except) in [
            ("http://h", "*"),
            ("http://a.b.c", "x, b.c"),
            ("http://a.b.c", ".b.c"),
            ("http://a.b.c", "*.b.c"),
            ("http://A.b.c.", "a.B.c"),
            ("http://h:81", "h:81"),
            ("http://10.1.2.3", "10.0.0.0/8"),
            ("http://10.1.2.3", "10.1.2.3"),
            ("http://[fd00::1]:81", "[fd00::1]:81"),
            ("http://[fd00::1]", "fd00::/8"),
        ] {
            assert_eq!(through(target, except), None, "{target} {except}");
        }
        for (target, except) in [
            ("http://ab.c", "b.c"),
            ("http://h:80", "h:81"),
            ("http://11.1.2.3", "10.0.0.0/8"),
            ("http://10.1.2.3", "10.1.2"),
            ("http://h", ", ,"),
        ] {
            assert!(through(target, except).is_some(), "{target} {except}");
        }
    }

    #[test]
    fn what_is_no_proxy_is_refused_without_its_password_where_it_would_be_used() {
        let mut wrong = variables("");
        wrong.http = Some(("http_proxy", "socks5://u:secret@p:1".to_owned()));
        let problem = proxy_for("http://h", &wrong).expect_err("refused");
        assert_eq!(
            problem.message,
            "$http_proxy is not the URL of an HTTP proxy: socks5://***@p:1"
        );
        assert_eq!(proxy_for("http://127.0.0.1", &wrong).expect("fine"), None);
    }
}
