//! etcd's URLs: where to listen, and where to be found.

use std::net::{IpAddr, Ipv4Addr, SocketAddr};

/// `http://host:port`, one or more, separated by commas.
pub(super) fn parse(flag: &str, text: &str) -> Result<Vec<String>, String> {
    text.split(',').map(|url| check(flag, url.trim())).collect()
}

/// Where to listen: an address, or `localhost` for the loopback.
pub(super) fn addresses(flag: &str, urls: &[String]) -> Result<Vec<SocketAddr>, String> {
    urls.iter().map(|url| address(flag, url)).collect()
}

fn check(flag: &str, url: &str) -> Result<String, String> {
    let bad = |why| format!("--{flag}: {url:?} {why}, for example http://127.0.0.1:2379");
    match url.split_once("://") {
        Some(("http", rest)) if host_and_port(rest).is_some() => Ok(url.to_owned()),
        Some(("http", _)) => Err(bad("has no host and port; write scheme, host and port")),
        Some(("https", _)) => {
            Err(bad("asks for TLS, which is known but not implemented yet; write an http URL"))
        }
        _ => Err(bad("is no URL; write scheme, host and port")),
    }
}

fn host_and_port(rest: &str) -> Option<(&str, u16)> {
    let (host, port) = rest.trim_end_matches('/').rsplit_once(':')?;
    let bare = !host.is_empty() && !host.contains('/');
    let port = port.parse().ok()?;
    bare.then_some((host, port))
}

fn address(flag: &str, url: &str) -> Result<SocketAddr, String> {
    let rest = url.strip_prefix("http://").unwrap_or(url);
    let (host, port) = host_and_port(rest).ok_or_else(|| format!("--{flag}: {url:?}"))?;
    let host = host.trim_start_matches('[').trim_end_matches(']');
    let ip: IpAddr = match host {
        "localhost" => Ipv4Addr::LOCALHOST.into(),
        other => other.parse().map_err(|_| {
            format!(
                "--{flag}: {url:?} names a host; to listen, write its address, for example \
                 http://0.0.0.0:{port} for all of them"
            )
        })?,
    };
    Ok(SocketAddr::new(ip, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_address_to_listen_on() {
        let listen = |text: &str| {
            let urls = parse("listen-client-urls", text)?;
            addresses("listen-client-urls", &urls)
        };
        let of = |text: &str| text.parse().map_err(|_| String::new());
        assert_eq!(listen("http://localhost:2379"), of("127.0.0.1:2379").map(|one| vec![one]));
        assert_eq!(listen("http://[::1]:1/"), of("[::1]:1").map(|one| vec![one]));
        assert_eq!(listen("http://0.0.0.0:1,http://10.0.0.1:2").map(|all| all.len()), Ok(2));
        for (text, part) in [
            ("https://127.0.0.1:1", "TLS"),
            ("127.0.0.1:1", "is no URL"),
            ("http://127.0.0.1", "no host and port"),
            ("http://example.org:1", "names a host"),
        ] {
            let said = listen(text).err().unwrap_or_default();
            assert!(said.contains(part), "{text}: {said}");
        }
    }
}
