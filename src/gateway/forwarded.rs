//! What reverse proxies in front of us say about the client that they serve.
//!
//! [`HEADERS`] is the only list of such headers. Which are taken away from an application, which one of
//! several counts, and what it changes all follow from a row of it, so that a header added there cannot be
//! forgotten elsewhere. Addresses are read by [`std::net`]; nothing is ever looked up in the DNS.

mod address;

use std::net::IpAddr;

use self::address::{address, is_port};
use super::environ::{Environ, Key, Name};
use crate::config::trusted::Network;

/// What a header tells.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Category {
    /// The client's address: `REMOTE_ADDR`.
    Client,
    /// The host that the client asked for: `HTTP_HOST`.
    Host,
    /// The server's name: `SERVER_NAME`.
    Server,
    /// The port that the client connected to: `SERVER_PORT`.
    Port,
    /// Where the application is mounted: `SCRIPT_NAME`.
    ScriptName,
    /// Whether the client's connection is encrypted: `wsgi.url_scheme`.
    Scheme,
}

/// How a header's value is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Form {
    /// Addresses, each added by the proxy that saw it, the latest last.
    AddressChain,
    /// One address.
    Address,
    /// As it is, but not empty.
    Name,
    /// As it is; empty for the root.
    Path,
    /// A port number.
    Port,
    /// `http` or `https`.
    Scheme,
    /// `On`, `true` and `1` for https, `Off`, `false` and `0` for http.
    Switch,
}

/// One row of [`HEADERS`].
#[derive(Debug, PartialEq, Eq)]
pub struct Header {
    /// Its name, in the usual letter case.
    pub name: &'static str,
    /// What it tells.
    pub category: Category,
    form: Form,
}

const fn row(name: &'static str, category: Category, form: Form) -> Header {
    Header { name, category, form }
}

impl Header {
    /// Whether this is its key in an environ.
    fn has_key(&self, key: &[u8]) -> bool {
        let same = |(own, other): (u8, &u8)| match own {
            b'-' => *other == b'_',
            own => own.to_ascii_uppercase() == *other,
        };
        key.strip_prefix(b"HTTP_")
            .is_some_and(|name| name.len() == self.name.len() && self.name.bytes().zip(name).all(same))
    }
}

/// All headers that we know to be set by reverse proxies.
pub static HEADERS: [Header; 15] = [
    row("X-Forwarded-For", Category::Client, Form::AddressChain),
    row("X-Client-IP", Category::Client, Form::Address),
    row("X-Real-IP", Category::Client, Form::Address),
    row("X-Forwarded-Host", Category::Host, Form::Name),
    row("X-Host", Category::Host, Form::Name),
    row("X-Forwarded-Server", Category::Server, Form::Name),
    row("X-Forwarded-Port", Category::Port, Form::Port),
    row("X-Script-Name", Category::ScriptName, Form::Path),
    row("X-Forwarded-Script-Name", Category::ScriptName, Form::Path),
    row("X-Forwarded-Proto", Category::Scheme, Form::Scheme),
    row("X-Forwarded-Scheme", Category::Scheme, Form::Scheme),
    row("X-Scheme", Category::Scheme, Form::Scheme),
    row("X-Forwarded-HTTPS", Category::Scheme, Form::Switch),
    row("X-Forwarded-SSL", Category::Scheme, Form::Switch),
    row("X-HTTPS", Category::Scheme, Form::Switch),
];

/// The row of a request header, by its name on the wire.
fn find(name: &[u8]) -> Option<&'static Header> {
    HEADERS
        .iter()
        .find(|header| header.name.as_bytes().eq_ignore_ascii_case(name))
}

/// The headers of `WSGITrustedProxyHeaders`, in the order given.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct TrustedHeaders {
    listed: Vec<&'static Header>,
}

impl TrustedHeaders {
    /// The headers of these environ keys, such as `HTTP_X_FORWARDED_FOR`; of several of one category the
    /// last counts. A key of none of [`HEADERS`] has no effect.
    pub fn of_keys(keys: impl IntoIterator<Item = impl AsRef<str>>) -> Self {
        let row = |key: &str| HEADERS.iter().find(|header| header.has_key(key.as_bytes()));
        TrustedHeaders {
            listed: keys.into_iter().filter_map(|key| row(key.as_ref())).collect(),
        }
    }

    /// Whether no known header was given.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.listed.is_empty()
    }

    fn mentions(&self, category: Category) -> bool {
        self.listed.iter().any(|header| header.category == category)
    }
}

/// What holds instead of what the connection says. `None` leaves it as it is.
#[derive(Debug, Default, PartialEq, Eq)]
pub struct Forwarded<'r> {
    /// `REMOTE_ADDR`; always an IP address.
    pub remote_addr: Option<&'r [u8]>,
    /// The value of `X-Forwarded-For` without what nobody trusted vouches for.
    pub forwarded_for: Option<&'r [u8]>,
    /// `HTTP_HOST`.
    pub http_host: Option<&'r [u8]>,
    /// `SERVER_NAME`.
    pub server_name: Option<&'r [u8]>,
    /// `SERVER_PORT`; always a number.
    pub server_port: Option<&'r [u8]>,
    /// `SCRIPT_NAME` and `mod_wsgi.mount_point`.
    pub script_name: Option<&'r [u8]>,
    /// Whether `wsgi.url_scheme` is `https`.
    pub https: Option<bool>,
    /// Headers that the application must not see.
    pub dropped: Vec<&'static Header>,
}

impl<'r> Forwarded<'r> {
    /// Changes the variables of a request accordingly, but for `wsgi.url_scheme`.
    pub fn apply_to(&self, environ: &mut Environ<'r>) {
        environ.variables.retain(|variable| match variable.name {
            Name::Header(name) => !self.drops_header(name),
            Name::Set(name) | Name::Final(name) => !self.drops_variable(name),
            Name::Server(_) => true,
        });
        let names = [
            (Name::Server(Key::RemoteAddr), self.remote_addr),
            (Name::Header(b"X-Forwarded-For"), self.forwarded_for),
            (Name::Header(b"Host"), self.http_host),
            (Name::Server(Key::ServerName), self.server_name),
            (Name::Server(Key::ServerPort), self.server_port),
            (Name::Server(Key::ScriptName), self.script_name),
            (Name::Server(Key::WsgiMountPoint), self.script_name),
        ];
        for (name, value) in names {
            if let Some(value) = value {
                environ.push(name, value);
            }
        }
    }

    /// Whether the application must not see the request header of this name.
    #[must_use]
    pub fn drops_header(&self, name: &[u8]) -> bool {
        self.dropped
            .iter()
            .any(|header| header.name.as_bytes().eq_ignore_ascii_case(name))
    }

    /// Whether the application must not see the variable of this name, such as `HTTP_X_REAL_IP`.
    #[must_use]
    pub fn drops_variable(&self, name: &[u8]) -> bool {
        self.dropped.iter().any(|header| header.has_key(name))
    }
}

/// Reads what `headers` say about the client that the peer at `remote_addr` forwards for.
///
/// Of the categories that `trusted` mentions, every header is dropped but the one that counts. `proxies`
/// are the peers that are believed; without such a list everybody is.
pub fn read<'r>(
    trusted: &TrustedHeaders,
    proxies: Option<&[Network]>,
    headers: impl Iterator<Item = (&'r [u8], &'r [u8])>,
    remote_addr: &[u8],
) -> Forwarded<'r> {
    let mut forwarded = Forwarded {
        dropped: HEADERS
            .iter()
            .filter(|header| trusted.mentions(header.category))
            .collect(),
        ..Forwarded::default()
    };
    if !proxies.is_none_or(|proxies| address(remote_addr).is_some_and(|(_, ip)| contains(proxies, ip))) {
        return forwarded;
    }
    let present: Vec<(&'static Header, &'r [u8])> = headers
        .filter_map(|(name, value)| Some((find(name)?, value)))
        .collect();
    let mut settled: Vec<Category> = Vec::new();
    for header in trusted.listed.iter().rev() {
        if settled.contains(&header.category) {
            continue;
        }
        if let Some((_, value)) = present.iter().rev().find(|(other, _)| other == header) {
            settled.push(header.category);
            forwarded.dropped.retain(|other| other != header);
            forwarded.apply(header, value.trim_ascii(), proxies);
        }
    }
    forwarded
}

impl<'r> Forwarded<'r> {
    fn apply(&mut self, header: &'static Header, value: &'r [u8], proxies: Option<&[Network]>) {
        match header.form {
            Form::AddressChain => match proxies {
                Some(proxies) => self.follow_chain(header, value, proxies),
                None => {
                    let mut elements = value.split(|byte| *byte == b',').map(<[u8]>::trim_ascii);
                    let first = elements.find(|element| !element.is_empty());
                    self.remote_addr = first.and_then(address).map(|(text, _)| text);
                }
            },
            Form::Address => self.remote_addr = address(value).map(|(text, _)| text),
            Form::Name if value.is_empty() => {}
            Form::Name if header.category == Category::Host => self.http_host = Some(value),
            Form::Name => self.server_name = Some(value),
            Form::Path => self.script_name = Some(value),
            Form::Port => self.server_port = is_port(value).then_some(value),
            Form::Scheme => self.https = one_of(value, &["https"], &["http"]),
            Form::Switch => self.https = one_of(value, &["on", "true", "1"], &["off", "false", "0"]),
        }
    }

    /// Goes from the latest address back as long as trusted proxies vouch for the one before. What cannot
    /// be read as an address ends the way at the one after it.
    fn follow_chain(&mut self, header: &'static Header, value: &'r [u8], proxies: &[Network]) {
        let mut end = value.len();
        for element in value.rsplit(|byte| *byte == b',') {
            let start = end - element.len();
            let trimmed = element.trim_ascii_start();
            end = start.saturating_sub(1);
            if trimmed.is_empty() {
                continue;
            }
            let Some((text, ip)) = address(trimmed) else { break };
            self.remote_addr = Some(text);
            self.forwarded_for = value.get(start + element.len() - trimmed.len()..);
            if !contains(proxies, ip) {
                break;
            }
        }
        if self.forwarded_for.is_none() {
            self.dropped.push(header);
        }
    }
}

fn contains(proxies: &[Network], ip: IpAddr) -> bool {
    proxies.iter().any(|network| network.contains(ip))
}

fn one_of(value: &[u8], yes: &[&str], no: &[&str]) -> Option<bool> {
    let is = |word: &&str| word.as_bytes().eq_ignore_ascii_case(value);
    if yes.iter().any(is) {
        return Some(true);
    }
    no.iter().any(is).then_some(false)
}

#[cfg(test)]
mod tests;
